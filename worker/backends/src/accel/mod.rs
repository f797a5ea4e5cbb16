//! Bounding volumes over a scene: one tree a mesh and one over the instances, flattened for the kernel (`flat`) or
//! collapsed to eight children a node for the CPU's SIMD (`wide`). Which hits exist does not depend on anything decided
//! here: `shaders/wgsl/trace.wgsl` says why.

mod bounds;
mod flat;
mod tree;
mod wide;

use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) use bounds::Bounds;
pub(crate) use flat::FlatBvh;
use tessera_shared::package::layout::Instance;
use tree::Tree;
pub(crate) use wide::{LANES, Packet, WIDE_LEAF, WideBvh, WideInstance, WideNode};

use crate::scene::Geometry;

/// How bounding volumes are built.
#[derive(Clone, Copy, Debug)]
pub struct BuildOptions {
    pub quality: Quality,
    /// Threads that build meshes side by side; one mesh is built by one thread.
    pub threads: usize,
}

impl Default for BuildOptions {
    fn default() -> BuildOptions {
        BuildOptions { quality: Quality::Medium, threads: 1 }
    }
}

/// Time spent on building against time spent on tracing. The image does not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Halves by position: the least depth there is, and the slowest to trace. Others fall back to it where they get too deep.
    Balanced,
    /// Clustering (PLOC) alone.
    Fast,
    /// Clustering and some reinsertion.
    Medium,
    /// Clustering over a wider neighbourhood and much reinsertion.
    High,
}

/// Entries of the kernel's stack: what the world's tree and the deepest mesh's tree may need together.
const STACK_MAX: u32 = 64;
/// Deepest tree of a mesh, in edges from root to leaf.
const MESH_DEPTH_MAX: u32 = 40;
/// Most triangles of all meshes and most instances; both are halved to nothing within their depths.
const TRIANGLES_MAX: u64 = 1 << 28;
const INSTANCES_MAX: u64 = 1 << 24;

/// More than the traversal's indices can name.
#[derive(Debug, thiserror::Error)]
#[error(
    "a scene of {triangles} triangles of meshes and {instances} instances; at most {TRIANGLES_MAX} and {INSTANCES_MAX} can be traced"
)]
pub struct TooManyTriangles {
    triangles: u64,
    instances: u64,
}

/// The trees of a scene.
pub(crate) struct Accel {
    /// By mesh; `None` for a mesh without triangles or without instances. Leaves are indices within the mesh.
    pub meshes: Vec<Option<Tree>>,
    /// Over instances of meshes that have triangles; `None` where there are none. Leaves are indices of instances.
    pub world: Option<Tree>,
}

impl Accel {
    pub fn build(geometry: &Geometry<'_>, options: BuildOptions) -> Result<Accel, TooManyTriangles> {
        let triangles = geometry.meshes.iter().map(|mesh| u64::from(mesh.triangle_count)).sum();
        let instances = geometry.instances.len() as u64;
        if triangles > TRIANGLES_MAX || instances > INSTANCES_MAX {
            return Err(TooManyTriangles { triangles, instances });
        }
        let mut used = vec![false; geometry.meshes.len()];
        for instance in geometry.instances {
            used[instance.mesh as usize] = geometry.meshes[instance.mesh as usize].triangle_count > 0;
        }
        let meshes = build_meshes(geometry, &used, options);
        let deepest = meshes.iter().flatten().map(Tree::depth).max().unwrap_or(0);
        let placed: Vec<u32> = (0..geometry.instances.len() as u32)
            .filter(|&index| used[geometry.instances[index as usize].mesh as usize])
            .collect();
        let boxes: Vec<Bounds> =
            placed.iter().map(|&index| instance_bounds(&geometry.instances[index as usize])).collect();
        let world = (!boxes.is_empty()).then(|| {
            Tree::build(&boxes, options.quality, STACK_MAX - deepest)
                .with_leaves(|leaf| placed[leaf as usize])
        });
        Ok(Accel { meshes, world })
    }
}

/// Trees of the meshes that are used, built side by side.
fn build_meshes(geometry: &Geometry<'_>, used: &[bool], options: BuildOptions) -> Vec<Option<Tree>> {
    let next = AtomicUsize::new(0);
    let build = |mesh: usize| {
        let boxes: Vec<Bounds> =
            mesh_triangles(geometry, mesh).map(|triangle| triangle_bounds(geometry, triangle)).collect();
        Tree::build(&boxes, options.quality, MESH_DEPTH_MAX)
    };
    // What each thread takes depends on its speed; the trees and their order do not.
    let work = || {
        let mut built = Vec::new();
        loop {
            let mesh = next.fetch_add(1, Ordering::Relaxed);
            match used.get(mesh) {
                None => return built,
                Some(true) => built.push((mesh, build(mesh))),
                Some(false) => {}
            }
        }
    };
    let mut trees: Vec<Option<Tree>> = used.iter().map(|_| None).collect();
    let threads = options.threads.clamp(1, used.len().max(1));
    let parts: Vec<Vec<(usize, Tree)>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.chain([own]).collect()
    });
    for (mesh, tree) in parts.into_iter().flatten() {
        trees[mesh] = Some(tree);
    }
    trees
}

/// Global indices of a mesh's triangles.
fn mesh_triangles(geometry: &Geometry<'_>, mesh: usize) -> std::ops::Range<u32> {
    let mesh = geometry.meshes[mesh];
    mesh.triangle_start..mesh.triangle_start + mesh.triangle_count
}

/// A triangle's corners in object space.
fn triangle_corners(geometry: &Geometry<'_>, triangle: u32) -> [[f32; 3]; 3] {
    let [a, b, c, _] = geometry.triangles[triangle as usize];
    [a, b, c].map(|vertex| {
        let [x, y, z, _] = geometry.positions[vertex as usize];
        [x, y, z]
    })
}

/// A triangle's own box, padded as `trace.wgsl` does.
fn triangle_bounds(geometry: &Geometry<'_>, triangle: u32) -> Bounds {
    Bounds::of_points(&triangle_corners(geometry, triangle)).padded()
}

/// An instance's world box of the package, padded as `trace.wgsl` does.
fn instance_bounds(instance: &Instance) -> Bounds {
    Bounds { min: instance.box_min, max: instance.box_max }.padded()
}
