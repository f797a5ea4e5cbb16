//! The layers that Khronos extensions put on, in and under glTF's base material, as their JSON gives them. Each number in its
//! extension's range; what they mean for light is the compiler's matter.

use gltf::json::texture;
use serde::Deserialize;
use serde_json::{Map, Value};
use tessera_shared::package::layout::role;

use super::error::ImportError;
use super::material::{Reader, TextureUse};

/// Layers of a material; the default has none.
#[derive(Clone, Debug)]
pub struct Layers {
    pub coat: f64,
    pub coat_roughness: f64,
    pub coat_normal_scale: f64,
    pub sheen_color: [f64; 3],
    pub sheen_roughness: f64,
    pub transmission: f64,
    pub diffuse_transmission: f64,
    pub diffuse_transmission_color: [f64; 3],
    /// Set where the surface bounds a medium.
    pub medium: Option<Medium>,
    pub anisotropy: f64,
    /// Radians from the tangent, counter-clockwise.
    pub anisotropy_rotation: f64,
    pub film: Option<Film>,
    /// 20 / Abbe number.
    pub dispersion: f64,
    /// (a role of [`role`], texture); `None` where the image is in no format that is read.
    pub textures: Vec<(u32, Option<TextureUse>)>,
}

/// What a closed surface is filled with.
#[derive(Clone, Copy, Debug)]
pub struct Medium {
    /// What white light becomes on `distance` metres, which may be infinite.
    pub color: [f64; 3],
    pub distance: f64,
}

/// A thin film between the surface and what lies above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Film {
    pub factor: f64,
    pub ior: f64,
    /// Nanometres, where its texture is 0 and 1.
    pub thickness_min: f64,
    pub thickness_max: f64,
}

impl Default for Layers {
    fn default() -> Layers {
        Layers {
            coat: 0.0,
            coat_roughness: 0.0,
            coat_normal_scale: 1.0,
            sheen_color: [0.0; 3],
            sheen_roughness: 0.0,
            transmission: 0.0,
            diffuse_transmission: 0.0,
            diffuse_transmission_color: [1.0; 3],
            medium: None,
            anisotropy: 0.0,
            anisotropy_rotation: 0.0,
            film: None,
            dispersion: 0.0,
            textures: Vec::new(),
        }
    }
}

