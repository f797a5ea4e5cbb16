//! Every Vulkan adapter of this machine against the CPU: operations, control flow and whole blocks, equal to the bit.

use std::path::Path;
use std::sync::Arc;

use tessera_backends::conformance::check_operations;
use tessera_backends::{
    Backend, BlockItem, BuildOptions, ComputeBuffer, FrameView, GpuAdapter, GpuOptions, Quality, cpu_backend,
    gpu_adapters, prepare,
};
use tessera_scenes::shot::ShotKeys;
use tessera_scenes::{ImportLimits, Shot, compile};
use tessera_shaders::cpu_torture::{Bindings, Inner, Kernel, NoHooks, Padded, TortureParams};
use tessera_shaders::spirv;
use tessera_shaders::wgsl::{Vec2i, Vec2u, Vec3f, Vec4f};
use tessera_shared::digest::Digest;
use tessera_shared::grid::BlockAt;
use tessera_shared::package::layout::{PUNCTUAL_DIRECTIONAL, PunctualLight, SceneHeader};
use tessera_shared::package::{Package, Section, SectionKind, validate};

/// Adapters; where there are none, the test says so and passes.
fn adapters() -> Vec<GpuAdapter> {
    let adapters = gpu_adapters();
    if adapters.is_empty() {
        println!("skipped: no Vulkan adapter is here; install mesa-vulkan-drivers for a software one");
    }
    adapters
}

#[test]
fn every_operation_gives_the_bits_of_the_cpu() {
    for adapter in adapters() {
        for checked in check_operations(&adapter).unwrap() {
            let name = checked.operation.name;
            assert!(checked.vectors > 100, "{name} has {} vectors", checked.vectors);
            assert_eq!((checked.failures, checked.first), (0, None), "{name}");
        }
    }
}

#[test]
fn control_flow_and_layouts_give_the_bits_of_the_cpu() {
    let params = TortureParams { count: 4096, seed: 77, scale: 0.75, offset: -9 };
    let edges = [0, 1, 31, 32, 33, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    let inputs: Vec<u32> =
        edges.into_iter().chain((0..993u32).map(|i| i.wrapping_mul(0x9e37_79b9))).collect();
    let record = |index: u32| {
        let inner = |k: u32| Inner {
            direction: Vec3f::new(index as f32, k as f32 * 0.5, -1.25),
            weight: 0.125 * k as f32,
            flags: Vec2u::new(index * 3 + k, 7 - k),
            ..Inner::ZERO
        };
        Padded {
            first: index,
            axis: Vec3f::new(0.5, -0.25 * index as f32, 2.0),
            inners: [inner(index), inner(index + 1)],
            shift: Vec2i::new(-(index as i32), 40),
            last: 1.5 - index as f32,
            ..Padded::ZERO
        }
    };
    let records: Vec<Padded> = (0..5).map(record).collect();
    let points: Vec<Vec4f> = (0..7).map(|i| Vec4f::new(i as f32, 0.5, -(i as f32), 1.0)).collect();
    let bindings = Bindings { params: &params, inputs: &inputs, records: &records, points: &points };
    let kernel = Kernel { b: bindings, hooks: &NoHooks };
    let expected: Vec<u32> = (0..params.count)
        .flat_map(|index| (0..9).map(move |which| (index, which)))
        .map(|(i, w)| kernel.column(i, w))
        .collect();
    for adapter in adapters() {
        let zeros = vec![0u8; expected.len() * 4];
        let read = |bytes| ComputeBuffer { bytes, writable: false };
        let buffers = [
            read(bytemuck::bytes_of(&params)),
            read(bytemuck::cast_slice(&inputs)),
            read(bytemuck::cast_slice(&records)),
            read(bytemuck::cast_slice(&points)),
            ComputeBuffer { bytes: &zeros, writable: true },
        ];
        let out =
            adapter.run_compute(spirv::TORTURE, "torture", &buffers, [params.count / 64, 1, 1]).unwrap();
        let results: Vec<u32> = bytemuck::pod_collect_to_vec(&out[0]);
        for (at, (result, expected)) in results.iter().zip(&expected).enumerate() {
            assert_eq!(result, expected, "item {}, column {}", at / 9, at % 9);
        }
    }
}

/// A sample scene of the repository's, small.
fn render(backend: &mut dyn Backend, name: &str, quality: Quality, split: u32) -> Vec<[u8; 32]> {
    render_package(backend, &package(name, ShotKeys::default()), quality, split)
}

fn package(name: &str, flags: ShotKeys) -> Package {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenes").join(name);
    let flags = ShotKeys { width: Some(64), height: Some(48), spp: Some(4), ..flags };
    let shot = Shot::read(&path, flags).unwrap();
    compile(&shot, &ImportLimits::default()).unwrap().package
}

fn render_package(
    backend: &mut dyn Backend,
    package: &Package,
    quality: Quality,
    split: u32,
) -> Vec<[u8; 32]> {
    let number = package.manifest.frames[0].number;
    let (scene, frame) = FrameView::of(&package.manifest, number).unwrap();
    let scene = Arc::new(prepare(package, scene, BuildOptions { quality, threads: 2 }).unwrap());
    let (columns, rows) = frame.settings.grid.blocks();
    let blocks = (0..rows).flat_map(|y| (0..columns).map(move |x| BlockAt { x: x as u16, y: y as u16 }));
    let items: Vec<BlockItem> = blocks
        .flat_map(|at| {
            (0..4 / split).map(move |part| BlockItem {
                at,
                sample_start: part * split,
                sample_end: (part + 1) * split,
            })
        })
        .collect();
    let pixels = backend.render(&scene, &frame, &items).unwrap();
    let digests = items.iter().zip(pixels);
    digests.map(|(item, pixels)| pixels.digest(item.at, item.sample_start..item.sample_end).0).collect()
}

#[test]
fn blocks_are_equal_on_every_device_and_tree() {
    for name in ["mosaic.toml", "pebbles.toml", "marbles.toml"] {
        let expected = render(&mut *cpu_backend(2), name, Quality::Medium, 2);
        assert_eq!(
            render(&mut *cpu_backend(1), name, Quality::Balanced, 2),
            expected,
            "{name}, another tree"
        );
        for adapter in adapters() {
            let mut backend = adapter.open(&GpuOptions::default()).unwrap();
            assert_eq!(
                render(&mut *backend, name, Quality::High, 2),
                expected,
                "{name} on {:?}",
                adapter.describe()
            );
        }
    }
}

/// llvmpipe stops the loops of an invocation after 65,535 turns together, which these samples exceed.
#[test]
fn many_samples_of_one_block_are_equal_on_every_device() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenes/mosaic.toml");
    let flags = ShotKeys { width: Some(64), height: Some(48), spp: Some(256), ..ShotKeys::default() };
    let package = compile(&Shot::read(&path, flags).unwrap(), &ImportLimits::default()).unwrap().package;
    let (scene, frame) = FrameView::of(&package.manifest, package.manifest.frames[0].number).unwrap();
    let scene =
        Arc::new(prepare(&package, scene, BuildOptions { quality: Quality::Balanced, threads: 1 }).unwrap());
    let items = [BlockItem { at: BlockAt { x: 4, y: 3 }, sample_start: 0, sample_end: 256 }];
    let expected = cpu_backend(2).render(&scene, &frame, &items).unwrap();
    for adapter in adapters() {
        let mut backend = adapter.open(&GpuOptions::default()).unwrap();
        let found = backend.render(&scene, &frame, &items).unwrap();
        assert!(found == expected, "{:?}", adapter.describe());
    }
}

