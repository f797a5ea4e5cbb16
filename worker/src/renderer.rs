//! What a worker asks of a device, and the scenes that devices share. Knows no kernel and no BVH.

use std::sync::Arc;

use tessera_shared::film::BlockPixels;
use tessera_shared::grid::BlockAt;
use tessera_shared::messages::Device;
use tessera_shared::package::{FrameEntry, Package};

/// One block and a range of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockItem {
    pub at: BlockAt,
    pub sample_start: u32,
    pub sample_end: u32,
}

/// One scene of a validated package.
#[derive(Debug)]
pub struct Scene {
    pub package: Arc<Package>,
    /// Index into the manifest's scenes.
    pub index: u32,
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
