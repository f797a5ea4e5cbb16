#import math
#import sampler
#import film
#import scene
#import surface
#import texture
#import bsdf
#import environment
#import lights
#import camera
#import trace
// The unidirectional path tracer: next-event estimation and BSDF sampling joined by multiple importance sampling (Veach 1997),
// alpha by tracing again, Russian roulette. A path is a machine that traces one ray a step, so that the kernel has one call
// of `trace` and one of `sample_slot`.
//
// SAMPLE DIMENSIONS of `sample_2d`: 0 the point of the pixel; then, for scattering event d = 0, 1, …, from 1 + 5 d on:
//   +0 (which kind of light, lobe or base), +1 (which row, which column | which light triangle), +2 the place in it,
//   +3 the BSDF's direction, +4 (1D) Russian roulette. DIMENSION_LENS is the point of the lens, where the camera has one.
// Stochastic alpha takes `hash_decision`, keyed by the ray's number in its path, which counts rays of all kinds; a ray that
// goes on through a hole keeps its number.

const DIMENSIONS_EVENT: u32 = 5u;
const DIMENSION_LENS: u32 = 65536u;
// Holes that one ray goes through; then the next hole counts as solid.
const HOLES_MAX: u32 = 256u;
// A path whose throughput falls below it ends; a light whose density is below it is not sampled.
const THROUGHPUT_MIN: f32 = 1e-18;
const PDF_MIN: f32 = 1e-18;
const PDF_MAX: f32 = 1e18;

// Bits of `wanted`: which texture slots a point needs.
const SLOTS_ALPHA: u32 = 1u;
const SLOTS_EMISSION: u32 = 17u;
const SLOTS_ALL: u32 = 63u;

// What a step leaves to do.
const STEP_TRACE: u32 = 0u;
// The shadow ray is answered: go on with the scattered ray, if there is one.
const STEP_SCATTERED: u32 = 1u;
const STEP_DONE: u32 = 2u;

struct Path {
    // Keys of its random numbers.
    key: u32,
    sample_index: u32,
    decision_key: u32,
    // The ray that is traced next.
    origin: vec3<f32>,
    t_max: f32,
    direction: vec3<f32>,
    mode: u32,
    after: After,
    // Its number, and the holes that it went through.
    ray: u32,
    holes: u32,
    // Scattering events so far.
    depth: u32,
    // What radiance along the ray counts for; for a shadow ray, the light's share with its weight.
    throughput: vec3<f32>,
    // Density of sampling the ray by the BSDF; unused for camera and shadow rays.
    pdf: f32,
    // The ray to trace after the shadow ray; its throughput is 0 where there is none.
    next_origin: vec3<f32>,
    next_pdf: f32,
    next_direction: vec3<f32>,
    next_throughput: vec3<f32>,
    // What the shadow ray goes to: an instance and the point of its triangle, or NONE for the environment, or LIGHT_PUNCTUAL.
    light_instance: u32,
    light_primitive: u32,
    light_b1: f32,
    light_b2: f32,
    radiance: vec3<f32>,
    // 1 where the camera ray met geometry.
    covered: u32,
}

// A point's material with the textures that were wanted applied.
struct PointMaterial {
    base_color: vec4<f32>,
    metallic: f32,
    roughness: f32,
    emission: vec3<f32>,
    // Tangent-space normal, x and y scaled; (0, 0, 1) without a texture.
    bump: vec3<f32>,
    specular: f32,
    specular_color: vec3<f32>,
    // The point is a hole.
    hole: bool,
}

// a² / (a² + b²): the power heuristic's weight of a sample of density a that the other technique finds with density b. Both
// are held within 10^±18, so that squares are normal numbers.
fn power_heuristic(a: f32, b: f32) -> f32 {
    let p = clamp_(a, PDF_MIN, PDF_MAX);
    let q = clamp_(b, PDF_MIN, PDF_MAX);
    return div(p * p, p * p + q * q);
}

