#import math
#import scene
// The equirectangular environment: its radiance in a direction, and sampling it by the package's tables. Directions are in
// world space; the rotation happens here.

// Radiance, and the probability density of sampling the direction among directions of the environment, per steradian.
struct EnvironmentValue {
    radiance: vec3<f32>,
    pdf: f32,
}

struct EnvironmentSample {
    direction: vec3<f32>,
    pdf: f32,
}

fn environment_texel(x: u32, y: u32) -> vec3<f32> {
    return environment_texels[y * params.environment_width + x].xyz;
}

// A share of 2^32 as a float within one rounding: neither half loses bits.
fn word_share(word: u32) -> f32 {
    return f32(word >> 16u) * 1.52587890625e-5 + f32(word & 0xffffu) * 2.3283064365386963e-10;
}

// The probability that `search_table` picks entry `index` of the `count` cumulative ones from `start`.
fn table_probability(start: u32, count: u32, index: u32) -> f32 {
    let before = select(environment_table[start + max(index, 1u) - 1u], 0u, index == 0u);
    let last = select(0.0, 2.3283064365386963e-10, index + 1u == count);
    return word_share(environment_table[start + index] - before) + last;
}

// The first of `count` cumulative entries from `start` that is above `word`; the last takes the rest.
fn search_table(start: u32, count: u32, word: u32) -> u32 {
    var low = 0u;
    var high = count - 1u;
    while low < high {
        let middle = (low + high) >> 1u;
        if environment_table[start + middle] > word {
            high = middle;
        } else {
            low = middle + 1u;
        }
    }
    return low;
}

// The density of texel (column, row), per steradian.
fn texel_pdf(column: u32, row: u32) -> f32 {
    let width = params.environment_width;
    let height = params.environment_height;
    let density = bitcast<f32>(environment_table[height * (width + 2u) + 1u + row]);
    return table_probability(0u, height, row) * table_probability(height + row * width, width, column) * density;
}

// What a ray that leaves the scene in a unit direction meets. Bilinear: columns wrap, rows end at the poles. `with_pdf` is
// false where the density is not needed; it is 0 then.
fn environment_value(direction: vec3<f32>, with_pdf: bool) -> EnvironmentValue {
    let width = params.environment_width;
    let height = params.environment_height;
    if width == 0u {
        return EnvironmentValue(vec3<f32>(0.0), 0.0);
    }
    let dx = direction.x * params.environment_cos - direction.z * params.environment_sin;
    let dz = direction.x * params.environment_sin + direction.z * params.environment_cos;
    let turn = atan2_turn(dz, dx);
    // Half a turn of atan2 is the picture's left edge.
    let u = select(turn + 0.5, turn - 0.5, turn >= 0.5) * f32(width);
    let v = (1.0 - latitude_v(direction.y)) * f32(height);
    let x = u - 0.5;
    let y = clamp_(v - 0.5, 0.0, f32(height - 1u));
    let left = floor(x);
    let fx = x - left;
    let x0 = select(u32(fmax(left, 0.0)), width - 1u, left < 0.0);
    let x1 = select(x0 + 1u, 0u, x0 + 1u >= width);
    let y0 = u32(y);
    let y1 = min(y0 + 1u, height - 1u);
    let fy = y - f32(y0);
    let upper = environment_texel(x0, y0) * (1.0 - fx) + environment_texel(x1, y0) * fx;
    let lower = environment_texel(x0, y1) * (1.0 - fx) + environment_texel(x1, y1) * fx;
    var pdf = 0.0;
    if with_pdf {
        pdf = texel_pdf(min(u32(u), width - 1u), min(u32(v), height - 1u));
    }
    return EnvironmentValue(upper * (1.0 - fy) + lower * fy, pdf);
}

// A direction by importance: two words pick row and column, `inside` in [0, 1)² the place in the texel.
fn environment_sample(words: vec2<u32>, inside: vec2<f32>) -> EnvironmentSample {
    let width = params.environment_width;
    let height = params.environment_height;
    let row = search_table(0u, height, words.x);
    let column = search_table(height + row * width, width, words.y);
    let edges = height * (width + 1u) + row;
    let top = bitcast<f32>(environment_table[edges]);
    let bottom = bitcast<f32>(environment_table[edges + 1u]);
    let y = clamp_(top + (bottom - top) * inside.y, -1.0, 1.0);
    let u = fmin(div(f32(column) + inside.x, f32(width)), 1.0);
    // (sin, cos) of the azimuth, which is half a turn back.
    let azimuth = sin_cos_turn(u);
    let radius = sqrt_((1.0 - y) * (1.0 + y));
    let x = 0.0 - azimuth.y * radius;
    let z = 0.0 - azimuth.x * radius;
    let direction = vec3<f32>(
        x * params.environment_cos + z * params.environment_sin,
        y,
        z * params.environment_cos - x * params.environment_sin,
    );
    return EnvironmentSample(direction, texel_pdf(column, row));
}
