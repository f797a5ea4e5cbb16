//! Materials as the kernel's records: factors rounded, what a shape of light needs in tables pointed to, flags that say which of it
//! is there at all.

use std::collections::BTreeMap;

use tessera_shared::package::layout::{
    MATERIAL_BLEND, MATERIAL_DOUBLE_SIDED, MATERIAL_EMISSIVE, MATERIAL_LAYERED, MATERIAL_MASK,
    MATERIAL_UNBENT, MATERIAL_UNLIT, MATERIAL_VOLUME, Material, NONE, role,
};

use super::film;
use super::glass;
use super::number::{LARGEST, luminance, settled, settled3};
use super::tables;
use super::texels::ImageFacts;
use super::textures::{TextureWriter, Textures};
use crate::import::{AlphaMode, Film, Layers, Medium, Model, SurfaceMaterial, TextureUse};

/// Indices of refraction are held between this and its inverse.
const IOR_MAX: f64 = 8.0;
/// Light passes a boundary of a smaller step of the index without bending.
const IOR_STEP_MIN: f64 = 0.005;
/// Indices of refraction are told apart in steps of one over this where tables are shared.
const IOR_STEPS: f64 = 256.0;
/// Densest medium: a colour of 0 stands for this share of the light.
const CLEAR_MIN: f64 = 1e-9;
/// Shortest distance in which a medium takes its colour, metres.
const DISTANCE_MIN: f64 = 1e-9;

/// The sections that materials are made of, and what lights must know of them.
pub struct Surfaces {
    pub materials: Vec<Material>,
    pub textures: Textures,
    /// Floats of the tables' section.
    pub tables: Vec<f32>,
    /// A material's mean radiance as luminance, both sides counted; 0 where it does not emit.
    pub mean_emission: Vec<f64>,
}

/// Compiles every material. `vertex_alpha` says for each whether a vertex that it covers has a colour with alpha below 1.
pub fn surfaces(model: &Model, vertex_alpha: &[bool], facts: &mut ImageFacts) -> Surfaces {
    let mut writer = Writer {
        textures: TextureWriter::new(model, facts),
        tables: tables::tables().to_vec(),
        glasses: BTreeMap::new(),
        films: Vec::new(),
        mean_emission: Vec::new(),
    };
    let all = model.materials.iter().zip(vertex_alpha);
    let materials = all.map(|(material, vertex_alpha)| writer.material(material, *vertex_alpha)).collect();
    let Writer { textures, tables, mean_emission, .. } = writer;
    Surfaces { materials, textures: textures.out, tables, mean_emission }
}

struct Writer<'a> {
    textures: TextureWriter<'a>,
    tables: Vec<f32>,
    /// First float by the index of refraction in [`IOR_STEPS`].
    glasses: BTreeMap<u32, u32>,
    films: Vec<(Film, u32)>,
    mean_emission: Vec<f64>,
}

