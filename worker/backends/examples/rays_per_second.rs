//! Incoherent closest-hit rays on about a million triangles, on one and on two threads. `cargo run --release -p
//! tessera-backends --example rays_per_second`.

#[path = "../tests/rays/mod.rs"]
#[allow(dead_code)]
mod rays;

use std::time::Instant;

use rays::{Model, Random, add, scale, sphere};
use tessera_backends::probe::{RayQuery, Traversal, trace_rays};
use tessera_backends::{BuildOptions, PreparedScene, Quality, prepare};

/// 64 bumpy spheres of 2^14 triangles each in a room.
fn scene(quality: Quality) -> PreparedScene {
    let mut random = Random(7);
    let ball = sphere(5);
    let mut triangles = rays::moved(rays::cube(64), 4.0, [0.0; 3]);
    for _ in 0..128 {
        let (centre, size) = (scale(random.point(), 3.5), 0.2 + random.unit());
        let bump = |p: [f32; 3]| {
            add(centre, scale(p, size * (1.0 + 0.05 * (p[0] * 40.0).sin() * (p[1] * 31.0).cos())))
        };
        triangles.extend(ball.iter().map(|corners| corners.map(bump)));
    }
    let mut model = Model::default();
    let mesh = model.mesh(&triangles, |_| false);
    model.place(mesh, None);
    let start = Instant::now();
    let package = model.package();
    let scene = prepare(&package, 0, BuildOptions { quality, threads: 1 }).expect("the scene is sound");
    println!("{quality:?}: {} triangles, built in {:.2} s", triangles.len(), start.elapsed().as_secs_f64());
    scene
}

fn main() {
    for quality in [Quality::Fast, Quality::Medium, Quality::High] {
        let scene = scene(quality);
        let mut random = Random(9);
        let rays: Vec<RayQuery> =
            (0..1_000_000).map(|_| RayQuery::new(scale(random.point(), 3.9), random.direction())).collect();
        for traversal in [Traversal::Simd, Traversal::Portable, Traversal::Binary] {
            trace_rays(&scene, traversal, &rays[..1000]);
            for threads in [1, 2] {
                let start = Instant::now();
                std::thread::scope(|scope| {
                    for part in rays.chunks(rays.len() / threads) {
                        scope.spawn(|| trace_rays(&scene, traversal, part));
                    }
                });
                let rate = rays.len() as f64 / start.elapsed().as_secs_f64() / 1e6;
                println!("  {traversal:?} on {threads}: {rate:.2} Mrays/s");
            }
        }
    }
}
