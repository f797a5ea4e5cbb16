//! Materials against the numbers that kernels may meet and the slots and tables that they point to.

use super::scene::Scene;
use super::{Checked, InvalidPackage, MAGNITUDE_MAX, invalid, within};
use crate::package::layout::{
    MATERIAL_BLEND, MATERIAL_EMISSIVE, MATERIAL_LAYERED, MATERIAL_MASK, MATERIAL_UNBENT, MATERIAL_UNLIT,
    MATERIAL_VOLUME, Material, NONE, SLOT_ROLE_SHIFT, role, tables,
};

/// Greatest scale of a normal map, alpha cutoff or specular colour: 2²⁰.
const FACTOR_MAX: f32 = 1_048_576.0;
/// Indices of refraction lie between this and its inverse.
const IOR_MAX: f32 = 16.0;

impl Scene<'_> {
    pub(super) fn validate_materials(&self) -> Checked {
        for (i, material) in self.materials.iter().enumerate() {
            let place = format!("material {i}");
            numbers_in_range(&place, material)?;
            flags(&place, material)?;
            self.validate_slots(&place, material)?;
            self.validate_tables(&place, material)?;
        }
        Ok(())
    }

    /// The material's slots exist, and no two say the same.
    fn validate_slots(&self, place: &str, m: &Material) -> Checked {
        let end = u64::from(m.slot_start) + u64::from(m.slot_count);
        if m.slot_count > role::COUNT || end > self.slots.len() as u64 {
            let problem = format!("its {} texture slots end at {end} of {}", m.slot_count, self.slots.len());
            return invalid(place, problem);
        }
        let slots = &self.slots[m.slot_start as usize..end as usize];
        let roles: Vec<u32> = slots.iter().map(|slot| slot.flags >> SLOT_ROLE_SHIFT).collect();
        if roles.windows(2).any(|pair| pair[0] >= pair[1]) {
            return invalid(place, format!("the roles {roles:?} of its textures do not rise"));
        }
        let layered = m.flags & MATERIAL_LAYERED != 0;
        if !layered && roles.last().is_some_and(|last| *last >= role::COAT) {
            return invalid(place, "it has textures for layers that it lacks");
        }
        Ok(())
    }

    /// The tables that the material points to lie behind the fixed ones, whole.
    fn validate_tables(&self, place: &str, m: &Material) -> Checked {
        let edge = self.header.albedo_edge;
        let (first, floats) = (tables::words(edge) as u64, self.tables.len() as u64 / 4);
        let needs_glass = m.flags & MATERIAL_VOLUME != 0 && m.flags & MATERIAL_UNBENT == 0;
        let uses = [
            ("glass", m.glass_table, tables::glass_floats(edge), needs_glass),
            ("film", m.film_table, tables::FILM_FLOATS, m.iridescence > 0.0),
        ];
        for (name, start, length, needed) in uses {
            if (start != NONE) != needed {
                return invalid(
                    place,
                    format!("its {name} table is {start:#x} where it needs one: {needed}"),
                );
            }
            if needed && (u64::from(start) < first || u64::from(start) + length as u64 > floats) {
                let problem = format!("its {name} table at {start} is not within {first} to {floats}");
                return invalid(place, problem);
            }
        }
        Ok(())
    }
}

fn numbers_in_range(place: &str, m: &Material) -> Checked {
    let range = |name: &str, values: &[f32], low: f32, high: f32| -> Result<(), InvalidPackage> {
        within(place, name, values, low, high)
    };
    range("base colour", &m.base_color, 0.0, 1.0)?;
    range("emission", &m.emission, 0.0, MAGNITUDE_MAX)?;
    range("alpha cutoff", &[m.alpha_cutoff], 0.0, FACTOR_MAX)?;
    range(
        "metallic, roughness, specular or F0",
        &[m.metallic, m.roughness, m.specular, m.dielectric_f0],
        0.0,
        1.0,
    )?;
    range("normal scale", &[m.normal_scale, m.coat_normal_scale], -FACTOR_MAX, FACTOR_MAX)?;
    range("specular colour", &m.specular_color, 0.0, FACTOR_MAX)?;
    range("attenuation", &m.attenuation, 0.0, MAGNITUDE_MAX)?;
    range("transmission", &[m.transmission, m.diffuse_transmission], 0.0, 1.0)?;
    range("sheen", &m.sheen_color, 0.0, 1.0)?;
    range("diffuse transmission's colour", &m.diffuse_transmission_color, 0.0, 1.0)?;
    range("sheen, coat or roughness of one", &[m.sheen_roughness, m.coat, m.coat_roughness], 0.0, 1.0)?;
    range(
        "anisotropy, iridescence or film thickness",
        &[m.anisotropy, m.iridescence, m.film_thickness],
        0.0,
        1.0,
    )?;
    range("anisotropy's direction", &[m.anisotropy_cos, m.anisotropy_sin], -1.0, 1.0)?;
    range("index of refraction", &[m.ior], 1.0 / IOR_MAX, IOR_MAX)?;
    range("dispersion", &[m.dispersion], 0.0, IOR_MAX)?;
    let ior_of_red = m.ior - m.dispersion;
    if ior_of_red < 1.0 / IOR_MAX || m.ior + m.dispersion > IOR_MAX {
        return invalid(
            place,
            format!("an index of refraction of {} ± {} leaves the range", m.ior, m.dispersion),
        );
    }
    Ok(())
}

fn flags(place: &str, m: &Material) -> Checked {
    let has = |bit: u32| m.flags & bit != 0;
    let layers = [
        m.coat,
        m.transmission,
        m.diffuse_transmission,
        m.anisotropy,
        m.iridescence,
        m.sheen_color[0],
        m.sheen_color[1],
        m.sheen_color[2],
    ];
    let bare = layers.iter().all(|x| *x == 0.0);
    if m.flags >= 256
        || has(MATERIAL_MASK) && has(MATERIAL_BLEND)
        || has(MATERIAL_UNLIT) && has(MATERIAL_EMISSIVE)
        || has(MATERIAL_EMISSIVE) != (m.emission != [0.0; 3])
        || has(MATERIAL_UNBENT) && !has(MATERIAL_VOLUME)
        || !has(MATERIAL_LAYERED) && (!bare || has(MATERIAL_VOLUME))
        || m.reserved != 0
    {
        return invalid(place, format!("its flags {:#x} do not go together with its numbers", m.flags));
    }
    Ok(())
}
