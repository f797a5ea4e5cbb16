#import math
#import sampler
#import film
#import scene
#import surface
#import material
#import bsdf
#import media
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
    // Where the ray travels, and where the scattered one will.
    media: Media,
    next_media: Media,
    // 1 once a dispersive surface has bent the path, which then carries one channel; and what the next ray will have.
    dispersed: u32,
    next_dispersed: u32,
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
    (*path).media = Media(NONE, NONE);
    (*path).dispersed = 0u;
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
    let frame = shading_frame(hit, corners, p, triangle.normal, side, wo);
    let inside = facing < 0.0 && (flags & MATERIAL_VOLUME) != 0u;
    // A dispersive surface refracts one channel of three, by its own index; the path's key picks it.
    var ior_shift = 0.0;
    var tint = vec3<f32>(1.0);
    if materials[corners.w].dispersion > 0.0 {
        let channel = uniform_below(hash_pair((*path).decision_key, NONE), 3u);
        ior_shift = f32(channel) - 1.0;
        if (*path).dispersed == 0u {
            tint = select(vec3<f32>(0.0), vec3<f32>(3.0), vec3<u32>(channel) == vec3<u32>(0u, 1u, 2u));
        }
    }
    var bsdf = bsdf_prepare(bsdf_parameters(corners.w, p, inside, ior_shift, tint), frame, wo);
    let place = Place(world_position(triangle, hit.b1, hit.b2), flat_normal, triangle.clearance, corners.w, facing > 0.0);
    return scatter(path, &bsdf, place);
}

// Where a path scatters: the point, the flat normal on the viewer's side, how far from the plane rays start, and the surface's
// material seen from its front or its back.
struct Place {
    position: vec3<f32>,
    flat_normal: vec3<f32>,
    clearance: f32,
    material: u32,
    front: bool,
}

// Shading normals and tangent at a hit. `normal` is the triangle's, `side` −1 where it points away from wo.
fn shading_frame(hit: Hit, corners: vec4<u32>, p: PointMaterial, normal: vec3<f32>, side: f32, wo: vec3<f32>) -> ShadingFrame {
    let flat_normal = normal * side;
    let smooth_one = smooth_normal(hit.instance, corners, hit.b1, hit.b2, normal);
    var base = smooth_one * side;
    var tangent = vec3<f32>(0.0);
    var coat = base;
    if p.bumped || p.anisotropy > 0.0 {
        let frame = tangent_frame(hit.instance, corners, hit.b1, hit.b2, smooth_one);
        base = mapped_normal(frame, smooth_one, p.bump) * side;
        if (materials[corners.w].flags & MATERIAL_LAYERED) != 0u {
            coat = mapped_normal(frame, smooth_one, p.coat_bump) * side;
            let turn_cos = materials[corners.w].anisotropy_cos;
            let turn_sin = materials[corners.w].anisotropy_sin;
            let along = p.brushing.x * turn_cos - p.brushing.y * turn_sin;
            let across = p.brushing.x * turn_sin + p.brushing.y * turn_cos;
            tangent = frame.tangent * along + frame.bitangent * across;
        }
    }
    if p.coat > 0.0 {
        coat = facing_normal(valid_normal(coat, flat_normal, wo), wo);
    }
    return ShadingFrame(facing_normal(valid_normal(base, flat_normal, wo), wo), tangent, coat);
}

// The pairs that a scattering event draws, in the order of their dimensions.
struct EventDraws {
    choices: vec2<u32>,
    words: vec2<u32>,
    inside: vec2<u32>,
    towards: vec2<u32>,
}

// A loop, so that the kernel has one call of `sample_2d` here, as GPUs inline every call.
fn event_draws(key: u32, sample_index: u32, dimension: u32) -> EventDraws {
    var draws: EventDraws;
    for (var k = 0u; k < 4u; k = k + 1u) {
        draws.choices = draws.words;
        draws.words = draws.inside;
        draws.inside = draws.towards;
        draws.towards = sample_2d(key, sample_index, dimension + k);
    }
    return draws;
}

