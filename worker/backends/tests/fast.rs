//! Mode fast against exact: other bits, the same picture. The two share their random numbers, so most paths are the same path; what is
//! left are roundings, and the few paths that a rounding sends elsewhere.

use std::path::Path;
use std::sync::Arc;

use tessera_backends::{
    Backend, BlockItem, BuildOptions, FrameView, GpuOptions, cpu_backend, gpu_adapters, prepare,
};
use tessera_scenes::shot::ShotKeys;
use tessera_scenes::{ImportLimits, Shot, compile};
use tessera_shaders::operations::operations;
use tessera_shared::film::Film;
use tessera_shared::grid::BlockAt;
use tessera_shared::messages::Mode;
use tessera_shared::package::Package;

/// The means of the two pictures differ by less than this share of the exact one's, in every channel.
const MEAN_TOLERANCE: f64 = 0.002;
/// A pixel is another if it differs by more than this share of the picture's mean.
const PIXEL_TOLERANCE: f64 = 0.02;
/// At most this share of the pixels is another.
const OTHER_PIXELS: f64 = 0.05;

const EDGE_PX: (u32, u32) = (64, 48);
const SAMPLES: u32 = 16;

fn package(name: &str) -> Package {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenes").join(name);
    let (width, height) = (Some(EDGE_PX.0), Some(EDGE_PX.1));
    let shot =
        Shot::read(&path, ShotKeys { width, height, spp: Some(SAMPLES), ..ShotKeys::default() }).unwrap();
    compile(&shot, &ImportLimits::default()).unwrap().package
}

fn film(backend: &mut dyn Backend, package: &Package) -> Film {
    let number = package.manifest.frames[0].number;
    let (scene, frame) = FrameView::of(&package.manifest, number).unwrap();
    let scene = Arc::new(prepare(package, scene, BuildOptions::default()).unwrap());
    let (columns, rows) = frame.settings.grid.blocks();
    let blocks = (0..rows).flat_map(|y| (0..columns).map(move |x| BlockAt { x: x as u16, y: y as u16 }));
    let items: Vec<_> = blocks.map(|at| BlockItem { at, sample_start: 0, sample_end: SAMPLES }).collect();
    let pixels = backend.render(&scene, &frame, &items).unwrap();
    let mut film = Film::new(EDGE_PX.0, EDGE_PX.1, frame.settings.film_scale_log2);
    items.iter().zip(&pixels).for_each(|(item, block)| film.add(item.at, block));
    film
}

fn mean(film: &Film, channel: usize) -> f64 {
    film.pixels.iter().map(|pixel| pixel.rgb[channel] as f64).sum::<f64>() / film.pixels.len() as f64
}

#[test]
fn a_fast_picture_is_the_exact_one_but_for_its_bits() {
    for adapter in gpu_adapters() {
        let mut fast = adapter.open(&GpuOptions { mode: Mode::Fast, ..GpuOptions::default() }).unwrap();
        for name in ["mosaic.toml", "pebbles.toml", "marbles.toml"] {
            let package = package(name);
            let exact = film(cpu_backend(2).as_mut(), &package);
            let found = film(fast.as_mut(), &package);
            assert_ne!(exact.digest(), found.digest(), "{name}: nothing is fast about it");
            for channel in 0..3 {
                let (wanted, got) = (mean(&exact, channel), mean(&found, channel));
                let other = exact.pixels.iter().zip(&found.pixels).filter(|(a, b)| {
                    (a.rgb[channel] - b.rgb[channel]).abs() as f64 > PIXEL_TOLERANCE * wanted
                });
                let (off, other) = (got / wanted - 1.0, other.count() as f64 / exact.pixels.len() as f64);
                println!(
                    "{name}, channel {channel}: mean off by {off:.6}, {other:.4} of the pixels are others"
                );
                assert!(off.abs() < MEAN_TOLERANCE, "{name}, channel {channel}: mean off by {off}");
                assert!(other < OTHER_PIXELS, "{name}, channel {channel}: {other} of the pixels are others");
            }
        }
    }
}

#[test]
fn fast_functions_keep_to_the_edges_of_the_exact_ones() {
    // (operation, a, b, wanted): what a kernel relies on is not left to built-ins.
    let one = 1.0f32.to_bits();
    let edges = [
        ("div", one, 0, 0),
        ("div", one, 0x007f_ffff, 0),
        ("rcp", 0, 0, 0),
        ("sqrt_", (-1.0f32).to_bits(), 0, 0),
        ("rsqrt", 0, 0, 0),
        ("rsqrt", (-1.0f32).to_bits(), 0, 0),
        ("exp2_", (-61.0f32).to_bits(), 0, 0),
        ("exp2_", 0, 0, one),
        ("atan2_turn", 0, 0, 0),
    ];
    let index = |name| operations().iter().find(|operation| operation.name == name).unwrap().index;
    let vectors: Vec<[u32; 4]> = edges.iter().map(|&(name, a, b, _)| [a, b, 0, index(name)]).collect();
    for adapter in gpu_adapters() {
        let answers = adapter.run_operations(Mode::Fast, &vectors).unwrap();
        for (&(name, a, b, wanted), answer) in edges.iter().zip(answers) {
            assert_eq!(answer[0], wanted, "{name} of {a:#x}, {b:#x} on {:?}", adapter.describe());
        }
    }
}
