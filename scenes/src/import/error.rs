//! Why a scene file is refused: always by the name of the thing and, where there is one, the limit.

use std::path::PathBuf;

/// Why a glTF scene cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{what}: {found} {unit}; at most {limit} are read")]
    TooMuch { what: String, found: u64, limit: u64, unit: &'static str },
    #[error("this is not a glTF file: {0}")]
    NotGltf(String),
    #[error("glTF's JSON does not parse: {0}")]
    Json(String),
    #[error(
        "the scene requires the extension {0}, which is not rendered yet; export it without that extension, or mark it as optional"
    )]
    RequiredExtension(String),
    #[error("the file has no {kind} {wanted}; it has {known}")]
    NoSuch { kind: &'static str, wanted: String, known: String },
    #[error("{place}: {problem}")]
    Malformed { place: String, problem: String },
    #[error("{place}: `{uri}` {problem}")]
    Uri { place: String, uri: String, problem: String },
    #[error("{place}: the image does not decode: {problem}")]
    Image { place: String, problem: String },
}

impl ImportError {
    pub fn malformed(place: impl Into<String>, problem: impl Into<String>) -> ImportError {
        ImportError::Malformed { place: place.into(), problem: problem.into() }
    }

    /// `Err` where `found` exceeds `limit`.
    pub fn check(
        what: impl Into<String>,
        found: u64,
        limit: u64,
        unit: &'static str,
    ) -> Result<(), ImportError> {
        if found > limit {
            return Err(ImportError::TooMuch { what: what.into(), found, limit, unit });
        }
        Ok(())
    }
}
