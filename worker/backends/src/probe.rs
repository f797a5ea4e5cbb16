//! Single rays by every traversal there is, for tests and benchmarks that put them side by side. Renders nothing.

use bytemuck::{Pod, Zeroable};
use tessera_shaders::cpu_trace_rays::{After, Bindings, ENTRY_POINT, Hit, Instance, Kernel, NoHooks, Params};
use tessera_shaders::cpu_trace_rays::{
    LEAF, LEAF_COUNT_ONE, TRACE_CLOSEST, TRACE_SHADOW, canonical_direction,
};
use tessera_shaders::wgsl::{Vec3f, Vec4f};
use tessera_shared::package::layout::NONE;

use crate::cpu::{Isa, Key, Query, Traced, WideTrace};
use crate::gpu::{ComputeBuffer, GpuAdapter, OpenDeviceError, scene_sections};
use crate::scene::PreparedScene;

/// A way to find hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traversal {
    /// Every triangle of every instance, by the kernel's own test.
    Brute,
    /// The kernel's: binary volumes.
    Binary,
    /// Eight-wide volumes in plain Rust.
    Portable,
    /// Eight-wide volumes with the best instructions that this machine has.
    Simd,
}

/// A ray and what counts as its hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RayQuery {
    pub origin: [f32; 3],
    /// Need not be canonical.
    pub direction: [f32; 3],
    /// Hits have t below it.
    pub t_max: f32,
    /// Hits are lexicographically beyond this (t, instance, primitive).
    pub after: (f32, u32, u32),
    /// Any hit on a triangle without holes answers.
    pub shadow: bool,
}

impl RayQuery {
    /// A fresh, endless ray for its closest hit.
    pub fn new(origin: [f32; 3], direction: [f32; 3]) -> RayQuery {
        RayQuery { origin, direction, t_max: f32::MAX, after: (0.0, NONE, NONE), shadow: false }
    }

    /// The ray as `trace_rays.wgsl` reads it.
    pub(crate) fn words(&self) -> [u32; 12] {
        let [ox, oy, oz] = self.origin.map(f32::to_bits);
        let [dx, dy, dz] = self.direction.map(f32::to_bits);
        let (t, instance, primitive) = self.after;
        [ox, oy, oz, self.t_max.to_bits(), dx, dy, dz, self.mode(), t.to_bits(), instance, primitive, 0]
    }

    fn mode(&self) -> u32 {
        if self.shadow { TRACE_SHADOW } else { TRACE_CLOSEST }
    }

    fn canonical(&self) -> [f32; 3] {
        canonical_direction(Vec3f::from_array(self.direction)).to_array()
    }
}

/// A hit as the kernel tells it: `instance` is [`NONE`] for none, and `0xfffffffe` for an occluded shadow ray.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct HitWords {
    pub t_bits: u32,
    pub instance: u32,
    pub primitive: u32,
    pub b1_bits: u32,
    pub b2_bits: u32,
}

impl HitWords {
    pub const NOTHING: HitWords =
        HitWords { t_bits: 0, instance: NONE, primitive: 0, b1_bits: 0, b2_bits: 0 };
    pub const OCCLUDED: HitWords = HitWords { instance: NONE - 1, ..HitWords::NOTHING };

    pub fn t(&self) -> f32 {
        f32::from_bits(self.t_bits)
    }

    fn of(hit: Hit) -> HitWords {
        let Hit { t, instance, primitive, b1, b2 } = hit;
        HitWords { t_bits: t.to_bits(), instance, primitive, b1_bits: b1.to_bits(), b2_bits: b2.to_bits() }
    }
}

/// The hits of rays, in order.
pub fn trace_rays(scene: &PreparedScene, traversal: Traversal, rays: &[RayQuery]) -> Vec<HitWords> {
    match traversal {
        Traversal::Brute => brute(scene, rays),
        Traversal::Binary => {
            let flat = scene.flat();
            let instances = kernel_instances(scene);
            let kernel = KernelData { nodes: &flat.nodes, leaves: &flat.leaves, instances: &instances };
            rays.iter().map(|ray| kernel.trace(flat.world_root, ray)).collect()
        }
        Traversal::Portable => wide(scene, Isa::Portable, rays),
        Traversal::Simd => wide(scene, Isa::detect(), rays),
    }
}

fn wide(scene: &PreparedScene, isa: Isa, rays: &[RayQuery]) -> Vec<HitWords> {
    let trace = WideTrace { bvh: scene.wide(), isa };
    let hit = |ray: &RayQuery| {
        let (t, instance, primitive) = ray.after;
        let query = Query { t_max: ray.t_max, after: Key { t, instance, primitive }, shadow: ray.shadow };
        match trace.traced(ray.origin, ray.canonical(), query) {
            Traced::Nothing => HitWords::NOTHING,
            Traced::Occluded => HitWords::OCCLUDED,
            Traced::Hit { key, b1, b2 } => {
                HitWords::of(Hit { t: key.t, instance: key.instance, primitive: key.primitive, b1, b2 })
            }
        }
    };
    rays.iter().map(hit).collect()
}

