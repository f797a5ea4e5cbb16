//! The words of a package's sections, as nodes and kernels read them: little-endian, every record a multiple of 16 bytes.
//! `shaders/wgsl/scene.wgsl` declares the same records; a test compares the two.

use bytemuck::{Pod, Zeroable};

/// "No such index" wherever an index may be absent.
pub const NONE: u32 = u32::MAX;

/// What a kernel must know of a scene as a whole. Copied into the kernel's parameters as it is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct SceneHeader {
    /// Texels across; 0 where there is no environment.
    pub environment_width: u32,
    pub environment_height: u32,
    /// Next-event estimation picks the environment if a random word is below this; 2^32 − 1 stands for 2^32, certainty.
    pub environment_pick: u32,
    pub light_triangle_count: u32,
    /// Probability of picking the environment, and of picking the light triangles. With `punctual_probability` they are
    /// multiples of 2⁻²⁴ whose sum is 1, or 0 without any light; each kind that exists has one above 0.
    pub environment_probability: f32,
    pub triangle_probability: f32,
    /// cos and sin of the environment's rotation about +Y, counter-clockwise seen from above.
    pub environment_cos: f32,
    pub environment_sin: f32,
    /// Edge of the square directional-albedo table in [`tables`].
    pub albedo_edge: u32,
    pub instance_count: u32,
    pub triangle_count: u32,
    /// Else it picks the punctual lights if the word is below this, else the light triangles; 2^32 − 1 stands for 2^32.
    pub punctual_pick: u32,
    pub punctual_count: u32,
    /// Probability of picking the punctual lights.
    pub punctual_probability: f32,
    pub reserved0: u32,
    pub reserved1: u32,
}

/// What a vertex carries besides its position. Object space of its mesh.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct VertexAttributes {
    /// Unit shading normal; zero where the triangle's own normal is to be used.
    pub normal: [f32; 3],
    pub u0: f32,
    /// Unit tangent; zero where there is none.
    pub tangent: [f32; 3],
    pub v0: f32,
    pub u1: f32,
    pub v1: f32,
    /// Linear vertex colour: red in the low 16 bits, green in the high 16 bits, 65535 is one.
    pub color_rg: u32,
    /// Blue in the low 16 bits; then alpha in 15 bits (32767 is one); the top bit is set where the bitangent is flipped
    /// (glTF's tangent w is −1).
    pub color_ba: u32,
}

/// Triangles that share one bounding-volume hierarchy. Host only. Emissive triangles come first.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Mesh {
    pub triangle_start: u32,
    pub triangle_count: u32,
    pub emissive_count: u32,
    pub reserved: u32,
}

/// A placed mesh. Rows of 3×4 matrices, row-major.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct Instance {
    pub object_to_world: [[f32; 4]; 3],
    pub world_to_object: [[f32; 4]; 3],
    /// World box, padded at submit so that no hit of the instance's triangles lies outside.
    pub box_min: [f32; 3],
    pub mesh: u32,
    pub box_max: [f32; 3],
    /// Light triangle of the mesh's first emissive triangle; [`NONE`] without any.
    pub light_start: u32,
    /// Of its mesh.
    pub triangle_start: u32,
    pub emissive_count: u32,
    /// [`INSTANCE_FLIPPED`], [`INSTANCE_IDENTITY`].
    pub flags: u32,
    /// Zero in a package; a node writes its own root here.
    pub blas_root: u32,
}

/// The object-to-world matrix mirrors: winding is reversed.
pub const INSTANCE_FLIPPED: u32 = 1;
/// Both matrices are the identity, bit for bit; nodes need not multiply.
pub const INSTANCE_IDENTITY: u32 = 2;

/// glTF's material with the Khronos extensions. Factors multiply textures.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct Material {
    pub base_color: [f32; 4],
    /// Radiance: emissive factor × strength.
    pub emission: [f32; 3],
    pub alpha_cutoff: f32,
    pub specular_color: [f32; 3],
    /// Of `KHR_materials_specular`, 1 by default.
    pub specular: f32,
    /// Of the medium below the surface, by channel: halvings of the light per metre, −log2(colour) / distance.
    pub attenuation: [f32; 3],
    pub transmission: f32,
    pub sheen_color: [f32; 3],
    pub sheen_roughness: f32,
    pub diffuse_transmission_color: [f32; 3],
    pub diffuse_transmission: f32,
    pub metallic: f32,
    pub roughness: f32,
    pub normal_scale: f32,
    /// Reflectance of the dielectric at normal incidence: 0.04 for an index of refraction of 1.5.
    pub dielectric_f0: f32,
    /// Of `KHR_materials_clearcoat`.
    pub coat: f32,
    pub coat_roughness: f32,
    pub coat_normal_scale: f32,
    /// Index of refraction below the surface over the one above, for green.
    pub ior: f32,
    pub anisotropy: f32,
    /// Of the angle from the tangent, counter-clockwise.
    pub anisotropy_cos: f32,
    pub anisotropy_sin: f32,
    /// How much larger the index of refraction is for blue, and smaller for red, than for green.
    pub dispersion: f32,
    pub iridescence: f32,
    /// Of the film's range of thicknesses, 0 to 1, where no texture says more.
    pub film_thickness: f32,
    /// First float of the film's table in [`tables`], [`tables::FILM_FLOATS`] long; [`NONE`] without iridescence.
    pub film_table: u32,
    /// First float of the glass's tables in [`tables`]; [`NONE`] where nothing refracts.
    pub glass_table: u32,
    /// [`MATERIAL_DOUBLE_SIDED`] and the others.
    pub flags: u32,
    /// Texture slots, strictly ascending by role.
    pub slot_start: u32,
    pub slot_count: u32,
    pub reserved: u32,
}

