// The scene as every module sees it: records, bindings, flags and the few structs that modules hand to each other.
// Records equal `shared/src/package/layout.rs` byte for byte; a test compares the two. Knows no algorithm.

// What a kernel must know of one dispatch. Its last sixteen words are the package's scene header.
struct Params {
    // The camera: see `camera.wgsl`.
    eye: vec3<f32>,
    // Frame size, px.
    width: u32,
    corner: vec3<f32>,
    height: u32,
    step_x: vec3<f32>,
    seed: u32,
    step_y: vec3<f32>,
    frame: u32,
    // Scattering events after the first; 0 is direct light only.
    max_bounces: u32,
    // Scattering events before Russian roulette may end a path.
    roulette_start: u32,
    // A radiance of one is 2^film_scale_log2 on the film.
    film_scale_log2: u32,
    // Largest radiance of one sample and channel.
    sample_clamp: f32,
    tlas_root: u32,
    item_count: u32,
    projection: u32,
    lens_radius_px: f32,
    // Records a page of arrays whose records take so many bytes, as `pages.wgsl` reads them: 2^shift.
    page_shift_64: u32,
    page_shift_48: u32,
    page_shift_16: u32,
    page_shift_4: u32,
    environment_width: u32,
    environment_height: u32,
    environment_pick: u32,
    light_triangle_count: u32,
    environment_probability: f32,
    triangle_probability: f32,
    environment_cos: f32,
    environment_sin: f32,
    albedo_edge: u32,
    instance_count: u32,
    triangle_count: u32,
    punctual_pick: u32,
    punctual_count: u32,
    punctual_probability: f32,
    reserved0: u32,
    reserved1: u32,
}

struct Instance {
    object_to_world: array<vec4<f32>, 3>,
    world_to_object: array<vec4<f32>, 3>,
    box_min: vec3<f32>,
    mesh: u32,
    box_max: vec3<f32>,
    light_start: u32,
    triangle_start: u32,
    emissive_count: u32,
    flags: u32,
    blas_root: u32,
}

struct VertexAttributes {
    normal: vec3<f32>,
    u0: f32,
    tangent: vec3<f32>,
    v0: f32,
    u1: f32,
    v1: f32,
    color_rg: u32,
    color_ba: u32,
}

struct Material {
    base_color: vec4<f32>,
    emission: vec3<f32>,
    alpha_cutoff: f32,
    specular_color: vec3<f32>,
    specular: f32,
    // Of the medium below the surface: halvings per metre by channel, that is −log2(colour) / distance.
    attenuation: vec3<f32>,
    transmission: f32,
    sheen_color: vec3<f32>,
    sheen_roughness: f32,
    diffuse_transmission_color: vec3<f32>,
    diffuse_transmission: f32,
    metallic: f32,
    roughness: f32,
    normal_scale: f32,
    dielectric_f0: f32,
    coat: f32,
    coat_roughness: f32,
    coat_normal_scale: f32,
    ior: f32,
    anisotropy: f32,
    // Of the angle from the tangent, counter-clockwise.
    anisotropy_cos: f32,
    anisotropy_sin: f32,
    // How much larger the index of refraction is for blue, and smaller for red, than for green.
    dispersion: f32,
    iridescence: f32,
    // Of the texture's range of the film's thickness where it has none.
    film_thickness: f32,
    // Offsets into `tables`, or NONE.
    film_table: u32,
    glass_table: u32,
    flags: u32,
    // Texture slots, ascending by role.
    slot_start: u32,
    slot_count: u32,
    reserved: u32,
}

struct TextureSlot {
    image: u32,
    flags: u32,
    row_u: array<f32, 3>,
    row_v: array<f32, 3>,
}

struct Image {
    texel_start: u32,
    width: u32,
    height: u32,
    format: u32,
}

struct LightTriangle {
    instance: u32,
    triangle: u32,
    cdf: u32,
    pdf_area: f32,
}

struct PunctualLight {
    position: vec3<f32>,
    cdf: u32,
    axis: vec3<f32>,
    probability: f32,
    intensity: vec3<f32>,
    flags: u32,
    radius: f32,
    cone_scale: f32,
    cone_offset: f32,
    inverse_range2: f32,
}

@group(0) @binding(0) var<storage, read> params: Params;
// Bounding volumes of both levels, built by the node.
@group(0) @binding(1) var<storage, read> nodes: array<vec4<f32>>;
// Triangles in the order of the bounding volumes, built by the node.
@group(0) @binding(2) var<storage, read> leaves: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> instances: array<Instance>;
// Three vertices and a material.
@group(0) @binding(4) var<storage, read> triangles: array<vec4<u32>>;
// x, y, z, 0.
@group(0) @binding(5) var<storage, read> positions: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> attributes: array<VertexAttributes>;
@group(0) @binding(7) var<storage, read> materials: array<Material>;
@group(0) @binding(8) var<storage, read> texture_slots: array<TextureSlot>;
@group(0) @binding(9) var<storage, read> images: array<Image>;
@group(0) @binding(10) var<storage, read> texels: array<u32>;
@group(0) @binding(11) var<storage, read> light_triangles: array<LightTriangle>;
// Red, green, blue, 0; row-major from the top (+Y).
@group(0) @binding(12) var<storage, read> environment_texels: array<vec4<f32>>;
@group(0) @binding(13) var<storage, read> environment_table: array<u32>;
@group(0) @binding(14) var<storage, read> tables: array<f32>;
@group(0) @binding(15) var<storage, read> punctual_lights: array<PunctualLight>;
// Block x, block y, first sample, number of samples.
@group(0) @binding(16) var<storage, read> items: array<vec4<u32>>;
@group(0) @binding(17) var<storage, read_write> film_out: array<u32>;