/// The hits of rays on a GPU, by `trace_rays.wgsl`.
pub fn trace_rays_on(
    adapter: &GpuAdapter,
    scene: &PreparedScene,
    rays: &[RayQuery],
) -> Result<Vec<HitWords>, OpenDeviceError> {
    let root = scene.flat().world_root;
    let params = Params { tlas_root: root, item_count: rays.len() as u32, ..Params::ZERO };
    let items: Vec<u32> = rays.iter().flat_map(RayQuery::words).collect();
    let film = vec![0u8; rays.len() * 32];
    fn read(bytes: &[u8]) -> ComputeBuffer<'_> {
        ComputeBuffer { bytes, writable: false }
    }
    let written = scene_sections(scene, |sections| {
        let mut buffers = vec![read(bytemuck::bytes_of(&params))];
        buffers.extend(sections.iter().map(|section| read(section.bytes)));
        buffers.extend([read(bytemuck::cast_slice(&items)), ComputeBuffer { bytes: &film, writable: true }]);
        let groups = (rays.len() as u32).div_ceil(64);
        adapter.run_compute(tessera_shaders::spirv::TRACE_RAYS, ENTRY_POINT, &buffers, [groups, 1, 1])
    })?;
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(&written[0]);
    let hit =
        |w: &[u32]| HitWords { t_bits: w[0], instance: w[1], primitive: w[2], b1_bits: w[3], b2_bits: w[4] };
    Ok(words.chunks_exact(8).map(hit).collect())
}

/// Instances with the roots of the kernel's volumes.
fn kernel_instances(scene: &PreparedScene) -> Vec<Instance> {
    bytemuck::cast_slice(&scene.rooted_instances()).to_vec()
}

/// The kernel's `trace` over given volumes.
struct KernelData<'a> {
    nodes: &'a [[f32; 4]],
    leaves: &'a [[f32; 4]],
    instances: &'a [Instance],
}

impl KernelData<'_> {
    fn trace(&self, root: u32, ray: &RayQuery) -> HitWords {
        let params = Params { tlas_root: root, ..Params::ZERO };
        let bindings = Bindings {
            params: &params,
            nodes: bytemuck::cast_slice::<_, Vec4f>(self.nodes),
            leaves: bytemuck::cast_slice::<_, Vec4f>(self.leaves),
            instances: self.instances,
            ..Bindings::EMPTY
        };
        let kernel = Kernel { b: bindings, hooks: &NoHooks };
        let [origin, direction] = [ray.origin, ray.canonical()].map(Vec3f::from_array);
        let (t, instance, primitive) = ray.after;
        let after = After { t, instance, primitive };
        HitWords::of(kernel.wgsl_trace(origin, direction, ray.t_max, after, ray.mode()))
    }
}

/// Up to eight triangles at a time as the only leaf of the only tree: no volume above a triangle's own is ever tested.
fn brute(scene: &PreparedScene, rays: &[RayQuery]) -> Vec<HitWords> {
    let flat = scene.flat();
    let mut hits = vec![HitWords::NOTHING; rays.len()];
    for (index, instance) in kernel_instances(scene).into_iter().enumerate() {
        let range = scene.mesh_triangles(instance.mesh);
        let leaves: Vec<[f32; 4]> = flat
            .leaves
            .chunks_exact(3)
            .filter(|leaf| range.contains(&leaf[1][3].to_bits()))
            .flatten()
            .copied()
            .collect();
        let mut instances = vec![Instance::ZERO; index + 1];
        for (group, eight) in leaves.chunks(24).enumerate() {
            let first = LEAF + (eight.len() as u32 / 3 - 1) * LEAF_COUNT_ONE + group as u32 * 8;
            instances[index] = Instance { blas_root: first, ..instance };
            let kernel = KernelData { nodes: &[], leaves: &leaves, instances: &instances };
            for (ray, best) in rays.iter().zip(&mut hits) {
                *best = least(*best, kernel.trace(LEAF | index as u32, ray));
            }
        }
    }
    hits
}

/// The lesser of two answers to one ray.
fn least(a: HitWords, b: HitWords) -> HitWords {
    let rank = |hit: &HitWords| match hit.instance {
        NONE => (2, 0, 0, 0),
        occluded if occluded == NONE - 1 => (0, 0, 0, 0),
        instance => (1, hit.t_bits, instance, hit.primitive),
    };
    if rank(&b) < rank(&a) { b } else { a }
}
