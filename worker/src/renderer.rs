//! What a worker asks of a device, and the scenes that devices share. Knows no kernel and no BVH.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use anyhow::Context;
use tessera_backends::conformance::Suite;
use tessera_shared::film::BlockPixels;
use tessera_shared::grid::BlockAt;
use tessera_shared::ids::FrameNumber;
use tessera_shared::lease::BlockPass;
use tessera_shared::messages::Device;
use tessera_shared::package::{FrameEntry, Manifest, Package};

use crate::failures::Failed;

/// One block and a range of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockItem {
    pub at: BlockAt,
    pub sample_start: u32,
    pub sample_end: u32,
}

/// A device that renders blocks. Calls block the thread; each device has one of its own.
pub trait Renderer: Send {
    /// What the device is, for people.
    fn device(&self) -> Device;

    /// Renders items of one frame of the scene; the answer's order is the items'.
    fn render(
        &mut self,
        scene: &Scene,
        frame: &FrameEntry,
        items: &[BlockItem],
    ) -> anyhow::Result<Vec<BlockPixels>>;

    /// Goes through the conformance suite; what failed, each with the name of its vector. A device that has nothing to go
    /// through is exact by what it is.
    fn examine(&mut self, suite: &Suite) -> Vec<String> {
        let _ = suite;
        Vec::new()
    }
}

type Prepared = Result<Arc<dyn Any + Send + Sync>, Failed>;

/// One scene of a validated package, and what renderers have prepared of it.
#[derive(Debug)]
pub struct Scene {
    pub package: Arc<Package>,
    /// Index into the manifest's scenes.
    pub index: u32,
    prepared: OnceLock<Prepared>,
}

impl Scene {
    /// What `prepare` makes of the scene: made by the first device that asks, while others wait. All devices of a process
    /// ask for the same type.
    pub fn prepared<T: Any + Send + Sync>(
        &self,
        prepare: impl FnOnce(&Package, u32) -> anyhow::Result<T>,
    ) -> anyhow::Result<Arc<T>> {
        let prepared = self.prepared.get_or_init(|| match prepare(&self.package, self.index) {
            Ok(prepared) => Ok(Arc::new(prepared)),
            Err(error) => Err(error.into()),
        });
        match prepared {
            Ok(prepared) => prepared.clone().downcast().ok().context("devices of two kinds share a scene"),
            Err(failed) => Err(failed.clone().into()),
        }
    }
}

/// Scenes of a package that stay in memory, with what renderers prepared of them: those used last. Frames are rendered more or
/// less in order, and devices hold what they render.
const SCENES_KEPT: usize = 4;

/// Where the scenes of a package come from when a device needs them. Calls block the device's thread.
pub(crate) trait SceneSource: std::fmt::Debug + Send + Sync {
    /// The package with the blobs of this scene at least, validated.
    fn load(&self, index: u32) -> anyhow::Result<Arc<Package>>;
}

/// A package ready to be rendered from. Its last few scenes are kept.
#[derive(Debug)]
pub struct Stage {
    /// With all blobs, or with none where scenes come from elsewhere one by one.
    pub package: Arc<Package>,
    source: Option<Box<dyn SceneSource>>,
    /// Most recently used last.
    kept: Mutex<Vec<(u32, Arc<Slot>)>>,
}

/// A scene once the first device that needed it has loaded it.
type Slot = OnceLock<Result<Arc<Scene>, Failed>>;

impl Stage {
    /// The caller has validated the package.
    pub fn new(package: Arc<Package>) -> Stage {
        Stage { package, source: None, kept: Mutex::default() }
    }

    /// The manifest has been validated; the source does the same for its scenes.
    pub(crate) fn fetched(manifest: Manifest, source: Box<dyn SceneSource>) -> Stage {
        let package = Arc::new(Package { manifest, blobs: BTreeMap::new() });
        Stage { package, source: Some(source), kept: Mutex::default() }
    }