/// The package with these lamps as its only lights, all picked equally often: a power of two of them.
fn lit_by(mut package: Package, lamps: &[PunctualLight]) -> Package {
    let share = (1u64 << 32) / lamps.len() as u64;
    let mut lamps = lamps.to_vec();
    for (lamp, end) in lamps.iter_mut().zip(1..) {
        lamp.cdf = u32::try_from(end * share).unwrap_or(u32::MAX);
        lamp.probability = (share as f64 / 4_294_967_296.0) as f32;
    }
    let section = package.section(&package.manifest.scenes[0], SectionKind::Header);
    let header = SceneHeader {
        environment_width: 0,
        environment_height: 0,
        environment_probability: 0.0,
        environment_pick: 0,
        punctual_count: lamps.len() as u32,
        punctual_pick: u32::MAX,
        punctual_probability: 1.0,
        ..bytemuck::pod_read_unaligned(section)
    };
    let removed = [SectionKind::Header, SectionKind::EnvironmentTexels, SectionKind::EnvironmentTable];
    package.manifest.scenes[0].sections.retain(|section| !removed.contains(&section.kind));
    let added = [
        (SectionKind::Header, bytemuck::bytes_of(&header).to_vec()),
        (SectionKind::PunctualLights, bytemuck::cast_slice(&lamps).to_vec()),
    ];
    for (kind, bytes) in added {
        let blob = Digest::of(&bytes);
        package.manifest.scenes[0].sections.push(Section { kind, blob, bytes: bytes.len() as u64 });
        package.blobs.insert(blob, bytes.into());
    }
    assert_eq!(validate::validate(&package), Ok(()));
    package
}

#[test]
fn lamps_and_cameras_are_equal_on_every_device() {
    let base = PunctualLight { intensity: [3.0, 2.0, 1.0], cone_offset: 1.0, ..PunctualLight::default() };
    let spot = PunctualLight {
        position: [0.5, 3.0, 0.5],
        axis: [0.0, -1.0, 0.0],
        cone_scale: 4.0,
        cone_offset: -3.0,
        inverse_range2: 0.01,
        ..base
    };
    let lamps = [
        PunctualLight { position: [1.0, 2.0, 2.0], ..base },
        PunctualLight { position: [-1.5, 1.0, 1.0], radius: 0.4, ..base },
        PunctualLight { position: [0.0, 0.8, 0.6], flags: PUNCTUAL_DIRECTIONAL, radius: 0.1, ..base },
        spot,
    ];
    let flat = ShotKeys { ortho_height: Some(3.0), aperture_radius: Some(0.1), ..ShotKeys::default() };
    let deep = ShotKeys { aperture_radius: Some(0.05), focus_distance: Some(5.0), ..ShotKeys::default() };
    for view in [flat, deep] {
        let package = lit_by(package("pebbles.toml", view), &lamps);
        let expected = render_package(&mut *cpu_backend(2), &package, Quality::Medium, 2);
        let blocks: std::collections::BTreeSet<_> = expected.iter().collect();
        assert!(blocks.len() > expected.len() / 4, "the picture shows something");
        for adapter in adapters() {
            let mut backend = adapter.open(&GpuOptions::default()).unwrap();
            let found = render_package(&mut *backend, &package, Quality::High, 2);
            assert_eq!(found, expected, "{:?}", adapter.describe());
        }
    }
}
