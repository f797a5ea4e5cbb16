#import math
#import scene
#import surface
#import environment
// Next-event estimation: picks the environment, a point of a light triangle or a punctual light. Knows where light may come
// from and with what density, not what lies between; how strong it is for punctual lights alone.

// A direction towards light. `pdf` is 0 where nothing was found, else its density per steradian, the choice of the light
// included. `instance` is NONE for the environment, LIGHT_PUNCTUAL for a punctual light, which no other technique finds, else
// the light's point is (instance, primitive, b1, b2). `radiance` is what is known already: 1 where the end of the shadow ray
// has to be looked up; for a punctual light, the integral of its radiance over directions, and `pdf` is the choice alone.
struct LightSample {
    direction: vec3<f32>,
    t_max: f32,
    pdf: f32,
    instance: u32,
    primitive: u32,
    b1: f32,
    b2: f32,
    radiance: vec3<f32>,
}

// `LightSample::instance` of a punctual light.
const LIGHT_PUNCTUAL: u32 = 0xfffffffdu;
// Of a shadow ray's length: 1 − 2^-20. With the light's own clearance it ends before the light.
const SHADOW_LENGTH: f32 = 0.99999905;
// Below it a light triangle is seen edge-on and gives nothing.
const COS_LIGHT_MIN: f32 = 1e-6;
// Squared distances below it are 0.
const DISTANCE2_MIN: f32 = 1e-30;
// What a punctual light brings to a point is held below the two: products with them stay finite.
const FALLOFF_MAX: f32 = 1e20;
const IRRADIANCE_MAX: f32 = 1e12;

fn has_lights() -> bool {
    return params.environment_probability + params.punctual_probability + params.triangle_probability > 0.0;
}

// The light triangle whose cumulative probability is the first above `word`.
fn search_lights(word: u32) -> u32 {
    var low = 0u;
    var high = params.light_triangle_count - 1u;
    while low < high {
        let middle = (low + high) >> 1u;
        if light_triangles[middle].cdf > word {
            high = middle;
        } else {
            low = middle + 1u;
        }
    }
    return low;
}

// The punctual light whose cumulative probability is the first above `word`.
fn search_punctual(word: u32) -> u32 {
    var low = 0u;
    var high = params.punctual_count - 1u;
    while low < high {
        let middle = (low + high) >> 1u;
        if punctual_lights[middle].cdf > word {
            high = middle;
        } else {
            low = middle + 1u;
        }
    }
    return low;
}

// The density, per steradian, with which `light_sample` finds a point of a light triangle at `distance` whose normal makes
// the cosine `cos_light` with the direction. 0 for a triangle that is no light.
fn light_pdf(instance: u32, primitive: u32, distance: f32, cos_light: f32) -> f32 {
    let index = primitive - instances[instance].triangle_start;
    let start = instances[instance].light_start;
    if start == NONE || index >= instances[instance].emissive_count || cos_light < COS_LIGHT_MIN {
        return 0.0;
    }
    let density = light_triangles[start + index].pdf_area * params.triangle_probability;
    return div(density * distance * distance, cos_light);
}

// A direction from `origin`. `pick` chooses the kind of light, `words` which, `inside` the place.
fn light_sample(origin: vec3<f32>, pick: u32, words: vec2<u32>, inside: vec2<f32>) -> LightSample {
    if params.environment_pick == NONE || pick < params.environment_pick {
        let sky = environment_sample(words, inside);
        let pdf = sky.pdf * params.environment_probability;
        return LightSample(sky.direction, T_INFINITE, pdf, NONE, 0u, 0.0, 0.0, vec3<f32>(1.0));
    }
    if params.punctual_pick == NONE || pick < params.punctual_pick {
        return punctual_sample(punctual_lights[search_punctual(words.x)], origin, inside);
    }
    let light = light_triangles[search_lights(words.x)];
    return triangle_sample(light, origin, inside);
}

