//! Trees collapsed to eight children a node, with triangles in packets of eight, laid out for SIMD over either.

use tessera_shared::package::layout::{INSTANCE_IDENTITY, NONE};

use super::flat::gather;
use super::tree::{Link, Tree};
use super::{Accel, Bounds, instance_bounds, triangle_corners};
use crate::scene::Geometry;

/// Children of a node and triangles of a packet.
pub(crate) const LANES: usize = 8;
/// Set in a child that is a packet (in a mesh) or an instance (in the world).
pub(crate) const WIDE_LEAF: u32 = 1 << 31;

/// Eight boxes and what they hold. Unused lanes have an empty box, which no ray enters.
#[repr(C, align(32))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideNode {
    /// By axis, then lower and upper plane, then by child.
    pub planes: [[[f32; LANES]; 2]; 3],
    /// Nodes, or packets or instances with [`WIDE_LEAF`], or [`NONE`].
    pub children: [u32; LANES],
}

/// Up to eight triangles. Unused lanes are a point at the origin, whose edge functions are all 0.
#[repr(C, align(32))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    /// By vertex, then by axis, then by triangle.
    pub vertices: [[[f32; LANES]; 3]; 3],
    /// Of the triangle's own box.
    pub padding: [f32; LANES],
    /// Global triangle indices.
    pub primitives: [u32; LANES],
    /// Bit by lane: the material may have holes.
    pub holed: u32,
}

/// What a traversal needs of an instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideInstance {
    /// The world box, padded.
    pub bounds: Bounds,
    pub world_to_object: [[f32; 4]; 3],
    pub identity: bool,
    /// Root of its mesh.
    pub root: u32,
}

/// Both levels for the CPU.
pub(crate) struct WideBvh {
    pub nodes: Vec<WideNode>,
    pub packets: Vec<Packet>,
    pub instances: Vec<WideInstance>,
    pub world_root: u32,
}

const EMPTY_NODE: WideNode =
    WideNode { planes: [[[f32::MAX; LANES], [f32::MIN; LANES]]; 3], children: [NONE; LANES] };
const EMPTY_PACKET: Packet =
    Packet { vertices: [[[0.0; LANES]; 3]; 3], padding: [0.0; LANES], primitives: [NONE; LANES], holed: 0 };

impl WideBvh {
    pub fn build(accel: &Accel, geometry: &Geometry<'_>) -> WideBvh {
        let mut wide =
            WideBvh { nodes: Vec::new(), packets: Vec::new(), instances: Vec::new(), world_root: NONE };
        let mut roots = Vec::with_capacity(accel.meshes.len());
        for (mesh, tree) in accel.meshes.iter().enumerate() {
            let root = tree.as_ref().map_or(NONE, |tree| {
                let start = geometry.meshes[mesh].triangle_start;
                let packed = packed_nodes(tree);
                wide.push_tree(tree, &packed, |wide, primitives| {
                    wide.push_packet(geometry, start, primitives)
                })
            });
            roots.push(root);
        }
        wide.instances = geometry
            .instances
            .iter()
            .map(|instance| WideInstance {
                bounds: instance_bounds(instance),
                world_to_object: instance.world_to_object,
                identity: instance.flags & INSTANCE_IDENTITY != 0,
                root: roots[instance.mesh as usize],
            })
            .collect();
        if let Some(world) = &accel.world {
            let single = vec![false; world.nodes.len()];
            wide.world_root = wide.push_tree(world, &single, |_, primitives| WIDE_LEAF | primitives[0]);
        }
        wide
    }

