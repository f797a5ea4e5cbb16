//! Which meshes the scene's nodes place where: plain nodes, `EXT_mesh_gpu_instancing` and skins in their rest pose; and the
//! cameras that nodes hold.

use std::collections::BTreeMap;

use gltf::json::Root;
use serde::Deserialize;

use super::accessor::Accessors;
use super::error::ImportError;
use super::nodes::{Hierarchy, node_label};
use super::{Model, NamedCamera, Placement, camera, mesh, skin};
use crate::affine::Affine;
use crate::label::label;
use crate::limits::ImportLimits;
use crate::notice::Notices;

const INSTANCING: &str = "EXT_mesh_gpu_instancing";

/// Reads every mesh that the scene shows, once, and places it.
pub fn place(
    accessors: &mut Accessors,
    hierarchy: &Hierarchy,
    limits: &ImportLimits,
    model: &mut Model,
    notices: &mut Notices,
) -> Result<(), ImportError> {
    let root = accessors.root;
    let mut reader = mesh::MeshReader::new(limits);
    let mut read: BTreeMap<usize, usize> = BTreeMap::new();
    for &node in &hierarchy.shown {
        let Some(mesh) = root.nodes[node].mesh.map(|mesh| mesh.value()) else {
            continue;
        };
        if let Some(skin) = root.nodes[node].skin {
            let mut data = reader.read(accessors, mesh, &model.materials, notices)?;
            skin::pose(accessors, hierarchy, skin.value(), &mut data)?;
            model.meshes.push(data);
            let mesh = model.meshes.len() - 1;
            // A skin places its vertices itself; the node's own transform does not count (glTF 2.0 §3.7.3.3).
            let label = node_label(root, node);
            model.placements.push(Placement { mesh, transform: Affine::IDENTITY, label });
        } else {
            let index = match read.get(&mesh) {
                Some(&index) => index,
                None => {
                    model.meshes.push(reader.read(accessors, mesh, &model.materials, notices)?);
                    read.insert(mesh, model.meshes.len() - 1);
                    model.meshes.len() - 1
                }
            };
            for transform in instances(accessors, node, limits)? {
                let transform = hierarchy.world[node].then_of(&transform);
                if !transform.is_finite() {
                    let problem = "one of its instances is not at a finite place";
                    return Err(ImportError::malformed(node_label(root, node), problem));
                }
                model.placements.push(Placement { mesh: index, transform, label: node_label(root, node) });
                let placed = model.placements.len() as u64;
                ImportError::check("the scene", placed, limits.placements_max, "placed meshes")?;
            }
        }
    }
    Ok(())
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

/// The cameras that the scene's nodes hold, in order.
pub fn cameras(root: &Root, hierarchy: &Hierarchy) -> Result<Vec<NamedCamera>, ImportError> {
    let mut cameras = Vec::new();
    for &node in &hierarchy.shown {
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
