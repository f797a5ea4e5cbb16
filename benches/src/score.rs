//! What a device is worth: rays a second on blocks that a seed chooses, coherent and incoherent, each run checked by a block that
//! this machine's CPU renders again; and how fast a scene reaches it. Devices take turns, figures are medians. Knows no farm.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera_backends::{
    Backend, BlockItem, BuildOptions, DeviceKind, FrameView, PreparedScene, Quality, RenderError,
    cpu_backend, prepare,
};
use tessera_shared::film::BlockPixels;
use tessera_shared::grid::BlockAt;
use tessera_shared::package::{Package, SectionKind};

use crate::samples::{Sample, SampleError, View};

/// The frame that is measured. Its samples are many, so that a fast device does not run out of them.
const VIEW: View = View { width_px: 320, height_px: 184, samples: 1 << 14, seed: 0, max_bounces: 8 };
/// Turns that each device and kind of rays gets; the figure is the median.
const TURNS: usize = 5;
/// Bytes that an upload is measured with.
const UPLOAD_BYTES: usize = 64 << 20;
/// Rays are counted over at least this long before a turn's size is chosen.
const WARM: Duration = Duration::from_millis(30);

/// Which rays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rays {
    /// From the camera and to lights: neighbours go alike.
    Coherent,
    /// Paths of eight bounces.
    Incoherent,
}

/// A device to be scored.
pub struct Contender {
    pub backend: Box<dyn Backend>,
    /// Its blocks are compared with the CPU's. Off for mode fast, whose bits are its own.
    pub verified: bool,
}

/// Rays a second of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// The median of the turns.
    pub rays_per_second: u64,
    pub blocks_checked: u32,
    /// Blocks of those that were not the CPU's.
    pub blocks_wrong: u32,
}

/// What a device scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    pub coherent: Rate,
    pub incoherent: Rate,
    /// From this machine's memory to the device's; `None` for a CPU, which reads where it lies.
    pub upload_bytes_per_second: Option<u64>,
}

/// How to measure.
#[derive(Clone, Copy, Debug)]
pub struct ScoreOptions {
    /// What all turns together should take.
    pub budget: Duration,
    /// Decides which blocks are rendered and with which random numbers: nobody can have them ready.
    pub seed: u32,
}

/// Why a device has no score.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    #[error(transparent)]
    Sample(#[from] SampleError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Prepare(#[from] tessera_backends::PrepareError),
    #[error("the sample scene has no frame")]
    NoFrame,
}

/// One kind of rays on the sample scene, for every device.
struct Course {
    scene: Arc<PreparedScene>,
    /// The same triangles in another hierarchy, for whoever checks.
    other: Arc<PreparedScene>,
    view: FrameView,
}

impl Course {
    fn new(package: &Package, rays: Rays) -> Result<Course, ScoreError> {
        let number = package.manifest.frames.first().map(|frame| frame.number);
        let found = number.and_then(|number| FrameView::of(&package.manifest, number));
        let (index, mut view) = found.ok_or(ScoreError::NoFrame)?;
        if rays == Rays::Coherent {
            view.settings.max_bounces = 0;
        }
        let other = BuildOptions { quality: Quality::Balanced, ..BuildOptions::default() };
        let scene = Arc::new(prepare(package, index, BuildOptions::default())?);
        Ok(Course { scene, other: Arc::new(prepare(package, index, other)?), view })
    }

    /// So many blocks that the seed chooses, without one twice.
    fn items(&self, seed: u32, load: Load) -> Vec<BlockItem> {
        let (columns, rows) = self.view.settings.grid.blocks();
        let count = columns * rows;
        // A step that shares no factor with the count meets every block once.
        let step = (0..).map(|i| (seed | 1).wrapping_add(2 * i) % count).find(|step| gcd(*step, count) == 1);
        let (start, step) = (u64::from(seed), u64::from(step.unwrap_or(1)));
        let place = |i: u64| ((start + i * step) % u64::from(count)) as u32;
        let at = |at: u32| BlockAt { x: (at % columns) as u16, y: (at / columns) as u16 };
        let item =
            |i: u32| BlockItem { at: at(place(u64::from(i))), sample_start: 0, sample_end: load.samples };
        (0..load.blocks.min(count)).map(item).collect()
    }

