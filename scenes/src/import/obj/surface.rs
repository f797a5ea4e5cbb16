//! What an MTL material looks like: the metallic-roughness material that stands for its numbers and maps. docs/jobs.md says the
//! same in words.

use super::super::error::ImportError;
use super::super::exchange;
use super::super::{AlphaMode, SurfaceMaterial, TextureUse, Wrap};
use super::images::Images;
use super::mtl::{Described, Map};
use crate::label::quoted;
use crate::notice::Notices;

/// Maps that are read; any other is named in a notice.
const MAPS: [&str; 10] =
    ["map_kd", "map_ke", "map_d", "map_pr", "map_pm", "map_bump", "bump", "norm", "map_ka", "map_normal"];
/// Maps that are known and change nothing here.
const UNREAD_MAPS: [&str; 7] = ["map_ks", "map_ns", "refl", "map_refl", "disp", "map_disp", "decal"];
/// Numbers that change nothing here, and what a picture lacks for it.
const LACKING: [(&str, &str); 3] = [
    ("Ps", "cloth lacks its soft glow at grazing angles"),
    ("Pc", "the clear layer of varnish is left out"),
    ("aniso", "highlights are round instead of stretched along the brushing"),
];

/// The surface of a material. A map takes the place of the number beside it, as Blender reads these files.
pub fn surface(
    name: &str,
    described: &Described,
    images: &mut Images,
    notices: &mut Notices,
) -> Result<SurfaceMaterial, ImportError> {
    let number = |name: &str| described.numbers.get(name).copied();
    let map = |name: &str| described.maps.get(name);
    let mut surface = exchange::dielectric([0.8; 3])?;
    let [r, g, b] = described.diffuse.unwrap_or([0.8; 3]).map(|c| c.clamp(0.0, 1.0));
    let alpha = number("d").or_else(|| number("Tr").map(|tr| 1.0 - tr)).unwrap_or(1.0).clamp(0.0, 1.0);
    surface.base_color = [r, g, b, alpha];
    surface.roughness = roughness(number("Pr"), number("Ns"));
    surface.metallic = number("Pm").unwrap_or(0.0).clamp(0.0, 1.0);
    surface.ior = number("Ni").filter(|ior| *ior > 1.0).unwrap_or(1.5).min(1e6);
    surface.emission = described.emission.unwrap_or([0.0; 3]).map(|e| e.max(0.0));
    (surface.specular, surface.specular_color) = specular(described);
    if let Some(map) = map("map_kd") {
        let image = images.image(map)?;
        surface.base_color_texture = Some(texture(map, image));
        surface.base_color = [1.0, 1.0, 1.0, alpha];
    }
    if let Some(cutout) = map("map_d") {
        let sources = [map("map_kd").map(|map| images.image(map)).transpose()?, Some(images.image(cutout)?)];
        // Alpha where the image has some, else brightness.
        let has_alpha = sources[1]
            .is_some_and(|index| images.raster(index).rgba.chunks_exact(4).any(|texel| texel[3] < 255));
        let image = images.join(if has_alpha { "alpha" } else { "brightness" }, sources, |color, mask| {
            [color[0], color[1], color[2], if has_alpha { mask[3] } else { mask[1] }]
        })?;
        surface.base_color_texture = Some(texture(map("map_kd").unwrap_or(cutout), image));
        surface.base_color[3] = 1.0;
    }
    if alpha < 1.0 || map("map_d").is_some() {
        surface.alpha_mode = AlphaMode::Blend;
    }
    if let Some(map) = map("map_ke") {
        surface.emissive = Some(texture(map, images.image(map)?));
        surface.emission = [1.0; 3];
    }
    if let Some(first) = map("map_pr").or(map("map_pm")) {
        let source = |map: Option<&Map>, images: &mut Images| map.map(|map| images.image(map)).transpose();
        let sources = [source(map("map_pr"), images)?, source(map("map_pm"), images)?];
        let image =
            images.join("roughness and metal", sources, |rough, metal| [255, rough[1], metal[1], 255])?;
        surface.metallic_roughness = Some(texture(first, image));
        if sources[0].is_some() {
            surface.roughness = 1.0;
        }
        if sources[1].is_some() {
            surface.metallic = 1.0;
        }
    }
    normal_map(described, &mut surface, images, notices)?;
    name_what_lacks(name, described, notices);
    Ok(surface)
}