// Samples a light and the BSDF at a place. Returns the step to do next. Its loop keeps one call of `bsdf_evaluate` in the kernel.
fn scatter(path: ptr<function, Path>, bsdf: ptr<function, Bsdf>, place: Place) -> u32 {
    let arriving = (*path).throughput;
    let dimension = 1u + (*path).depth * DIMENSIONS_EVENT;
    let may_end = (*path).depth >= params.roulette_start;
    var survival = 0u;
    if may_end {
        survival = sample_1d((*path).key, (*path).sample_index, dimension + 4u);
    }
    (*path).depth = (*path).depth + 1u;
    (*path).next_throughput = vec3<f32>(0.0);
    if (*bsdf).whole == 0.0 {
        return STEP_SCATTERED;
    }
    let draws = event_draws((*path).key, (*path).sample_index, dimension);
    let wi = bsdf_sample(bsdf, unit_float(draws.choices.y), unit_float2(draws.towards));
    let above = place.position + place.flat_normal * place.clearance;
    let under = place.position - place.flat_normal * place.clearance;
    var light = LightSample(wi, 0.0, 0.0, NONE, 0u, 0.0, 0.0, vec3<f32>(1.0));
    if has_lights() {
        light = light_sample(above, draws.choices.x, draws.words, unit_float2(draws.inside));
    }
    // First the BSDF's direction, then the light's. A direction counts where it lies on the same side of both normals.
    var evaluated = BsdfValue(vec3<f32>(0.0), 0.0);
    var lit = evaluated;
    var direction = wi;
    var wanted = true;
    for (var k = 0u; k < 2u; k = k + 1u) {
        evaluated = lit;
        lit = BsdfValue(vec3<f32>(0.0), 0.0);
        let along = dot3(direction, place.flat_normal);
        let side = select(-1.0, 1.0, along > 0.0);
        if wanted && along * side > COS_MIN && dot3(direction, (*bsdf).base.normal) * side > COS_MIN {
            lit = bsdf_evaluate(bsdf, direction);
        }
        direction = light.direction;
        wanted = light.pdf > PDF_MIN;
    }
    let beyond = media_beyond((*path).media, place.material, place.front);
    if evaluated.pdf > PDF_MIN {
        let through = dot3(wi, place.flat_normal) < 0.0;
        let leaving = arriving * evaluated.value * rcp(evaluated.pdf);
        (*path).next_throughput = roulette(leaving, may_end, unit_float(survival));
        (*path).next_origin = select(above, under, through);
        (*path).next_direction = wi;
        (*path).next_pdf = evaluated.pdf;
        (*path).next_media = (*path).media;
        (*path).next_dispersed = (*path).dispersed;
        if through {
            (*path).next_media = beyond;
            (*path).next_dispersed = (*path).dispersed | select(0u, 1u, materials[place.material].dispersion > 0.0);
        }
    }
    let other = select(lit.pdf, 0.0, light.instance == LIGHT_PUNCTUAL);
    let share = arriving * lit.value * light.radiance * power_share(light.pdf, other);
    if max3(share) < THROUGHPUT_MIN {
        return STEP_SCATTERED;
    }
    (*path).throughput = share;
    aim(path, light, place, above, under, beyond);
    return STEP_TRACE;
}

// Sets the shadow ray towards a light from the side of the surface on which it lies; `beyond` are the media on the far side.
fn aim(path: ptr<function, Path>, light: LightSample, place: Place, above: vec3<f32>, under: vec3<f32>, beyond: Media) {
    let through = dot3(light.direction, place.flat_normal) < 0.0;
    (*path).light_instance = light.instance;
    (*path).light_primitive = light.primitive;
    (*path).light_b1 = light.b1;
    (*path).light_b2 = light.b2;
    var t_max = light.t_max;
    if through {
        // The light was sampled from above the surface: the ray must not reach past it from below.
        (*path).media = beyond;
        t_max = t_max - 4.0 * place.clearance;
    }
    set_ray(path, select(above, under, through), light.direction, t_max, TRACE_SHADOW);
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
        // An endless way leads out of an open medium, which then takes nothing, as before the sky.
        let medium = select((*path).media.inner, NONE, (*path).t_max == T_INFINITE);
        (*path).radiance = (*path).radiance + (*path).throughput * transmittance(medium, (*path).t_max);
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
    let corners = triangle_corners(at.primitive);
    let wanted = select(WANT_ALL, select(WANT_ALPHA, WANT_EMISSION, free), shadow);
    let word = hash_decision((*path).decision_key, (*path).ray, at.instance, at.primitive);
    let p = point_material(corners, at.b1, at.b2, wanted, word);
    if !free && p.hole && (*path).holes < HOLES_MAX {
        (*path).after = After(at.t, at.instance, at.primitive);
        (*path).holes = (*path).holes + 1u;
        return STEP_TRACE;
    }
    (*path).throughput = (*path).throughput * transmittance((*path).media.inner, select(at.t, (*path).t_max, shadow));
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
    (*path).media = (*path).next_media;
    (*path).dispersed = (*path).next_dispersed;
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
    var recorded = 0u;
    var step = STEP_DONE;
    loop {
        if step == STEP_DONE {
            if started > 0u {
                record_sample(&record, path.radiance, path.covered);
                recorded = recorded + 1u;
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
    // 0, but where a driver stops loops after so many turns (llvmpipe after 65,535 of all loops together): whichever it
    // stopped, this one had no further turn to record its last sample in.
    record.reserved = sample_count - recorded;
    return record;
}
