//! `trace` of `shaders/wgsl/trace.wgsl` over eight-wide boxes and packets of eight triangles, with the same bits: that file
//! says what a hit is and why no order of visiting matters. Decides the order.

use std::mem::MaybeUninit;

use tessera_shaders::native::div;
use tessera_shared::package::layout::NONE;

use super::lanes::{Lanes, Portable};
use super::ray::{ScalarRay, TINY, WideRay};
use crate::accel::{LANES, Packet, WIDE_LEAF, WideBvh, WideNode};

/// What is asked of a ray besides its line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query {
    pub t_max: f32,
    pub after: Key,
    /// Any hit on a triangle without holes ends the search.
    pub shadow: bool,
}

/// What hits are ordered by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Key {
    pub t: f32,
    pub instance: u32,
    pub primitive: u32,
}

impl Key {
    #[inline(always)]
    fn is_beyond(&self, other: &Key) -> bool {
        let tie = (self.instance, self.primitive) > (other.instance, other.primitive);
        self.t > other.t || (self.t == other.t && tie)
    }
}

/// What a ray met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Traced {
    Nothing,
    /// A shadow ray met a triangle without holes.
    Occluded,
    /// The hit and the weights of vertices 1 and 2.
    Hit {
        key: Key,
        b1: f32,
        b2: f32,
    },
}

/// Instructions that the traversal may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Isa {
    /// The best that this machine has.
    pub fn detect() -> Isa {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Isa::Avx2;
        }
        Isa::Portable
    }
}

