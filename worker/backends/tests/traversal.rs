//! Every traversal gives one hit, to the bit, whatever the tree; and closed meshes do not leak.

mod rays;

use rays::{Case, Random, cases};
use tessera_backends::probe::{HitWords, RayQuery, Traversal, trace_rays};
use tessera_backends::{BuildOptions, PreparedScene, Quality, prepare};

const QUALITIES: [Quality; 4] = [Quality::Balanced, Quality::Fast, Quality::Medium, Quality::High];

fn scenes(case: &Case) -> Vec<PreparedScene> {
    let package = case.model.package();
    QUALITIES
        .iter()
        .map(|&quality| prepare(&package, 0, BuildOptions { quality, threads: 1 }).unwrap())
        .collect()
}

/// The hits of brute force, after every traversal over every tree has given the same.
fn agreed(case: &Case, scenes: &[PreparedScene], queries: &[RayQuery]) -> Vec<HitWords> {
    let expected = trace_rays(&scenes[0], Traversal::Brute, queries);
    for (scene, quality) in scenes.iter().zip(QUALITIES) {
        for traversal in [Traversal::Binary, Traversal::Portable, Traversal::Simd] {
            let hits = trace_rays(scene, traversal, queries);
            for ((query, expected), hit) in queries.iter().zip(&expected).zip(&hits) {
                assert_eq!(hit, expected, "{} {traversal:?} {quality:?} {query:?}", case.name);
            }
        }
    }
    expected
}

/// Rays that start again where others ended: beyond a hit, and up to it.
fn continued(queries: &[RayQuery], hits: &[HitWords], random: &mut Random) -> Vec<RayQuery> {
    let answered = queries.iter().zip(hits).filter(|(_, hit)| hit.instance < u32::MAX - 1);
    answered
        .map(|(query, hit)| match random.below(2) {
            0 => RayQuery { after: (hit.t(), hit.instance, hit.primitive), ..*query },
            _ => RayQuery { t_max: hit.t(), ..*query },
        })
        .collect()
}

#[test]
fn all_traversals_and_trees_agree_with_brute_force() {
    let mut random = Random(1);
    let mut hit_count = 0;
    for case in cases(&mut random) {
        let scenes = scenes(&case);
        let mut queries: Vec<RayQuery> = (0..8_000).map(|_| case.ray(&mut random)).collect();
        for _ in 0..3 {
            let hits = agreed(&case, &scenes, &queries);
            hit_count += hits.iter().filter(|hit| **hit != HitWords::NOTHING).count();
            queries = continued(&queries, &hits, &mut random);
        }
    }
    assert!(hit_count > 50_000, "{hit_count} hits are too few to say much");
}

#[test]
fn closed_meshes_do_not_leak() {
    let mut random = Random(2);
    for case in cases(&mut random) {
        let queries: Vec<RayQuery> = (0..8_000).filter_map(|_| case.ray_from_inside(&mut random)).collect();
        let scenes = scenes(&case);
        for hit in agreed(&case, &scenes, &queries) {
            assert_ne!(hit, HitWords::NOTHING, "{} leaks", case.name);
        }
    }
}

#[test]
fn vulkan_devices_agree_with_brute_force() {
    let adapters = tessera_backends::gpu_adapters();
    if adapters.is_empty() {
        println!("skipped: no Vulkan adapter is here; install mesa-vulkan-drivers for a software one");
    }
    for adapter in adapters {
        let mut random = Random(3);
        for case in cases(&mut random) {
            let mut queries: Vec<RayQuery> = (0..2_000).map(|_| case.ray(&mut random)).collect();
            let scene = prepare(&case.model.package(), 0, BuildOptions::default()).unwrap();
            for _ in 0..2 {
                let expected = trace_rays(&scene, Traversal::Brute, &queries);
                let hits = tessera_backends::probe::trace_rays_on(&adapter, &scene, &queries).unwrap();
                for ((query, expected), hit) in queries.iter().zip(&expected).zip(&hits) {
                    assert_eq!(hit, expected, "{} {:?} {query:?}", case.name, adapter.describe());
                }
                queries = continued(&queries, &hits, &mut random);
            }
        }
    }
}
