//! A shot: what to render, through which camera, how well and into which files, with every path resolved and every number
//! in its range. Knows nothing of what is inside the scene.

mod camera;
mod choices;
mod frames;
mod keys;
mod limits;

use std::path::{Path, PathBuf};

pub(crate) use camera::VFOV_DEGREES;
pub use camera::{Aperture, CameraKeys, LensKeys, ViewKeys};
pub use choices::{Filter, LightUnits, Output, ParseChoiceError, Verify};
pub use frames::{ParseFramesError, parse_frames};
pub use keys::{Frames, KEYS, KeysError, Name, ShotKeys};

use tessera_shared::grid::{Grid, GridError};
use tessera_shared::ids::FrameNumber;
use tessera_shared::limits::{JobLimits, LimitsError};
use tessera_shared::messages::Mode;
use tessera_shared::package::manifest::{BOUNCES_MAX, SAMPLES_MAX};

use crate::import::{Selection, read_file};

/// Largest job file that is read.
const JOB_FILE_BYTES_MAX: u64 = 1 << 20;

/// A job file or a scene file, with the flags that override it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// For people: the job file's name, or the scene's, without its extension.
    pub name: String,
    pub scene: PathBuf,
    pub environment: Option<EnvironmentKeys>,
    pub lamps: LampKeys,
    pub camera: CameraKeys,
    pub selection: Selection,
    /// `None` for a pinhole.
    pub lens: Option<LensKeys>,
    pub grid: Grid,
    /// Samples of a pixel.
    pub spp: u32,
    /// Samples of a pass.
    pub pass_spp: u32,
    pub seed: u32,
    pub max_bounces: u32,
    pub frames: Vec<FrameNumber>,
    pub fps: f64,
    /// The time that every frame shows, whatever its number.
    pub frame_seconds: Option<f64>,
    pub filter: Filter,
    /// At least one, each once.
    pub outputs: Vec<Output>,
    /// Stops that a PNG is brightened by.
    pub exposure: f64,
    pub verify: Verify,
    pub priority: i32,
    /// Fast ones are not verified.
    pub mode: Mode,
    /// Who may serve the job.
    pub limits: JobLimits,
}

#[derive(Clone, Debug, PartialEq)]
pub struct EnvironmentKeys {
    pub path: PathBuf,
    /// Factor of its radiance, 0 or more.
    pub strength: f64,
    /// About +Y, counter-clockwise seen from above.
    pub rotation_degrees: f64,
}

/// What punctual lights are taken for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LampKeys {
    pub units: LightUnits,
    /// Of point and spot lights without their own, in metres.
    pub radius: f64,
    /// Whole angle of the discs of directional lights without their own.
    pub sun_angle_degrees: f64,
}

