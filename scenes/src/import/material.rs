//! Materials as numbers and texture uses. Which image a texture means is resolved; its pixels are not read here.

use gltf::json::Root;
use gltf::json::extensions::texture::TextureTransform;
use gltf::json::texture::{self, MagFilter, WrappingMode};
use gltf::json::validation::Checked;
use tessera_shared::package::layout::role;

use super::error::ImportError;
use super::layers::Layers;
use crate::label::label;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlphaMode {
    Opaque,
    Mask,
    Blend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrap {
    Repeat,
    Clamp,
    Mirror,
}

/// One use of an image by a material.
#[derive(Clone, Debug, PartialEq)]
pub struct TextureUse {
    /// Index into [`super::Model::images`] once those are read; before, into the file's images.
    pub image: usize,
    pub wrap_u: Wrap,
    pub wrap_v: Wrap,
    pub nearest: bool,
    /// 0 or 1.
    pub uv_set: u8,
    /// (u, v, 1) ↦ texture coordinates, v downwards.
    pub rows: [[f64; 3]; 2],
}

/// glTF's metallic-roughness material with the extensions that are rendered.
#[derive(Clone, Debug)]
pub struct SurfaceMaterial {
    pub base_color: [f64; 4],
    pub metallic: f64,
    pub roughness: f64,
    /// Factor × strength.
    pub emission: [f64; 3],
    pub alpha_mode: AlphaMode,
    pub alpha_cutoff: f64,
    pub double_sided: bool,
    pub unlit: bool,
    pub normal_scale: f64,
    pub specular: f64,
    pub specular_color: [f64; 3],
    pub ior: f64,
    pub base_color_texture: Option<TextureUse>,
    pub metallic_roughness: Option<TextureUse>,
    pub normal: Option<TextureUse>,
    pub emissive: Option<TextureUse>,
    pub specular_texture: Option<TextureUse>,
    pub specular_color_texture: Option<TextureUse>,
    pub layers: Layers,
}

impl SurfaceMaterial {
    /// Every texture use, for those that renumber images.
    pub fn uses_mut(&mut self) -> Vec<&mut Option<TextureUse>> {
        let mut uses = vec![
            &mut self.base_color_texture,
            &mut self.metallic_roughness,
            &mut self.normal,
            &mut self.emissive,
            &mut self.specular_texture,
            &mut self.specular_color_texture,
        ];
        uses.extend(self.layers.textures.iter_mut().map(|(_, usage)| usage));
        uses
    }

    /// The UV set along which the material needs tangents, if it does.
    pub fn tangent_uv_set(&self) -> Option<u8> {
        let mapped = self.normal.as_ref().or(self.layers.texture(role::COAT_NORMAL));
        let brushed = (self.layers.anisotropy > 0.0)
            .then(|| self.layers.texture(role::ANISOTROPY).map_or(0, |usage| usage.uv_set));
        mapped.map(|usage| usage.uv_set).or(brushed)
    }
}

/// All materials of the file, and after them glTF's default one.
pub fn materials(root: &Root) -> Result<Vec<SurfaceMaterial>, ImportError> {
    let default = gltf::json::Material::default();
    let all = root.materials.iter().chain([&default]).enumerate();
    all.map(|(index, material)| {
        Reader { root, place: label("material", index, material.name.as_deref()) }.read(material)
    })
    .collect()
}

/// Reads one material.
pub(super) struct Reader<'a> {
    root: &'a Root,
    pub(super) place: String,
}