// "No such index" wherever an index may be absent.
const NONE: u32 = 0xffffffffu;

// The matrix mirrors: winding is reversed.
const INSTANCE_FLIPPED: u32 = 1u;
// Both matrices are the identity, bit for bit.
const INSTANCE_IDENTITY: u32 = 2u;

const MATERIAL_DOUBLE_SIDED: u32 = 1u;
const MATERIAL_MASK: u32 = 2u;
const MATERIAL_BLEND: u32 = 4u;
const MATERIAL_EMISSIVE: u32 = 8u;
const MATERIAL_UNLIT: u32 = 16u;
// The surface bounds a medium: light refracts. Without it, transmission is that of a thin sheet.
const MATERIAL_VOLUME: u32 = 32u;
// The index of refraction is the same on both sides: light passes the boundary of the medium without bending.
const MATERIAL_UNBENT: u32 = 64u;
// A coat, sheen, transmission of either kind, anisotropy or iridescence is there.
const MATERIAL_LAYERED: u32 = 128u;

// The light is infinitely far away.
const PUNCTUAL_DIRECTIONAL: u32 = 1u;

// Of `Params::projection`; 0 is a perspective one.
const PROJECTION_ORTHOGRAPHIC: u32 = 1u;

const WRAP_CLAMP: u32 = 1u;
const WRAP_MIRROR: u32 = 2u;
const SLOT_NEAREST: u32 = 16u;
const SLOT_UV1: u32 = 32u;
// Bits 8 to 15 of a slot's flags: what the texture says.
const SLOT_ROLE_SHIFT: u32 = 8u;
const ROLE_BASE_COLOR: u32 = 0u;
const ROLE_EMISSION: u32 = 1u;
const ROLE_METALLIC_ROUGHNESS: u32 = 2u;
const ROLE_NORMAL: u32 = 3u;
const ROLE_SPECULAR: u32 = 4u;
const ROLE_SPECULAR_COLOR: u32 = 5u;
const ROLE_COAT: u32 = 6u;
const ROLE_COAT_ROUGHNESS: u32 = 7u;
const ROLE_COAT_NORMAL: u32 = 8u;
const ROLE_TRANSMISSION: u32 = 9u;
const ROLE_SHEEN_COLOR: u32 = 10u;
const ROLE_SHEEN_ROUGHNESS: u32 = 11u;
const ROLE_IRIDESCENCE: u32 = 12u;
const ROLE_FILM_THICKNESS: u32 = 13u;
const ROLE_ANISOTROPY: u32 = 14u;
const ROLE_DIFFUSE_TRANSMISSION: u32 = 15u;
const ROLE_DIFFUSE_TRANSMISSION_COLOR: u32 = 16u;
const ROLES: u32 = 17u;

const IMAGE_SRGB8: u32 = 0u;
const IMAGE_LINEAR8: u32 = 1u;

// Offsets into `tables`.
const TABLE_SRGB: u32 = 0u;
const TABLE_ALBEDO: u32 = 256u;
// Size of a film's table.
const FILM_THICKNESSES: u32 = 64u;
const FILM_COSINES: u32 = 32u;
const FILM_BASES: u32 = 8u;
// Reflectance of the clear coat at normal incidence: an index of refraction of 1.5.
const COAT_F0: f32 = 0.04;
// Least α of the GGX lobe.
const ALPHA_MIN: f32 = 0.0009765625;

// Only hits lexicographically greater than (t, instance, primitive) count; a fresh ray passes (0, NONE, NONE), so that t is
// above 0.
struct After {
    t: f32,
    instance: u32,
    primitive: u32,
}

// `primitive` is a global triangle index; b1 and b2 weigh its vertices 1 and 2. `instance` is NONE where nothing was hit.
struct Hit {
    t: f32,
    instance: u32,
    primitive: u32,
    b1: f32,
    b2: f32,
}

// The least (t, instance, primitive).
const TRACE_CLOSEST: u32 = 0u;
// OCCLUDED if any hit in range is on an opaque triangle; else the least hit.
const TRACE_SHADOW: u32 = 1u;
// `Hit::instance` of the one answer to a blocked shadow ray; its other words are zero.
const OCCLUDED: u32 = 0xfffffffeu;
// An endless ray's t_max: the greatest finite f32.
const T_INFINITE: f32 = 3.40282347e38;

// One pixel's sums over a range of samples: `shared/src/film.rs`. Sums are signed 64-bit fixed point, (low, high).
struct PixelRecord {
    red: vec2<u32>,
    green: vec2<u32>,
    blue: vec2<u32>,
    covered: u32,
    clamped: u32,
    camera_rays: u32,
    bounce_rays: u32,
    shadow_rays: u32,
    reserved: u32,
}

// Both children's boxes of a node, see `trace.wgsl`.
struct NodeBoxes {
    first_min: vec4<f32>,
    first_max: vec4<f32>,
    second_min: vec4<f32>,
    second_max: vec4<f32>,
}

// The vertices of a leaf's triangle and what their fourth places say, see `trace.wgsl`.
struct LeafTriangle {
    v0: vec4<f32>,
    v1: vec4<f32>,
    v2: vec4<f32>,
}
