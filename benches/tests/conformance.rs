//! The suite on every device of this machine, and on doubles that lie: whatever is wrong is refused by its name.

use std::sync::Arc;

use tessera_backends::conformance::{Difference, Recorded, Report, Suite};
use tessera_backends::{
    Backend, BlockItem, DeviceDescription, FrameView, GpuOptions, PreparedScene, RenderError, cpu_backend,
    gpu_adapters,
};
use tessera_benches::suite;
use tessera_shared::film::BlockPixels;
use tessera_shared::messages::Mode;

/// Where a double changes one bit.
#[derive(Clone, Copy)]
enum Planted {
    /// In the result of this vector: a, b, c and the operation's index.
    Vector([u32; 4]),
    /// In the red sum of this pixel of this item.
    Pixel { item: usize, pixel: usize },
}

/// A driver with one wrong bit.
struct Double {
    honest: Box<dyn Backend>,
    planted: Planted,
}

impl Backend for Double {
    fn describe(&self) -> DeviceDescription {
        self.honest.describe()
    }

    fn render(
        &mut self,
        scene: &Arc<PreparedScene>,
        frame: &FrameView,
        items: &[BlockItem],
    ) -> Result<Vec<BlockPixels>, RenderError> {
        let mut blocks = self.honest.render(scene, frame, items)?;
        if let Planted::Pixel { item, pixel } = self.planted {
            blocks[item].0[pixel].rgb[0][0] ^= 1;
        }
        Ok(blocks)
    }

    fn operations(&mut self, vectors: &[[u32; 4]]) -> Result<Vec<[u32; 4]>, RenderError> {
        let mut answers = self.honest.operations(vectors)?;
        if let Planted::Vector(wanted) = self.planted {
            let at = vectors.iter().position(|vector| *vector == wanted).expect("the suite has the vector");
            answers[at][0] ^= 1;
        }
        Ok(answers)
    }
}

fn run(suite: &Suite, planted: Planted) -> Report {
    suite.run(&mut Double { honest: cpu_backend(1), planted }, &mut |_| {})
}

#[test]
fn every_device_of_this_machine_is_exact() {
    let suite = suite().unwrap();
    let mut devices = vec![cpu_backend(2)];
    let adapters = gpu_adapters();
    if adapters.is_empty() {
        println!(
            "skipped on GPUs: no Vulkan adapter is here; install mesa-vulkan-drivers for a software one"
        );
    }
    devices.extend(adapters.iter().map(|adapter| adapter.open(&GpuOptions::default()).unwrap()));
    for mut device in devices {
        let report = suite.run(device.as_mut(), &mut |_| {});
        let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
        assert_eq!(failures, Vec::<String>::new(), "{:?}", device.describe());
        assert!(report.checks > 120 && report.vectors > 500_000, "{report:?}");
    }
}

#[test]
fn a_device_in_mode_fast_is_not_exact_and_the_functions_are_named() {
    let suite = suite().unwrap();
    for adapter in gpu_adapters() {
        let mut fast = adapter.open(&GpuOptions { mode: Mode::Fast, ..GpuOptions::default() }).unwrap();
        let report = suite.run(fast.as_mut(), &mut |_| {});
        let named: Vec<&str> = report.failures.iter().map(|failure| failure.name.as_str()).collect();
        let functions = [
            "rsqrt",
            "normalize3",
            "sin_cos_turn",
            "atan2_turn",
            "tile mosaic",
            "tile pebbles",
            "tile marbles",
        ];
        assert!(functions.iter().all(|name| named.contains(name)), "{named:?}");
    }
}

#[test]
fn one_wrong_bit_is_refused_by_the_name_of_its_vector() {
    let suite = suite().unwrap();
    // A contracted sum, a division at a denormal, a bit cast that flushes one, a conversion at the end of its range, a root.
    for (name, words) in [
        ("a * b + c", [0x3faa_aaab, 0x3f80_0001, 0x3f7f_ffff, 32]),
        ("div", [0x007f_ffff, 0x0080_0000, 0, 96]),
        ("bitcast", [0xff, 0, 0, 14]),
        ("i32(a)", [0x4eff_ffff, 0, 0, 18]),
        ("sqrt_", [0x3eff_ffff, 0, 0, 98]),
    ] {
        let report = run(&suite, Planted::Vector(words));
        let [failure] = &report.failures[..] else { panic!("{name}: {:?}", report.failures) };
        assert_eq!(failure.name, name);
        let Difference::Vectors { failed: 1, first, .. } = &failure.difference else { panic!("{failure}") };
        assert_eq!((first.words, first.device[0]), (words, first.cpu[0] ^ 1));
        let told = failure.to_string();
        println!("{told}");
        let bits = [words[0], words[1], first.cpu[0], first.device[0]];
        assert!(bits.iter().all(|bits| told.contains(&format!("{bits:#010x}"))), "{told}");
    }
}

#[test]
fn one_wrong_pixel_is_refused_by_the_name_of_its_tile_and_block() {
    let report = run(&suite().unwrap(), Planted::Pixel { item: 9, pixel: 63 });
    let names: Vec<&str> = report.failures.iter().map(|failure| failure.name.as_str()).collect();
    assert_eq!(names, ["tile mosaic", "tile pebbles", "tile marbles"]);
    for failure in &report.failures {
        let Difference::Blocks { failed: 1, of: 40, at, .. } = failure.difference else {
            panic!("{failure}")
        };
        assert_eq!((at.x, at.y), (1, 1));
    }
}

#[test]
fn a_cpu_that_agrees_with_a_wrong_device_hides_the_vector_but_not_the_failure() {
    let suite = suite().unwrap();
    let mut moved = Recorded::default();
    for (name, digest) in suite.recorded.iter() {
        let digest = if name == "rcp" { tessera_shared::digest::Digest::of(b"another") } else { digest };
        if name != "log2_" {
            moved.insert(name.to_owned(), digest);
        }
    }
    let report = Suite { tiles: Vec::new(), recorded: moved }.run(cpu_backend(1).as_mut(), &mut |_| {});
    let told: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert!(told.len() == 2 && told[0].contains("`rcp`") && told[0].contains("same wrong bits"), "{told:?}");
    assert!(told[1].contains("`log2_`: nothing is recorded"), "{told:?}");
}

#[test]
fn what_is_recorded_is_what_the_suite_asks() {
    let suite = suite().unwrap();
    let measured = suite.measure().unwrap();
    let names = |recorded: &Recorded| recorded.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(
        names(&suite.recorded),
        names(&measured),
        "run `cargo xtask golden` after raising KERNEL_VERSION"
    );
    assert_eq!(
        suite.recorded, measured,
        "bits moved; raise KERNEL_VERSION in shared/src/lib.rs if they are meant to"
    );
}