impl Reader<'_> {
    fn read(&self, material: &gltf::json::Material) -> Result<SurfaceMaterial, ImportError> {
        let pbr = &material.pbr_metallic_roughness;
        let extensions = material.extensions.as_ref();
        let specular = extensions.and_then(|e| e.specular.as_ref());
        let strength =
            extensions.and_then(|e| e.emissive_strength.as_ref()).map_or(1.0, |e| e.emissive_strength.0);
        let ior = extensions.and_then(|e| e.ior.as_ref()).map_or(1.5, |ior| ior.ior.0);
        let strength = self.number("emissiveStrength", strength, 0.0, f64::from(f32::MAX))?;
        let emission =
            self.numbers("emissiveFactor", material.emissive_factor.0, 0.0, f64::from(f32::MAX))?;
        let Checked::Valid(alpha_mode) = material.alpha_mode else {
            return Err(ImportError::malformed(&self.place, "has an unknown `alphaMode`"));
        };
        let cutoff = material.alpha_cutoff.map_or(0.5, |cutoff| cutoff.0);
        let normal = material.normal_texture.as_ref();
        let color_factor = specular.map_or([1.0; 3], |s| s.specular_color_factor.0);
        Ok(SurfaceMaterial {
            base_color: self.numbers("baseColorFactor", pbr.base_color_factor.0, 0.0, 1.0)?,
            metallic: self.number("metallicFactor", pbr.metallic_factor.0, 0.0, 1.0)?,
            roughness: self.number("roughnessFactor", pbr.roughness_factor.0, 0.0, 1.0)?,
            emission: emission.map(|factor| factor * strength),
            alpha_mode: match alpha_mode {
                gltf::json::material::AlphaMode::Opaque => AlphaMode::Opaque,
                gltf::json::material::AlphaMode::Mask => AlphaMode::Mask,
                gltf::json::material::AlphaMode::Blend => AlphaMode::Blend,
            },
            alpha_cutoff: self.number("alphaCutoff", cutoff, 0.0, 1e6)?,
            double_sided: material.double_sided,
            unlit: extensions.is_some_and(|e| e.unlit.is_some()),
            normal_scale: self.number("normalTexture.scale", normal.map_or(1.0, |n| n.scale), -1e6, 1e6)?,
            specular: self.number(
                "specularFactor",
                specular.map_or(1.0, |s| s.specular_factor.0),
                0.0,
                1.0,
            )?,
            specular_color: self.numbers("specularColorFactor", color_factor, 0.0, 1e6)?,
            // 0 stands for an infinite index: the specular-glossiness compatibility case of KHR_materials_ior.
            ior: self.number("ior", ior, 0.0, 1e6)?,
            base_color_texture: self.texture(pbr.base_color_texture.as_ref())?,
            metallic_roughness: self.texture(pbr.metallic_roughness_texture.as_ref())?,
            normal: normal.map(|n| self.normal_texture(n)).transpose()?.flatten(),
            emissive: self.texture(material.emissive_texture.as_ref())?,
            specular_texture: self.texture(specular.and_then(|s| s.specular_texture.as_ref()))?,
            specular_color_texture: self.texture(specular.and_then(|s| s.specular_color_texture.as_ref()))?,
            layers: extensions.map_or_else(|| Ok(Layers::default()), |e| self.layers(&e.others))?,
        })
    }

    /// A finite number, clamped into the range that glTF gives it.
    pub(super) fn number(&self, name: &str, value: f32, low: f64, high: f64) -> Result<f64, ImportError> {
        if !value.is_finite() {
            return Err(ImportError::malformed(&self.place, format!("its `{name}` is not finite")));
        }
        Ok(f64::from(value).clamp(low, high))
    }

    pub(super) fn numbers<const N: usize>(
        &self,
        name: &str,
        values: [f32; N],
        low: f64,
        high: f64,
    ) -> Result<[f64; N], ImportError> {
        let mut out = [0.0; N];
        for (out, value) in out.iter_mut().zip(values) {
            *out = self.number(name, value, low, high)?;
        }
        Ok(out)
    }

    pub(super) fn texture(&self, info: Option<&texture::Info>) -> Result<Option<TextureUse>, ImportError> {
        let Some(info) = info else {
            return Ok(None);
        };
        let transform = info.extensions.as_ref().and_then(|e| e.texture_transform.clone());
        self.texture_use(info.index.value(), info.tex_coord, transform)
    }

    pub(super) fn normal_texture(
        &self,
        info: &gltf::json::material::NormalTexture,
    ) -> Result<Option<TextureUse>, ImportError> {
        let value = info.extensions.as_ref().and_then(|e| e.others.get("KHR_texture_transform"));
        let transform: Option<TextureTransform> = match value {
            Some(value) => Some(serde_json::from_value(value.clone()).map_err(|error| {
                ImportError::malformed(
                    &self.place,
                    format!("KHR_texture_transform of its normal texture: {error}"),
                )
            })?),
            None => None,
        };
        self.texture_use(info.index.value(), info.tex_coord, transform)
    }

    /// `None` where the texture's image is only there in a format that is not read.
    fn texture_use(
        &self,
        index: usize,
        uv_set: u32,
        transform: Option<TextureTransform>,
    ) -> Result<Option<TextureUse>, ImportError> {
        let fail = |problem: String| ImportError::malformed(&self.place, problem);
        let texture = self.root.textures.get(index);
        let texture =
            texture.ok_or_else(|| fail(format!("has the texture {index}, which does not exist")))?;
        let Some(image) = super::texture_source::image_index(texture) else {
            return Ok(None);
        };
        if image >= self.root.images.len() {
            return Err(fail(format!("texture {index} has the image {image}, which does not exist")));
        }
        let sampler = match texture.sampler {
            None => texture::Sampler::default(),
            Some(sampler) => self.root.samplers.get(sampler.value()).cloned().ok_or_else(|| {
                fail(format!("texture {index} has the sampler {}, which does not exist", sampler.value()))
            })?,
        };
        let wrap = |mode: Checked<WrappingMode>| match mode {
            Checked::Valid(WrappingMode::Repeat) => Ok(Wrap::Repeat),
            Checked::Valid(WrappingMode::ClampToEdge) => Ok(Wrap::Clamp),
            Checked::Valid(WrappingMode::MirroredRepeat) => Ok(Wrap::Mirror),
            Checked::Invalid => Err(fail(format!("texture {index} has an unknown wrap mode"))),
        };
        let uv_set = transform.as_ref().and_then(|t| t.tex_coord).unwrap_or(uv_set);
        if uv_set > 1 {
            return Err(fail(format!("texture {index} uses UV set {uv_set}; sets 0 and 1 are read")));
        }
        Ok(Some(TextureUse {
            image,
            wrap_u: wrap(sampler.wrap_s)?,
            wrap_v: wrap(sampler.wrap_t)?,
            nearest: matches!(sampler.mag_filter, Some(Checked::Valid(MagFilter::Nearest))),
            uv_set: uv_set as u8,
            rows: rows(transform)
                .ok_or_else(|| fail(format!("texture {index} has a transform that is not finite")))?,
        }))
    }
}

/// `KHR_texture_transform` as a matrix: offset · rotation · scale, the rotation counter-clockwise in a picture whose v
/// points down.
fn rows(transform: Option<TextureTransform>) -> Option<[[f64; 3]; 2]> {
    let transform = transform.unwrap_or_default();
    let ([x, y], [u, v], turn) = (transform.offset.0, transform.scale.0, transform.rotation.0);
    let (sin, cos) = f64::from(turn).sin_cos();
    let [x, y, u, v] = [x, y, u, v].map(f64::from);
    let rows = [[cos * u, sin * v, x], [-sin * u, cos * v, y]];
    rows.iter().flatten().all(|x| x.is_finite()).then_some(rows)
}
