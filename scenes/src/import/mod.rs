//! A glTF 2.0 file as plain numbers: meshes, where they are placed, materials, images and cameras. Knows nothing of the
//! package that is made of them.

mod accessor;
mod compressed_views;
mod document;
mod draco;
mod error;
mod exchange;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod image;
mod ktx2;
mod material;
mod mesh;
mod meshopt;
mod nodes;
mod obj;
mod placement;
mod ply;
mod polygon;
mod resources;
mod skin;
mod tangent;
mod texture_source;

use std::path::Path;

pub use error::ImportError;
pub use image::Raster;
pub use material::{AlphaMode, SurfaceMaterial, TextureUse, Wrap};
pub use mesh::{MeshData, Vertex};
pub use resources::read_file;

use crate::affine::Affine;
use crate::extensions;
use crate::limits::ImportLimits;
use crate::notice::Notices;

/// A scene in its rest pose.
#[derive(Debug, Default)]
pub struct Model {
    pub meshes: Vec<MeshData>,
    pub placements: Vec<Placement>,
    pub materials: Vec<SurfaceMaterial>,
    /// Decoded images, those that materials use.
    pub images: Vec<Raster>,
    /// In the scene's order.
    pub cameras: Vec<NamedCamera>,
}

/// A mesh in the world.
#[derive(Clone, Debug)]
pub struct Placement {
    pub mesh: usize,
    pub transform: Affine,
    /// The node, for messages.
    pub label: String,
}

/// A perspective camera of the scene. It looks along −Z of its transform, +Y up.
#[derive(Clone, Debug)]
pub struct NamedCamera {
    /// The camera's name and its node's.
    pub names: [Option<String>; 2],
    pub transform: Affine,
    pub vfov_radians: f64,
}

/// Reads a scene file and all that it refers to: glTF, or OBJ or PLY by the name's extension.
pub fn import(path: &Path, limits: &ImportLimits, notices: &mut Notices) -> Result<Model, ImportError> {
    if let Some(model) = exchange::import(path, limits, notices) {
        return model;
    }
    let bytes = read_file(path, limits.file_bytes_max)?;
    let document = document::parse(&bytes, limits)?;
    drop(bytes);
    let mut root = document.root;
    if let Some(name) = extensions::first_unsupported(&root.extensions_required) {
        return Err(ImportError::RequiredExtension(crate::label::quoted(name).trim_matches('"').to_owned()));
    }
    extensions::add_notices(&root.extensions_used, notices);
    if !root.animations.is_empty() {
        notices.add("animation", "not rendered yet; every frame shows the rest pose");
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut buffers = resources::buffers(&root, document.chunk, folder, limits)?;
    compressed_views::expand(&mut root, &mut buffers, limits)?;
    draco::expand(&mut root, &mut buffers, limits)?;
    let hierarchy = nodes::hierarchy(&root, limits)?;
    let mut accessors = accessor::Accessors::new(&root, &buffers, limits.vertices_max * 8);
    let mut model = Model { materials: material::materials(&root)?, ..Model::default() };
    placement::place(&mut accessors, &hierarchy, limits, &mut model, notices)?;
    model.images = image::images(&root, &accessors, folder, limits, &mut model.materials)?;
    model.cameras = placement::cameras(&root, &hierarchy, notices)?;
    Ok(model)
}