/// The hit of a ray; `direction` is canonical.
#[inline]
pub(crate) fn trace_wide(
    isa: Isa,
    bvh: &WideBvh,
    origin: [f32; 3],
    direction: [f32; 3],
    query: Query,
) -> Traced {
    match isa {
        // SAFETY: the value is made by `Isa::detect` alone (and by tests after asking it), where the CPU has AVX2.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { trace_avx2(bvh, origin, direction, query) },
        Isa::Portable => trace_portable(bvh, origin, direction, query),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn trace_avx2(bvh: &WideBvh, origin: [f32; 3], direction: [f32; 3], query: Query) -> Traced {
    trace_lanes::<super::lanes::Avx2>(bvh, origin, direction, query)
}

fn trace_portable(bvh: &WideBvh, origin: [f32; 3], direction: [f32; 3], query: Query) -> Traced {
    trace_lanes::<Portable>(bvh, origin, direction, query)
}

/// Trees of both levels are at most 64 deep together, and a node defers at most seven children.
const STACK_MAX: usize = 64 * (LANES - 1) + 1;

/// Deferred children and where the ray enters them.
struct Stack {
    entries: [MaybeUninit<(f32, u32)>; STACK_MAX],
    top: usize,
}

impl Stack {
    #[inline(always)]
    fn new() -> Stack {
        Stack { entries: [const { MaybeUninit::uninit() }; STACK_MAX], top: 0 }
    }

    #[inline(always)]
    fn at(&self, index: usize) -> (f32, u32) {
        debug_assert!(index < self.top);
        // SAFETY: entries below `top` have been written.
        unsafe { self.entries[index].assume_init() }
    }

    #[inline(always)]
    fn pop(&mut self) -> (f32, u32) {
        let entry = self.at(self.top - 1);
        self.top -= 1;
        entry
    }

    /// Pushes so that entries from `base` on stay in order, the nearest on top.
    #[inline(always)]
    fn push_sorted(&mut self, base: usize, entry: (f32, u32)) {
        self.entries[self.top] = MaybeUninit::new(entry);
        self.top += 1;
        let mut hole = self.top - 1;
        while hole > base && self.at(hole - 1).0 < entry.0 {
            self.entries[hole] = self.entries[hole - 1];
            hole -= 1;
        }
        self.entries[hole] = MaybeUninit::new(entry);
    }
}

/// The best hit yet, before its weights are divided.
struct Best {
    key: Key,
    /// Edge functions of vertices 1 and 2, and the sum of three: 0 where nothing was hit.
    edges: [f32; 3],
}

#[inline(always)]
fn trace_lanes<L: Lanes>(bvh: &WideBvh, origin: [f32; 3], direction: [f32; 3], query: Query) -> Traced {
    let scalar = ScalarRay::new(origin, direction);
    let world: WideRay<L> = scalar.spread(direction);
    // The world's ray, and the one in the instance being walked.
    let mut rays = [world, world];
    let mut level = 0usize;
    let mut instance = NONE;
    let mut inside = (0.0f32, 0.0f32);
    let mut world_top = 0usize;
    let mut stack = Stack::new();
    let mut best = Best { key: Key { t: query.t_max, instance: 0, primitive: 0 }, edges: [0.0; 3] };
    let mut node = bvh.world_root;
    loop {
        let limit = if query.shadow { query.t_max } else { best.key.t };
        if node == NONE {
            if stack.top == world_top {
                (instance, level, world_top) = (NONE, 0, 0);
            }
            if stack.top == 0 {
                break;
            }
            let (near, child) = stack.pop();
            if near > limit {
                continue;
            }
            node = child;
        }
        if node & WIDE_LEAF == 0 {
            node =
                enter_children(&rays[level & 1], &bvh.nodes[node as usize], limit, query.after.t, &mut stack);
            continue;
        }
        let index = node & !WIDE_LEAF;
        node = NONE;
        if instance != NONE {
            let packet = &bvh.packets[index as usize];
            let hits = packet_hits(&rays[level & 1], packet, inside, limit, query.after.t);
            if hits.is_some_and(|hits| settle(&hits, packet, instance, &query, &mut best)) {
                return Traced::Occluded;
            }
            continue;
        }
        let placed = &bvh.instances[index as usize];
        inside = scalar.slab(&placed.bounds);
        if inside.0 > inside.1 || inside.0 > limit || inside.1 < query.after.t {
            continue;
        }
        if !placed.identity {
            let Some((object, vector)) = scalar.into_object(direction, placed) else { continue };
            rays[1] = object.spread(vector);
            level = 1;
        }
        instance = index;
        world_top = stack.top;
        node = placed.root;
    }
    let [v, w, sum] = best.edges;
    if sum == 0.0 {
        return Traced::Nothing;
    }
    let weight = |edge: f32| if edge.abs() < sum.abs() * TINY { 0.0 } else { div(edge, sum) };
    Traced::Hit { key: best.key, b1: weight(v), b2: weight(w) }
}

/// Tests a node's children; returns the nearest that the ray enters and defers the others.
#[inline(always)]
fn enter_children<L: Lanes>(
    ray: &WideRay<L>,
    node: &WideNode,
    limit: f32,
    after_t: f32,
    stack: &mut Stack,
) -> u32 {
    let (x, y, z) = (ray.near_side(0), ray.near_side(1), ray.near_side(2));
    let [px, py, pz] = &node.planes;
    let first = [L::load(&px[x]), L::load(&py[y]), L::load(&pz[z])];
    let last = [L::load(&px[x ^ 1]), L::load(&py[y ^ 1]), L::load(&pz[z ^ 1])];
    let (near, far) = ray.slab(first, last);
    let in_range = L::both(near.less_equal(L::splat(limit)), L::splat(after_t).less_equal(far));
    let mut lanes = L::bits(L::both(near.less_equal(far), in_range));
    if lanes & lanes.wrapping_sub(1) == 0 {
        return if lanes == 0 { NONE } else { node.children[lanes.trailing_zeros() as usize & 7] };
    }
    let near = near.store();
    let base = stack.top;
    while lanes != 0 {
        let lane = lanes.trailing_zeros() as usize & 7;
        lanes &= lanes - 1;
        stack.push_sorted(base, (near[lane], node.children[lane]));
    }
    stack.pop().1
}

/// Triangles of a packet that the ray meets.
struct PacketHits {
    lanes: u32,
    t: [f32; LANES],
    v: [f32; LANES],
    w: [f32; LANES],
    sum: [f32; LANES],
}

/// 2⁻⁶⁰ and 2⁻⁷⁰: see `trace.wgsl`.
const EDGE_MIN: f32 = 1.0 / (1u64 << 60) as f32;
const NUMERATOR_MIN: f32 = EDGE_MIN / 1024.0;

/// A vertex of eight triangles as the ray sees it.
#[inline(always)]
fn sheared<L: Lanes>(ray: &WideRay<L>, vertex: &[[f32; LANES]; 3]) -> [L; 3] {
    let [x, y, z] = ray.axes;
    let x = L::load(&vertex[x % 3]).sub(ray.origin[0]);
    let y = L::load(&vertex[y % 3]).sub(ray.origin[1]);
    let z = L::load(&vertex[z % 3]).sub(ray.origin[2]);
    [x.sub(ray.shear[0].mul(z)), y.sub(ray.shear[1].mul(z)), z]
}

#[inline(always)]
fn edge_function<L: Lanes>(a: [L; 3], b: [L; 3]) -> L {
    let e = a[0].mul(b[1]).sub(a[1].mul(b[0]));
    e.zero_where(e.abs().less(L::splat(EDGE_MIN)))
}

/// Lower and upper planes of the triangles' own boxes, padded.
#[inline(always)]
fn own_planes<L: Lanes>(packet: &Packet, padding: L, axis: usize) -> [L; 2] {
    let [p, q, r] = &packet.vertices;
    let (p, q, r) = (L::load(&p[axis]), L::load(&q[axis]), L::load(&r[axis]));
    [p.min(q).min(r).sub(padding), p.max(q).max(r).add(padding)]
}

/// Edge functions, own boxes and t of eight triangles: steps 2 and 3 of `trace.wgsl`.
#[inline(always)]
fn packet_hits<L: Lanes>(
    ray: &WideRay<L>,
    packet: &Packet,
    inside: (f32, f32),
    limit: f32,
    after_t: f32,
) -> Option<PacketHits> {
    let zero = L::splat(0.0);
    let [v0, v1, v2] = &packet.vertices;
    let [a, b, c] = [sheared(ray, v0), sheared(ray, v1), sheared(ray, v2)];
    let (u, v, w) = (edge_function(c, b), edge_function(a, c), edge_function(b, a));
    let sum = u.add(v).add(w);
    let (least, greatest) = (u.min(v).min(w), u.max(v).max(w));
    let mixed = L::bits(L::both(least.less(zero), zero.less(greatest)));
    let flat = L::bits(L::both(sum.less_equal(zero), zero.less_equal(sum)));
    let inner = !(mixed | flat) & 0xff;
    if inner == 0 {
        return None;
    }
    let padding = L::load(&packet.padding);
    let planes =
        [own_planes(packet, padding, 0), own_planes(packet, padding, 1), own_planes(packet, padding, 2)];
    let (x, y, z) = (ray.near_side(0), ray.near_side(1), ray.near_side(2));
    let first = [planes[0][x], planes[1][y], planes[2][z]];
    let last = [planes[0][x ^ 1], planes[1][y ^ 1], planes[2][z ^ 1]];
    let (near, far) = ray.slab(first, last);
    let (near, far) = (near.max(L::splat(inside.0)), far.min(L::splat(inside.1)));
    let in_range = L::both(near.less_equal(L::splat(limit)), L::splat(after_t).less_equal(far));
    let lanes = inner & L::bits(L::both(near.less_equal(far), in_range));
    if lanes == 0 {
        return None;
    }
    let numerator = u.mul(a[2]).add(v.mul(b[2])).add(w.mul(c[2]));
    let least = sum.abs().mul(L::splat(TINY)).add(L::splat(NUMERATOR_MIN));
    let t = numerator.div(sum).mul(ray.shear[2]).zero_where(numerator.abs().less(least));
    Some(PacketHits { lanes, t: t.max(near).min(far).store(), v: v.store(), w: w.store(), sum: sum.store() })
}

/// Compares a packet's hits with the best; true where one occludes.
#[inline(always)]
fn settle(hits: &PacketHits, packet: &Packet, instance: u32, query: &Query, best: &mut Best) -> bool {
    let mut lanes = hits.lanes;
    while lanes != 0 {
        let lane = lanes.trailing_zeros() as usize & 7;
        lanes &= lanes - 1;
        let key = Key { t: hits.t[lane], instance, primitive: packet.primitives[lane] };
        if key.t >= query.t_max || !key.is_beyond(&query.after) {
            continue;
        }
        if query.shadow && packet.holed >> lane & 1 == 0 {
            return true;
        }
        if best.edges[2] == 0.0 || !key.is_beyond(&best.key) {
            *best = Best { key, edges: [hits.v[lane], hits.w[lane], hits.sum[lane]] };
        }
    }
    false
}