    /// Renders a load; returns its rays a second and whether the block that the seed chooses is the CPU's.
    fn turn(
        &mut self,
        contender: &mut Contender,
        seed: u32,
        load: Load,
    ) -> Result<(f64, Option<bool>), ScoreError> {
        self.view.settings.seed = seed;
        let items = self.items(seed, load);
        let start = Instant::now();
        let blocks = contender.backend.render(&self.scene, &self.view, &items)?;
        let seconds = start.elapsed().as_secs_f64().max(1e-6);
        let rays: u64 = blocks.iter().map(|block| block.rays().total()).sum();
        let checked = match contender.verified {
            true => Some(self.check(seed, &items, &blocks)?),
            false => None,
        };
        Ok((rays as f64 / seconds, checked))
    }

    fn check(&self, seed: u32, items: &[BlockItem], blocks: &[BlockPixels]) -> Result<bool, ScoreError> {
        let at = (seed as usize).wrapping_mul(31) % items.len().max(1);
        let again = cpu_backend(1).render(&self.other, &self.view, &items[at..at + 1])?;
        Ok(blocks.len() == items.len() && again[0] == blocks[at])
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What is rendered in one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Load {
    blocks: u32,
    samples: u32,
}

impl Load {
    const FIRST: Load = Load { blocks: 32, samples: 1 };

    /// A load that takes about `wanted` where this one took `took`.
    fn scaled(self, took: Duration, wanted: Duration) -> Load {
        let work = f64::from(self.blocks) * f64::from(self.samples);
        let work = (work * wanted.as_secs_f64() / took.as_secs_f64().max(1e-6)).clamp(32.0, 1e9);
        // Many blocks of few samples, as a lease has them.
        let blocks = (work / 4.0).clamp(32.0, 920.0) as u32;
        Load { blocks, samples: ((work / f64::from(blocks)) as u32).clamp(1, VIEW.samples) }
    }
}

/// Finds a load that takes about `wanted`: starts small and grows until it takes long enough to be measured.
fn calibrated(
    course: &mut Course,
    contender: &mut Contender,
    seed: u32,
    wanted: Duration,
) -> Result<Load, ScoreError> {
    let mut load = Load::FIRST;
    loop {
        course.view.settings.seed = seed;
        let items = course.items(seed, load);
        // The first time pays for compiling and uploading.
        contender.backend.render(&course.scene, &course.view, &items)?;
        let start = Instant::now();
        contender.backend.render(&course.scene, &course.view, &items)?;
        let took = start.elapsed();
        if took >= WARM || load.samples >= VIEW.samples {
            return Ok(load.scaled(took, wanted));
        }
        load = load.scaled(took, WARM * 2);
    }
}

/// Scores devices in turn.
pub fn score(contenders: &mut [Contender], options: ScoreOptions) -> Result<Vec<Score>, ScoreError> {
    let package = Sample::MOSAIC.package(&VIEW)?;
    let mut scores = vec![Score::default(); contenders.len()];
    let turn = options.budget / (2 * TURNS * contenders.len().max(1)) as u32;
    for rays in [Rays::Coherent, Rays::Incoherent] {
        let mut course = Course::new(&package, rays)?;
        let mut loads = Vec::new();
        for contender in contenders.iter_mut() {
            loads.push(calibrated(&mut course, contender, options.seed, turn)?);
        }
        let mut rates = vec![Vec::with_capacity(TURNS); contenders.len()];
        for round in 0..TURNS as u32 {
            for (at, contender) in contenders.iter_mut().enumerate() {
                // Another seed each round: what was rendered before is of no use.
                let seed = options.seed.wrapping_add(round.wrapping_mul(0x9e37_79b9));
                let (rate, checked) = course.turn(contender, seed, loads[at])?;
                rates[at].push(rate);
                let entry = match rays {
                    Rays::Coherent => &mut scores[at].coherent,
                    Rays::Incoherent => &mut scores[at].incoherent,
                };
                entry.blocks_checked += u32::from(checked.is_some());
                entry.blocks_wrong += u32::from(checked == Some(false));
                entry.rays_per_second = median(&rates[at]);
            }
        }
    }
    for (contender, score) in contenders.iter_mut().zip(&mut scores) {
        score.upload_bytes_per_second = upload(contender.backend.as_mut())?;
    }
    Ok(scores)
}

fn median(rates: &[f64]) -> u64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).map_or(0, |rate| *rate as u64)
}

