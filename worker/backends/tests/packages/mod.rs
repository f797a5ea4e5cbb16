//! Packages that a hostile artist might craft: the samples', changed word by word and figure by figure so that the validator
//! still takes them, from one seed. Shared by the test and by the long run of `examples/packages.rs`.

mod change;
#[path = "../random/mod.rs"]
mod random;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tessera_backends::{
    Backend, BlockItem, BuildOptions, FrameView, GpuOptions, Quality, RenderError, cpu_backend, gpu_adapters,
    prepare,
};
use tessera_scenes::shot::ShotKeys;
use tessera_scenes::{ImportLimits, Shot, compile};
use tessera_shared::digest::Digest;
use tessera_shared::grid::BlockAt;
use tessera_shared::package::validate::validate;
use tessera_shared::package::{Manifest, Package, SceneEntry, Section, SectionKind};

pub use random::Random;

/// Blocks of a package that are rendered, and samples of each.
const BLOCKS: usize = 3;
const SAMPLES: u32 = 2;
/// Changes that a package takes at most, and tries for each.
const CHANGES_MAX: usize = 6;
const TRIES: usize = 6;
/// Trees that the CPU traverses.
const QUALITIES: [Quality; 3] = [Quality::Medium, Quality::Balanced, Quality::High];

/// A package whose sections can be written to.
#[derive(Clone)]
pub struct Draft {
    pub manifest: Manifest,
    pub sections: BTreeMap<SectionKind, Vec<u8>>,
}

impl Draft {
    fn of(package: &Package) -> Draft {
        let scene = &package.manifest.scenes[0];
        let bytes = |section: &Section| package.section(scene, section.kind).to_vec();
        let sections = scene.sections.iter().map(|section| (section.kind, bytes(section))).collect();
        Draft { manifest: package.manifest.clone(), sections }
    }

    pub fn package(&self) -> Package {
        let mut package = Package { manifest: self.manifest.clone(), blobs: BTreeMap::new() };
        package.manifest.scenes = vec![SceneEntry { sections: Vec::new() }];
        for (kind, bytes) in &self.sections {
            package.add_section(*kind, bytes);
        }
        package
    }
}

/// The repository's sample scenes, small.
pub fn samples() -> Vec<(&'static str, Draft)> {
    let read = |name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenes").join(name);
        let flags = ShotKeys { width: Some(64), height: Some(48), spp: Some(4), ..ShotKeys::default() };
        let shot = Shot::read(&path, flags).unwrap();
        (name, Draft::of(&compile(&shot, &ImportLimits::default()).unwrap().package))
    };
    ["marbles.toml", "pebbles.toml", "mosaic.toml"].map(read).to_vec()
}

/// What renders: the CPU over each tree, and every Vulkan adapter that is here.
pub struct Devices {
    gpus: Vec<(String, Box<dyn Backend>)>,
}

impl Devices {
    pub fn open() -> Devices {
        let adapters = gpu_adapters();
        let open = adapters.iter().filter_map(|adapter| {
            let backend = adapter.open(&GpuOptions::default()).ok()?;
            Some((adapter.describe().name.clone(), backend))
        });
        Devices { gpus: open.collect() }
    }

    pub fn gpu_names(&self) -> Vec<&str> {
        self.gpus.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// What became of one crafted package.
pub struct Played {
    pub changes: Vec<String>,
    /// Seconds that the slowest device took.
    pub seconds: f64,
    /// Devices that said that they cannot.
    pub refused: u32,
    /// How devices differ; `None` where they agree.
    pub finding: Option<String>,
}

/// The package of a seed, the blocks of it that are rendered, and what was changed.
pub fn craft(seed: u64, samples: &[(&'static str, Draft)]) -> (Package, Vec<BlockItem>, Vec<String>) {
    let mut random = Random::of_seed(seed);
    let (name, sample) = &samples[random.below(samples.len())];
    let (draft, mut changes) = crafted(sample, &mut random);
    changes.insert(0, (*name).to_owned());
    let package = draft.package();
    let items = items(&package, &mut random);
    (package, items, changes)
}

/// Crafts the package of a seed from the samples and renders it everywhere.
pub fn play(seed: u64, samples: &[(&'static str, Draft)], devices: &mut Devices) -> Played {
    let (package, items, changes) = craft(seed, samples);
    let (mut seconds, mut refused) = (0.0f64, 0);
    let mut expected = None;
    for (device, outcome, took) in renders(&package, &items, devices) {
        seconds = seconds.max(took);
        let digests = match outcome {
            // A limit of a device is its own and says so.
            Err(
                RenderError::TooLarge { .. }
                | RenderError::OutOfMemory { .. }
                | RenderError::Unfinished { .. },
            ) => {
                refused += 1;
                continue;
            }
            Err(error) => {
                return Played { changes, seconds, refused, finding: Some(format!("{device}: {error}")) };
            }
            Ok(digests) => digests,
        };
        let first: &Vec<Digest> = expected.get_or_insert_with(|| digests.clone());
        if let Some(at) = (0..items.len()).find(|at| first[*at] != digests[*at]) {
            let finding =
                format!("{device}: block {:?} is {:?}, not {:?}", items[at], digests[at], first[at]);
            return Played { changes, seconds, refused, finding: Some(finding) };
        }
    }
    Played { changes, seconds, refused, finding: None }
}

/// The sample after some changes that each left it valid.
fn crafted(sample: &Draft, random: &mut Random) -> (Draft, Vec<String>) {
    let (mut draft, mut changes) = (sample.clone(), Vec::new());
    for _ in 0..1 + random.below(CHANGES_MAX) {
        for _ in 0..TRIES {
            let mut changed = draft.clone();
            let what = change::change(&mut changed, random);
            if validate(&changed.package()).is_ok() {
                draft = changed;
                changes.push(what);
                break;
            }
        }
    }
    (draft, changes)
}

fn items(package: &Package, random: &mut Random) -> Vec<BlockItem> {
    let settings = &package.manifest.settings;
    let (columns, rows) = settings.grid.blocks();
    let sample_end = settings.samples.min(SAMPLES);
    let item = |_| {
        let at = BlockAt { x: random.below(columns as usize) as u16, y: random.below(rows as usize) as u16 };
        BlockItem { at, sample_start: 0, sample_end }
    };
    (0..BLOCKS).map(item).collect()
}

type Rendered = (String, Result<Vec<Digest>, RenderError>, f64);

fn renders(package: &Package, items: &[BlockItem], devices: &mut Devices) -> Vec<Rendered> {
    let number = package.manifest.frames[0].number;
    let (_, frame) = FrameView::of(&package.manifest, number).expect("the first frame is there");
    let mut rendered = Vec::new();
    let mut timed = |name: String, backend: &mut dyn Backend, quality| {
        let start = Instant::now();
        let scene = prepare(package, 0, BuildOptions { quality, threads: 1 }).expect("the package is valid");
        let pixels = backend.render(&Arc::new(scene), &frame, items);
        let digests = pixels.map(|pixels| {
            let digest = |(item, pixels): (&BlockItem, tessera_shared::film::BlockPixels)| {
                pixels.digest(item.at, item.sample_start..item.sample_end)
            };
            items.iter().zip(pixels).map(digest).collect()
        });
        rendered.push((name, digests, start.elapsed().as_secs_f64()));
    };
    for quality in QUALITIES {
        timed(format!("CPU, {quality:?} tree"), &mut *cpu_backend(1), quality);
    }
    for (name, backend) in &mut devices.gpus {
        timed(name.clone(), backend.as_mut(), Quality::Fast);
    }
    rendered
}
