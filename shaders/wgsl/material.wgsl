#import math
#import scene
#import surface
#import texture
#import bsdf
// A material at a point: its factors with the textures that the caller wants, and what the BSDF needs of them. Knows no ray.

// `wanted` of `point_material`: roles below it are looked up.
const WANT_ALPHA: u32 = 1u;
const WANT_EMISSION: u32 = 2u;
const WANT_ALL: u32 = 17u;

struct PointMaterial {
    base_color: vec4<f32>,
    emission: vec3<f32>,
    metallic: f32,
    roughness: f32,
    specular: f32,
    specular_color: vec3<f32>,
    // Tangent-space normals, x and y scaled; (0, 0, 1) without a texture.
    bump: vec3<f32>,
    coat_bump: vec3<f32>,
    coat: f32,
    coat_roughness: f32,
    transmission: f32,
    sheen_color: vec3<f32>,
    sheen_roughness: f32,
    iridescence: f32,
    film_thickness: f32,
    // Direction in tangent space, not yet turned by the material's angle, and strength.
    brushing: vec2<f32>,
    anisotropy: f32,
    diffuse_transmission: f32,
    diffuse_transmission_color: vec3<f32>,
    // There is a normal texture of either kind.
    bumped: bool,
    // The point is a hole.
    hole: bool,
}

// Whether a point of this alpha is a hole; `word` decides where alpha is a probability.
fn is_hole(material: u32, alpha: f32, word: u32) -> bool {
    let flags = materials[material].flags;
    if (flags & MATERIAL_MASK) != 0u {
        return alpha < materials[material].alpha_cutoff;
    }
    return (flags & MATERIAL_BLEND) != 0u && unit_float(word) >= alpha;
}

fn bump_of(texel: vec4<f32>, scale: f32) -> vec3<f32> {
    let bump = texel.xyz * 2.0 - vec3<f32>(1.0);
    return vec3<f32>(bump.x * scale, bump.y * scale, bump.z);
}

// The material's factors.
fn factors(material: u32) -> PointMaterial {
    var p: PointMaterial;
    p.base_color = materials[material].base_color;
    p.emission = materials[material].emission;
    p.metallic = materials[material].metallic;
    p.roughness = materials[material].roughness;
    p.specular = materials[material].specular;
    p.specular_color = materials[material].specular_color;
    p.bump = vec3<f32>(0.0, 0.0, 1.0);
    if (materials[material].flags & MATERIAL_LAYERED) != 0u {
        p.coat_bump = p.bump;
        p.coat = materials[material].coat;
        p.coat_roughness = materials[material].coat_roughness;
        p.transmission = materials[material].transmission;
        p.sheen_color = materials[material].sheen_color;
        p.sheen_roughness = materials[material].sheen_roughness;
        p.iridescence = materials[material].iridescence;
        p.film_thickness = materials[material].film_thickness;
        p.brushing = vec2<f32>(1.0, 0.0);
        p.anisotropy = materials[material].anisotropy;
        p.diffuse_transmission = materials[material].diffuse_transmission;
        p.diffuse_transmission_color = materials[material].diffuse_transmission_color;
    }
    return p;
}

// The material at a point of the triangle `corners`. `word` decides about a blended hole; nothing else is looked up there.
fn point_material(corners: vec4<u32>, b1: f32, b2: f32, wanted: u32, word: u32) -> PointMaterial {
    let material = corners.w;
    var p = factors(material);
    p.base_color = p.base_color * vertex_color(corners, b1, b2);
    let uv = texture_coordinates(corners, b1, b2);
    let start = materials[material].slot_start;
    let count = materials[material].slot_count;
    var decided = false;
    var index = 0u;
    loop {
        var role = ROLES;
        if index < count {
            role = texture_slots[start + index].flags >> SLOT_ROLE_SHIFT;
        }
        if role != ROLE_BASE_COLOR && !decided {
            decided = true;
            p.hole = is_hole(material, p.base_color.w, word);
            if p.hole {
                break;
            }
        }
        if role >= wanted {
            break;
        }
        apply_texel(&p, material, role, sample_slot(start + index, uv));
        index = index + 1u;
    }
    if (materials[material].flags & MATERIAL_UNLIT) != 0u {
        p.emission = p.base_color.xyz;
    }
    return p;
}