/// `Pr`, or the roughness whose highlight has the width of Blinn and Phong's with the exponent `Ns`: α = √(2 / (Ns + 2)),
/// roughness = √α (Walter et al. 2007, §5.3).
fn roughness(given: Option<f64>, exponent: Option<f64>) -> f64 {
    let from_exponent = exponent.map(|ns| (2.0 / (ns.max(0.0) + 2.0)).powf(0.25));
    given.or(from_exponent).unwrap_or(0.5).clamp(0.0, 1.0)
}

/// `KHR_materials_specular`'s factor and colour. `Ks` 0.5 is the reflectance that the index of refraction gives, as Blender
/// writes it; illumination models 0 and 1 have no highlight unless a number of the PBR extension is there.
fn specular(described: &Described) -> (f64, [f64; 3]) {
    let is_pbr = ["Pr", "Pm"].iter().any(|name| described.numbers.contains_key(name));
    let is_matt = described.numbers.get("illum").is_some_and(|model| *model < 2.0);
    if is_matt && !is_pbr {
        return (0.0, [1.0; 3]);
    }
    let Some(given) = described.specular else {
        return (1.0, [1.0; 3]);
    };
    let doubled = given.map(|c| 2.0 * c.clamp(0.0, 1.0));
    let factor = doubled.iter().fold(0.0f64, |most, c| most.max(*c)).min(1.0);
    (factor, if factor > 0.0 { doubled.map(|c| c / factor) } else { [1.0; 3] })
}

/// `norm`, or `map_Bump` where it is no height field.
fn normal_map(
    described: &Described,
    surface: &mut SurfaceMaterial,
    images: &mut Images,
    notices: &mut Notices,
) -> Result<(), ImportError> {
    let named = |name: &&str| described.maps.get(*name);
    if let Some(map) = ["norm", "map_normal"].iter().find_map(named) {
        surface.normal = Some(texture(map, images.image(map)?));
        surface.normal_scale = map.strength.clamp(-1e6, 1e6);
    } else if let Some(map) = ["map_bump", "bump"].iter().find_map(named) {
        let image = images.image(map)?;
        let is_grey = |texel: &[u8]| texel[0] == texel[1] && texel[1] == texel[2];
        if images.raster(image).rgba.chunks_exact(4).all(is_grey) {
            notices.add(
                "MTL height fields",
                "a grey `map_Bump` is not rendered yet; surfaces are smooth instead",
            );
        } else {
            surface.normal = Some(texture(map, image));
            surface.normal_scale = map.strength.clamp(-1e6, 1e6);
        }
    }
    Ok(())
}

fn name_what_lacks(name: &str, described: &Described, notices: &mut Notices) {
    for map in described.maps.keys().filter(|map| !MAPS.contains(&map.as_str())) {
        let feature = UNREAD_MAPS.iter().find(|known| *known == map).map_or("other maps", |known| known);
        notices.add(format!("MTL {feature}"), format!("not rendered; {} is shown without it", quoted(name)));
    }
    for (number, effect) in LACKING {
        if described.numbers.get(number).is_some_and(|value| *value != 0.0) {
            notices.add(format!("MTL {number}"), format!("not rendered; {effect}"));
        }
    }
}

/// A map's options in glTF's texture space, whose v points down.
fn texture(map: &Map, image: usize) -> TextureUse {
    let ([su, sv], [ou, ov]) = (map.scale, map.offset);
    let wrap = if map.clamp { Wrap::Clamp } else { Wrap::Repeat };
    let rows = [[su, 0.0, ou], [0.0, sv, 1.0 - sv - ov]];
    TextureUse { image, wrap_u: wrap, wrap_v: wrap, nearest: false, uv_set: 0, rows }
}