// power_heuristic(a, b) / a: what a sample of density a counts for.
fn power_share(a: f32, b: f32) -> f32 {
    let p = clamp_(a, PDF_MIN, PDF_MAX);
    let q = clamp_(b, PDF_MIN, PDF_MAX);
    return div(p, p * p + q * q);
}

// Makes `origin`, `direction` the ray to trace.
fn set_ray(path: ptr<function, Path>, origin: vec3<f32>, direction: vec3<f32>, t_max: f32, mode: u32) {
    (*path).origin = origin;
    (*path).direction = canonical_direction(direction);
    (*path).t_max = t_max;
    (*path).mode = mode;
    (*path).after = After(0.0, NONE, NONE);
    (*path).ray = (*path).ray + 1u;
    (*path).holes = 0u;
}

// Sets a sample's camera ray.
fn start_path(path: ptr<function, Path>, key: u32, x: u32, y: u32, sample_index: u32) {
    (*path).key = key;
    (*path).sample_index = sample_index;
    (*path).decision_key = sample_path_key(key, sample_index);
    (*path).ray = 0u;
    (*path).depth = 0u;
    (*path).throughput = vec3<f32>(1.0);
    (*path).pdf = 0.0;
    (*path).radiance = vec3<f32>(0.0);
    (*path).covered = 0u;
    var at = vec2<u32>(0u);
    var lens = vec2<u32>(0u);
    let count = select(1u, 2u, params.lens_radius_px > 0.0);
    for (var k = 0u; k < count; k = k + 1u) {
        lens = sample_2d(key, sample_index, k * DIMENSION_LENS);
        at = select(at, lens, k == 0u);
    }
    let ray = camera_ray(x, y, unit_float2(at), unit_float2(lens));
    set_ray(path, ray.origin, ray.direction, T_INFINITE, TRACE_CLOSEST);
}

// The slot of a role: 0 base colour, 1 metallic-roughness, 2 normal, 3 specular, 4 emissive, 5 specular colour.
fn role_slot(material: u32, role: u32) -> u32 {
    switch role {
        case 0u: { return materials[material].base_color_slot; }
        case 1u: { return materials[material].metallic_roughness_slot; }
        case 2u: { return materials[material].normal_slot; }
        case 3u: { return materials[material].specular_slot; }
        case 4u: { return materials[material].emissive_slot; }
        default: { return materials[material].specular_color_slot; }
    }
}

// Whether a point of this alpha is a hole for the ray of this decision key.
fn is_hole(material: u32, alpha: f32, word: u32) -> bool {
    let flags = materials[material].flags;
    if (flags & MATERIAL_MASK) != 0u {
        return alpha < materials[material].alpha_cutoff;
    }
    return (flags & MATERIAL_BLEND) != 0u && unit_float(word) >= alpha;
}

// The material at a point of the triangle `corners`. `word` decides about a blended hole; nothing else is looked up there.
fn point_material(corners: vec4<u32>, b1: f32, b2: f32, wanted: u32, word: u32) -> PointMaterial {
    let material = corners.w;
    let uv = texture_coordinates(corners, b1, b2);
    var p: PointMaterial;
    p.base_color = materials[material].base_color * vertex_color(corners, b1, b2);
    p.metallic = materials[material].metallic;
    p.roughness = materials[material].roughness;
    p.emission = materials[material].emission;
    p.bump = vec3<f32>(0.0, 0.0, 1.0);
    p.specular = materials[material].specular;
    p.specular_color = materials[material].specular_color;
    p.hole = false;
    for (var role = 0u; role < 6u; role = role + 1u) {
        let slot = role_slot(material, role);
        if slot != NONE && ((wanted >> role) & 1u) != 0u {
            let texel = sample_slot(slot, uv);
            switch role {
                case 0u: { p.base_color = p.base_color * texel; }
                case 1u: {
                    p.roughness = p.roughness * texel.y;
                    p.metallic = p.metallic * texel.z;
                }
                case 2u: {
                    let scale = materials[material].normal_scale;
                    let bump = texel.xyz * 2.0 - vec3<f32>(1.0);
                    p.bump = vec3<f32>(bump.x * scale, bump.y * scale, bump.z);
                }
                case 3u: { p.specular = p.specular * texel.w; }
                case 4u: { p.emission = p.emission * texel.xyz; }
                default: { p.specular_color = p.specular_color * texel.xyz; }
            }
        }
        if role == 0u {
            p.hole = is_hole(material, p.base_color.w, word);
            if p.hole {
                break;
            }
        }
    }
    if (materials[material].flags & MATERIAL_UNLIT) != 0u {
        p.emission = p.base_color.xyz;
    }
    return p;
}

