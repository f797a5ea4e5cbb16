//! What a worker asks of a device, and the packages that devices share. Knows no kernel and no BVH.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use tessera_shared::film::BlockPixels;
use tessera_shared::grid::BlockAt;
use tessera_shared::ids::FrameNumber;
use tessera_shared::lease::BlockPass;
use tessera_shared::messages::Device;
use tessera_shared::package::{FrameEntry, Package};

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
}

type Prepared = Result<Arc<dyn Any + Send + Sync>, String>;

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
            Err(error) => Err(format!("{error:#}")),
        });
        match prepared {
            Ok(prepared) => prepared.clone().downcast().ok().context("devices of two kinds share a scene"),
            Err(reason) => Err(anyhow::anyhow!("{reason}")),
        }
    }
}

/// A validated package, ready to be rendered from.
#[derive(Debug)]
pub struct Stage {
    pub package: Arc<Package>,
    scenes: Vec<Scene>,
}

impl Stage {
    /// The caller has validated the package.
    pub fn new(package: Arc<Package>) -> Stage {
        let indices = 0..package.manifest.scenes.len() as u32;
        let scene = |index| Scene { package: package.clone(), index, prepared: OnceLock::new() };
        Stage { scenes: indices.map(scene).collect(), package }
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
            let rendered = renderer.render(scene, frame, &items)?;
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

    fn frame(&self, number: FrameNumber) -> anyhow::Result<(&Scene, &FrameEntry)> {
        let frames = &self.package.manifest.frames;
        let at = frames.binary_search_by_key(&number, |frame| frame.number);
        let frame = at
            .ok()
            .map(|at| &frames[at])
            .with_context(|| format!("the package has no frame {}", number.0))?;
        let scene =
            self.scenes.get(frame.scene as usize).context("the frame's scene is not in the package")?;
        Ok((scene, frame))
    }
}

fn item(block: &BlockPass) -> BlockItem {
    BlockItem { at: block.block, sample_start: block.sample_start, sample_end: block.sample_end }
}
