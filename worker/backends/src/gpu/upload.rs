//! A scene on a device: which section goes to which binding, and whether it fits.

use std::sync::Arc;

use super::device::{DeviceError, OpenDevice};
use crate::backend::RenderError;
use crate::scene::PreparedScene;

/// The buffers of bindings 1 to 15, in order.
pub(super) struct SceneBuffers {
    /// Whose they are.
    pub scene: Arc<PreparedScene>,
    pub buffers: Vec<wgpu::Buffer>,
}

/// Names and bytes of bindings 1 to 15 of `scene.wgsl`. The kernel's volumes are built when this is first asked.
pub(crate) fn scene_sections<T>(
    scene: &PreparedScene,
    take: impl FnOnce(&[(&'static str, &[u8])]) -> T,
) -> T {
    let flat = scene.flat();
    let instances = scene.rooted_instances();
    take(&[
        ("nodes", bytemuck::cast_slice(&flat.nodes)),
        ("leaves", bytemuck::cast_slice(&flat.leaves)),
        ("instances", bytemuck::cast_slice(&instances)),
        ("triangles", bytemuck::cast_slice(&scene.triangles)),
        ("positions", bytemuck::cast_slice(&scene.positions)),
        ("attributes", bytemuck::cast_slice(&scene.attributes)),
        ("materials", bytemuck::cast_slice(&scene.materials)),
        ("texture slots", bytemuck::cast_slice(&scene.texture_slots)),
        ("images", bytemuck::cast_slice(&scene.images)),
        ("texels", bytemuck::cast_slice(&scene.texels)),
        ("light triangles", bytemuck::cast_slice(&scene.light_triangles)),
        ("environment texels", bytemuck::cast_slice(&scene.environment_texels)),
        ("environment table", bytemuck::cast_slice(&scene.environment_table)),
        ("tables", bytemuck::cast_slice(&scene.tables)),
        ("punctual lights", bytemuck::cast_slice(&scene.punctual_lights)),
    ])
}

/// Uploads a scene, or says with figures why it does not fit.
pub(super) fn upload(
    device: &OpenDevice,
    name: &str,
    limit: u64,
    scene: &Arc<PreparedScene>,
) -> Result<Result<SceneBuffers, DeviceError>, RenderError> {
    scene_sections(scene, |sections| {
        for &(what, bytes) in sections {
            let needed = bytes.len() as u64;
            tracing::debug!(what, bytes = needed, "section");
            if needed > limit {
                return Err(RenderError::TooLarge { what, needed, limit, device: name.to_owned() });
            }
        }
        let buffers = sections.iter().map(|(what, bytes)| device.upload(what, bytes, false)).collect();
        match device.check() {
            Ok(()) => Ok(Ok(SceneBuffers { scene: scene.clone(), buffers })),
            Err(DeviceError::OutOfMemory(reason)) => {
                let needed = sections.iter().map(|(_, bytes)| bytes.len() as u64).sum();
                Err(RenderError::OutOfMemory { device: name.to_owned(), needed, reason })
            }
            Err(error) => Ok(Err(error)),
        }
    })
}
