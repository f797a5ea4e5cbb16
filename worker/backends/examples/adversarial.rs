//! The long run of `tests/traversal.rs`: hard rays by the million. `cargo run --release -p tessera-backends --example
//! adversarial -- 10000000` prints how many rays were traced, and stops at the first that is answered in two ways.

#[path = "../tests/rays/mod.rs"]
mod rays;

use rays::{Random, cases};
use tessera_backends::probe::{HitWords, RayQuery, Traversal, trace_rays};
use tessera_backends::{BuildOptions, Quality, prepare};

fn main() -> Result<(), String> {
    let total: usize =
        std::env::args().nth(1).map_or(Ok(1_000_000), |n| n.parse()).map_err(|_| "a number of rays")?;
    let (mut traced, mut hits, mut inside, mut round) = (0, 0, 0, 0);
    let start = std::time::Instant::now();
    while traced < total {
        round += 1;
        let mut random = Random(1000 + round);
        for case in cases(&mut random) {
            let package = case.model.package();
            let scenes = [Quality::Balanced, Quality::Fast, Quality::Medium, Quality::High].map(|quality| {
                prepare(&package, 0, BuildOptions { quality, threads: 1 }).map_err(|error| error.to_string())
            });
            let mut queries: Vec<RayQuery> = (0..20_000).map(|_| case.ray(&mut random)).collect();
            let closed = queries.len();
            queries.extend((0..10_000).filter_map(|_| case.ray_from_inside(&mut random)));
            let first = scenes[0].as_ref().map_err(String::clone)?;
            let expected = trace_rays(first, Traversal::Brute, &queries);
            if expected[closed..].contains(&HitWords::NOTHING) {
                return Err(format!("{} leaks in round {round}", case.name));
            }
            for scene in &scenes {
                let scene = scene.as_ref().map_err(String::clone)?;
                for traversal in [Traversal::Binary, Traversal::Portable, Traversal::Simd] {
                    let answers = trace_rays(scene, traversal, &queries);
                    if let Some(i) = (0..queries.len()).find(|&i| answers[i] != expected[i]) {
                        let (query, answer, expected) = (queries[i], answers[i], expected[i]);
                        return Err(format!(
                            "{} {traversal:?} {query:?}: {answer:?}, not {expected:?}",
                            case.name
                        ));
                    }
                }
            }
            traced += queries.len();
            inside += queries.len() - closed;
            hits += expected.iter().filter(|hit| **hit != HitWords::NOTHING).count();
        }
    }
    println!(
        "{traced} rays, {hits} hits, {inside} from inside closed meshes: brute force and 12 traversals agree, no leak"
    );
    println!("{:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}
