//! Morph targets: displacements of vertices, read sparsely and added by weight (glTF 2.0 §3.7.2.2). Knows no node and no
//! animation: weights come as numbers.

use gltf::json::mesh::MorphTarget as TargetJson;

use super::accessor::Accessors;
use super::error::ImportError;
use super::mesh::{MeshData, Vertex};

/// Displacements of one attribute by vertex, ascending; vertices that stay are left out.
pub type Deltas = Vec<(u32, [f32; 3])>;

/// What one target adds to a mesh at weight 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MorphTarget {
    pub positions: Deltas,
    pub normals: Deltas,
    pub tangents: Deltas,
}

/// How many displacements a file may still bring.
#[derive(Debug)]
pub struct MorphBudget {
    pub left: u64,
    pub most: u64,
}

/// Reads the targets of a primitive of `vertices`. Displacements of attributes that the primitive lacks are ignored.
pub fn targets(
    accessors: &mut Accessors,
    targets: &[TargetJson],
    vertices: &[Vertex],
    place: &str,
    budget: &mut MorphBudget,
) -> Result<Vec<MorphTarget>, ImportError> {
    let has_normals = vertices.iter().any(|vertex| vertex.normal != [0.0; 3]);
    let has_tangents = vertices.iter().any(|vertex| vertex.tangent != [0.0; 4]);
    let mut read = Vec::with_capacity(targets.len());
    for (i, target) in targets.iter().enumerate() {
        let mut deltas = |name: &str, accessor: Option<usize>| -> Result<Deltas, ImportError> {
            let Some(accessor) = accessor else { return Ok(Vec::new()) };
            let count = accessors.count(accessor)?;
            if count != vertices.len() as u64 {
                let problem = format!(
                    "has {count} elements of {name} in morph target {i} for {} of POSITION",
                    vertices.len()
                );
                return Err(ImportError::malformed(place, problem));
            }
            let dense = accessors.floats::<3>(accessor)?;
            let moved = dense.iter().enumerate().filter(|(_, delta)| **delta != [0.0; 3]);
            let deltas: Deltas = moved.map(|(vertex, delta)| (vertex as u32, *delta)).collect();
            budget.left = budget.left.checked_sub(deltas.len() as u64).ok_or_else(|| {
                let (what, found) = ("the scene".into(), budget.most - budget.left + deltas.len() as u64);
                ImportError::TooMuch { what, found, limit: budget.most, unit: "morphed vertices" }
            })?;
            Ok(deltas)
        };
        read.push(MorphTarget {
            positions: deltas("POSITION", target.positions.map(|a| a.value()))?,
            normals: deltas("NORMAL", target.normals.map(|a| a.value()).filter(|_| has_normals))?,
            tangents: deltas("TANGENT", target.tangents.map(|a| a.value()).filter(|_| has_tangents))?,
        });
    }
    Ok(read)
}

/// For each old vertex the new ones that are copies of it.
struct Copies {
    starts: Vec<u32>,
    copies: Vec<u32>,
}

impl Copies {
    /// `origins` names the old vertex of each new one.
    fn new(origins: &[u32], old_count: usize) -> Copies {
        let mut starts = vec![0u32; old_count + 1];
        for origin in origins {
            starts[*origin as usize + 1] += 1;
        }
        for at in 0..old_count {
            starts[at + 1] += starts[at];
        }
        let (mut next, mut copies) = (starts.clone(), vec![0; origins.len()]);
        for (new, origin) in origins.iter().enumerate() {
            let at = &mut next[*origin as usize];
            copies[*at as usize] = new as u32;
            *at += 1;
        }
        Copies { starts, copies }
    }

    fn of(&self, old: u32) -> &[u32] {
        let (start, end) = (self.starts[old as usize], self.starts[old as usize + 1]);
        &self.copies[start as usize..end as usize]
    }
}

/// Makes targets follow vertices that were split, dropped or put in another order.
pub fn follow(targets: &mut [MorphTarget], origins: &[u32], old_count: usize) {
    if targets.is_empty() {
        return;
    }
    let copies = Copies::new(origins, old_count);
    for target in targets {
        for deltas in [&mut target.positions, &mut target.normals, &mut target.tangents] {
            let moved =
                deltas.iter().flat_map(|(old, delta)| copies.of(*old).iter().map(|new| (*new, *delta)));
            let mut moved: Deltas = moved.collect();
            moved.sort_unstable_by_key(|(vertex, _)| *vertex);
            *deltas = moved;
        }
    }
}

/// Appends the targets of a primitive whose first vertex is `start`.
pub fn append(all: &mut Vec<MorphTarget>, targets: Vec<MorphTarget>, start: u32) {
    if all.len() < targets.len() {
        all.resize(targets.len(), MorphTarget::default());
    }
    for (all, target) in all.iter_mut().zip(targets) {
        for (all, deltas) in [
            (&mut all.positions, target.positions),
            (&mut all.normals, target.normals),
            (&mut all.tangents, target.tangents),
        ] {
            all.extend(deltas.into_iter().map(|(vertex, delta)| (vertex + start, delta)));
        }
    }
}

/// The mesh with its targets added, a weight a target. The result has no targets of its own.
pub fn morphed(mesh: &MeshData, weights: &[f32]) -> MeshData {
    let mut out = mesh.without_targets();
    for (target, weight) in mesh.targets.iter().zip(weights).filter(|(_, weight)| **weight != 0.0) {
        for (vertex, delta) in &target.positions {
            let position = &mut out.vertices[*vertex as usize].position;
            for k in 0..3 {
                position[k] += f64::from(*weight) * f64::from(delta[k]);
            }
        }
        for (vertex, delta) in &target.normals {
            let normal = &mut out.vertices[*vertex as usize].normal;
            *normal = std::array::from_fn(|k| normal[k] + weight * delta[k]);
        }
        for (vertex, delta) in &target.tangents {
            let [x, y, z, w] = out.vertices[*vertex as usize].tangent;
            let moved: [f32; 3] = std::array::from_fn(|k| [x, y, z][k] + weight * delta[k]);
            out.vertices[*vertex as usize].tangent = [moved[0], moved[1], moved[2], w];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_follow_their_vertices() {
        let mut targets =
            [MorphTarget { positions: vec![(0, [1.0; 3]), (2, [2.0; 3])], ..MorphTarget::default() }];
        // Vertex 2 is split and comes first, vertex 0 is dropped.
        follow(&mut targets, &[2, 1, 2], 3);
        assert_eq!(targets[0].positions, [(0, [2.0; 3]), (2, [2.0; 3])]);
    }
}