    /// Collapses a tree; returns its root. Nodes follow their parents in depth-first order.
    fn push_tree(
        &mut self,
        tree: &Tree,
        packed: &[bool],
        mut push_leaf: impl FnMut(&mut WideBvh, &[u32]) -> u32,
    ) -> u32 {
        let mut primitives = Vec::new();
        let mut root = NONE;
        // (node of the tree, the wide node and lane that name it).
        let mut open = vec![(0u32, None)];
        while let Some((index, parent)) = open.pop() {
            let reference = match tree.nodes[index as usize].link {
                Link::Pair(pair) if !packed[index as usize] => {
                    let at = self.nodes.len();
                    let children = opened(tree, packed, pair);
                    let mut node = EMPTY_NODE;
                    for (lane, &child) in children.iter().enumerate() {
                        let bounds = tree.nodes[child as usize].bounds;
                        for axis in 0..3 {
                            node.planes[axis][0][lane] = bounds.min[axis];
                            node.planes[axis][1][lane] = bounds.max[axis];
                        }
                    }
                    self.nodes.push(node);
                    open.extend(
                        children.iter().enumerate().rev().map(|(lane, &child)| (child, Some((at, lane)))),
                    );
                    at as u32
                }
                _ => {
                    primitives.clear();
                    gather(tree, index, &mut primitives);
                    push_leaf(self, &primitives)
                }
            };
            match parent {
                Some((node, lane)) => self.nodes[node].children[lane] = reference,
                None => root = reference,
            }
        }
        root
    }

    fn push_packet(&mut self, geometry: &Geometry<'_>, triangle_start: u32, primitives: &[u32]) -> u32 {
        let mut packet = EMPTY_PACKET;
        for (lane, &primitive) in primitives.iter().enumerate() {
            let triangle = triangle_start + primitive;
            let corners = triangle_corners(geometry, triangle);
            for (vertex, corner) in corners.iter().enumerate() {
                for (row, &coordinate) in packet.vertices[vertex].iter_mut().zip(corner) {
                    row[lane] = coordinate;
                }
            }
            packet.padding[lane] = Bounds::of_points(&corners).padding();
            packet.primitives[lane] = triangle;
            packet.holed |= u32::from(geometry.holed(triangle)) << lane;
        }
        self.packets.push(packet);
        WIDE_LEAF | (self.packets.len() - 1) as u32
    }
}

/// Up to eight descendants in place of a pair: the largest that can be opened is opened, again and again.
fn opened(tree: &Tree, packed: &[bool], pair: u32) -> Vec<u32> {
    let mut children = vec![pair, pair + 1];
    while children.len() < LANES {
        let inner = |child: u32| match tree.nodes[child as usize].link {
            Link::Pair(pair) if !packed[child as usize] => Some(pair),
            _ => None,
        };
        let area = |child: u32| tree.nodes[child as usize].bounds.half_area();
        let largest = (0..children.len())
            .filter(|&i| inner(children[i]).is_some())
            .max_by(|&a, &b| area(children[a]).total_cmp(&area(children[b])));
        let Some((largest, pair)) = largest.and_then(|i| Some((i, inner(children[i])?))) else { break };
        children[largest] = pair;
        children.insert(largest + 1, pair + 1);
    }
    children
}

/// Nodes that become one packet: at most eight triangles, and cheaper than the packets of their children, as a packet costs
/// the same however full it is.
fn packed_nodes(tree: &Tree) -> Vec<bool> {
    /// Cost of a child's box test, in packets tested.
    const CHILD_COST: f32 = 0.1;
    let count = tree.nodes.len();
    let (mut packed, mut costs, mut counts) = (vec![false; count], vec![0.0f32; count], vec![1u32; count]);
    for (index, node) in tree.nodes.iter().enumerate().rev() {
        let area = node.bounds.half_area();
        costs[index] = area;
        packed[index] = true;
        if let Link::Pair(pair) = node.link {
            let (a, b) = (pair as usize, pair as usize + 1);
            counts[index] = counts[a] + counts[b];
            let split = area * CHILD_COST + costs[a] + costs[b];
            packed[index] = counts[index] as usize <= LANES && area <= split;
            costs[index] = if packed[index] { area } else { split };
        }
    }
    packed
}
