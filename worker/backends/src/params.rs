//! The kernel's parameters, byte for byte as `scene.wgsl` declares them. Decides what of a frame and a scene goes there.

use bytemuck::{Pod, Zeroable};
use tessera_shared::package::Projection;
use tessera_shared::package::layout::SceneHeader;

use crate::backend::FrameView;
use crate::pages::PageShifts;

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
    /// 1 for an orthographic camera.
    pub projection: u32,
    pub lens_radius_px: f32,
    pub page_shifts: PageShifts,
    pub header: SceneHeader,
}

impl KernelParams {
    /// Parameters of a dispatch without items yet, over arrays of one page each.
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
            projection: match camera.projection {
                Projection::Perspective => 0,
                Projection::Orthographic => 1,
            },
            lens_radius_px: camera.lens_radius_px,
            page_shifts: PageShifts::ONE_PAGE,
            header,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use tessera_shaders::cpu::LAYOUTS;
    use tessera_shared::package::layout::*;

    use super::*;

    /// Size and member offsets of a Rust record.
    macro_rules! record {
        ($name:ident { $($member:ident),+ $(,)? }) => {
            (size_of::<$name>() as u32, vec![$((stringify!($member), offset_of!($name, $member) as u32)),+])
        };
    }

    fn kernel(name: &str) -> (u32, Vec<(&'static str, u32)>) {
        let &(_, size, members) = LAYOUTS.iter().find(|(known, ..)| *known == name).unwrap();
        (size, members.to_vec())
    }

    #[test]
    fn parameters_are_those_of_the_kernel() {
        let (size, mut members) = record!(KernelParams {
            eye,
            width,
            corner,
            height,
            step_x,
            seed,
            step_y,
            frame,
            max_bounces,
            roulette_start,
            film_scale_log2,
            sample_clamp,
            tlas_root,
            item_count,
            projection,
            lens_radius_px,
        });
        let pages = record!(PageShifts { page_shift_64, page_shift_48, page_shift_16, page_shift_4 });
        let header = record!(SceneHeader {
            environment_width,
            environment_height,
            environment_pick,
            light_triangle_count,
            environment_probability,
            triangle_probability,
            environment_cos,
            environment_sin,
            albedo_edge,
            instance_count,
            triangle_count,
            punctual_pick,
            punctual_count,
            punctual_probability,
            reserved0,
            reserved1,
        });
        let starts = [offset_of!(KernelParams, page_shifts), offset_of!(KernelParams, header)];
        for (start, (_, inner)) in starts.into_iter().zip([pages, header]) {
            members.extend(inner.into_iter().map(|(name, offset)| (name, start as u32 + offset)));
        }
        assert_eq!(kernel("Params"), (size, members));
    }

    #[test]
    fn materials_are_those_of_the_kernel() {
        let record = record!(Material {
            base_color,
            emission,
            alpha_cutoff,
            specular_color,
            specular,
            attenuation,
            transmission,
            sheen_color,
            sheen_roughness,
            diffuse_transmission_color,
            diffuse_transmission,
            metallic,
            roughness,
            normal_scale,
            dielectric_f0,
            coat,
            coat_roughness,
            coat_normal_scale,
            ior,
            anisotropy,
            anisotropy_cos,
            anisotropy_sin,
            dispersion,
            iridescence,
            film_thickness,
            film_table,
            glass_table,
            flags,
            slot_start,
            slot_count,
            reserved,
        });
        assert_eq!(kernel("Material"), record);
    }

    #[test]
    fn records_of_the_package_are_those_of_the_kernel() {
        let records = [
            (
                "VertexAttributes",
                record!(VertexAttributes { normal, u0, tangent, v0, u1, v1, color_rg, color_ba }),
            ),
            (
                "Instance",
                record!(Instance {
                    object_to_world,
                    world_to_object,
                    box_min,
                    mesh,
                    box_max,
                    light_start,
                    triangle_start,
                    emissive_count,
                    flags,
                    blas_root,
                }),
            ),
            ("TextureSlot", record!(TextureSlot { image, flags, row_u, row_v })),
            ("Image", record!(Image { texel_start, width, height, format })),
            ("LightTriangle", record!(LightTriangle { instance, triangle, cdf, pdf_area })),
            (
                "PunctualLight",
                record!(PunctualLight {
                    position,
                    cdf,
                    axis,
                    probability,
                    intensity,
                    flags,
                    radius,
                    cone_scale,
                    cone_offset,
                    inverse_range2,
                }),
            ),
        ];
        for (name, record) in records {
            assert_eq!(kernel(name), record, "{name}");
        }
    }
}
