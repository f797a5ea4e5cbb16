//! What a device that renders looks like to the rest of the farm: items in, pixels out. Knows no kind of device.

use std::sync::Arc;

use tessera_shared::film::BlockPixels;
use tessera_shared::grid::BlockAt;
use tessera_shared::ids::FrameNumber;
use tessera_shared::package::{Camera, Manifest, Settings};

use crate::scene::PreparedScene;

/// A block of a frame and a range of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockItem {
    pub at: BlockAt,
    /// First sample and the one after the last.
    pub sample_start: u32,
    pub sample_end: u32,
}

/// What a backend must know of a frame besides its scene.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameView {
    pub number: FrameNumber,
    pub camera: Camera,
    pub settings: Settings,
}

impl FrameView {
    /// The frame of that number and the index of its scene; `None` where the manifest has no such frame.
    pub fn of(manifest: &Manifest, number: FrameNumber) -> Option<(u32, FrameView)> {
        let index = manifest.frames.binary_search_by_key(&number, |frame| frame.number).ok()?;
        let frame = &manifest.frames[index];
        Some((frame.scene, FrameView { number, camera: frame.camera, settings: manifest.settings.clone() }))
    }
}

/// A device for people and for the farm's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDescription {
    pub name: String,
    pub kind: DeviceKind,
    /// What drives it, with its version; the instruction set for a CPU.
    pub driver: String,
    /// Memory of its own, in bytes, if its driver tells; a CPU's is the machine's.
    pub memory_bytes: Option<u64>,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU backend with that many threads.
    Cpu { threads: usize },
    /// A Vulkan device. What it promises of floats is for people: admission is by vectors, not by promises.
    Gpu { software: bool, floats: FloatControls },
}

/// Float controls that a Vulkan driver reports for `f32` (VK_KHR_shader_float_controls).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FloatControls {
    pub rounds_to_nearest_even: bool,
    pub preserves_signed_zero_inf_nan: bool,
    pub preserves_denormals: bool,
    pub flushes_denormals: bool,
}

/// Why items were not rendered. The scene and the backend stay usable, except after [`RenderError::Lost`].
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("item {index} asks for block ({x}, {y}) of a frame of {columns}×{rows} blocks")]
    Block { index: usize, x: u16, y: u16, columns: u32, rows: u32 },
    #[error("item {index} asks for samples {start}..{end}; they must be ascending and at most {samples}")]
    Samples { index: usize, start: u32, end: u32, samples: u32 },
    #[error("the kernel failed on this scene: {0}; the package does not hold what its validator promises")]
    Kernel(String),
    #[error(
        "the scene needs a buffer of {needed} bytes for {what}, and `{device}` takes at most {limit}; render it with --backend cpu"
    )]
    TooLarge { what: &'static str, needed: u64, limit: u64, device: String },
    #[error(
        "`{device}` has no memory left for the scene ({needed} bytes): {reason}; render it with --backend cpu"
    )]
    OutOfMemory { device: String, needed: u64, reason: String },
    #[error("`{device}` was lost twice: {reason}; restart its driver, or render with --backend cpu")]
    Lost { device: String, reason: String },
    #[error(
        "the driver of `{device}` stops loops after some number of turns, and one sample of this scene needs more; render it with --backend cpu"
    )]
    Unfinished { device: String },
    #[error("`{device}` failed: {reason}")]
    Device { device: String, reason: String },
}

/// A device that renders.
pub trait Backend: Send {
    fn describe(&self) -> DeviceDescription;

    /// Renders items of one frame; pixel block i of the answer belongs to `items[i]`. Blocks until all are done.
    fn render(
        &mut self,
        scene: &Arc<PreparedScene>,
        frame: &FrameView,
        items: &[BlockItem],
    ) -> Result<Vec<BlockPixels>, RenderError>;

    /// What `operations.wgsl` makes of each vector (a, b, c and the operation's index) on this device: its arithmetic without a
    /// scene, for the conformance suite.
    fn operations(&mut self, vectors: &[[u32; 4]]) -> Result<Vec<[u32; 4]>, RenderError>;
}

/// Checks items against the frame, so that no kernel sees a wild one.
pub(crate) fn check_items(frame: &FrameView, items: &[BlockItem]) -> Result<(), RenderError> {
    let (columns, rows) = frame.settings.grid.blocks();
    for (index, item) in items.iter().enumerate() {
        let (x, y) = (item.at.x, item.at.y);
        if u32::from(x) >= columns || u32::from(y) >= rows {
            return Err(RenderError::Block { index, x, y, columns, rows });
        }
        let (start, end, samples) = (item.sample_start, item.sample_end, frame.settings.samples);
        if start > end || end > samples {
            return Err(RenderError::Samples { index, start, end, samples });
        }
    }
    Ok(())
}
