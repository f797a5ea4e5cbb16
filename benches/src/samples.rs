//! The project's own sample scenes, inside the program, so that a worker on any machine can render them. Knows which files make
//! a sample; what is in them is `scenes/`'s.

use tessera_backends::conformance::RecordError;
use tessera_scenes::shot::ShotKeys;
use tessera_scenes::{CompileError, ImportLimits, ReadShotError, Shot, compile};
use tessera_shared::package::{Package, validate};

/// A scene with its job file.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub name: &'static str,
    /// Names and bytes of its files; the first is the job file.
    files: &'static [(&'static str, &'static [u8])],
}

/// A sample's picture: how large, how fine, how deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    pub width_px: u32,
    pub height_px: u32,
    /// Samples of a pixel.
    pub samples: u32,
    pub seed: u32,
    /// 0 is direct light only.
    pub max_bounces: u32,
}

/// Why there is no suite.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    #[error(
        "a sample scene cannot be unpacked: {0}; make room in the folder for temporary files, or name another in TMPDIR"
    )]
    Unpack(#[from] std::io::Error),
    #[error(transparent)]
    Shot(#[from] ReadShotError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Invalid(#[from] validate::InvalidPackage),
    #[error(transparent)]
    Recorded(#[from] RecordError),
}

macro_rules! sample {
    ($name:literal, $($file:literal),+) => {
        Sample { name: $name, files: &[$(($file, include_bytes!(concat!("../../scenes/", $file)))),+] }
    };
}

impl Sample {
    /// A still life on a mosaic floor: textures, diffuse and glossy surfaces under an environment.
    pub const MOSAIC: Sample = sample!("mosaic", "mosaic.toml", "mosaic.glb", "mosaic.hdr");
    /// Instances, a normal map and leaves with holes.
    pub const PEBBLES: Sample = sample!("pebbles", "pebbles.toml", "pebbles.glb", "pebbles.hdr");
    /// Every layer of the material model, lamps and a lens.
    pub const MARBLES: Sample = sample!("marbles", "marbles.toml", "marbles.glb", "mosaic.hdr");
    pub const ALL: [Sample; 3] = [Sample::MOSAIC, Sample::PEBBLES, Sample::MARBLES];

    /// The sample as a validated package.
    pub fn package(&self, view: &View) -> Result<Package, SampleError> {
        let folder = tempfile::tempdir()?;
        for (name, bytes) in self.files {
            std::fs::write(folder.path().join(name), bytes)?;
        }
        let keys = ShotKeys {
            width: Some(view.width_px),
            height: Some(view.height_px),
            spp: Some(view.samples),
            seed: Some(view.seed),
            max_bounces: Some(view.max_bounces),
            ..ShotKeys::default()
        };
        let shot = Shot::read(&folder.path().join(self.files[0].0), keys)?;
        let package = compile(&shot, &ImportLimits::default())?.package;
        validate::validate(&package)?;
        Ok(package)
    }
}
