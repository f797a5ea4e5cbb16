//! What an artist is told about a scene that compiles but does not show all that the file asks for.

use std::fmt;

/// One feature and what its absence does to the picture. Each feature is named once a scene.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// The feature's name, such as `KHR_materials_clearcoat`.
    pub feature: String,
    /// What the picture shows instead.
    pub effect: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.feature, self.effect)
    }
}

/// Collects notices, each feature once, in order of first mention.
#[derive(Debug, Default)]
pub struct Notices(Vec<Notice>);

impl Notices {
    pub fn add(&mut self, feature: impl Into<String>, effect: impl Into<String>) {
        let feature = feature.into();
        if self.0.iter().all(|notice| notice.feature != feature) {
            self.0.push(Notice { feature, effect: effect.into() });
        }
    }

    pub fn into_vec(self) -> Vec<Notice> {
        self.0
    }
}
