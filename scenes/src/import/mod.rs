//! A glTF 2.0 file as plain numbers at any time of its animation: meshes, where they are placed, materials, images and
//! cameras. Knows nothing of the package that is made of them.

mod accessor;
mod animation;
mod camera;
mod compressed_views;
mod document;
mod draco;
mod error;
mod exchange;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod image;
mod ktx2;
mod lamp;
mod layers;
mod material;
mod mesh;
mod meshopt;
mod morph;
mod nodes;
mod obj;
mod placement;
mod ply;
mod polygon;
mod resources;
mod selection;
mod skin;
mod source;
mod tangent;
mod texture_source;

use std::sync::Arc;

pub use animation::Pose;
pub use camera::View;
pub use error::ImportError;
pub use image::Raster;
pub use lamp::{Lamp, LampKind, Sphere};
pub use layers::{Film, Layers, Medium};
pub use material::{AlphaMode, SurfaceMaterial, TextureUse, Wrap};
pub use mesh::{MeshData, Vertex};
pub use resources::read_file;
pub use selection::Selection;
pub use source::Source;

use crate::affine::Affine;

/// A scene at one time. What does not change over time is shared between the models of a source.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub meshes: Vec<Arc<MeshData>>,
    pub placements: Vec<Placement>,
    pub materials: Arc<Vec<SurfaceMaterial>>,
    /// Decoded images, those that materials use.
    pub images: Arc<Vec<Raster>>,
    /// In the scene's order.
    pub cameras: Vec<NamedCamera>,
    pub lamps: Vec<Lamp>,
}

/// A mesh in the world.
#[derive(Clone, Debug)]
pub struct Placement {
    pub mesh: usize,
    pub transform: Affine,
    /// An animation moves it as a whole: at another time the same mesh is elsewhere.
    pub moves: bool,
    /// The node, for messages.
    pub label: String,
}

/// A camera of the scene. It looks along −Z of its transform, +Y up.
#[derive(Clone, Debug)]
pub struct NamedCamera {
    /// The camera's name and its node's.
    pub names: [Option<String>; 2],
    pub transform: Affine,
    pub view: View,
}
