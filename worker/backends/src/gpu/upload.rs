//! A scene on a device: which section goes to which bindings, and whether it fits.

use std::sync::Arc;

use super::device::{DeviceError, OpenDevice};
use crate::backend::RenderError;
use crate::pages::{Binding, PageShifts, PagedRecord, Section, further_pages};
use crate::scene::PreparedScene;

/// The buffers of a scene.
pub(super) struct SceneBuffers {
    /// Whose they are.
    pub scene: Arc<PreparedScene>,
    /// Sections or their first pages, in order from binding 1.
    pub sections: Vec<wgpu::Buffer>,
    /// Where something is cut: the further pages of all paged sections.
    pub further_pages: Option<Vec<wgpu::Buffer>>,
    pub page_shifts: PageShifts,
}

/// What a device can bind.
#[derive(Clone, Copy, Debug)]
pub(super) struct BindingLimits {
    /// Largest binding, bytes.
    pub binding_bytes_max: u64,
    /// How arrays are cut; pages are no larger than a binding.
    pub page_shifts: PageShifts,
    /// It has bindings enough for further pages.
    pub can_page: bool,
}

/// The sections of `scene.wgsl` in the order of their bindings from 1. The kernel's volumes are built when this is first asked.
pub(crate) fn scene_sections<T>(scene: &PreparedScene, take: impl FnOnce(&[Section<'_>]) -> T) -> T {
    let flat = scene.flat();
    let instances = scene.rooted_instances();
    let whole = |name, bytes| Section { name, bytes, binding: Binding::Whole };
    let paged = |name, bytes, record, further| {
        let binding = Binding::Pages { record, further };
        Section { name, bytes, binding }
    };
    use PagedRecord::*;
    take(&[
        paged("nodes", bytemuck::cast_slice(&flat.nodes), Bytes64, 3),
        paged("leaves", bytemuck::cast_slice(&flat.leaves), Bytes48, 3),
        whole("instances", bytemuck::cast_slice(&instances)),
        paged("triangles", bytemuck::cast_slice(&scene.triangles), Bytes16, 1),
        paged("positions", bytemuck::cast_slice(&scene.positions), Bytes16, 1),
        paged("attributes", bytemuck::cast_slice(&scene.attributes), Bytes48, 3),
        whole("materials", bytemuck::cast_slice(&scene.materials)),
        whole("texture slots", bytemuck::cast_slice(&scene.texture_slots)),
        whole("images", bytemuck::cast_slice(&scene.images)),
        paged("texels", bytemuck::cast_slice(&scene.texels), Bytes4, 3),
        whole("light triangles", bytemuck::cast_slice(&scene.light_triangles)),
        whole("environment texels", bytemuck::cast_slice(&scene.environment_texels)),
        whole("environment table", bytemuck::cast_slice(&scene.environment_table)),
        whole("tables", bytemuck::cast_slice(&scene.tables)),
        whole("punctual lights", bytemuck::cast_slice(&scene.punctual_lights)),
    ])
}

/// Uploads a scene, or says with figures why it does not fit.
pub(super) fn upload(
    device: &OpenDevice,
    name: &str,
    limits: BindingLimits,
    scene: &Arc<PreparedScene>,
) -> Result<Result<SceneBuffers, DeviceError>, RenderError> {
    let page_shifts = limits.page_shifts;
    scene_sections(scene, |sections| {
        for section in sections {
            let (what, needed) = (section.name, section.bytes.len() as u64);
            let limit = match limits.can_page {
                true => section.bytes_max(&page_shifts, limits.binding_bytes_max),
                false => limits.binding_bytes_max,
            };
            tracing::debug!(what, bytes = needed, limit, "section");
            if needed > limit {
                return Err(RenderError::TooLarge { what, needed, limit, device: name.to_owned() });
            }
        }
        let cut = limits.can_page && sections.iter().any(|section| section.is_cut(&page_shifts));
        // What is not cut may be larger than a page of whole powers of two.
        let page_shifts = if cut { page_shifts } else { PageShifts::ONE_PAGE };
        let first =
            |section: &Section<'_>| device.upload(section.name, section.first_page(&page_shifts), false);
        let buffers = sections.iter().map(first).collect();
        let further_pages = cut.then(|| {
            let pages = further_pages(sections, &page_shifts);
            pages.into_iter().map(|(what, bytes)| device.upload(what, bytes, false)).collect()
        });
        match device.check() {
            Ok(()) => {
                Ok(Ok(SceneBuffers { scene: scene.clone(), sections: buffers, further_pages, page_shifts }))
            }
            Err(DeviceError::OutOfMemory(reason)) => {
                let needed = sections.iter().map(|section| section.bytes.len() as u64).sum();
                Err(RenderError::OutOfMemory { device: name.to_owned(), needed, reason })
            }
            Err(error) => Ok(Err(error)),
        }
    })
}

#[cfg(test)]
mod tests {
    use tessera_shaders::cpu::BINDINGS;
    use tessera_shaders::cpu_render_paged::BINDINGS as PAGED_BINDINGS;
    use tessera_shared::package::{Package, Settings};

    use super::*;

    #[test]
    fn sections_and_their_pages_stand_in_the_order_of_the_kernels_bindings() {
        let grid = tessera_shared::grid::Grid::new(8, 8, 8).unwrap();
        let settings = Settings {
            grid,
            samples: 1,
            pass_samples: 1,
            seed: 0,
            max_bounces: 0,
            roulette_start: 1,
            film_scale_log2: 20,
            sample_clamp: 1.0,
        };
        let scene =
            crate::scene::prepare(&Package::empty("empty", settings, 1), 0, Default::default()).unwrap();
        scene_sections(&scene, |sections| {
            let sections_named = sections.iter().map(|section| section.name.replace(' ', "_"));
            let kernel: Vec<&str> = BINDINGS[1..BINDINGS.len() - 2].iter().map(|(name, ..)| *name).collect();
            assert_eq!(sections_named.collect::<Vec<_>>(), kernel);

            let mut count = std::collections::BTreeMap::new();
            let pages_named = further_pages(sections, &PageShifts::ONE_PAGE).into_iter().map(|(name, _)| {
                let number = count.entry(name).and_modify(|count| *count += 1).or_insert(1);
                format!("{name}_{number}")
            });
            let paged: Vec<&str> = PAGED_BINDINGS.iter().map(|(name, ..)| *name).collect();
            assert_eq!(paged[..BINDINGS.len()], BINDINGS.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
            assert_eq!(pages_named.collect::<Vec<_>>(), paged[BINDINGS.len()..]);
        });
    }
}