fn bsdf_parameters(material: u32, p: PointMaterial) -> BsdfParameters {
    let base = vec3<f32>(saturate_(p.base_color.x), saturate_(p.base_color.y), saturate_(p.base_color.z));
    let specular = saturate_(p.specular);
    let f0 = p.specular_color * materials[material].dielectric_f0;
    let f0_clamped = vec3<f32>(saturate_(f0.x), saturate_(f0.y), saturate_(f0.z)) * specular;
    return BsdfParameters(base, saturate_(p.metallic), saturate_(p.roughness), f0_clamped, specular);
}

// Ends the current ray at a solid point: emission, then light and BSDF samples. Returns the step to do next.
fn shade(path: ptr<function, Path>, hit: Hit, corners: vec4<u32>, p: PointMaterial) -> u32 {
    let triangle = world_triangle(hit.instance, corners);
    let wo = vec3<f32>(0.0) - (*path).direction;
    let facing = dot3(triangle.normal, wo);
    let flags = materials[corners.w].flags;
    if (*path).depth == 0u {
        (*path).covered = 1u;
    }
    let both_sides = (flags & (MATERIAL_DOUBLE_SIDED | MATERIAL_UNLIT)) != 0u;
    if (flags & (MATERIAL_EMISSIVE | MATERIAL_UNLIT)) != 0u && (both_sides || facing > 0.0) {
        var weight_bsdf = 1.0;
        if (*path).depth > 0u {
            let other = light_pdf(hit.instance, hit.primitive, hit.t, abs(facing));
            weight_bsdf = power_heuristic((*path).pdf, other);
        }
        (*path).radiance = (*path).radiance + (*path).throughput * p.emission * weight_bsdf;
    }
    if (flags & MATERIAL_UNLIT) != 0u || (*path).depth > params.max_bounces {
        return STEP_DONE;
    }
    let side = select(-1.0, 1.0, facing > 0.0);
    let flat_normal = triangle.normal * side;
    let smooth_one = smooth_normal(hit.instance, corners, hit.b1, hit.b2, triangle.normal);
    var normal = smooth_one * side;
    if materials[corners.w].normal_slot != NONE {
        normal = mapped_normal(hit.instance, corners, hit.b1, hit.b2, smooth_one, p.bump) * side;
        normal = valid_normal(normal, flat_normal, wo);
    }
    let bsdf = bsdf_prepare(bsdf_parameters(corners.w, p), facing_normal(normal, wo), wo);
    let origin = world_position(triangle, hit.b1, hit.b2) + flat_normal * triangle.clearance;
    return scatter(path, bsdf, origin, flat_normal);
}