    /// Bytes of the blobs in memory, each counted once.
    pub(crate) fn bytes(&self) -> u64 {
        let kept = self.kept();
        let scenes = kept.iter().filter_map(|(_, slot)| slot.get()?.as_ref().ok());
        let packages = scenes.map(|scene| &scene.package).chain([&self.package]);
        let blobs: BTreeMap<_, _> =
            packages.flat_map(|package| &package.blobs).map(|(digest, blob)| (digest, blob.len())).collect();
        blobs.values().map(|bytes| *bytes as u64).sum()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(u32, Arc<Slot>)>> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn scene(&self, index: u32) -> anyhow::Result<Arc<Scene>> {
        let slot = {
            let mut kept = self.kept();
            let known = kept.iter().position(|(known, _)| *known == index);
            let entry = known.map(|at| kept.remove(at)).unwrap_or_default();
            let slot = entry.1.clone();
            kept.push((index, entry.1));
            if kept.len() > SCENES_KEPT {
                kept.remove(0);
            }
            slot
        };
        match slot.get_or_init(|| self.load(index).map_err(Failed::from)) {
            Ok(scene) => Ok(scene.clone()),
            Err(failed) => {
                // The next lease tries again.
                self.kept().retain(|(_, other)| !Arc::ptr_eq(other, &slot));
                Err(failed.clone().into())
            }
        }
    }

    fn load(&self, index: u32) -> anyhow::Result<Arc<Scene>> {
        let package = match &self.source {
            Some(source) => source.load(index)?,
            None => self.package.clone(),
        };
        Ok(Arc::new(Scene { package, index, prepared: OnceLock::new() }))
    }

    /// Renders blocks of any frames, in order.
    pub fn render(
        &self,
        renderer: &mut dyn Renderer,
        blocks: &[BlockPass],
    ) -> anyhow::Result<Vec<BlockPixels>> {
        let mut pixels = Vec::with_capacity(blocks.len());
        for blocks in blocks.chunk_by(|a, b| a.frame == b.frame) {
            let items: Vec<BlockItem> = blocks.iter().map(item).collect();
            let (scene, frame) = self.frame(blocks[0].frame)?;
            let rendered = renderer.render(&scene, frame, &items)?;
            anyhow::ensure!(
                rendered.len() == items.len(),
                "{} blocks rendered of {}",
                rendered.len(),
                items.len()
            );
            pixels.extend(rendered);
        }
        Ok(pixels)
    }

    fn frame(&self, number: FrameNumber) -> anyhow::Result<(Arc<Scene>, &FrameEntry)> {
        let frames = &self.package.manifest.frames;
        let at = frames.binary_search_by_key(&number, |frame| frame.number);
        let frame = at
            .ok()
            .map(|at| &frames[at])
            .with_context(|| format!("the package has no frame {}", number.0))?;
        anyhow::ensure!(
            (frame.scene as usize) < self.package.manifest.scenes.len(),
            "the frame's scene is not in the package"
        );
        Ok((self.scene(frame.scene)?, frame))
    }
}

fn item(block: &BlockPass) -> BlockItem {
    BlockItem { at: block.block, sample_start: block.sample_start, sample_end: block.sample_end }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tessera_shared::grid::Grid;
    use tessera_shared::package::{Camera, SceneEntry, Settings};

    use super::*;

    /// Counts how often scenes are loaded, and fails where it is told to.
    #[derive(Debug)]
    struct Counting {
        package: Arc<Package>,
        loads: Arc<AtomicUsize>,
    }

    impl SceneSource for Counting {
        fn load(&self, index: u32) -> anyhow::Result<Arc<Package>> {
            let before = self.loads.fetch_add(1, Ordering::Relaxed);
            anyhow::ensure!(before != 0, "the first try fails");
            assert!((index as usize) < self.package.manifest.scenes.len());
            Ok(self.package.clone())
        }
    }

    /// Prepares a token of each scene.
    struct Tokens(Arc<()>);

    impl Renderer for Tokens {
        fn device(&self) -> Device {
            Device {
                name: String::new(),
                kind: tessera_shared::messages::DeviceKind::Cpu,
                driver: String::new(),
            }
        }

        fn render(
            &mut self,
            scene: &Scene,
            _: &FrameEntry,
            items: &[BlockItem],
        ) -> anyhow::Result<Vec<BlockPixels>> {
            scene.prepared(|_, _| Ok(self.0.clone()))?;
            Ok(items.iter().map(|_| BlockPixels::zeroed()).collect())
        }
    }

    fn manifest(scenes: u32) -> Manifest {
        let zero = [0.0; 3];
        let camera = Camera { eye: zero, corner: zero, step_x: zero, step_y: zero, ..Camera::default() };
        let frame = |scene| FrameEntry { number: FrameNumber(scene), scene, camera };
        let settings = Settings {
            grid: Grid::new(8, 8, 8).unwrap(),
            samples: 1,
            pass_samples: 1,
            seed: 0,
            max_bounces: 0,
            roulette_start: 0,
            film_scale_log2: 0,
            sample_clamp: 1.0,
        };
        Manifest {
            kernel_version: 1,
            name: String::new(),
            settings,
            frames: (0..scenes).map(frame).collect(),
            scenes: vec![SceneEntry { sections: Vec::new() }; scenes as usize],
        }
    }

    #[test]
    fn a_stage_keeps_its_last_scenes_and_loads_others_again() {
        let package = Arc::new(Package { manifest: manifest(20), blobs: BTreeMap::new() });
        let loads = Arc::new(AtomicUsize::new(0));
        let source = Counting { package: package.clone(), loads: loads.clone() };
        let stage = Stage::fetched(package.manifest.clone(), Box::new(source));
        let mut renderer = Tokens(Arc::new(()));
        let mut render = |frame: u32| {
            let frame = FrameNumber(frame);
            let block = BlockPass { frame, block: BlockAt { x: 0, y: 0 }, sample_start: 0, sample_end: 1 };
            let rendered = stage.render(&mut renderer, &[block]).map(|blocks| blocks.len());
            (rendered.map_err(|error| error.to_string()), Arc::strong_count(&renderer.0) - 1)
        };
        assert_eq!(render(0), (Err("the first try fails".into()), 0));
        for frame in 0..20 {
            assert_eq!(render(frame), (Ok(1), (frame as usize + 1).min(SCENES_KEPT)));
        }
        let so_far = loads.load(Ordering::Relaxed);
        assert_eq!(so_far, 21);
        assert_eq!([19, 16, 17].map(|frame| render(frame).1), [SCENES_KEPT; 3]);
        assert_eq!(loads.load(Ordering::Relaxed), so_far);
        assert_eq!(render(3), (Ok(1), SCENES_KEPT));
        assert_eq!(loads.load(Ordering::Relaxed), so_far + 1);
    }
}