/// Emission is visible from both sides.
pub const MATERIAL_DOUBLE_SIDED: u32 = 1;
/// Alpha below the cutoff is a hole.
pub const MATERIAL_MASK: u32 = 2;
/// Alpha is the probability of a hit.
pub const MATERIAL_BLEND: u32 = 4;
/// The material emits light somewhere.
pub const MATERIAL_EMISSIVE: u32 = 8;
/// Base colour is emitted as it is and nothing is reflected (`KHR_materials_unlit`).
pub const MATERIAL_UNLIT: u32 = 16;
/// The surface bounds a medium: transmitted light refracts and is attenuated (`KHR_materials_volume` of some thickness).
/// Without it, transmission is that of a thin sheet.
pub const MATERIAL_VOLUME: u32 = 32;
/// The medium's index of refraction is that of the space around it.
pub const MATERIAL_UNBENT: u32 = 64;
/// A coat, sheen, transmission of either kind, anisotropy or iridescence is there; without it, those numbers are all zero.
pub const MATERIAL_LAYERED: u32 = 128;

/// One use of an image: `KHR_texture_transform` as a 2×3 matrix, wrap modes, filter and the UV set.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct TextureSlot {
    pub image: u32,
    /// Bits 0–1 wrap of u, bits 2–3 wrap of v ([`WRAP_REPEAT`]…), bit 4 nearest filter, bit 5 UV set 1, bits 8–15 the
    /// [`role`].
    pub flags: u32,
    /// (u, v, 1) ↦ texture coordinates, v downwards.
    pub row_u: [f32; 3],
    pub row_v: [f32; 3],
}

pub const WRAP_REPEAT: u32 = 0;
pub const WRAP_CLAMP: u32 = 1;
pub const WRAP_MIRROR: u32 = 2;
pub const SLOT_NEAREST: u32 = 1 << 4;
pub const SLOT_UV1: u32 = 1 << 5;
pub const SLOT_ROLE_SHIFT: u32 = 8;

/// What a texture says of its material, in the order in which a kernel asks.
pub mod role {
    /// Red, green, blue; alpha.
    pub const BASE_COLOR: u32 = 0;
    pub const EMISSION: u32 = 1;
    /// Roughness in green, metallic in blue.
    pub const METALLIC_ROUGHNESS: u32 = 2;
    pub const NORMAL: u32 = 3;
    /// In alpha.
    pub const SPECULAR: u32 = 4;
    pub const SPECULAR_COLOR: u32 = 5;
    /// In red.
    pub const COAT: u32 = 6;
    /// In green.
    pub const COAT_ROUGHNESS: u32 = 7;
    pub const COAT_NORMAL: u32 = 8;
    /// In red.
    pub const TRANSMISSION: u32 = 9;
    pub const SHEEN_COLOR: u32 = 10;
    /// In alpha.
    pub const SHEEN_ROUGHNESS: u32 = 11;
    /// In red.
    pub const IRIDESCENCE: u32 = 12;
    /// In green.
    pub const FILM_THICKNESS: u32 = 13;
    /// Direction in red and green, strength in blue.
    pub const ANISOTROPY: u32 = 14;
    /// In alpha.
    pub const DIFFUSE_TRANSMISSION: u32 = 15;
    pub const DIFFUSE_TRANSMISSION_COLOR: u32 = 16;
    pub const COUNT: u32 = 17;
}

/// Where an image's texels are.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Image {
    /// First word in the texels section; row-major from the top left.
    pub texel_start: u32,
    pub width: u32,
    pub height: u32,
    /// [`IMAGE_SRGB8`] or [`IMAGE_LINEAR8`]: a word a texel, red in the low byte, alpha in the high one.
    pub format: u32,
}

/// Red, green and blue through the table of [`tables`]; alpha linear.
pub const IMAGE_SRGB8: u32 = 0;
pub const IMAGE_LINEAR8: u32 = 1;

