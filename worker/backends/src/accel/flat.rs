//! Trees as the kernel's `nodes` and `leaves`, in the format that `shaders/wgsl/trace.wgsl` declares.

use tessera_shared::package::layout::NONE;

use super::tree::{Link, Tree};
use super::{Accel, Bounds, triangle_corners};
use crate::scene::Geometry;

const LEAF: u32 = 1 << 31;
const LEAF_COUNT_SHIFT: u32 = 28;
const LEAF_HOLED: u32 = 1;
/// Most triangles of a leaf. The format allows 8.
const LEAF_TRIANGLES_MAX: u32 = 4;
/// Cost of visiting a node, in triangles tested.
const NODE_COST: f32 = 1.5;

/// Both levels for the kernel.
pub(crate) struct FlatBvh {
    pub nodes: Vec<[f32; 4]>,
    pub leaves: Vec<[f32; 4]>,
    /// By mesh: [`NONE`] where a mesh is empty or unused.
    pub mesh_roots: Vec<u32>,
    pub world_root: u32,
}

impl FlatBvh {
    pub fn build(accel: &Accel, geometry: &Geometry<'_>) -> FlatBvh {
        let mut flat =
            FlatBvh { nodes: Vec::new(), leaves: Vec::new(), mesh_roots: Vec::new(), world_root: NONE };
        for (mesh, tree) in accel.meshes.iter().enumerate() {
            let root = tree.as_ref().map_or(NONE, |tree| {
                let start = geometry.meshes[mesh].triangle_start;
                let merged = Merged::of(tree);
                flat.push_tree(tree, &merged, |flat, primitives| flat.push_leaf(geometry, start, primitives))
            });
            flat.mesh_roots.push(root);
        }
        if let Some(world) = &accel.world {
            let single = Merged(vec![false; world.nodes.len()]);
            flat.world_root = flat.push_tree(world, &single, |_, primitives| LEAF | primitives[0]);
        }
        flat
    }

    /// Writes a tree's nodes in depth-first order, so that a node's first child follows it; returns the root.
    fn push_tree(
        &mut self,
        tree: &Tree,
        merged: &Merged,
        mut push_leaf: impl FnMut(&mut FlatBvh, &[u32]) -> u32,
    ) -> u32 {
        let mut primitives = Vec::new();
        let mut root = NONE;
        // (node of the tree, index of the vector whose fourth component names it).
        let mut open = vec![(0u32, None)];
        while let Some((index, parent)) = open.pop() {
            let reference = match tree.nodes[index as usize].link {
                Link::Pair(pair) if !merged.0[index as usize] => {
                    let at = self.nodes.len();
                    let [first, second] = [pair, pair + 1].map(|child| tree.nodes[child as usize].bounds);
                    self.nodes.extend([
                        corner(first.min),
                        corner(first.max),
                        corner(second.min),
                        corner(second.max),
                    ]);
                    open.extend([(pair + 1, Some(at + 1)), (pair, Some(at))]);
                    (at / 4) as u32
                }
                _ => {
                    primitives.clear();
                    gather(tree, index, &mut primitives);
                    push_leaf(self, &primitives)
                }
            };
            match parent {
                Some(vector) => self.nodes[vector][3] = f32::from_bits(reference),
                None => root = reference,
            }
        }
        root
    }

    fn push_leaf(&mut self, geometry: &Geometry<'_>, triangle_start: u32, primitives: &[u32]) -> u32 {
        let first = (self.leaves.len() / 3) as u32;
        for &primitive in primitives {
            let triangle = triangle_start + primitive;
            let corners = triangle_corners(geometry, triangle);
            let padding = Bounds::of_points(&corners).padding();
            let holed = if geometry.holed(triangle) { LEAF_HOLED } else { 0 };
            let fourths = [padding, f32::from_bits(triangle), f32::from_bits(holed)];
            self.leaves.extend(corners.iter().zip(fourths).map(|(&[x, y, z], w)| [x, y, z, w]));
        }
        LEAF | (primitives.len() as u32 - 1) << LEAF_COUNT_SHIFT | first
    }
}

fn corner([x, y, z]: [f32; 3]) -> [f32; 4] {
    [x, y, z, 0.0]
}

/// Primitives below a node.
pub(super) fn gather(tree: &Tree, node: u32, primitives: &mut Vec<u32>) {
    match tree.nodes[node as usize].link {
        Link::Leaf(primitive) => primitives.push(primitive),
        Link::Pair(pair) => {
            gather(tree, pair, primitives);
            gather(tree, pair + 1, primitives);
        }
    }
}

/// Which nodes become leaves of several triangles, by the surface-area heuristic.
struct Merged(Vec<bool>);

impl Merged {
    fn of(tree: &Tree) -> Merged {
        let count = tree.nodes.len();
        let (mut merged, mut costs, mut counts) =
            (vec![false; count], vec![0.0f32; count], vec![1u32; count]);
        for (index, node) in tree.nodes.iter().enumerate().rev() {
            let area = node.bounds.half_area();
            costs[index] = area;
            if let Link::Pair(pair) = node.link {
                let (a, b) = (pair as usize, pair as usize + 1);
                counts[index] = counts[a] + counts[b];
                let split = area * NODE_COST + costs[a] + costs[b];
                let whole = area * counts[index] as f32;
                merged[index] = counts[index] <= LEAF_TRIANGLES_MAX && whole <= split;
                costs[index] = if merged[index] { whole } else { split };
            }
        }
        Merged(merged)
    }
}
