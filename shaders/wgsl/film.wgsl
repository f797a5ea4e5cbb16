#import math
// The integer film: one sample's radiance to 64-bit fixed point, by integers alone. A 64-bit number is (low, high).

// A sample's radiance after the clamp.
struct FilmSample {
    rgb: vec3<f32>,
    // 1 where the clamp changed a channel, else 0.
    clamped: u32,
}

// One channel: x is its bits afterwards, y is 1 where it changed. NaN, infinities and negatives become 0 and count;
// zeros and subnormals of either sign become +0 and do not.
fn film_clamp_channel(value: f32, limit: f32) -> vec2<u32> {
    let bits = bitcast<u32>(value);
    let magnitude = bits & 0x7fffffffu;
    let zero = magnitude < MIN_POSITIVE_BITS;
    let bad = !zero && (bits > FLOAT_MAX_BITS);
    let limit_bits = bitcast<u32>(limit);
    let above = bits > limit_bits;
    let inside = select(bits, limit_bits, above);
    return vec2<u32>(select(inside, 0u, zero || bad), select(0u, 1u, !zero && (bad || above)));
}

// A sample's radiance with every channel in 0..limit, limit a positive normal float.
fn film_clamp(radiance: vec3<f32>, limit: f32) -> FilmSample {
    let r = film_clamp_channel(radiance.x, limit);
    let g = film_clamp_channel(radiance.y, limit);
    let b = film_clamp_channel(radiance.z, limit);
    return FilmSample(bitcast<vec3<f32>>(vec3<u32>(r.x, g.x, b.x)), r.y | g.y | b.y);
}

// v 2^scale_log2 rounded to the nearest integer, ties to even, for v >= 0 (subnormals are zero) and a result below 2^62;
// larger ones are (2^62 - 1). scale_log2 is at most 62.
fn fixed_from_float(v: f32, scale_log2: u32) -> vec2<u32> {
    let bits = bitcast<u32>(v);
    let integer = (bits & 0x7fffffu) | 0x800000u;
    // v = integer 2^(exponent - 150).
    let shift = bitcast<i32>((bits >> 23u) + scale_log2) - 150;
    // To the right: at most 25, where nothing is left.
    let right = bitcast<u32>(min(max(-shift, 1), 25));
    let whole = integer >> right;
    let rest = integer & ((1u << right) - 1u);
    let half = 1u << (right - 1u);
    let round_up = rest > half || (rest == half && (whole & 1u) == 1u);
    let rounded = whole + select(0u, 1u, round_up);
    // To the left: at most 38.
    let left = bitcast<u32>(min(max(shift, 0), 38));
    let low_shift = left & 31u;
    let low = select(integer << low_shift, 0u, left > 31u);
    let carried = (integer >> 1u) >> (31u - low_shift);
    let high = select(carried, integer << low_shift, left > 31u);
    let shifted = select(vec2<u32>(low, high), vec2<u32>(0xffffffffu, 0x3fffffffu), shift > 38);
    let fixed = select(shifted, vec2<u32>(rounded, 0u), shift < 0);
    return select(fixed, vec2<u32>(0u), bits < MIN_POSITIVE_BITS || bits >= SIGN_BIT);
}

// The sum of two 64-bit numbers, modulo 2^64.
fn add64(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}
