//! Texture slots, images and texels, each written once however often materials use it; and the materials themselves.

use std::collections::BTreeMap;

use tessera_shared::digest::Digest;
use tessera_shared::package::layout::{
    IMAGE_LINEAR8, IMAGE_SRGB8, Image, MATERIAL_BLEND, MATERIAL_DOUBLE_SIDED, MATERIAL_EMISSIVE,
    MATERIAL_MASK, MATERIAL_UNLIT, Material, NONE, SLOT_NEAREST, SLOT_UV1, TextureSlot, WRAP_CLAMP,
    WRAP_MIRROR, WRAP_REPEAT,
};

use super::number::{LARGEST, luminance, settled, settled3};
use super::texels::ImageFacts;
use crate::import::{AlphaMode, Model, SurfaceMaterial, TextureUse, Wrap};

/// The sections that materials are made of, and what lights must know of them.
#[derive(Default)]
pub struct Surfaces {
    pub materials: Vec<Material>,
    pub slots: Vec<TextureSlot>,
    pub images: Vec<Image>,
    pub texels: Vec<u32>,
    /// A material's mean radiance as luminance, both sides counted; 0 where it does not emit.
    pub mean_emission: Vec<f64>,
}

/// Compiles every material. `vertex_alpha` says for each whether a vertex that it covers has a colour with alpha below 1.
pub fn surfaces(model: &Model, vertex_alpha: &[bool], facts: &mut ImageFacts) -> Surfaces {
    facts.attend(&model.images);
    let mut writer = Writer {
        model,
        facts,
        starts: BTreeMap::new(),
        images: BTreeMap::new(),
        slots: BTreeMap::new(),
        out: Surfaces::default(),
    };
    for (material, vertex_alpha) in model.materials.iter().zip(vertex_alpha) {
        writer.material(material, *vertex_alpha);
    }
    writer.out
}

struct Writer<'a> {
    model: &'a Model,
    facts: &'a mut ImageFacts,
    /// First texel by content.
    starts: BTreeMap<(Digest, u32, u32), u32>,
    images: BTreeMap<(u32, u32), u32>,
    slots: BTreeMap<[u32; 8], u32>,
    out: Surfaces,
}

impl Writer<'_> {
    fn material(&mut self, material: &SurfaceMaterial, vertex_alpha: bool) {
        let emissive_mean =
            material.emissive.as_ref().map_or([1.0; 3], |usage| self.facts.mean_color(usage.image));
        let emission = material.emission.map(|e| e.min(LARGEST));
        let sides = if material.double_sided { 2.0 } else { 1.0 };
        let mean = sides * luminance([0, 1, 2].map(|c| emission[c] * emissive_mean[c]));
        let emits = !material.unlit && mean > 0.0 && settled3(emission) != [0.0; 3];
        let [r, g, b, a] = material.base_color;
        let compiled = Material {
            base_color: [settled(r), settled(g), settled(b), settled(a)],
            emission: if emits { settled3(emission) } else { [0.0; 3] },
            alpha_cutoff: settled(material.alpha_cutoff),
            metallic: settled(material.metallic),
            roughness: settled(material.roughness),
            normal_scale: settled(material.normal_scale),
            specular: settled(material.specular),
            specular_color: settled3(material.specular_color),
            dielectric_f0: settled(dielectric_f0(material.ior)),
            flags: self.flags(material, vertex_alpha, emits),
            base_color_slot: self.slot(material.base_color_texture.as_ref(), IMAGE_SRGB8),
            metallic_roughness_slot: self.slot(material.metallic_roughness.as_ref(), IMAGE_LINEAR8),
            normal_slot: self.slot(material.normal.as_ref(), IMAGE_LINEAR8),
            emissive_slot: self.slot(material.emissive.as_ref().filter(|_| emits), IMAGE_SRGB8),
            specular_slot: self.slot(material.specular_texture.as_ref(), IMAGE_LINEAR8),
            specular_color_slot: self.slot(material.specular_color_texture.as_ref(), IMAGE_SRGB8),
            reserved: 0,
        };
        self.out.materials.push(compiled);
        self.out.mean_emission.push(if emits { mean } else { 0.0 });
    }

    fn flags(&mut self, material: &SurfaceMaterial, vertex_alpha: bool, emits: bool) -> u32 {
        // Where no alpha can make a hole, rays need not ask.
        let texture = material.base_color_texture.as_ref();
        let texture_alpha = texture.map_or(255, |usage| self.facts.least_alpha(usage.image));
        let least_alpha = material.base_color[3] * f64::from(texture_alpha) / 255.0;
        let alpha = match material.alpha_mode {
            AlphaMode::Mask if vertex_alpha || least_alpha < material.alpha_cutoff + 1e-3 => MATERIAL_MASK,
            AlphaMode::Blend if vertex_alpha || least_alpha < 1.0 => MATERIAL_BLEND,
            _ => 0,
        };
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        alpha
            | flag(material.double_sided, MATERIAL_DOUBLE_SIDED)
            | flag(material.unlit, MATERIAL_UNLIT)
            | flag(emits, MATERIAL_EMISSIVE)
    }

    fn slot(&mut self, usage: Option<&TextureUse>, format: u32) -> u32 {
        let Some(usage) = usage else {
            return NONE;
        };
        let wrap = |mode| match mode {
            Wrap::Repeat => WRAP_REPEAT,
            Wrap::Clamp => WRAP_CLAMP,
            Wrap::Mirror => WRAP_MIRROR,
        };
        let flags = wrap(usage.wrap_u)
            | wrap(usage.wrap_v) << 2
            | if usage.nearest { SLOT_NEAREST } else { 0 }
            | if usage.uv_set == 1 { SLOT_UV1 } else { 0 };
        let bounded = |row: [f64; 3]| settled3(row.map(|x| x.clamp(-LARGEST, LARGEST)));
        let [row_u, row_v] = usage.rows.map(bounded);
        let slot = TextureSlot { image: self.image(usage, format), flags, row_u, row_v };
        let key: [u32; 8] = bytemuck::cast(slot);
        *self.slots.entry(key).or_insert_with(|| {
            self.out.slots.push(slot);
            self.out.slots.len() as u32 - 1
        })
    }

    fn image(&mut self, usage: &TextureUse, format: u32) -> u32 {
        let raster = &self.model.images[usage.image];
        let content = (self.facts.digest(usage.image), raster.width, raster.height);
        let start = *self.starts.entry(content).or_insert_with(|| {
            let start = self.out.texels.len() as u32;
            let words = raster
                .rgba
                .chunks_exact(4)
                .map(|texel| u32::from_le_bytes([texel[0], texel[1], texel[2], texel[3]]));
            self.out.texels.extend(words);
            start
        });
        *self.images.entry((start, format)).or_insert_with(|| {
            let image = Image { texel_start: start, width: raster.width, height: raster.height, format };
            self.out.images.push(image);
            self.out.images.len() as u32 - 1
        })
    }
}

/// Reflectance at normal incidence; an index of 0 stands for infinity (`KHR_materials_ior`).
fn dielectric_f0(ior: f64) -> f64 {
    if ior == 0.0 { 1.0 } else { ((ior - 1.0) / (ior + 1.0)).powi(2) }
}
