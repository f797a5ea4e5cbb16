#import math
#import scene
#import surface
#import environment
// Next-event estimation: picks the environment or a point of a light triangle. Knows where light may come from and with what
// density, not how strong it is nor what lies between.

// A direction towards light. `pdf` is 0 where nothing was found, else its density per steradian, the choice of the light
// included. `instance` is NONE for the environment, else the light's point is (instance, primitive, b1, b2).
struct LightSample {
    direction: vec3<f32>,
    t_max: f32,
    pdf: f32,
    instance: u32,
    primitive: u32,
    b1: f32,
    b2: f32,
}

// Of a shadow ray's length: 1 − 2^-20. With the light's own clearance it ends before the light.
const SHADOW_LENGTH: f32 = 0.99999905;
// Below it a light triangle is seen edge-on and gives nothing.
const COS_LIGHT_MIN: f32 = 1e-6;
// Squared distances below it are 0.
const DISTANCE2_MIN: f32 = 1e-30;

fn has_lights() -> bool {
    return params.environment_probability + params.triangle_probability > 0.0;
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
        return LightSample(sky.direction, T_INFINITE, pdf, NONE, 0u, 0.0, 0.0);
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
    let corners = triangles[light.triangle];
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
    var result = LightSample(direction, 0.0, 0.0, light.instance, light.triangle, b1, b2);
    if cos_seen >= COS_LIGHT_MIN && distance2 > DISTANCE2_MIN {
        result.pdf = div(light.pdf_area * params.triangle_probability * distance2, cos_seen);
        result.t_max = sqrt_(distance2) * SHADOW_LENGTH;
    }
    return result;
}
