//! Rendering items on a GPU: dispatches of a tenth of a second, sums of their pixels, and one new start for a lost device.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera_shaders::cpu::{BINDINGS, ENTRY_POINT};
use tessera_shaders::cpu_render_paged::{BINDINGS as PAGED_BINDINGS, ENTRY_POINT as PAGED_ENTRY_POINT};
use tessera_shaders::spirv;
use tessera_shared::film::{BLOCK_BYTES, BlockPixels};
use tessera_shared::messages::Mode;

use super::adapters::{GpuAdapter, GpuOptions};
use super::device::{DeviceError, Kernel, OpenDevice};
use super::upload::{BindingLimits, SceneBuffers, upload};
use crate::backend::{Backend, BlockItem, DeviceDescription, FrameView, RenderError, check_items};
use crate::pages::PageShifts;
use crate::params::KernelParams;
use crate::scene::PreparedScene;

/// What a dispatch should take: short enough for watchdogs, long enough for its overhead not to matter.
const DISPATCH_AIM: Duration = Duration::from_millis(100);
/// Items of the largest dispatch: 48 MiB of pixels.
const ITEMS_MAX: usize = 16_384;
/// Block-samples of the first dispatch, before anything is known of the device.
const FIRST_SAMPLES: f64 = 64.0;
/// Workgroups in a row of a dispatch, as `render.wgsl` counts them.
const GROUPS_ACROSS: u32 = 32_768;

/// One range of samples of one block in a dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// Which of the caller's items.
    item: usize,
    start: u32,
    end: u32,
}

/// How many block-samples fit in a dispatch, learnt from those before.
#[derive(Clone, Copy, Debug)]
struct Budget {
    block_samples: f64,
    /// Samples that a lane may take at once: fewer where the driver stopped one that took more.
    lane_samples: u32,
}

impl Budget {
    fn new() -> Budget {
        Budget { block_samples: FIRST_SAMPLES, lane_samples: u32::MAX }
    }

    /// The next budget after a dispatch of so many block-samples took so long. It grows at most fourfold at once, as small
    /// dispatches say little; it shrinks as far as it must.
    fn learn(&mut self, block_samples: u64, took: Duration) {
        let seconds = took.as_secs_f64().max(1e-4);
        let fitting = block_samples as f64 * DISPATCH_AIM.as_secs_f64() / seconds;
        self.block_samples = fitting.clamp(1.0, (self.block_samples * 4.0).max(1.0));
    }

    /// Takes the next dispatch from what is left: as many items as fit, with few samples each rather than few items with
    /// many, so that all lanes are busy.
    fn take(&self, left: &mut Vec<Part>) -> Vec<Part> {
        let wide = left.len().clamp(1, ITEMS_MAX);
        let each = ((self.block_samples / wide as f64) as u32).clamp(1, self.lane_samples);
        let mut room = (self.block_samples as u64).max(1);
        let mut parts = Vec::new();
        let mut rest = Vec::new();
        for part in left.drain(..) {
            let count = (part.end - part.start).min(each).min(u32::try_from(room).unwrap_or(u32::MAX));
            if count == 0 || parts.len() == ITEMS_MAX {
                rest.push(part);
                continue;
            }
            room -= u64::from(count);
            parts.push(Part { end: part.start + count, ..part });
            if part.start + count < part.end {
                rest.push(Part { start: part.start + count, ..part });
            }
        }
        *left = rest;
        parts
    }
}

/// A device with the kernel, its working buffers and the scene that it holds.
struct Ready {
    device: OpenDevice,
    kernel: Kernel,
    /// Of scenes that are cut into pages, compiled when one arrives.
    paged_kernel: Option<Kernel>,
    params: wgpu::Buffer,
    items: wgpu::Buffer,
    film: wgpu::Buffer,
    readback: wgpu::Buffer,
    scene: Option<SceneBuffers>,
}

pub(super) struct GpuBackend {
    adapter: GpuAdapter,
    options: GpuOptions,
    ready: Option<Ready>,
    budget: Budget,
    pub(super) limits: BindingLimits,
}

