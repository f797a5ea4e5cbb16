//! Which meshes the scene's nodes place where at one time: plain nodes, `EXT_mesh_gpu_instancing`, morph targets and skins;
//! and the cameras that nodes hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use gltf::json::Root;
use serde::Deserialize;

use super::accessor::Accessors;
use super::error::ImportError;
use super::material::SurfaceMaterial;
use super::mesh::{MeshData, MeshReader};
use super::nodes::{Hierarchy, node_label};
use super::{Model, NamedCamera, Placement, camera, morph, skin};
use crate::affine::Affine;
use crate::label::label;
use crate::limits::ImportLimits;
use crate::notice::Notices;

const INSTANCING: &str = "EXT_mesh_gpu_instancing";

/// Meshes as the file has them, read at their first use and kept for every frame.
pub struct MeshLibrary {
    reader: MeshReader,
    read: BTreeMap<usize, Arc<MeshData>>,
}

impl MeshLibrary {
    pub fn new(limits: &ImportLimits) -> MeshLibrary {
        MeshLibrary { reader: MeshReader::new(limits), read: BTreeMap::new() }
    }

    fn mesh(
        &mut self,
        accessors: &mut Accessors,
        index: usize,
        materials: &[SurfaceMaterial],
        notices: &mut Notices,
    ) -> Result<Arc<MeshData>, ImportError> {
        if let Some(mesh) = self.read.get(&index) {
            return Ok(mesh.clone());
        }
        let mesh = Arc::new(self.reader.read(accessors, index, materials, notices)?);
        self.read.insert(index, mesh.clone());
        Ok(mesh)
    }
}

/// Places every mesh that the scene shows. Those that no skin and no weight deforms differently are listed once.
pub fn place(
    accessors: &mut Accessors,
    hierarchy: &Hierarchy,
    library: &mut MeshLibrary,
    limits: &ImportLimits,
    model: &mut Model,
    notices: &mut Notices,
) -> Result<(), ImportError> {
    let root = accessors.root;
    let mut shapes: BTreeMap<(usize, Vec<u32>), usize> = BTreeMap::new();
    let mut deformed = 0u64;
    for &node in &hierarchy.shown {
        let Some(index) = root.nodes[node].mesh.map(|mesh| mesh.value()) else {
            continue;
        };
        let mesh = library.mesh(accessors, index, &model.materials, notices)?;
        let weights = weights(root, node, &mesh)?;
        let skin = root.nodes[node].skin;
        let is_known = skin.is_none() && shapes.contains_key(&(index, weights.clone()));
        if !is_known && (skin.is_some() || !weights.is_empty()) {
            deformed += mesh.vertices.len() as u64;
            let what = "the scene's deformed meshes";
            ImportError::check(what, deformed, limits.vertices_max, "vertices")?;
        }
        let shaped = |mesh: &MeshData| {
            morph::morphed(mesh, &weights.iter().map(|w| f32::from_bits(*w)).collect::<Vec<_>>())
        };
        if let Some(skin) = skin {
            let mut data = shaped(&mesh);
            skin::pose(accessors, hierarchy, skin.value(), &mut data)?;
            model.meshes.push(Arc::new(data));
            let mesh = model.meshes.len() - 1;
            // A skin places its vertices itself; the node's own transform does not count (glTF 2.0 §3.7.3.3).
            let label = node_label(root, node);
            model.placements.push(Placement { mesh, transform: Affine::IDENTITY, moves: false, label });
            continue;
        }
        let shape = *shapes.entry((index, weights.clone())).or_insert_with(|| {
            model.meshes.push(if weights.is_empty() { mesh.clone() } else { Arc::new(shaped(&mesh)) });
            model.meshes.len() - 1
        });
        for transform in instances(accessors, node, limits)? {
            let transform = hierarchy.world[node].then_of(&transform);
            if !transform.is_finite() {
                let problem = "one of its instances is not at a finite place";
                return Err(ImportError::malformed(node_label(root, node), problem));
            }
            let (moves, label) = (hierarchy.moves[node], node_label(root, node));
            model.placements.push(Placement { mesh: shape, transform, moves, label });
            let placed = model.placements.len() as u64;
            ImportError::check("the scene", placed, limits.placements_max, "placed meshes")?;
        }
    }
    Ok(())
}