// A direction towards a uniform point of a light triangle (map of the square: Heitz 2019).
fn triangle_sample(light: LightTriangle, origin: vec3<f32>, inside: vec2<f32>) -> LightSample {
    let under = inside.y <= inside.x;
    let half_x = 0.5 * inside.x;
    let half_y = 0.5 * inside.y;
    let b1 = select(half_x, inside.x - half_y, under);
    let b2 = select(inside.y - half_x, half_y, under);
    let corners = triangle_corners(light.triangle);
    let triangle = world_triangle(light.instance, corners);
    let point = world_position(triangle, b1, b2);
    let towards = point - origin;
    let side = select(1.0, -1.0, dot3(triangle.normal, towards) > 0.0);
    let far = length3(towards);
    // The direction itself is rounded: four roundoffs of the distance on top of the triangle's own clearance.
    let lift = triangle.clearance + far * FOUR_ROUNDOFFS;
    let segment = point + triangle.normal * (side * lift) - origin;
    let distance2 = dot3(segment, segment);
    let direction = normalize3(segment);
    let cos_light = 0.0 - dot3(direction, triangle.normal);
    let both_sides = (materials[corners.w].flags & (MATERIAL_DOUBLE_SIDED | MATERIAL_UNLIT)) != 0u;
    let cos_seen = select(cos_light, abs(cos_light), both_sides);
    var result = LightSample(direction, 0.0, 0.0, light.instance, light.triangle, b1, b2, vec3<f32>(1.0));
    if cos_seen >= COS_LIGHT_MIN && distance2 > DISTANCE2_MIN {
        result.pdf = div(light.pdf_area * params.triangle_probability * distance2, cos_seen);
        result.t_max = sqrt_(distance2) * SHADOW_LENGTH;
    }
    return result;
}

// A direction towards a punctual light: a sphere of its radius, or a disc of the sky for a directional one (whose `position` is
// the direction towards it, at distance 1, and whose radius is the sine of the disc's angular radius). Directions are uniform
// in the cone that holds it (pbrt-v4 §6.2.4); the angle of a spot light's cone is measured at its centre.
//
// A sphere of intensity I has the radiance I / (π r²) and is seen under the solid angle 2π (1 − c), with c² = 1 − r²/d². The
// product is 2 I / (d² (1 + c)), which needs no division by r and is I/d² for a radius of 0. Points inside of the sphere see
// half of it around its centre.
fn punctual_sample(light: PunctualLight, origin: vec3<f32>, inside: vec2<f32>) -> LightSample {
    let distant = (light.flags & PUNCTUAL_DIRECTIONAL) != 0u;
    let towards = select(canonical_tiny3(light.position - origin), light.position, distant);
    let distance2 = dot3(towards, towards);
    let axis = normalize3(towards);
    var result = LightSample(axis, T_INFINITE, 0.0, LIGHT_PUNCTUAL, 0u, 0.0, 0.0, vec3<f32>(0.0));
    if distance2 < DISTANCE2_MIN {
        return result;
    }
    let radius2 = light.radius * light.radius;
    // Squared sine of the cone's half angle; below 2^-60 the light is a point.
    let sine2 = canonical_tiny(fmin(div(radius2, distance2), 1.0));
    let cos_cone = sqrt_(1.0 - sine2);
    var nearest = 1.0;
    if sine2 > 0.0 {
        let height = inside.y * div(sine2, 1.0 + cos_cone);
        let cos_axis = 1.0 - height;
        let sine2_axis = height * (2.0 - height);
        result.direction = around(axis, cos_axis, sqrt_(sine2_axis), inside.x);
        nearest = fmax(cos_axis - sqrt_(sine2 - sine2_axis), 0.0);
    }
    if !distant {
        result.t_max = sqrt_(distance2) * nearest * SHADOW_LENGTH;
    }
    // The cone of a spot light and the window of a range: KHR_lights_punctual.
    let cone = canonical_tiny(saturate_(light.cone_offset - dot3(axis, light.axis) * light.cone_scale));
    let reach = canonical_tiny(fmin(distance2 * light.inverse_range2, 1.0));
    let shape = 2.0 * cone * cone * (1.0 - reach * reach);
    let falloff = fmin(div(shape, fmax(distance2, radius2) * (1.0 + cos_cone)), FALLOFF_MAX);
    let irradiance = canonical_tiny3(light.intensity * falloff);
    result.radiance = vec3<f32>(
        fmin(irradiance.x, IRRADIANCE_MAX),
        fmin(irradiance.y, IRRADIANCE_MAX),
        fmin(irradiance.z, IRRADIANCE_MAX),
    );
    result.pdf = select(0.0, light.probability * params.punctual_probability, max3(irradiance) > 0.0);
    return result;
}

// The unit direction at an angle (its cosine and sine) from a unit axis, `turn` in [0, 1] turns around it (frame: Duff et al.
// 2017).
fn around(axis: vec3<f32>, cosine: f32, sine: f32, turn: f32) -> vec3<f32> {
    let sign = select(-1.0, 1.0, axis.z >= 0.0);
    let a = 0.0 - rcp(sign + axis.z);
    let b = axis.x * axis.y * a;
    let t1 = vec3<f32>(1.0 + sign * axis.x * axis.x * a, sign * b, 0.0 - sign * axis.x);
    let t2 = vec3<f32>(b, sign + axis.y * axis.y * a, 0.0 - axis.y);
    let across = sin_cos_turn(turn);
    return normalize3(axis * cosine + (t1 * across.y + t2 * across.x) * sine);
}
