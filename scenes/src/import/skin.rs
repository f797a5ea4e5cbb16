//! Skins: linear blending of the joints' world transforms as they are at a frame (glTF 2.0 §3.7.3).

use super::accessor::Accessors;
use super::error::ImportError;
use super::mesh::MeshData;
use super::nodes::Hierarchy;
use crate::affine::{Affine, dot, unit};
use crate::label::label;

/// Moves a mesh's vertices to where the skin's joints hold them, in world space.
pub fn pose(
    accessors: &mut Accessors,
    hierarchy: &Hierarchy,
    index: usize,
    data: &mut MeshData,
) -> Result<(), ImportError> {
    let root = accessors.root;
    let skin = root.skins.get(index).ok_or_else(|| {
        let problem = format!("does not exist; the file has {}", root.skins.len());
        ImportError::malformed(label("skin", index, None), problem)
    })?;
    let place = label("skin", index, skin.name.as_deref());
    let inverse_binds = match skin.inverse_bind_matrices {
        Some(accessor) => accessors.floats::<16>(accessor.value())?,
        None => Vec::new(),
    };
    if !inverse_binds.is_empty() && inverse_binds.len() < skin.joints.len() {
        let problem =
            format!("has {} inverse bind matrices for {} joints", inverse_binds.len(), skin.joints.len());
        return Err(ImportError::malformed(place, problem));
    }
    let mut joints = Vec::with_capacity(skin.joints.len());
    for (i, joint) in skin.joints.iter().enumerate() {
        let world = hierarchy.world.get(joint.value());
        let world = world.ok_or_else(|| {
            ImportError::malformed(&place, format!("has the joint {}, which does not exist", joint.value()))
        })?;
        let bind =
            inverse_binds.get(i).map_or(Some(Affine::IDENTITY), |m| Affine::from_columns(&affine_tail(m)));
        let bind = bind.ok_or_else(|| {
            ImportError::malformed(&place, format!("inverse bind matrix {i} is not affine"))
        })?;
        joints.push(world.then_of(&bind));
    }
    let MeshData { vertices, influences, .. } = data;
    for (vertex, influence) in vertices.iter_mut().zip(influences.iter()) {
        let Some(blend) = blend(&joints, influence).map_err(|joint| {
            ImportError::malformed(&place, format!("a vertex refers to joint {joint} of {}", joints.len()))
        })?
        else {
            continue;
        };
        vertex.position = blend.point(vertex.position);
        if !vertex.position.iter().all(|x| x.is_finite()) {
            return Err(ImportError::malformed(&place, "moves a vertex to a place that is not finite"));
        }
        let sign = if blend.determinant() < 0.0 { -1.0 } else { 1.0 };
        let normal = vertex.normal.map(f64::from);
        vertex.normal = unit(blend.cofactors().map(|row| sign * dot(row, normal))).map(|x| x as f32);
        let [x, y, z, w] = vertex.tangent;
        let [tx, ty, tz] = unit(blend.vector([x, y, z].map(f64::from))).map(|x| x as f32);
        vertex.tangent = [tx, ty, tz, w];
    }
    Ok(())
}

/// The last row of an inverse bind matrix is (0, 0, 0, 1) up to rounding in files in the wild.
fn affine_tail(matrix: &[f32; 16]) -> [f64; 16] {
    let mut matrix = matrix.map(f64::from);
    for (i, expected) in [(3, 0.0), (7, 0.0), (11, 0.0), (15, 1.0)] {
        if (matrix[i] - expected).abs() < 1e-4 {
            matrix[i] = expected;
        }
    }
    matrix
}

/// The weighted sum of joints; `None` where all weights are zero, the joint's index where it does not exist.
fn blend(joints: &[Affine], influence: &[(u32, f32); 8]) -> Result<Option<Affine>, u32> {
    let total: f64 = influence.iter().map(|(_, weight)| f64::from(*weight)).sum();
    if !total.is_finite() || total <= 0.0 {
        return Ok(None);
    }
    let mut sum = [[0.0; 4]; 3];
    for (joint, weight) in influence.iter().filter(|(_, weight)| *weight != 0.0) {
        let matrix = joints.get(*joint as usize).ok_or(*joint)?;
        let weight = f64::from(*weight) / total;
        for (out, row) in sum.iter_mut().zip(matrix.0) {
            for (x, y) in out.iter_mut().zip(row) {
                *x += weight * y;
            }
        }
    }
    Ok(Some(Affine(sum)))
}