impl Layers {
    /// The texture of a role, where there is one.
    pub fn texture(&self, wanted: u32) -> Option<&TextureUse> {
        self.textures.iter().find(|(role, _)| *role == wanted).and_then(|(_, usage)| usage.as_ref())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Clearcoat {
    clearcoat_factor: f32,
    clearcoat_texture: Option<texture::Info>,
    clearcoat_roughness_factor: f32,
    clearcoat_roughness_texture: Option<texture::Info>,
    clearcoat_normal_texture: Option<gltf::json::material::NormalTexture>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sheen {
    sheen_color_factor: [f32; 3],
    sheen_color_texture: Option<texture::Info>,
    sheen_roughness_factor: f32,
    sheen_roughness_texture: Option<texture::Info>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Transmission {
    transmission_factor: f32,
    transmission_texture: Option<texture::Info>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Volume {
    thickness_factor: f32,
    attenuation_distance: Option<f32>,
    attenuation_color: Option<[f32; 3]>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Iridescence {
    iridescence_factor: f32,
    iridescence_texture: Option<texture::Info>,
    iridescence_ior: Option<f32>,
    iridescence_thickness_minimum: Option<f32>,
    iridescence_thickness_maximum: Option<f32>,
    iridescence_thickness_texture: Option<texture::Info>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Anisotropy {
    anisotropy_strength: f32,
    anisotropy_rotation: f32,
    anisotropy_texture: Option<texture::Info>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dispersion {
    dispersion: f32,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DiffuseTransmission {
    diffuse_transmission_factor: f32,
    diffuse_transmission_texture: Option<texture::Info>,
    diffuse_transmission_color_factor: Option<[f32; 3]>,
    diffuse_transmission_color_texture: Option<texture::Info>,
}

impl Reader<'_> {
    /// The layers that a material's extensions describe.
    pub(super) fn layers(&self, extensions: &Map<String, Value>) -> Result<Layers, ImportError> {
        let mut layers = Layers::default();
        self.coat_and_sheen(extensions, &mut layers)?;
        self.passing_light(extensions, &mut layers)?;
        self.film_and_brushing(extensions, &mut layers)?;
        Ok(layers)
    }

    fn extension<T: Default + for<'a> Deserialize<'a>>(
        &self,
        extensions: &Map<String, Value>,
        name: &str,
    ) -> Result<Option<T>, ImportError> {
        let Some(value) = extensions.get(name) else {
            return Ok(None);
        };
        let read = serde_json::from_value(value.clone());
        read.map(Some).map_err(|error| ImportError::malformed(&self.place, format!("its {name}: {error}")))
    }

    fn coat_and_sheen(&self, all: &Map<String, Value>, layers: &mut Layers) -> Result<(), ImportError> {
        if let Some(coat) = self.extension::<Clearcoat>(all, "KHR_materials_clearcoat")? {
            layers.coat = self.number("clearcoatFactor", coat.clearcoat_factor, 0.0, 1.0)?;
            let roughness = coat.clearcoat_roughness_factor;
            layers.coat_roughness = self.number("clearcoatRoughnessFactor", roughness, 0.0, 1.0)?;
            self.layer_texture(layers, role::COAT, coat.clearcoat_texture.as_ref())?;
            self.layer_texture(layers, role::COAT_ROUGHNESS, coat.clearcoat_roughness_texture.as_ref())?;
            if let Some(normal) = &coat.clearcoat_normal_texture {
                layers.coat_normal_scale =
                    self.number("clearcoatNormalTexture.scale", normal.scale, -1e6, 1e6)?;
                layers.textures.push((role::COAT_NORMAL, self.normal_texture(normal)?));
            }
        }
        if let Some(sheen) = self.extension::<Sheen>(all, "KHR_materials_sheen")? {
            layers.sheen_color = self.numbers("sheenColorFactor", sheen.sheen_color_factor, 0.0, 1.0)?;
            layers.sheen_roughness =
                self.number("sheenRoughnessFactor", sheen.sheen_roughness_factor, 0.0, 1.0)?;
            self.layer_texture(layers, role::SHEEN_COLOR, sheen.sheen_color_texture.as_ref())?;
            self.layer_texture(layers, role::SHEEN_ROUGHNESS, sheen.sheen_roughness_texture.as_ref())?;
        }
        Ok(())
    }

    fn passing_light(&self, all: &Map<String, Value>, layers: &mut Layers) -> Result<(), ImportError> {
        if let Some(clear) = self.extension::<Transmission>(all, "KHR_materials_transmission")? {
            layers.transmission = self.number("transmissionFactor", clear.transmission_factor, 0.0, 1.0)?;
            self.layer_texture(layers, role::TRANSMISSION, clear.transmission_texture.as_ref())?;
        }
        if let Some(sheet) =
            self.extension::<DiffuseTransmission>(all, "KHR_materials_diffuse_transmission")?
        {
            let factor = sheet.diffuse_transmission_factor;
            layers.diffuse_transmission = self.number("diffuseTransmissionFactor", factor, 0.0, 1.0)?;
            let color = sheet.diffuse_transmission_color_factor.unwrap_or([1.0; 3]);
            layers.diffuse_transmission_color =
                self.numbers("diffuseTransmissionColorFactor", color, 0.0, 1.0)?;
            let (factor, color) =
                (&sheet.diffuse_transmission_texture, &sheet.diffuse_transmission_color_texture);
            self.layer_texture(layers, role::DIFFUSE_TRANSMISSION, factor.as_ref())?;
            self.layer_texture(layers, role::DIFFUSE_TRANSMISSION_COLOR, color.as_ref())?;
        }
        if let Some(volume) = self.extension::<Volume>(all, "KHR_materials_volume")? {
            let thickness = self.number("thicknessFactor", volume.thickness_factor, 0.0, f64::MAX)?;
            let color = volume.attenuation_color.unwrap_or([1.0; 3]);
            let color = self.numbers("attenuationColor", color, 0.0, 1.0)?;
            let distance = match volume.attenuation_distance {
                Some(distance) => self.number("attenuationDistance", distance, 0.0, f64::MAX)?,
                None => f64::INFINITY,
            };
            layers.medium = (thickness > 0.0).then_some(Medium { color, distance });
        }
        if let Some(glass) = self.extension::<Dispersion>(all, "KHR_materials_dispersion")? {
            layers.dispersion = self.number("dispersion", glass.dispersion, 0.0, 1e3)?;
        }
        Ok(())
    }

    fn film_and_brushing(&self, all: &Map<String, Value>, layers: &mut Layers) -> Result<(), ImportError> {
        if let Some(film) = self.extension::<Iridescence>(all, "KHR_materials_iridescence")? {
            let nanometres =
                |name, value: Option<f32>, default| self.number(name, value.unwrap_or(default), 0.0, 1e6);
            layers.film = Some(Film {
                factor: self.number("iridescenceFactor", film.iridescence_factor, 0.0, 1.0)?,
                ior: self.number("iridescenceIor", film.iridescence_ior.unwrap_or(1.3), 1.0, 16.0)?,
                thickness_min: nanometres(
                    "iridescenceThicknessMinimum",
                    film.iridescence_thickness_minimum,
                    100.0,
                )?,
                thickness_max: nanometres(
                    "iridescenceThicknessMaximum",
                    film.iridescence_thickness_maximum,
                    400.0,
                )?,
            });
            self.layer_texture(layers, role::IRIDESCENCE, film.iridescence_texture.as_ref())?;
            let thickness = film.iridescence_thickness_texture.as_ref();
            self.layer_texture(layers, role::FILM_THICKNESS, thickness)?;
        }
        if let Some(brushed) = self.extension::<Anisotropy>(all, "KHR_materials_anisotropy")? {
            layers.anisotropy = self.number("anisotropyStrength", brushed.anisotropy_strength, 0.0, 1.0)?;
            layers.anisotropy_rotation =
                self.number("anisotropyRotation", brushed.anisotropy_rotation, -1e6, 1e6)?;
            self.layer_texture(layers, role::ANISOTROPY, brushed.anisotropy_texture.as_ref())?;
        }
        Ok(())
    }

    fn layer_texture(
        &self,
        layers: &mut Layers,
        role: u32,
        info: Option<&texture::Info>,
    ) -> Result<(), ImportError> {
        if info.is_some() {
            layers.textures.push((role, self.texture(info)?));
        }
        Ok(())
    }
}