// Samples a light and the BSDF at a point, from which rays start at `origin`. Returns the step to do next. Its two loops keep
// one call of `sample_2d` and one of `bsdf_evaluate` in the kernel, as GPUs inline every call.
fn scatter(path: ptr<function, Path>, bsdf: Bsdf, origin: vec3<f32>, flat_normal: vec3<f32>) -> u32 {
    let arriving = (*path).throughput;
    let dimension = 1u + (*path).depth * DIMENSIONS_EVENT;
    let may_end = (*path).depth >= params.roulette_start;
    var survival = 0u;
    if may_end {
        survival = sample_1d((*path).key, (*path).sample_index, dimension + 4u);
    }
    (*path).depth = (*path).depth + 1u;
    (*path).next_throughput = vec3<f32>(0.0);
    if bsdf.lobe_probability + bsdf.base_probability == 0.0 {
        return STEP_SCATTERED;
    }
    var choices = vec2<u32>(0u);
    var words = vec2<u32>(0u);
    var inside = vec2<u32>(0u);
    var towards = vec2<u32>(0u);
    for (var k = 0u; k < 4u; k = k + 1u) {
        choices = words;
        words = inside;
        inside = towards;
        towards = sample_2d((*path).key, (*path).sample_index, dimension + k);
    }
    let wi = bsdf_sample(bsdf, unit_float(choices.y), unit_float2(towards));
    var light = LightSample(wi, 0.0, 0.0, NONE, 0u, 0.0, 0.0, vec3<f32>(1.0));
    if has_lights() {
        light = light_sample(origin, choices.x, words, unit_float2(inside));
    }
    // First the BSDF's direction, then the light's.
    var evaluated = BsdfValue(vec3<f32>(0.0), 0.0);
    var lit = evaluated;
    var direction = wi;
    var wanted = dot3(wi, flat_normal) > COS_MIN;
    for (var k = 0u; k < 2u; k = k + 1u) {
        evaluated = lit;
        lit = BsdfValue(vec3<f32>(0.0), 0.0);
        if wanted {
            lit = bsdf_evaluate(bsdf, direction);
        }
        direction = light.direction;
        wanted = light.pdf > PDF_MIN && dot3(direction, flat_normal) > COS_MIN;
    }
    if evaluated.pdf > PDF_MIN {
        let leaving = arriving * evaluated.value * rcp(evaluated.pdf);
        (*path).next_throughput = roulette(leaving, may_end, unit_float(survival));
        (*path).next_origin = origin;
        (*path).next_direction = wi;
        (*path).next_pdf = evaluated.pdf;
    }
    let other = select(lit.pdf, 0.0, light.instance == LIGHT_PUNCTUAL);
    let share = arriving * lit.value * light.radiance * power_share(light.pdf, other);
    if max3(share) < THROUGHPUT_MIN {
        return STEP_SCATTERED;
    }
    (*path).throughput = share;
    (*path).light_instance = light.instance;
    (*path).light_primitive = light.primitive;
    (*path).light_b1 = light.b1;
    (*path).light_b2 = light.b2;
    set_ray(path, origin, light.direction, light.t_max, TRACE_SHADOW);
    return STEP_TRACE;
}

// Russian roulette: the throughput of a path that goes on, divided by its chance to, or 0; `survival` in [0, 1) decides where
// it `may_end`. A path of next to no throughput ends anyway.
fn roulette(throughput: vec3<f32>, may_end: bool, survival: f32) -> vec3<f32> {
    let greatest = max3(throughput);
    if greatest < THROUGHPUT_MIN {
        return vec3<f32>(0.0);
    }
    if !may_end || greatest >= 1.0 {
        return throughput;
    }
    let chance = sqrt_(greatest);
    return select(throughput * rcp(chance), vec3<f32>(0.0), survival >= chance);
}

