//! Texture slots, images and texels, each written once however often materials use it. Knows what a role's bytes mean, not what
//! materials do with them.

use std::collections::BTreeMap;

use tessera_shared::digest::Digest;
use tessera_shared::package::layout::{
    IMAGE_LINEAR8, IMAGE_SRGB8, Image, SLOT_NEAREST, SLOT_ROLE_SHIFT, SLOT_UV1, TextureSlot, WRAP_CLAMP,
    WRAP_MIRROR, WRAP_REPEAT, role,
};

use super::number::{LARGEST, settled3};
use super::texels::ImageFacts;
use crate::import::{Model, TextureUse, Wrap};

/// The sections that textures are made of.
#[derive(Default)]
pub struct Textures {
    pub slots: Vec<TextureSlot>,
    pub images: Vec<Image>,
    pub texels: Vec<u32>,
}

/// Writes textures of a model.
pub struct TextureWriter<'a> {
    model: &'a Model,
    pub facts: &'a mut ImageFacts,
    /// First texel by content.
    starts: BTreeMap<(Digest, u32, u32), u32>,
    images: BTreeMap<(u32, u32), u32>,
    /// First slot by the slots of a material.
    runs: BTreeMap<Vec<[u32; 8]>, u32>,
    pub out: Textures,
}

impl<'a> TextureWriter<'a> {
    pub fn new(model: &'a Model, facts: &'a mut ImageFacts) -> TextureWriter<'a> {
        facts.attend(&model.images);
        TextureWriter {
            model,
            facts,
            starts: BTreeMap::new(),
            images: BTreeMap::new(),
            runs: BTreeMap::new(),
            out: Textures::default(),
        }
    }

    /// Writes a material's textures; returns the first slot and their number.
    pub fn slots(&mut self, mut uses: Vec<(u32, &TextureUse)>) -> (u32, u32) {
        uses.sort_by_key(|(role, _)| *role);
        uses.dedup_by_key(|(role, _)| *role);
        let slots: Vec<TextureSlot> = uses.iter().map(|(role, usage)| self.slot(*role, usage)).collect();
        let key: Vec<[u32; 8]> = slots.iter().map(|slot| bytemuck::cast(*slot)).collect();
        let next = self.out.slots.len() as u32;
        let start = *self.runs.entry(key).or_insert(next);
        if start == next {
            self.out.slots.extend(&slots);
        }
        (start, slots.len() as u32)
    }

    fn slot(&mut self, role: u32, usage: &TextureUse) -> TextureSlot {
        let wrap = |mode| match mode {
            Wrap::Repeat => WRAP_REPEAT,
            Wrap::Clamp => WRAP_CLAMP,
            Wrap::Mirror => WRAP_MIRROR,
        };
        let flags = wrap(usage.wrap_u)
            | wrap(usage.wrap_v) << 2
            | if usage.nearest { SLOT_NEAREST } else { 0 }
            | if usage.uv_set == 1 { SLOT_UV1 } else { 0 }
            | role << SLOT_ROLE_SHIFT;
        let bounded = |row: [f64; 3]| settled3(row.map(|x| x.clamp(-LARGEST, LARGEST)));
        let [row_u, row_v] = usage.rows.map(bounded);
        TextureSlot { image: self.image(usage, format_of(role)), flags, row_u, row_v }
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

/// How the bytes of a role's image are encoded.
fn format_of(texture_role: u32) -> u32 {
    match texture_role {
        role::BASE_COLOR
        | role::EMISSION
        | role::SPECULAR_COLOR
        | role::SHEEN_COLOR
        | role::DIFFUSE_TRANSMISSION_COLOR => IMAGE_SRGB8,
        _ => IMAGE_LINEAR8,
    }
}