// Multiplies what a texture says into its factors.
fn apply_texel(p: ptr<function, PointMaterial>, material: u32, role: u32, texel: vec4<f32>) {
    switch role {
        case ROLE_BASE_COLOR: { (*p).base_color = (*p).base_color * texel; }
        case ROLE_EMISSION: { (*p).emission = (*p).emission * texel.xyz; }
        case ROLE_METALLIC_ROUGHNESS: {
            (*p).roughness = (*p).roughness * texel.y;
            (*p).metallic = (*p).metallic * texel.z;
        }
        case ROLE_NORMAL: {
            (*p).bump = bump_of(texel, materials[material].normal_scale);
            (*p).bumped = true;
        }
        case ROLE_SPECULAR: { (*p).specular = (*p).specular * texel.w; }
        case ROLE_SPECULAR_COLOR: { (*p).specular_color = (*p).specular_color * texel.xyz; }
        case ROLE_COAT: { (*p).coat = (*p).coat * texel.x; }
        case ROLE_COAT_ROUGHNESS: { (*p).coat_roughness = (*p).coat_roughness * texel.y; }
        case ROLE_COAT_NORMAL: {
            (*p).coat_bump = bump_of(texel, materials[material].coat_normal_scale);
            (*p).bumped = true;
        }
        case ROLE_TRANSMISSION: { (*p).transmission = (*p).transmission * texel.x; }
        case ROLE_SHEEN_COLOR: { (*p).sheen_color = (*p).sheen_color * texel.xyz; }
        case ROLE_SHEEN_ROUGHNESS: { (*p).sheen_roughness = (*p).sheen_roughness * texel.w; }
        case ROLE_IRIDESCENCE: { (*p).iridescence = (*p).iridescence * texel.x; }
        case ROLE_FILM_THICKNESS: { (*p).film_thickness = texel.y; }
        case ROLE_ANISOTROPY: {
            (*p).brushing = texel.xy * 2.0 - vec2<f32>(1.0);
            (*p).anisotropy = (*p).anisotropy * texel.z;
        }
        case ROLE_DIFFUSE_TRANSMISSION: { (*p).diffuse_transmission = (*p).diffuse_transmission * texel.w; }
        default: { (*p).diffuse_transmission_color = (*p).diffuse_transmission_color * texel.xyz; }
    }
}

fn saturate3(v: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(saturate_(v.x), saturate_(v.y), saturate_(v.z));
}

// What the BSDF needs. `inside` says that the viewer is in the medium that the surface bounds: there are then no layers on top.
// `ior_shift` moves the index of refraction by so many times the material's dispersion, `tint` colours what refracts.
fn bsdf_parameters(material: u32, p: PointMaterial, inside: bool, ior_shift: f32, tint: vec3<f32>) -> BsdfParameters {
    var b: BsdfParameters;
    b.base_color = saturate3(p.base_color.xyz);
    b.metallic = saturate_(p.metallic);
    b.roughness = saturate_(p.roughness);
    let specular = saturate_(p.specular);
    b.dielectric_f0 = saturate3(p.specular_color * materials[material].dielectric_f0) * specular;
    b.dielectric_f90 = specular;
    let flags = materials[material].flags;
    if (flags & MATERIAL_LAYERED) == 0u {
        return b;
    }
    b.anisotropy = saturate_(p.anisotropy);
    b.transmission = saturate_(p.transmission);
    // Light passes the boundary of a medium twice, a sheet once: either way it takes the base colour once.
    b.transmission_color = b.base_color * tint;
    if (flags & MATERIAL_VOLUME) != 0u && b.transmission > 0.0 {
        b.transmission_color = vec3<f32>(sqrt_(b.base_color.x), sqrt_(b.base_color.y), sqrt_(b.base_color.z)) * tint;
    }
    b.iridescence = saturate_(p.iridescence);
    b.film_thickness = p.film_thickness;
    b.film_table = materials[material].film_table;
    b.diffuse_transmission = saturate_(p.diffuse_transmission);
    b.diffuse_transmission_color = saturate3(p.diffuse_transmission_color);
    if (flags & (MATERIAL_VOLUME | MATERIAL_UNBENT)) == MATERIAL_VOLUME {
        let ior = materials[material].ior + materials[material].dispersion * ior_shift;
        b.eta = select(ior, rcp(ior), inside);
        let pairs = 2u * params.albedo_edge * params.albedo_edge;
        b.glass_table = materials[material].glass_table + select(0u, pairs, inside);
    }
    if !inside {
        b.coat = saturate_(p.coat);
        b.coat_roughness = saturate_(p.coat_roughness);
        b.sheen_color = saturate3(p.sheen_color);
        b.sheen_roughness = saturate_(p.sheen_roughness);
    }
    return b;
}
