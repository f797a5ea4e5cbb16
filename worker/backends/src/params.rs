//! The kernel's parameters, byte for byte as `scene.wgsl` declares them. Decides what of a frame and a scene goes there.

use bytemuck::{Pod, Zeroable};
use tessera_shared::package::layout::SceneHeader;

use crate::backend::FrameView;

/// `Params` of `scene.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct KernelParams {
    pub eye: [f32; 3],
    pub width: u32,
    pub corner: [f32; 3],
    pub height: u32,
    pub step_x: [f32; 3],
    pub seed: u32,
    pub step_y: [f32; 3],
    pub frame: u32,
    pub max_bounces: u32,
    pub roulette_start: u32,
    pub film_scale_log2: u32,
    pub sample_clamp: f32,
    pub tlas_root: u32,
    pub item_count: u32,
    pub reserved0: u32,
    pub reserved1: u32,
    pub header: SceneHeader,
}

impl KernelParams {
    /// Parameters of a dispatch without items yet.
    pub fn new(frame: &FrameView, header: SceneHeader, tlas_root: u32) -> KernelParams {
        let FrameView { number, camera, settings } = frame;
        KernelParams {
            eye: camera.eye,
            width: settings.grid.width_px,
            corner: camera.corner,
            height: settings.grid.height_px,
            step_x: camera.step_x,
            seed: settings.seed,
            step_y: camera.step_y,
            frame: number.0,
            max_bounces: settings.max_bounces,
            roulette_start: settings.roulette_start,
            film_scale_log2: settings.film_scale_log2,
            sample_clamp: settings.sample_clamp,
            tlas_root,
            item_count: 0,
            reserved0: 0,
            reserved1: 0,
            header,
        }
    }
}