impl GpuBackend {
    pub fn open(adapter: GpuAdapter, options: GpuOptions) -> Result<GpuBackend, DeviceError> {
        let limits = adapter.adapter().limits();
        let bytes_max = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let page_shifts = PageShifts::within(bytes_max);
        let limits = BindingLimits {
            binding_bytes_max: bytes_max,
            page_shifts,
            can_page: limits.max_storage_buffers_per_shader_stage >= PAGED_BINDINGS.len() as u32,
        };
        let ready = Ready::open(&adapter, &options)?;
        let budget = Budget::new();
        Ok(GpuBackend { adapter, options, ready: Some(ready), budget, limits })
    }

    fn name(&self) -> String {
        self.adapter.describe().name.clone()
    }

    /// The device with the scene on it, opened and uploaded where it is not.
    fn ready(&mut self, scene: &Arc<PreparedScene>) -> Result<Result<&mut Ready, DeviceError>, RenderError> {
        if self.ready.is_none() {
            match Ready::open(&self.adapter, &self.options) {
                Ok(ready) => self.ready = Some(ready),
                Err(error) => return Ok(Err(error)),
            }
        }
        let name = self.name();
        let Some(ready) = &mut self.ready else {
            return Ok(Err(DeviceError::Other("it was not opened".to_owned())));
        };
        if ready.scene.as_ref().is_none_or(|held| !Arc::ptr_eq(&held.scene, scene)) {
            // The old one goes first: both may not fit.
            ready.scene = None;
            match upload(&ready.device, &name, self.limits, scene)? {
                Ok(buffers) => {
                    if buffers.further_pages.is_some() && ready.paged_kernel.is_none() {
                        match paged_kernel(&ready.device, self.options.mode) {
                            Ok(kernel) => ready.paged_kernel = Some(kernel),
                            Err(error) => return Ok(Err(error)),
                        }
                    }
                    ready.scene = Some(buffers);
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(ready))
    }

    /// A lane takes half as many samples from now on as this part had, which the driver stopped.
    fn retry(&mut self, part: Part) -> Result<(), RenderError> {
        let count = part.end - part.start;
        if count <= 1 {
            return Err(RenderError::Unfinished { device: self.name() });
        }
        self.budget.lane_samples = self.budget.lane_samples.min(count / 2);
        Ok(())
    }

    /// One dispatch, on a new device where the old one is lost.
    fn dispatch(
        &mut self,
        scene: &Arc<PreparedScene>,
        params: &KernelParams,
        items: &[[u32; 4]],
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Duration, RenderError> {
        let mut lost_before = false;
        loop {
            let result = match self.ready(scene)? {
                Ok(ready) => ready.dispatch(params, items, take),
                Err(error) => Err(error),
            };
            let device = self.name();
            match result {
                Ok(took) => return Ok(took),
                Err(DeviceError::Lost(reason)) => {
                    self.ready = None;
                    if lost_before {
                        return Err(RenderError::Lost { device, reason });
                    }
                    lost_before = true;
                    tracing::warn!(%device, %reason, "the device was lost; it is opened again");
                }
                Err(DeviceError::OutOfMemory(reason)) => {
                    self.ready = None;
                    return Err(RenderError::OutOfMemory { device, needed: 0, reason });
                }
                Err(DeviceError::Other(reason)) => return Err(RenderError::Device { device, reason }),
            }
        }
    }
}

/// The kernel for scenes that are cut into pages; compiled when one arrives.
fn paged_kernel(device: &OpenDevice, mode: Mode) -> Result<Kernel, DeviceError> {
    let writable: Vec<bool> = PAGED_BINDINGS.iter().map(|&(_, _, writable)| writable).collect();
    let words = match mode {
        Mode::Exact => spirv::RENDER_PAGED,
        Mode::Fast => spirv::RENDER_PAGED_FAST,
    };
    device.kernel(words, PAGED_ENTRY_POINT, &writable)
}

impl Ready {
    fn open(adapter: &GpuAdapter, options: &GpuOptions) -> Result<Ready, DeviceError> {
        let device = adapter.open_device(options.cache_dir.as_deref())?;
        let writable: Vec<bool> = BINDINGS.iter().map(|&(_, _, writable)| writable).collect();
        let words = match options.mode {
            Mode::Exact => spirv::RENDER,
            Mode::Fast => spirv::RENDER_FAST,
        };
        let kernel = device.kernel(words, ENTRY_POINT, &writable)?;
        let params = device.upload("params", &[0; size_of::<KernelParams>()], false);
        let items = device.upload("items", &vec![0; ITEMS_MAX * 16], false);
        let film = device.upload("film", &vec![0; ITEMS_MAX * BLOCK_BYTES], true);
        let readback = device.readback((ITEMS_MAX * BLOCK_BYTES) as u64);
        device.check()?;
        Ok(Ready { device, kernel, paged_kernel: None, params, items, film, readback, scene: None })
    }

    /// Renders at most [`ITEMS_MAX`] items and hands their bytes to `take`; returns how long the device took.
    fn dispatch(
        &mut self,
        params: &KernelParams,
        items: &[[u32; 4]],
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Duration, DeviceError> {
        let Some(scene) = &self.scene else {
            return Err(DeviceError::Other("no scene was uploaded".to_owned()));
        };
        let page_shifts = scene.page_shifts;
        self.device.write(&self.params, bytemuck::bytes_of(&KernelParams { page_shifts, ..*params }));
        self.device.write(&self.items, bytemuck::cast_slice(items));
        let mut buffers = vec![&self.params];
        buffers.extend(&scene.sections);
        buffers.extend([&self.items, &self.film]);
        buffers.extend(scene.further_pages.iter().flatten());
        let kernel = match (&scene.further_pages, &self.paged_kernel) {
            (Some(_), Some(paged)) => paged,
            _ => &self.kernel,
        };
        let group = self.device.bind(kernel, &buffers);
        let count = items.len() as u32;
        let workgroups = [count.min(GROUPS_ACROSS), count.div_ceil(GROUPS_ACROSS), 1];
        let bytes = (items.len() * BLOCK_BYTES) as u64;
        let start = Instant::now();
        self.device.run(kernel, &group, workgroups, &[(&self.film, &self.readback, bytes)])?;
        let took = start.elapsed();
        self.device.read(&self.readback, bytes, take)?;
        Ok(took)
    }
}

/// Whether every pixel's loop came to its own end, as `integrator.wgsl` says.
fn is_finished(pixels: &BlockPixels) -> bool {
    pixels.0.iter().all(|pixel| pixel.reserved == 0)
}

/// Adds other samples of the same block. Sums wrap like two's complement, as the film's do.
fn add_pixels(sum: &mut BlockPixels, part: &BlockPixels) {
    for (sum, part) in sum.0.iter_mut().zip(part.0.iter()) {
        for (sum, part) in sum.rgb.iter_mut().zip(part.rgb) {
            let wide = |[low, high]: [u32; 2]| u64::from(high) << 32 | u64::from(low);
            let total = wide(*sum).wrapping_add(wide(part));
            *sum = [total as u32, (total >> 32) as u32];
        }
        sum.covered = sum.covered.wrapping_add(part.covered);
        sum.clamped = sum.clamped.wrapping_add(part.clamped);
        sum.camera_rays = sum.camera_rays.wrapping_add(part.camera_rays);
        sum.bounce_rays = sum.bounce_rays.wrapping_add(part.bounce_rays);
        sum.shadow_rays = sum.shadow_rays.wrapping_add(part.shadow_rays);
    }
}

impl Backend for GpuBackend {
    fn describe(&self) -> DeviceDescription {
        self.adapter.describe().clone()
    }

    fn render(
        &mut self,
        scene: &Arc<PreparedScene>,
        frame: &FrameView,
        items: &[BlockItem],
    ) -> Result<Vec<BlockPixels>, RenderError> {
        check_items(frame, items)?;
        let mut params = KernelParams::new(frame, scene.header, scene.flat().world_root);
        let mut blocks: Vec<BlockPixels> = items.iter().map(|_| BlockPixels::zeroed()).collect();
        let part = |(item, block): (usize, &BlockItem)| Part {
            item,
            start: block.sample_start,
            end: block.sample_end,
        };
        let mut left: Vec<Part> =
            items.iter().enumerate().map(part).filter(|part| part.start < part.end).collect();
        while !left.is_empty() {
            let parts = self.budget.take(&mut left);
            let words = |part: &Part| {
                let at = items[part.item].at;
                [u32::from(at.x), u32::from(at.y), part.start, part.end - part.start]
            };
            let listed: Vec<[u32; 4]> = parts.iter().map(words).collect();
            params.item_count = listed.len() as u32;
            let mut unfinished = Vec::new();
            let mut add = |bytes: &[u8]| {
                for (part, pixels) in parts.iter().zip(bytes.chunks_exact(BLOCK_BYTES)) {
                    match BlockPixels::from_bytes(pixels) {
                        Some(pixels) if is_finished(&pixels) => add_pixels(&mut blocks[part.item], &pixels),
                        _ => unfinished.push(*part),
                    }
                }
            };
            let took = self.dispatch(scene, &params, &listed, &mut add)?;
            let samples = parts.iter().map(|part| u64::from(part.end - part.start)).sum();
            self.budget.learn(samples, took);
            for part in unfinished {
                self.retry(part)?;
                left.push(part);
            }
        }
        Ok(blocks)
    }

    fn operations(&mut self, vectors: &[[u32; 4]]) -> Result<Vec<[u32; 4]>, RenderError> {
        self.adapter
            .run_operations(self.options.mode, vectors)
            .map_err(|error| RenderError::Device { device: self.name(), reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispatches_cover_every_sample_once_and_keep_to_their_budget() {
        let mut budget = Budget::new();
        let mut left: Vec<Part> =
            (0..300).map(|item| Part { item, start: 4, end: 4 + item as u32 % 90 }).collect();
        left.retain(|part| part.start < part.end);
        let mut next = vec![4u32; 300];
        while !left.is_empty() {
            let parts = budget.take(&mut left);
            let samples: u64 = parts.iter().map(|part| u64::from(part.end - part.start)).sum();
            assert!(samples > 0 && samples as f64 <= budget.block_samples.max(1.0));
            for part in parts {
                assert_eq!(part.start, next[part.item]);
                next[part.item] = part.end;
            }
            budget.learn(samples, Duration::from_millis(30));
        }
        assert!((0..300).all(|item| next[item] == 4 + item as u32 % 90));
    }

    /// A frame of nothing: every ray leaves an empty scene without an environment.
    fn empty_frame() -> (Arc<PreparedScene>, FrameView, Vec<BlockItem>) {
        use tessera_shared::grid::Grid;
        use tessera_shared::ids::TileIndex;
        use tessera_shared::package::{Package, Settings};
        let grid = Grid::new(16, 8, 8).unwrap();
        let settings = Settings {
            grid,
            samples: 4,
            pass_samples: 4,
            seed: 1,
            max_bounces: 2,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 1024.0,
        };
        let package = Package::empty("empty", settings, 1);
        let scene = crate::scene::prepare(&package, 0, Default::default()).unwrap();
        let (_, frame) = FrameView::of(&package.manifest, package.manifest.frames[0].number).unwrap();
        let items = grid.tile_blocks(TileIndex(0));
        let items = items.map(|at| BlockItem { at, sample_start: 0, sample_end: 4 }).collect();
        (Arc::new(scene), frame, items)
    }

    #[test]
    fn a_lost_device_is_opened_again_and_its_dispatch_repeated() {
        let Some(adapter) = super::super::gpu_adapters().into_iter().next() else {
            println!("skipped: no Vulkan adapter is here; install mesa-vulkan-drivers for a software one");
            return;
        };
        let (scene, frame, items) = empty_frame();
        let mut backend = GpuBackend::open(adapter, GpuOptions::default()).unwrap();
        let before = backend.render(&scene, &frame, &items).unwrap();
        assert_eq!(before[0].rays().camera, 64 * 4);
        backend.ready.as_ref().unwrap().device.device.destroy();
        assert_eq!(backend.render(&scene, &frame, &items).unwrap(), before);
    }

    #[test]
    fn a_scene_beyond_the_limits_is_refused_with_the_figures() {
        let Some(adapter) = super::super::gpu_adapters().into_iter().next() else {
            println!("skipped: no Vulkan adapter is here; install mesa-vulkan-drivers for a software one");
            return;
        };
        let (scene, frame, items) = empty_frame();
        let mut backend = GpuBackend::open(adapter, GpuOptions::default()).unwrap();
        backend.limits.binding_bytes_max = 1000;
        let error = backend.render(&scene, &frame, &items).unwrap_err().to_string();
        assert!(error.contains("1088 bytes for tables") && error.contains("at most 1000"), "{error}");
    }

    #[test]
    fn budgets_grow_slowly_and_shrink_at_once() {
        let mut budget = Budget::new();
        budget.learn(64, Duration::from_micros(10));
        assert_eq!(budget.block_samples, 256.0);
        budget.learn(256, Duration::from_secs(2));
        assert_eq!(budget.block_samples, 12.8);
    }
}
