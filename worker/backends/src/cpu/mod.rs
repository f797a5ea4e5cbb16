//! The CPU backend: the kernel generated from WGSL on all threads, with a SIMD traversal in place of its `trace`.

mod lanes;
mod ray;
mod traverse;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tessera_shaders::cpu::{
    After, Bindings, Hit, Hooks, Kernel, NONE, OCCLUDED, Params, PixelRecord, TRACE_SHADOW,
};
use tessera_shaders::cpu_operations;
use tessera_shaders::wgsl::Vec3f;
use tessera_shared::film::{BlockPixels, PixelRecord as FilmRecord};
use tessera_shared::grid::BLOCK_PX;

use crate::accel::WideBvh;
use crate::backend::{
    Backend, BlockItem, DeviceDescription, DeviceKind, FrameView, RenderError, check_items,
};
use crate::params::KernelParams;
use crate::scene::PreparedScene;

pub(crate) use traverse::{Isa, Key, Query, Traced};

/// A backend on `threads` threads of the CPU (at least one).
pub fn cpu_backend(threads: usize) -> Box<dyn Backend> {
    Box::new(CpuBackend { threads: threads.max(1), isa: Isa::detect() })
}

struct CpuBackend {
    threads: usize,
    isa: Isa,
}

/// The kernel's `trace` over a scene's wide volumes.
pub(crate) struct WideTrace<'a> {
    pub bvh: &'a WideBvh,
    pub isa: Isa,
}

impl WideTrace<'_> {
    /// The hit of a ray; `direction` is canonical.
    #[inline]
    pub fn traced(&self, origin: [f32; 3], direction: [f32; 3], query: Query) -> Traced {
        traverse::trace_wide(self.isa, self.bvh, origin, direction, query)
    }
}

impl Hooks for WideTrace<'_> {
    #[inline]
    fn trace(
        &self,
        _: &Kernel<'_, Self>,
        origin: Vec3f,
        direction: Vec3f,
        t_max: f32,
        after: After,
        mode: u32,
    ) -> Hit {
        let after = Key { t: after.t, instance: after.instance, primitive: after.primitive };
        let query = Query { t_max, after, shadow: mode == TRACE_SHADOW };
        match self.traced(origin.to_array(), direction.to_array(), query) {
            Traced::Nothing => Hit { t: 0.0, instance: NONE, primitive: 0, b1: 0.0, b2: 0.0 },
            Traced::Occluded => Hit { t: 0.0, instance: OCCLUDED, primitive: 0, b1: 0.0, b2: 0.0 },
            Traced::Hit { key, b1, b2 } => {
                Hit { t: key.t, instance: key.instance, primitive: key.primitive, b1, b2 }
            }
        }
    }
}

/// What the kernel reads of a scene. `nodes` and `leaves` are empty: the hook has its own.
pub(crate) fn bindings<'a>(scene: &'a PreparedScene, params: &'a Params) -> Bindings<'a> {
    Bindings {
        params,
        instances: bytemuck::cast_slice(&scene.instances),
        triangles: bytemuck::cast_slice(&scene.triangles),
        positions: bytemuck::cast_slice(&scene.positions),
        attributes: bytemuck::cast_slice(&scene.attributes),
        materials: bytemuck::cast_slice(&scene.materials),
        texture_slots: bytemuck::cast_slice(&scene.texture_slots),
        images: bytemuck::cast_slice(&scene.images),
        texels: &scene.texels,
        light_triangles: bytemuck::cast_slice(&scene.light_triangles),
        environment_texels: bytemuck::cast_slice(&scene.environment_texels),
        environment_table: &scene.environment_table,
        tables: &scene.tables,
        punctual_lights: bytemuck::cast_slice(&scene.punctual_lights),
        ..Bindings::EMPTY
    }
}

/// A row of a block: what a thread takes at a time.
type Row = [FilmRecord; BLOCK_PX as usize];

impl Backend for CpuBackend {
    fn describe(&self) -> DeviceDescription {
        let driver = match self.isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => "AVX2",
            Isa::Portable => std::env::consts::ARCH,
        };
        let kind = DeviceKind::Cpu { threads: self.threads };
        DeviceDescription { name: "CPU".to_owned(), kind, driver: driver.to_owned(), memory_bytes: None }
    }

    fn render(
        &mut self,
        scene: &Arc<PreparedScene>,
        frame: &FrameView,
        items: &[BlockItem],
    ) -> Result<Vec<BlockPixels>, RenderError> {
        check_items(frame, items)?;
        let params: Params = bytemuck::cast(KernelParams::new(frame, scene.header, NONE));
        let hooks = WideTrace { bvh: scene.wide(), isa: self.isa };
        let kernel = Kernel { b: bindings(scene, &params), hooks: &hooks };
        let rows = items.len() * BLOCK_PX as usize;
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done: Vec<(usize, Row)> = Vec::new();
            loop {
                let row = next.fetch_add(1, Ordering::Relaxed);
                if row >= rows {
                    return done;
                }
                done.push((row, render_row(&kernel, &items[row / BLOCK_PX as usize], row as u32 % BLOCK_PX)));
            }
        };
        let parts: Result<Vec<_>, _> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..self.threads.min(rows)).map(|_| scope.spawn(work)).collect();
            handles.into_iter().map(|handle| handle.join()).collect()
        });
        let parts = parts.map_err(|panic| RenderError::Kernel(panic_message(&*panic)))?;
        let mut blocks: Vec<BlockPixels> = items.iter().map(|_| BlockPixels::zeroed()).collect();
        for (row, pixels) in parts.into_iter().flatten() {
            let start = row % BLOCK_PX as usize * BLOCK_PX as usize;
            blocks[row / BLOCK_PX as usize].0[start..start + BLOCK_PX as usize].copy_from_slice(&pixels);
        }
        Ok(blocks)
    }

    fn operations(&mut self, vectors: &[[u32; 4]]) -> Result<Vec<[u32; 4]>, RenderError> {
        let answer = |&[a, b, c, index]: &[u32; 4]| cpu_operations::operation(index, a, b, c).to_array();
        Ok(vectors.iter().map(answer).collect())
    }
}

fn render_row(kernel: &Kernel<'_, WideTrace<'_>>, item: &BlockItem, row: u32) -> Row {
    let (x0, y) = (u32::from(item.at.x) * BLOCK_PX, u32::from(item.at.y) * BLOCK_PX + row);
    let count = item.sample_end - item.sample_start;
    std::array::from_fn(|x| film_record(kernel.render_pixel(x0 + x as u32, y, item.sample_start, count)))
}

fn film_record(pixel: PixelRecord) -> FilmRecord {
    FilmRecord {
        rgb: [pixel.red, pixel.green, pixel.blue].map(|sum| sum.to_array()),
        covered: pixel.covered,
        clamped: pixel.clamped,
        camera_rays: pixel.camera_rays,
        bounce_rays: pixel.bounce_rays,
        shadow_rays: pixel.shadow_rays,
        reserved: pixel.reserved,
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked without a message").to_owned()
}
