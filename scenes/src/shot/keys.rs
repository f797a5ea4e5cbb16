//! The keys of a job file, which flags of the same names override. Knows types, not ranges or defaults.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::frames::{ParseFramesError, parse_frames};

/// Why a job file's keys do not read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("the key `{key}` is unknown; the nearest known key is `{nearest}`")]
    Unknown { key: String, nearest: &'static str },
    #[error("`{key}`: {problem}")]
    Value { key: &'static str, problem: String },
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// Every key, absent ones `None`. A job file gives one of these, the command line another; see
        /// [`ShotKeys::overridden_by`].
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct ShotKeys {
            $($(#[$doc])* pub $name: Option<$kind>,)*
        }

        /// Every key's name.
        pub const KEYS: &[&str] = &[$(stringify!($name)),*];

        impl ShotKeys {
            /// From a job file's top-level table. `null` counts as absent.
            pub fn from_map(map: Map<String, Value>) -> Result<ShotKeys, KeysError> {
                let mut keys = ShotKeys::default();
                for (key, value) in map {
                    match key.as_str() {
                        $(stringify!($name) => {
                            let read = serde_json::from_value::<Option<$kind>>(value);
                            keys.$name = read.map_err(|error| KeysError::Value {
                                key: stringify!($name),
                                problem: error.to_string(),
                            })?;
                        })*
                        _ => return Err(unknown(&key)),
                    }
                }
                Ok(keys)
            }

            fn replaced_by(self, over: ShotKeys) -> ShotKeys {
                ShotKeys { $($name: over.$name.or(self.$name),)* }
            }
        }
    };
}

keys! {
    /// glTF, OBJ or PLY file.
    scene: PathBuf,
    /// Equirectangular HDR or EXR; empty or `none` for none.
    environment: PathBuf,
    environment_strength: f64,
    /// About +Y, counter-clockwise seen from above.
    environment_rotation_degrees: f64,
    /// `blender` or `radiometric`.
    light_units: String,
    /// Of point and spot lights without their own, in metres.
    light_radius: f64,
    /// Whole angle of directional lights without their own.
    sun_angle_degrees: f64,
    /// Name of a glTF camera.
    camera: String,
    /// Scene of the file, by name or index.
    scene_name: Name,
    /// Variant of `KHR_materials_variants`, by name or index.
    variant: Name,
    /// Animation of the file, by name or index, `all` or `none`.
    animation: Name,
    eye: [f64; 3],
    target: [f64; 3],
    up: [f64; 3],
    vfov_degrees: f64,
    /// Height of an orthographic picture in metres.
    ortho_height: f64,
    /// Focal length over the lens's diameter, with a sensor 24 mm high.
    fstop: f64,
    /// Of the lens, in metres.
    aperture_radius: f64,
    /// From the camera to the plane in focus, along its axis, in metres.
    focus_distance: f64,
    width: u32,
    height: u32,
    /// Samples of a pixel.
    spp: u32,
    seed: u32,
    /// 0 is direct light only.
    max_bounces: u32,
    /// `1-24`, `1-100x5`, `3,7,10-20`, or a number.
    frames: Frames,
    fps: f64,
    /// The time that a still shows.
    frame_seconds: f64,
    /// Edge of a tile in pixels.
    tile: u32,
    /// Samples of a pass.
    pass_spp: u32,
    /// `box`.
    filter: String,
    /// Of `exr`, `exr-half`, `png`.
    outputs: Vec<String>,
    /// Stops that a PNG is brightened by.
    exposure: f64,
    /// `none`, `spot`, `blocks=N`, `double`, `confidence=P`.
    verify: String,
    /// Higher is first; 0 by default.
    priority: i32,
    /// `exact` or `fast`.
    mode: String,
    /// Tags that a worker must have, all of them.
    tags: Vec<String>,
    /// Keys of the operators that may serve the job.
    operators: Vec<String>,
    /// Name of a list of operators that the farm's owner keeps.
    pool: String,
}

/// A name, or an index that job files may also write as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(pub String);

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Name(text)),
            Value::Number(number) if number.is_u64() => Ok(Name(number.to_string())),
            _ => Err(serde::de::Error::custom("give a name, or an index from 0")),
        }
    }
}

/// A list of frames as text; job files may also write one frame as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames(pub Vec<tessera_shared::ids::FrameNumber>);

impl std::str::FromStr for Frames {
    type Err = ParseFramesError;
    fn from_str(text: &str) -> Result<Frames, ParseFramesError> {
        parse_frames(text).map(Frames)
    }
}

impl<'de> serde::Deserialize<'de> for Frames {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Frames, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return Err(serde::de::Error::custom("frames are text, such as \"1-24\", or a number")),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl ShotKeys {
    /// Makes the paths relative to `folder`, where the job file lies.
    pub fn in_folder(mut self, folder: &Path) -> ShotKeys {
        self.scene = self.scene.map(|path| folder.join(path));
        self.environment = self.environment.map(|path| if is_none(&path) { path } else { folder.join(path) });
        self
    }

    /// These keys with those that `over` has replaced. A camera given one way takes the place of one given the other way.
    pub fn overridden_by(mut self, over: ShotKeys) -> ShotKeys {
        if over.camera.is_some() {
            (self.eye, self.target, self.up) = (None, None, None);
            (self.vfov_degrees, self.ortho_height) = (None, None);
        }
        if over.vfov_degrees.is_some() || over.ortho_height.is_some() {
            (self.vfov_degrees, self.ortho_height) = (None, None);
        }
        if over.fstop.is_some() || over.aperture_radius.is_some() {
            (self.fstop, self.aperture_radius) = (None, None);
        }
        if over.eye.is_some() {
            self.camera = None;
        }
        if over.frames.is_some() {
            self.frame_seconds = None;
        } else if over.frame_seconds.is_some() {
            self.frames = None;
        }
        self.replaced_by(over)
    }
}

/// "No environment" as a path.
pub fn is_none(path: &Path) -> bool {
    path.as_os_str().is_empty() || path == Path::new("none")
}

fn unknown(key: &str) -> KeysError {
    let nearest = KEYS.iter().copied().min_by_key(|known| edit_distance(key, known)).unwrap_or("scene");
    KeysError::Unknown { key: key.chars().take(60).collect(), nearest }
}

/// Levenshtein's distance, over at most 60 characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(60).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named() {
        for (typed, meant) in [("widht", "width"), ("samples_spp", "pass_spp"), ("enviroment", "environment")]
        {
            let KeysError::Unknown { nearest, .. } = unknown(typed) else { panic!() };
            assert_eq!(nearest, meant);
        }
    }
}