/// Why a shot cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadShotError {
    #[error(transparent)]
    Read(#[from] crate::import::ImportError),
    #[error("{}: {problem}", path.display())]
    Syntax { path: PathBuf, problem: String },
    #[error("{}: {source}", path.display())]
    Keys { path: PathBuf, source: KeysError },
    #[error("{}: a shot is a .json or .toml job file, or a .glb, .gltf, .obj or .ply scene", .0.display())]
    Kind(PathBuf),
    #[error("{}: the key `scene` is missing; it names the scene file, relative to the job file", .0.display())]
    NoScene(PathBuf),
    #[error("`{key}` is {value}; it must be {range}")]
    Range { key: &'static str, value: String, range: String },
    #[error("`{key}`: {source}")]
    Choice { key: &'static str, source: ParseChoiceError },
    #[error("`eye` and `target` go together, and exclude `camera`: give either the two or a camera's name")]
    HalfCamera,
    #[error("`vfov_degrees` is of a perspective camera and `ortho_height` of an orthographic one: give one")]
    TwoViews,
    #[error("`fstop` and `aperture_radius` both say how wide the lens is: give one")]
    TwoApertures,
    #[error("`focus_distance` says nothing without `fstop` or `aperture_radius`: give one of them")]
    NoAperture,
    #[error(
        "nobody can check a job of mode `fast`, as every device gives it other bits: leave `verify` out, or render it `exact`"
    )]
    FastVerify,
    #[error("`{key}`: {source}")]
    Limits { key: &'static str, source: LimitsError },
    #[error(transparent)]
    Grid(#[from] GridError),
}

impl Shot {
    /// Reads a job file, or takes a scene file as it is, and applies the flags. Paths in a job file are relative to it.
    pub fn read(path: &Path, flags: ShotKeys) -> Result<Shot, ReadShotError> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        let keys = match extension.as_str() {
            "glb" | "gltf" | "obj" | "ply" => {
                ShotKeys { scene: Some(path.to_path_buf()), ..ShotKeys::default() }
            }
            "json" | "toml" => {
                let bytes = read_file(path, JOB_FILE_BYTES_MAX)?;
                let syntax = |problem| ReadShotError::Syntax { path: path.to_path_buf(), problem };
                let text = String::from_utf8(bytes).map_err(|_| syntax("it is not UTF-8 text".into()))?;
                let map = match extension.as_str() {
                    "json" => serde_json::from_str(&text).map_err(|error| syntax(error.to_string()))?,
                    _ => toml::from_str(&text).map_err(|error| syntax(error.to_string()))?,
                };
                let keys = ShotKeys::from_map(map)
                    .map_err(|source| ReadShotError::Keys { path: path.to_path_buf(), source })?;
                keys.in_folder(path.parent().unwrap_or(Path::new("")))
            }
            _ => return Err(ReadShotError::Kind(path.to_path_buf())),
        };
        let keys = keys.overridden_by(flags);
        let scene = keys.scene.clone().ok_or_else(|| ReadShotError::NoScene(path.to_path_buf()))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Shot::from_keys(name, scene, keys)
    }

    /// The time that a frame shows, in seconds of the file's animation.
    pub fn seconds(&self, frame: FrameNumber) -> f64 {
        self.frame_seconds.unwrap_or(f64::from(frame.0) / self.fps)
    }

    fn from_keys(name: String, scene: PathBuf, keys: ShotKeys) -> Result<Shot, ReadShotError> {
        let mode = keys.mode.as_deref().map_or(Ok(Mode::Exact), choices::parse_mode);
        let mode = mode.map_err(|source| ReadShotError::Choice { key: "mode", source })?;
        let (camera, lens) = (camera::camera(&keys)?, camera::lens(&keys)?);
        let (lamps, limits) = (lamps(&keys)?, limits::limits(&keys)?);
        let environment = keys.environment.filter(|path| !keys::is_none(path));
        let strength = in_range("environment_strength", keys.environment_strength.unwrap_or(1.0), 0.0, 1e9)?;
        let turn = keys.environment_rotation_degrees.unwrap_or(0.0);
        let rotation_degrees = in_range("environment_rotation_degrees", turn, -3.6e6, 3.6e6)?;
        let spp = in_range("spp", keys.spp.unwrap_or(64), 1, SAMPLES_MAX)?;
        let frames = keys.frames.map_or_else(|| vec![FrameNumber(1)], |frames| frames.0);
        Ok(Shot {
            name: name.chars().filter(|c| !c.is_control()).take(200).collect(),
            scene,
            environment: environment.map(|path| EnvironmentKeys { path, strength, rotation_degrees }),
            lamps,
            camera,
            selection: Selection {
                scene_name: keys.scene_name.map(|name| name.0),
                variant: keys.variant.map(|name| name.0),
                animation: keys.animation.map(|name| name.0),
            },
            lens,
            grid: Grid::new(keys.width.unwrap_or(960), keys.height.unwrap_or(540), keys.tile.unwrap_or(64))?,
            spp,
            pass_spp: in_range("pass_spp", keys.pass_spp.unwrap_or(spp.min(64)), 1, SAMPLES_MAX)?.min(spp),
            seed: keys.seed.unwrap_or(0),
            max_bounces: in_range("max_bounces", keys.max_bounces.unwrap_or(8), 0, BOUNCES_MAX)?,
            frames,
            fps: in_range("fps", keys.fps.unwrap_or(24.0), 1e-3, 1e6)?,
            frame_seconds: keys.frame_seconds.map(|t| in_range("frame_seconds", t, 0.0, 1e6)).transpose()?,
            filter: choice("filter", keys.filter.as_deref())?,
            outputs: outputs(keys.outputs)?,
            exposure: in_range("exposure", keys.exposure.unwrap_or(0.0), -100.0, 100.0)?,
            verify: verify(mode, keys.verify.as_deref())?,
            mode,
            priority: keys.priority.unwrap_or(0),
            limits,
        })
    }
}

/// The policy; none for a job whose bits nobody else gets.
fn verify(mode: Mode, text: Option<&str>) -> Result<Verify, ReadShotError> {
    match (mode, text) {
        (Mode::Fast, None) => Ok(Verify::None),
        (_, text) => match choice("verify", text)? {
            Verify::None => Ok(Verify::None),
            _ if mode == Mode::Fast => Err(ReadShotError::FastVerify),
            policy => Ok(policy),
        },
    }
}

fn lamps(keys: &ShotKeys) -> Result<LampKeys, ReadShotError> {
    Ok(LampKeys {
        units: choice("light_units", keys.light_units.as_deref())?,
        radius: in_range("light_radius", keys.light_radius.unwrap_or(0.0), 0.0, 1e6)?,
        sun_angle_degrees: in_range("sun_angle_degrees", keys.sun_angle_degrees.unwrap_or(0.0), 0.0, 180.0)?,
    })
}

fn outputs(names: Option<Vec<String>>) -> Result<Vec<Output>, ReadShotError> {
    let names = names.unwrap_or_else(|| vec!["exr".into(), "png".into()]);
    let parsed = names.iter().map(|name| name.parse::<Output>());
    let mut outputs = parsed
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| ReadShotError::Choice { key: "outputs", source })?;
    outputs.sort();
    outputs.dedup();
    if outputs.is_empty() {
        let range = "a list of at least one of exr, exr-half, png".into();
        return Err(ReadShotError::Range { key: "outputs", value: "empty".into(), range });
    }
    Ok(outputs)
}

fn choice<T: std::str::FromStr<Err = ParseChoiceError> + Default>(
    key: &'static str,
    text: Option<&str>,
) -> Result<T, ReadShotError> {
    text.map_or_else(
        || Ok(T::default()),
        |text| text.parse().map_err(|source| ReadShotError::Choice { key, source }),
    )
}

fn in_range<T: PartialOrd + std::fmt::Display + std::fmt::Debug>(
    key: &'static str,
    value: T,
    low: T,
    high: T,
) -> Result<T, ReadShotError> {
    if value >= low && value <= high {
        return Ok(value);
    }
    Err(ReadShotError::Range { key, value: format!("{value:?}"), range: format!("{low} to {high}") })
}