/// The bits of a node's weights, or of its mesh's (glTF 2.0 §3.7.2.2); empty where all are zero.
fn weights(root: &Root, node: usize, mesh: &MeshData) -> Result<Vec<u32>, ImportError> {
    let node_weights = root.nodes[node].weights.as_ref();
    let of_mesh = || root.nodes[node].mesh.and_then(|mesh| root.meshes.get(mesh.value())?.weights.as_ref());
    let Some(weights) = node_weights.or_else(of_mesh).filter(|_| !mesh.targets.is_empty()) else {
        return Ok(Vec::new());
    };
    if weights.len() != mesh.targets.len() {
        let problem = format!("has {} weights for {} morph targets", weights.len(), mesh.targets.len());
        return Err(ImportError::malformed(node_label(root, node), problem));
    }
    if let Some(weight) = weights.iter().find(|weight| !weight.is_finite()) {
        return Err(ImportError::malformed(node_label(root, node), format!("has the weight {weight}")));
    }
    let shapes = weights.iter().any(|weight| *weight != 0.0);
    Ok(if shapes { weights.iter().map(|weight| weight.to_bits()).collect() } else { Vec::new() })
}

#[derive(Deserialize)]
struct GpuInstancing {
    attributes: BTreeMap<String, u32>,
}

/// The transforms of a node's instances; the identity alone without the extension.
fn instances(
    accessors: &mut Accessors,
    node: usize,
    limits: &ImportLimits,
) -> Result<Vec<Affine>, ImportError> {
    let root = accessors.root;
    let extension = root.nodes[node].extensions.as_ref().and_then(|all| all.others.get(INSTANCING));
    let Some(value) = extension else {
        return Ok(vec![Affine::IDENTITY]);
    };
    let place = || format!("{INSTANCING} of {}", node_label(root, node));
    let parsed: GpuInstancing = serde_json::from_value(value.clone())
        .map_err(|error| ImportError::malformed(place(), error.to_string()))?;
    for index in parsed.attributes.values() {
        let count = accessors.count(*index as usize)?;
        ImportError::check(place(), count, limits.placements_max, "instances")?;
    }
    let attribute = |name: &str| parsed.attributes.get(name).map(|index| *index as usize);
    let translations = attribute("TRANSLATION").map(|index| accessors.floats::<3>(index)).transpose()?;
    let rotations = attribute("ROTATION").map(|index| accessors.floats::<4>(index)).transpose()?;
    let scales = attribute("SCALE").map(|index| accessors.floats::<3>(index)).transpose()?;
    let counts = [
        translations.as_ref().map(Vec::len),
        rotations.as_ref().map(Vec::len),
        scales.as_ref().map(Vec::len),
    ];
    let count = counts.iter().flatten().copied().max().unwrap_or(1);
    if counts.iter().flatten().any(|other| *other != count) {
        return Err(ImportError::malformed(place(), "its attributes differ in their number of instances"));
    }
    let transform = |i: usize| {
        Affine::from_parts(
            translations.as_ref().map_or([0.0; 3], |all| all[i].map(f64::from)),
            rotations.as_ref().map_or([0.0, 0.0, 0.0, 1.0], |all| all[i].map(f64::from)),
            scales.as_ref().map_or([1.0; 3], |all| all[i].map(f64::from)),
        )
        .ok_or_else(|| {
            ImportError::malformed(place(), format!("the rotation of instance {i} has length zero"))
        })
    };
    (0..count).map(transform).collect()
}

/// The cameras that the scene's nodes hold, in order, hidden ones too.
pub fn cameras(root: &Root, hierarchy: &Hierarchy) -> Result<Vec<NamedCamera>, ImportError> {
    let mut cameras = Vec::new();
    for &node in &hierarchy.present {
        let Some(index) = root.nodes[node].camera.map(|camera| camera.value()) else {
            continue;
        };
        let camera = root.cameras.get(index).ok_or_else(|| {
            let problem = format!("has the camera {index}; the file has {}", root.cameras.len());
            ImportError::malformed(node_label(root, node), problem)
        })?;
        let view = camera::view(&label("camera", index, camera.name.as_deref()), camera)?;
        let names = [camera.name.clone(), root.nodes[node].name.clone()];
        cameras.push(NamedCamera { names, transform: hierarchy.world[node], view });
    }
    Ok(cameras)
}
