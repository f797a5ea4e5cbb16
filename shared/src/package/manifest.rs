//! The manifest: settings, frames with their cameras, scenes as lists of blobs. It is encoded once, and its digest is the
//! package's id. Deliberately ignorant of what the blobs hold.

use crate::digest::Digest;
use crate::grid::Grid;
use crate::ids::FrameNumber;

/// Largest encoded manifest that is decoded.
pub const MANIFEST_BYTES_MAX: usize = 16 << 20;
/// Most frames of a job.
pub const FRAMES_MAX: usize = 100_000;
/// Most samples of a pixel.
pub const SAMPLES_MAX: u32 = 1 << 20;
/// Most bounces of a path.
pub const BOUNCES_MAX: u32 = 64;

/// What a package renders.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Manifest {
    pub kernel_version: u32,
    /// The job's name for people: the scene's file name without its extension.
    pub name: String,
    pub settings: Settings,
    /// Ascending by number, no number twice.
    pub frames: Vec<FrameEntry>,
    pub scenes: Vec<SceneEntry>,
}

/// What holds for every frame.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Settings {
    pub grid: Grid,
    /// Samples of a pixel.
    pub samples: u32,
    /// Samples of a pass, at most `samples`; the last pass takes what is left.
    pub pass_samples: u32,
    pub seed: u32,
    /// As Cycles counts: 0 is direct light only.
    pub max_bounces: u32,
    /// Scattering events before Russian roulette may end a path.
    pub roulette_start: u32,
    /// k of the film: a radiance of one is 2^k; `samples` × `sample_clamp` × 2^k is below 2^62.
    pub film_scale_log2: u32,
    /// Largest radiance of one sample and channel that the film takes.
    pub sample_clamp: f32,
}

impl Settings {
    /// The largest k such that `samples` × `sample_clamp` × 2^k stays below 2^62, and at most 40.
    pub fn film_scale_for(samples: u32, sample_clamp: f32) -> u32 {
        let whole = f64::from(samples.max(1)) * f64::from(sample_clamp);
        let bits = whole.log2().ceil() as i64;
        (61 - bits).clamp(0, 40) as u32
    }

    /// The passes of a tile, in order.
    pub fn passes(&self) -> impl Iterator<Item = std::ops::Range<u32>> + use<> {
        let (samples, step) = (self.samples, self.pass_samples.max(1));
        (0..samples.div_ceil(step)).map(move |pass| pass * step..((pass + 1) * step).min(samples))
    }
}

/// One frame: which scene through which camera.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct FrameEntry {
    pub number: FrameNumber,
    /// Index into [`Manifest::scenes`].
    pub scene: u32,
    pub camera: Camera,
}

/// A camera. The ray of film position (x, y), in pixels from the top left, starts at `eye` in the direction
/// `corner` + x · `step_x` + y · `step_y`, normalised by the kernel; in an orthographic projection it starts at
/// `eye` + x · `step_x` + y · `step_y` in the direction `corner`. World space: right-handed, metres, +Y up.
#[derive(Clone, Copy, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Camera {
    pub eye: [f32; 3],
    pub corner: [f32; 3],
    pub step_x: [f32; 3],
    pub step_y: [f32; 3],
    pub projection: Projection,
    /// Radius of a thin lens in pixels of the plane in focus, which lies where `corner`, from the ray's start, ends; 0 for a
    /// pinhole. Else 2⁻²⁰ to 2²⁰.
    pub lens_radius_px: f32,
}

/// How rays leave a camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Projection {
    /// From one point.
    #[default]
    Perspective,
    /// Parallel to each other.
    Orthographic,
}

/// A scene: at most one section of each kind; an absent one is empty.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct SceneEntry {
    pub sections: Vec<Section>,
}

/// Where a section's bytes are.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Section {
    pub kind: SectionKind,
    pub blob: Digest,
    pub bytes: u64,
}

/// What a section holds; the layouts are in [`crate::package::layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode)]
pub enum SectionKind {
    /// One [`crate::package::layout::SceneHeader`].
    Header,
    /// `[f32; 4]` a vertex: x, y, z, 0.
    Positions,
    /// [`crate::package::layout::VertexAttributes`] a vertex.
    Attributes,
    /// `[u32; 4]` a triangle: three vertices, a material.
    Triangles,
    /// [`crate::package::layout::Mesh`].
    Meshes,
    /// [`crate::package::layout::Instance`].
    Instances,
    /// [`crate::package::layout::Material`].
    Materials,
    /// [`crate::package::layout::TextureSlot`].
    TextureSlots,
    /// [`crate::package::layout::Image`].
    Images,
    /// `u32` words that images point into.
    Texels,
    /// [`crate::package::layout::LightTriangle`].
    LightTriangles,
    /// `[f32; 4]` a texel: red, green, blue, 0; row-major from the top (+Y).
    EnvironmentTexels,
    /// `u32` words: see [`crate::package::layout::EnvironmentTable`].
    EnvironmentTable,
    /// `f32` words: see [`crate::package::layout::tables`].
    Tables,
    /// [`crate::package::layout::PunctualLight`].
    PunctualLights,
}

/// The bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum DecodeManifestError {
    #[error("a manifest of {0} bytes; at most {MANIFEST_BYTES_MAX} are read")]
    TooLarge(usize),
    #[error("the manifest does not decode: {0}")]
    Malformed(#[from] bincode::error::DecodeError),
    #[error("{0} bytes follow the manifest's end")]
    Trailing(usize),
}

const CODEC: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MANIFEST_BYTES_MAX>,
> = bincode::config::standard().with_limit::<MANIFEST_BYTES_MAX>();

impl Manifest {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        bincode::encode_to_vec(self, bincode::config::standard()).expect("writing to memory cannot fail")
    }

    /// Reads a manifest; never allocates more than its limit. The content still needs validating.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, DecodeManifestError> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(DecodeManifestError::TooLarge(bytes.len()));
        }
        let (manifest, read) = bincode::decode_from_slice(bytes, CODEC)?;
        match bytes.len() - read {
            0 => Ok(manifest),
            trailing => Err(DecodeManifestError::Trailing(trailing)),
        }
    }

    /// Every blob of the package once, in order of first use, with its length.
    pub fn blobs(&self) -> Vec<(Digest, u64)> {
        let mut seen = std::collections::BTreeSet::new();
        let sections = self.scenes.iter().flat_map(|scene| &scene.sections);
        sections
            .filter(|section| seen.insert(section.blob))
            .map(|section| (section.blob, section.bytes))
            .collect()
    }
}
