//! Scene files that hold meshes and nothing else, OBJ and PLY, told apart by the extension of their names; and what a
//! surface without a material looks like.

use std::path::Path;
use std::sync::Arc;

use gltf::json::Root;

use super::error::ImportError;
use super::{MeshData, Model, Placement, SurfaceMaterial, material, obj, ply};
use crate::affine::Affine;
use crate::limits::ImportLimits;
use crate::notice::Notices;
use crate::srgb::srgb_to_linear;

/// Reads the file if its name says that it is one of these.
pub fn import(
    path: &Path,
    limits: &ImportLimits,
    notices: &mut Notices,
) -> Option<Result<Model, ImportError>> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "obj" => Some(obj::import(path, limits, notices)),
        "ply" => Some(ply::import(path, limits, notices)),
        _ => None,
    }
}

/// A dielectric that reflects `base_color`, of roughness 0.5, seen from both sides: these files do not tell a front.
pub fn dielectric(base_color: [f64; 3]) -> Result<SurfaceMaterial, ImportError> {
    let mut default = material::materials(&Root::default())?;
    let mut surface = default.pop().ok_or_else(|| ImportError::malformed("material", "has no default"))?;
    let [r, g, b] = base_color;
    surface.base_color = [r, g, b, 1.0];
    (surface.metallic, surface.roughness, surface.double_sided) = (0.0, 0.5, true);
    Ok(surface)
}

/// A model of one mesh that lies where its vertices say.
pub fn model(mesh: MeshData, materials: Vec<SurfaceMaterial>) -> Model {
    let placement =
        Placement { mesh: 0, transform: Affine::IDENTITY, label: "the file".into(), moves: false };
    Model {
        meshes: vec![Arc::new(mesh)],
        placements: vec![placement],
        materials: Arc::new(materials),
        ..Model::default()
    }
}

/// An sRGB component as a linear one.
pub fn linear(encoded: f64) -> f32 {
    srgb_to_linear(encoded.clamp(0.0, 1.0)) as f32
}