// Digests what the path's ray met. Returns the step to do next.
fn advance(path: ptr<function, Path>, hit: Hit) -> u32 {
    let shadow = (*path).mode == TRACE_SHADOW;
    if hit.instance == OCCLUDED {
        return STEP_SCATTERED;
    }
    // A shadow ray that met nothing ends at its light.
    let free = hit.instance == NONE;
    var at = hit;
    if shadow && free && (*path).light_instance == LIGHT_PUNCTUAL {
        (*path).radiance = (*path).radiance + (*path).throughput;
        return STEP_SCATTERED;
    }
    if shadow && free {
        at = Hit(0.0, (*path).light_instance, (*path).light_primitive, (*path).light_b1, (*path).light_b2);
    }
    if at.instance == NONE {
        let by_bsdf = !shadow && (*path).depth > 0u;
        let sky = environment_value((*path).direction, by_bsdf);
        let other = sky.pdf * params.environment_probability;
        let weight_sky = select(1.0, power_heuristic((*path).pdf, other), by_bsdf);
        (*path).radiance = (*path).radiance + (*path).throughput * sky.radiance * weight_sky;
        return select(STEP_DONE, STEP_SCATTERED, shadow);
    }
    let corners = triangles[at.primitive];
    let wanted = select(SLOTS_ALL, select(SLOTS_ALPHA, SLOTS_EMISSION, free), shadow);
    let word = hash_decision((*path).decision_key, (*path).ray, at.instance, at.primitive);
    let p = point_material(corners, at.b1, at.b2, wanted, word);
    if !free && p.hole && (*path).holes < HOLES_MAX {
        (*path).after = After(at.t, at.instance, at.primitive);
        (*path).holes = (*path).holes + 1u;
        return STEP_TRACE;
    }
    if !shadow {
        return shade(path, at, corners, p);
    }
    if free && !p.hole {
        (*path).radiance = (*path).radiance + (*path).throughput * p.emission;
    }
    return STEP_SCATTERED;
}

// Goes on with the scattered ray, if there is one. Returns the step to do next.
fn continue_path(path: ptr<function, Path>) -> u32 {
    (*path).throughput = (*path).next_throughput;
    if max3((*path).throughput) < THROUGHPUT_MIN {
        return STEP_DONE;
    }
    (*path).pdf = (*path).next_pdf;
    set_ray(path, (*path).next_origin, (*path).next_direction, T_INFINITE, TRACE_CLOSEST);
    return STEP_TRACE;
}

// Adds a finished path to its pixel.
fn record_sample(record: ptr<function, PixelRecord>, radiance: vec3<f32>, covered: u32) {
    let result = film_clamp(radiance, params.sample_clamp);
    (*record).red = add64((*record).red, fixed_from_float(result.rgb.x, params.film_scale_log2));
    (*record).green = add64((*record).green, fixed_from_float(result.rgb.y, params.film_scale_log2));
    (*record).blue = add64((*record).blue, fixed_from_float(result.rgb.z, params.film_scale_log2));
    (*record).covered = (*record).covered + covered;
    (*record).clamped = (*record).clamped + result.clamped;
}

// Counts a ray by its kind.
fn record_ray(record: ptr<function, PixelRecord>, mode: u32, depth: u32) {
    let shadow = mode == TRACE_SHADOW;
    (*record).shadow_rays = (*record).shadow_rays + select(0u, 1u, shadow);
    (*record).camera_rays = (*record).camera_rays + select(0u, 1u, !shadow && depth == 0u);
    (*record).bounce_rays = (*record).bounce_rays + select(0u, 1u, !shadow && depth > 0u);
}

// Renders samples sample_start .. sample_start + sample_count of pixel (x, y): a pure function of these and the scene. Pixels
// outside the frame are zero. Paths follow each other in one loop, so that lanes of a GPU need not wait for each other's.
fn render_pixel(x: u32, y: u32, sample_start: u32, sample_count: u32) -> PixelRecord {
    var record = PixelRecord(vec2<u32>(0u), vec2<u32>(0u), vec2<u32>(0u), 0u, 0u, 0u, 0u, 0u, 0u);
    if x >= params.width || y >= params.height || sample_count == 0u {
        return record;
    }
    let key = sample_pixel_key(params.seed, params.frame, x, y);
    var path: Path;
    var started = 0u;
    var step = STEP_DONE;
    loop {
        if step == STEP_DONE {
            if started > 0u {
                record_sample(&record, path.radiance, path.covered);
            }
            if started == sample_count {
                break;
            }
            start_path(&path, key, x, y, sample_start + started);
            started = started + 1u;
        }
        record_ray(&record, path.mode, path.depth);
        let hit = trace(path.origin, path.direction, path.t_max, path.after, path.mode);
        step = advance(&path, hit);
        if step == STEP_SCATTERED {
            step = continue_path(&path);
        }
    }
    return record;
}