/// Bytes a second of a scene of ballast on its way to a GPU: the median of turns, each with a scene that the device does not have.
fn upload(backend: &mut dyn Backend) -> Result<Option<u64>, ScoreError> {
    if !matches!(backend.describe().kind, DeviceKind::Gpu { .. }) {
        return Ok(None);
    }
    let sample = Sample::MOSAIC.package(&View { samples: 1, ..VIEW })?;
    let mut package = Package::empty("ballast", sample.manifest.settings, 1);
    package.add_section(SectionKind::Texels, &vec![0x5a; UPLOAD_BYTES]);
    let number = package.manifest.frames.first().map(|frame| frame.number);
    let (index, view) =
        number.and_then(|number| FrameView::of(&package.manifest, number)).ok_or(ScoreError::NoFrame)?;
    let item = BlockItem { at: BlockAt { x: 0, y: 0 }, sample_start: 0, sample_end: 1 };
    let mut rates = Vec::new();
    for _ in 0..3 {
        let scene = Arc::new(prepare(&package, index, BuildOptions::default())?);
        let bytes = scene.device_bytes() as f64;
        let mut timed = || {
            let start = Instant::now();
            backend.render(&scene, &view, &[item]).map(|_| start.elapsed())
        };
        let (with_upload, without) = (timed()?, timed()?);
        rates.push(bytes / with_upload.saturating_sub(without).as_secs_f64().max(1e-6));
    }
    Ok(Some(median(&rates)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device that is right about no pixel.
    struct Wrong(Box<dyn Backend>);

    impl Backend for Wrong {
        fn describe(&self) -> tessera_backends::DeviceDescription {
            self.0.describe()
        }

        fn render(
            &mut self,
            scene: &Arc<PreparedScene>,
            frame: &FrameView,
            items: &[BlockItem],
        ) -> Result<Vec<BlockPixels>, RenderError> {
            let mut blocks = self.0.render(scene, frame, items)?;
            blocks.iter_mut().for_each(|block| block.0[5].rgb[2][0] ^= 1);
            Ok(blocks)
        }

        fn operations(&mut self, vectors: &[[u32; 4]]) -> Result<Vec<[u32; 4]>, RenderError> {
            self.0.operations(vectors)
        }
    }

    #[test]
    fn rates_are_of_blocks_that_were_checked() {
        let mut contenders = [
            Contender { backend: cpu_backend(2), verified: true },
            Contender { backend: Box::new(Wrong(cpu_backend(2))), verified: true },
            Contender { backend: Box::new(Wrong(cpu_backend(2))), verified: false },
        ];
        let options = ScoreOptions { budget: Duration::from_millis(300), seed: 77 };
        let scores = score(&mut contenders, options).unwrap();
        let checks = |score: &Score| {
            [score.coherent, score.incoherent].map(|rate| (rate.blocks_checked, rate.blocks_wrong))
        };
        assert_eq!(scores.iter().map(checks).collect::<Vec<_>>(), [[(5, 0); 2], [(5, 5); 2], [(0, 0); 2]]);
        assert!(scores.iter().all(|score| score.coherent.rays_per_second > 0));
        assert!(scores.iter().all(|score| score.incoherent.rays_per_second > 0));
        assert!(scores.iter().all(|score| score.upload_bytes_per_second.is_none()));
    }

    #[test]
    fn a_seed_chooses_blocks_without_one_twice() {
        let package = Sample::PEBBLES.package(&View { samples: 1, ..VIEW }).unwrap();
        let course = Course::new(&package, Rays::Incoherent).unwrap();
        for seed in [0, 1, 23, 920, u32::MAX] {
            let items = course.items(seed, Load { blocks: 2000, samples: 3 });
            let places: std::collections::BTreeSet<_> =
                items.iter().map(|item| (item.at.x, item.at.y)).collect();
            assert_eq!((items.len(), places.len()), (920, 920), "{seed}");
        }
        assert_ne!(course.items(5, Load::FIRST), course.items(6, Load::FIRST));
    }
}