impl Writer<'_> {
    fn material(&mut self, material: &SurfaceMaterial, vertex_alpha: bool) -> Material {
        let emissive_mean =
            material.emissive.as_ref().map_or([1.0; 3], |usage| self.textures.facts.mean_color(usage.image));
        let emission = material.emission.map(|e| e.min(LARGEST));
        let sides = if material.double_sided { 2.0 } else { 1.0 };
        let mean = sides * luminance([0, 1, 2].map(|c| emission[c] * emissive_mean[c]));
        let emits = !material.unlit && mean > 0.0 && settled3(emission) != [0.0; 3];
        self.mean_emission.push(if emits { mean } else { 0.0 });
        let layers = if material.unlit { Layers::default() } else { material.layers.clone() };
        let is_layered = is_layered(&layers);
        let (slot_start, slot_count) = self.textures.slots(uses(material, emits, is_layered));
        let [r, g, b, a] = material.base_color;
        let base = Material {
            base_color: [settled(r), settled(g), settled(b), settled(a)],
            emission: if emits { settled3(emission) } else { [0.0; 3] },
            alpha_cutoff: settled(material.alpha_cutoff),
            specular_color: settled3(material.specular_color),
            specular: settled(material.specular),
            metallic: settled(material.metallic),
            roughness: settled(material.roughness),
            normal_scale: settled(material.normal_scale),
            dielectric_f0: settled(dielectric_f0(material.ior)),
            ior: 1.0,
            anisotropy_cos: 1.0,
            film_table: NONE,
            glass_table: NONE,
            flags: self.flags(material, vertex_alpha, emits),
            slot_start,
            slot_count,
            ..Material::default()
        };
        if is_layered { self.layered(base, &layers, material.ior) } else { base }
    }

    /// Puts the layers into a record.
    fn layered(&mut self, base: Material, layers: &Layers, ior: f64) -> Material {
        let (sin, cos) = layers.anisotropy_rotation.sin_cos();
        let mut out = Material {
            transmission: settled(layers.transmission),
            sheen_color: settled3(layers.sheen_color),
            sheen_roughness: settled(layers.sheen_roughness),
            diffuse_transmission_color: settled3(layers.diffuse_transmission_color),
            diffuse_transmission: settled(layers.diffuse_transmission),
            coat: settled(layers.coat),
            coat_roughness: settled(layers.coat_roughness),
            coat_normal_scale: settled(layers.coat_normal_scale),
            anisotropy: settled(layers.anisotropy),
            anisotropy_cos: settled(cos),
            anisotropy_sin: settled(sin),
            flags: base.flags | MATERIAL_LAYERED,
            ..base
        };
        if let Some(film) = layers.film.filter(|film| settled(film.factor) > 0.0) {
            out.iridescence = settled(film.factor);
            // Without a texture the film has its greatest thickness.
            out.film_thickness = 1.0;
            out.film_table = self.film(film);
        }
        let passes = layers.transmission > 0.0 || layers.diffuse_transmission > 0.0;
        if let Some(medium) = layers.medium.filter(|_| passes) {
            out.flags |= MATERIAL_VOLUME;
            out.attenuation = attenuation(&medium);
            let ior = if ior == 0.0 { 1.0 } else { ior.clamp(1.0 / IOR_MAX, IOR_MAX) };
            if (ior - 1.0).abs() < IOR_STEP_MIN {
                out.flags |= MATERIAL_UNBENT;
            } else {
                out.ior = settled(ior);
                out.dispersion = settled(dispersion(layers.dispersion, ior));
                out.glass_table = self.glass(ior);
            }
        }
        out
    }

    fn glass(&mut self, ior: f64) -> u32 {
        let key = (ior * IOR_STEPS).round() as u32;
        let tables = &mut self.tables;
        *self.glasses.entry(key).or_insert_with(|| {
            let start = tables.len() as u32;
            glass::append(f64::from(key) / IOR_STEPS, tables);
            start
        })
    }

    fn film(&mut self, film: Film) -> u32 {
        let key = Film { factor: 1.0, ..film };
        if let Some((_, start)) = self.films.iter().find(|(known, _)| *known == key) {
            return *start;
        }
        let start = self.tables.len() as u32;
        film::append(&key, &mut self.tables);
        self.films.push((key, start));
        start
    }

    fn flags(&mut self, material: &SurfaceMaterial, vertex_alpha: bool, emits: bool) -> u32 {
        // Where no alpha can make a hole, rays need not ask.
        let texture = material.base_color_texture.as_ref();
        let texture_alpha = texture.map_or(255, |usage| self.textures.facts.least_alpha(usage.image));
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
}

/// Whether any layer is there.
fn is_layered(layers: &Layers) -> bool {
    let shares = [layers.coat, layers.transmission, layers.diffuse_transmission, layers.anisotropy];
    let film = layers.film.map_or(0.0, |film| film.factor);
    shares.iter().chain(&layers.sheen_color).chain([&film]).any(|share| settled(*share) > 0.0)
}

/// The textures that the kernel asks for, with their roles.
fn uses(material: &SurfaceMaterial, emits: bool, is_layered: bool) -> Vec<(u32, &TextureUse)> {
    let base = [
        (role::BASE_COLOR, material.base_color_texture.as_ref()),
        (role::EMISSION, material.emissive.as_ref().filter(|_| emits)),
        (role::METALLIC_ROUGHNESS, material.metallic_roughness.as_ref()),
        (role::NORMAL, material.normal.as_ref()),
        (role::SPECULAR, material.specular_texture.as_ref()),
        (role::SPECULAR_COLOR, material.specular_color_texture.as_ref()),
    ];
    let layers = material.layers.textures.iter().map(|(role, usage)| (*role, usage.as_ref()));
    let all = base.into_iter().chain(layers.filter(|_| is_layered && !material.unlit));
    all.filter_map(|(role, usage)| Some((role, usage?))).collect()
}

/// Reflectance at normal incidence; an index of 0 stands for infinity (`KHR_materials_ior`).
pub fn dielectric_f0(ior: f64) -> f64 {
    if ior == 0.0 { 1.0 } else { ((ior - 1.0) / (ior + 1.0)).powi(2) }
}

/// Halvings per metre, by channel.
fn attenuation(medium: &Medium) -> [f32; 3] {
    let per_metre = |color: f64| -color.clamp(CLEAR_MIN, 1.0).log2() / medium.distance.max(DISTANCE_MIN);
    settled3(medium.color.map(|color| per_metre(color).clamp(0.0, LARGEST)))
}

/// Half the spread of the index between red and blue (`KHR_materials_dispersion`: 20 / Abbe number), held so that every
/// channel's index is the same side of 1.
fn dispersion(dispersion: f64, ior: f64) -> f64 {
    let spread = (ior - 1.0).abs() * 0.025 * dispersion;
    spread.min((ior - 1.0).abs() - IOR_STEP_MIN / 2.0).min(IOR_MAX).max(0.0)
}
