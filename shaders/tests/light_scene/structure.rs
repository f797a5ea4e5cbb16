//! Bounding volumes of test scenes in the layout of `trace.wgsl`: median splits, boxes padded amply.

use super::{Builder, V};
use tessera_shaders::cpu::*;
use tessera_shaders::wgsl::{Vec3f, Vec4f, Vec4u};

pub fn mesh_end(instance: &Instance, triangles: &[Vec4u], end: u32) -> u32 {
    let material = triangles[instance.triangle_start as usize].w;
    (instance.triangle_start..end).find(|&t| triangles[t as usize].w != material).unwrap_or(end)
}

pub fn world_corners(instance: &Instance, positions: &[Vec4f], corners: Vec4u) -> [V; 3] {
    [corners.x, corners.y, corners.z].map(|vertex| {
        let p = positions[vertex as usize];
        instance.object_to_world.map(|r| {
            f64::from(r.x) * f64::from(p.x)
                + f64::from(r.y) * f64::from(p.y)
                + f64::from(r.z) * f64::from(p.z)
                + f64::from(r.w)
        })
    })
}

#[derive(Clone, Copy)]
struct Item {
    low: [f32; 3],
    high: [f32; 3],
    /// A triangle or an instance.
    index: u32,
}

fn bounds(points: impl Iterator<Item = [f32; 3]>) -> ([f32; 3], [f32; 3]) {
    points.fold(([f32::MAX; 3], [f32::MIN; 3]), |(mut low, mut high), p| {
        for k in 0..3 {
            low[k] = low[k].min(p[k]);
            high[k] = high[k].max(p[k]);
        }
        (low, high)
    })
}

fn padded(item: &Item) -> ([f32; 3], [f32; 3]) {
    let most = item.low.iter().chain(&item.high).fold(0f32, |m, x| m.max(x.abs()));
    let pad = most * 4e-6;
    (item.low.map(|x| x - pad), item.high.map(|x| x + pad))
}

struct Tree<'a> {
    nodes: Vec<Vec4f>,
    leaf: &'a mut dyn FnMut(&[Item]) -> u32,
    leaf_items: usize,
}

impl Tree<'_> {
    fn node(&mut self, items: &mut [Item]) -> u32 {
        if items.len() <= self.leaf_items {
            return (self.leaf)(items);
        }
        let (low, high) = bounds(items.iter().flat_map(|i| [i.low, i.high]));
        let axis = (0..3).max_by(|&a, &b| (high[a] - low[a]).total_cmp(&(high[b] - low[b]))).unwrap();
        items.sort_by(|a, b| (a.low[axis] + a.high[axis]).total_cmp(&(b.low[axis] + b.high[axis])));
        let at = self.nodes.len();
        self.nodes.extend([Vec4f::ZERO; 4]);
        let (left, right) = items.split_at_mut(items.len() / 2);
        for (side, half) in [left, right].into_iter().enumerate() {
            let boxes: Vec<_> = half.iter().map(padded).collect();
            let (low, high) = bounds(boxes.iter().flat_map(|b| [b.0, b.1]));
            let child = f32::from_bits(self.node(half));
            self.nodes[at + 2 * side] = Vec4f::new(low[0], low[1], low[2], 0.0);
            self.nodes[at + 2 * side + 1] = Vec4f::new(high[0], high[1], high[2], 0.0);
            // Both children's words are in the first half.
            self.nodes[at + side].w = child;
        }
        (at / 4) as u32
    }
}

/// Nodes and leaves; writes the roots and boxes into the builder.
pub fn build(s: &mut Builder) -> (Vec<Vec4f>, Vec<Vec4f>) {
    let mut leaves: Vec<Vec4f> = Vec::new();
    let mut nodes = Vec::new();
    let end = s.triangles.len() as u32;
    for i in 0..s.instances.len() {
        let instance = s.instances[i];
        let last = mesh_end(&instance, &s.triangles, end);
        let corners = |t: u32| {
            let c = s.triangles[t as usize];
            [c.x, c.y, c.z].map(|v| s.positions[v as usize])
        };
        let mut items: Vec<Item> = (instance.triangle_start..last)
            .map(|t| {
                let (low, high) = bounds(corners(t).iter().map(|p| [p.x, p.y, p.z]));
                Item { low, high, index: t }
            })
            .collect();
        let mut leaf = |items: &[Item]| {
            let first = leaves.len() as u32 / 3;
            for item in items {
                let [a, b, c] = corners(item.index);
                let most = item.low.iter().chain(&item.high).fold(0f32, |m, x| m.max(x.abs()));
                let holed = s.materials[s.triangles[item.index as usize].w as usize].flags
                    & (MATERIAL_MASK | MATERIAL_BLEND);
                leaves.push(Vec4f { w: most * PADDING, ..a });
                leaves.push(Vec4f { w: f32::from_bits(item.index), ..b });
                leaves.push(Vec4f { w: f32::from_bits(if holed != 0 { LEAF_HOLED } else { 0 }), ..c });
            }
            LEAF | (items.len() as u32 - 1) * LEAF_COUNT_ONE | first
        };
        let mut tree = Tree { nodes, leaf: &mut leaf, leaf_items: 4 };
        s.instances[i].blas_root = tree.node(&mut items);
        nodes = tree.nodes;
    }
    let mut items: Vec<Item> = Vec::new();
    for i in 0..s.instances.len() {
        let instance = s.instances[i];
        let last = mesh_end(&instance, &s.triangles, end);
        let points = (instance.triangle_start..last)
            .flat_map(|t| world_corners(&instance, &s.positions, s.triangles[t as usize]))
            .map(|p| p.map(|x| x as f32));
        let (low, high) = bounds(points);
        let (low, high) = padded(&Item { low, high, index: 0 });
        s.instances[i].box_min = Vec3f::from_array(low);
        s.instances[i].box_max = Vec3f::from_array(high);
        items.push(Item { low, high, index: i as u32 });
    }
    if items.is_empty() {
        s.params.tlas_root = NONE;
        return (vec![Vec4f::ZERO], vec![Vec4f::ZERO]);
    }
    let mut leaf = |items: &[Item]| LEAF | items[0].index;
    let mut tree = Tree { nodes, leaf: &mut leaf, leaf_items: 1 };
    s.params.tlas_root = tree.node(&mut items);
    (tree.nodes, leaves)
}