/// An emissive triangle of an instance. Those of one instance are consecutive, in the order of its mesh.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct LightTriangle {
    pub instance: u32,
    /// Global triangle index.
    pub triangle: u32,
    /// Cumulative probability: the first light whose `cdf` is above a random word is picked. The last one's is 2^32 − 1 and
    /// takes that word too.
    pub cdf: u32,
    /// Probability of picking it (among triangles) / its world area, in 1/m².
    pub pdf_area: f32,
}

/// A point, spot or directional light (`KHR_lights_punctual`), or the sphere or disc of the sky that its radius makes of it. It is
/// found by next-event estimation alone.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct PunctualLight {
    /// World space; of a directional light, the unit direction towards it.
    pub position: [f32; 3],
    /// Cumulative probability, with the picking rule of [`LightTriangle::cdf`].
    pub cdf: u32,
    /// Unit direction in which a spot light shines; zero for others.
    pub axis: [f32; 3],
    /// Probability of picking it among punctual lights: what `cdf` rises by.
    pub probability: f32,
    /// Radiant intensity on the axis, W/sr; of a directional light, irradiance of a plane that faces it, W/m².
    pub intensity: [f32; 3],
    /// [`PUNCTUAL_DIRECTIONAL`].
    pub flags: u32,
    /// Of the sphere, in metres; of a directional light, the sine of its disc's angular radius.
    pub radius: f32,
    /// At an angle θ from the axis the intensity is multiplied by saturate(`cone_offset` + `cone_scale` · cos θ)²: 0 and 1 for
    /// a light without a cone.
    pub cone_scale: f32,
    pub cone_offset: f32,
    /// 1 / range² in 1/m²: at a distance d the intensity is multiplied by 1 − (d / range)⁴ as far as the range. 0 without one.
    pub inverse_range2: f32,
}

/// The light is infinitely far away.
pub const PUNCTUAL_DIRECTIONAL: u32 = 1;

/// Words of [`super::SectionKind::EnvironmentTable`] for an environment of w × h texels, in this order. Rows count from the
/// top. A texel's density over the sphere is constant: directions are uniform in azimuth and in height y inside it.
///
/// 1. `h` words: cumulative probability of rows, last 2^32 − 1, with the picking rule of [`LightTriangle::cdf`].
/// 2. `h × w` words: cumulative probability of columns within each row.
/// 3. `h + 1` floats: y = sin(latitude) of row edges, from 1 down to −1.
/// 4. `h` floats: 1 / (solid angle of one texel of the row).
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentTable {
    pub width: u32,
    pub height: u32,
}

impl EnvironmentTable {
    pub fn rows(&self) -> usize {
        0
    }
    pub fn columns(&self) -> usize {
        self.height as usize
    }
    pub fn edges(&self) -> usize {
        self.height as usize * (1 + self.width as usize)
    }
    pub fn densities(&self) -> usize {
        self.edges() + self.height as usize + 1
    }
    pub fn words(&self) -> usize {
        self.densities() + self.height as usize
    }
}

/// Floats of [`super::SectionKind::Tables`].
pub mod tables {
    /// 256 floats: sRGB byte to linear (IEC 61966-2-1).
    pub const SRGB: usize = 0;
    /// Directional albedo of the GGX lobe without Fresnel, split for Schlick: E(μ, α) = F0 · A + B with F90 = 1. `edge`²
    /// pairs (A, B), row of roughness r = row/(edge−1) (α = r², floored at [`ALPHA_MIN`]), column of μ = cos θ at
    /// (column + ½)/edge. Bilinear, clamped.
    ///
    /// After it, of the same shape, sheen of colour 1: what it reflects, at most 1, and the scale that holds it there. Then the tables that materials point to: of a glass, pairs (reflected, refracted) of the same shape, seen
    /// from outside and then from inside; of a film, [`FILM_FLOATS`] reflectances by thickness, cosine, channel and
    /// reflectance of the base.
    pub const ALBEDO: usize = 256;
    /// Edge that the package compiler writes.
    pub const ALBEDO_EDGE: u32 = 32;
    /// Least α that kernels use.
    pub const ALPHA_MIN: f32 = 0.0009765625;

    /// Steps of a film's table: its thickness between the material's least and greatest, cosine 0 to 1, and reflectance of
    /// the base 0 to 1, all linear from the first to the last.
    pub const FILM_THICKNESSES: u32 = 64;
    pub const FILM_COSINES: u32 = 32;
    pub const FILM_BASES: u32 = 8;
    pub const FILM_FLOATS: usize = (FILM_THICKNESSES * FILM_COSINES * 3 * FILM_BASES) as usize;

    /// Floats of one table of pairs.
    pub const fn pairs(albedo_edge: u32) -> usize {
        2 * albedo_edge as usize * albedo_edge as usize
    }

    /// Floats of a glass's two tables.
    pub const fn glass_floats(albedo_edge: u32) -> usize {
        2 * pairs(albedo_edge)
    }

    /// Floats before the tables that materials point to.
    pub const fn words(albedo_edge: u32) -> usize {
        ALBEDO + 2 * pairs(albedo_edge)
    }
}
