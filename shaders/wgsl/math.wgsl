// Library functions made of exact operations alone: f32 + - *, comparisons, select, bit casts and integers.
// Knows nothing of light. Errors in the docs are the largest against f64, measured by the sweeps in shaders/.
//
// Where a function reads subnormals as zero it does so by bits, so no result depends on whether a device flushes them.
// No function returns NaN, infinity or a subnormal for operands of its domain, and from div on none returns -0; the
// short ones before it are plain arithmetic, whose operands and results must be +0 or normal to be exact.

const FLOAT_MAX: f32 = 3.4028235e38;
const MIN_POSITIVE_BITS: u32 = 0x00800000u;
const FLOAT_MAX_BITS: u32 = 0x7f7fffffu;
const ONE_BITS: u32 = 0x3f800000u;
const SIGN_BIT: u32 = 0x80000000u;
const PI: f32 = 3.14159265;
const INV_PI: f32 = 0.318309886;
const TAU: f32 = 6.28318531;
const INV_TAU: f32 = 0.159154943;

// The lesser of two floats; b where they are equal.
fn fmin(a: f32, b: f32) -> f32 {
    return select(b, a, a < b);
}

// The greater of two floats; b where they are equal.
fn fmax(a: f32, b: f32) -> f32 {
    return select(b, a, a > b);
}

// x within lo..hi, lo <= hi. Returns x itself (its sign of zero too) where it lies inside.
fn clamp_(x: f32, lo: f32, hi: f32) -> f32 {
    let above = select(x, lo, x < lo);
    return select(above, hi, above > hi);
}

// x within 0..1.
fn saturate_(x: f32) -> f32 {
    return clamp_(x, 0.0, 1.0);
}

// The greatest of three components.
fn max3(v: vec3<f32>) -> f32 {
    return fmax(fmax(v.x, v.y), v.z);
}

// The least of three components.
fn min3(v: vec3<f32>) -> f32 {
    return fmin(fmin(v.x, v.y), v.z);
}

// (1 - t) * a + t * b: exact at t = 0 and t = 1.
fn mix_(a: f32, b: f32, t: f32) -> f32 {
    return a * (1.0 - t) + b * t;
}

// mix_ by component.
fn mix3(a: vec3<f32>, b: vec3<f32>, t: f32) -> vec3<f32> {
    return a * (1.0 - t) + b * t;
}

// (a.x b.x + a.y b.y) + a.z b.z
fn dot3(a: vec3<f32>, b: vec3<f32>) -> f32 {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

fn cross3(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}

// +0 where the magnitude is below 2^-60 (-0 and subnormals included), else x itself, by bits.
fn canonical_tiny(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    return bitcast<f32>(select(bits, 0u, (bits & 0x7fffffffu) < 0x21800000u));
}

// canonical_tiny by component.
fn canonical_tiny3(v: vec3<f32>) -> vec3<f32> {
    return vec3<f32>(canonical_tiny(v.x), canonical_tiny(v.y), canonical_tiny(v.z));
}

// 1 / b for b in [1, 2), relative error 1.93 2^-24 (all 2^23 measured). A magic start (5 %), a Newton step balanced
// around its error (0.14 %), a step of third order.
fn reciprocal_estimate(b: f32) -> f32 {
    let start = bitcast<f32>(0x7ef311c7u - bitcast<u32>(b));
    let y = start * (2.00125 - b * start);
    let e = 1.0 - b * y;
    return y + y * (e + e * e);
}

// a / b correctly rounded. Total: subnormal operands are zero; a quotient whose magnitude rounds to 2^-126 or less is
// +0; one above the largest float is the largest float with its sign; x / 0 is +0; infinity and NaN are read as the
// largest float. Error: half an ulp.
fn div(a: f32, b: f32) -> f32 {
    let a_bits = bitcast<u32>(a);
    let b_bits = bitcast<u32>(b);
    let a_magnitude = min(a_bits & 0x7fffffffu, FLOAT_MAX_BITS);
    let b_magnitude = min(b_bits & 0x7fffffffu, FLOAT_MAX_BITS);
    let a_integer = (a_magnitude & 0x7fffffu) | 0x800000u;
    let b_integer = (b_magnitude & 0x7fffffu) | 0x800000u;
    // The dividend is doubled where needed, so that the quotient of the two integers lies in [1, 2).
    let less = select(0u, 1u, a_integer < b_integer);
    let y = reciprocal_estimate(bitcast<f32>(b_integer + 0x3f000000u));
    let estimate = bitcast<f32>(a_integer + 0x3f000000u + (less << 23u)) * y;
    // The quotient in units of 2^-23, off by at most 1.93 of the reciprocal and 0.5 of the product, then the remainder, which fits 32 bits.
    let quotient = bitcast<i32>(bitcast<u32>(estimate) - 0x3f000000u);
    let divisor = bitcast<i32>(b_integer);
    let remainder = bitcast<i32>(a_integer << (23u + less)) - quotient * divisor;
    let doubled = remainder + remainder;
    let thrice = 3 * divisor;
    let up = select(0, 1, doubled > divisor) + select(0, 1, doubled > thrice);
    let down = select(0, 1, doubled < -divisor) + select(0, 1, doubled < -thrice);
    let exponent = i32(a_magnitude >> 23u) - i32(b_magnitude >> 23u) + 126 - i32(less);
    let bits = bitcast<u32>((exponent << 23u) + quotient + up - down);
    let small = a_magnitude < MIN_POSITIVE_BITS || b_magnitude < MIN_POSITIVE_BITS || exponent < 0 || bits == MIN_POSITIVE_BITS;
    let magnitude = select(bits, FLOAT_MAX_BITS, exponent > 253);
    return bitcast<f32>(select(magnitude | ((a_bits ^ b_bits) & SIGN_BIT), 0u, small));
}

// 1 / x as div(1, x): correctly rounded, +0 for zero and subnormals.
fn rcp(x: f32) -> f32 {
    return div(1.0, x);
}

// 1 / sqrt(x) for positive normal x, relative error 1.70 2^-24 (all x). Start and first step: Walczyk, Moroz,
// Cieslinski 2018 (0.088 %); then a step of third order. No intermediate value leaves the normal range.
fn rsqrt_estimate(x: f32) -> f32 {
    let start = bitcast<f32>(0x5f376908u - (bitcast<u32>(x) >> 1u));
    let y = start * (1.50087896 - 0.5 * ((x * start) * start));
    let e = 1.0 - (x * y) * y;
    return y + (y * e) * (0.5 + 0.375 * e);
}

// Square root, correctly rounded. Total: +0 for x below 2^-126 (negatives, subnormals and zeros included); infinity
// and positive NaN are read as the largest float. Error: half an ulp.
fn sqrt_(x: f32) -> f32 {
    let x_bits = bitcast<i32>(x);
    let bits = bitcast<u32>(min(max(x_bits, 0x00800000), 0x7f7fffff));
    // x = m 4^k with m in [1, 4): the exponent's lowest bit goes to m.
    let odd = 1u - ((bits >> 23u) & 1u);
    let integer = (bits & 0x7fffffu) | 0x800000u;
    let m = bitcast<f32>(integer + 0x3f000000u + (odd << 23u));
    let estimate = m * rsqrt_estimate(m);
    // The root in units of 2^-23, at most 2 off, and what its square leaves, which fits 32 bits.
    let root = bitcast<i32>(bitcast<u32>(estimate) - 0x3f000000u);
    let remainder = bitcast<i32>(integer << (23u + odd)) - root * root;
    let thrice = 3 * root;
    let up = select(0, 1, remainder > root) + select(0, 1, remainder > thrice + 2);
    let down = select(0, 1, remainder <= -root) + select(0, 1, remainder <= 2 - thrice);
    let exponent = bitcast<i32>((bits >> 23u) - odd + 1u) >> 1u;
    let result = ((exponent + 62) << 23u) + root + up - down;
    return bitcast<f32>(select(result, 0, x_bits < 0x00800000));
}

// 1 / sqrt(x) for the hot path: relative error 1.70 2^-24. +0 for x below 2^-126 (negatives included); infinity and
// positive NaN are read as the largest float.
fn rsqrt(x: f32) -> f32 {
    let bits = bitcast<i32>(x);
    let normal = bitcast<f32>(min(max(bits, 0x00800000), 0x7f7fffff));
    return select(rsqrt_estimate(normal), 0.0, bits < 0x00800000);
}

// sqrt_(dot3(v, v)): components are 0 or of magnitude 2^-60 to 2^60.
fn length3(v: vec3<f32>) -> f32 {
    return sqrt_(dot3(v, v));
}

// v scaled to unit length, for any finite v below 2^127. Zero where every component is below 2^-84; components below
// 2^-40 of the greatest become +0. So no subnormal matters and every component is 0 or at least 2^-41. The length is 1
// within 1.4 2^-23, components are right within 1.3 2^-23.
fn normalize3(v: vec3<f32>) -> vec3<f32> {
    let bits = bitcast<vec3<u32>>(v) & vec3<u32>(0x7fffffffu);
    let greatest = max(max(bits.x, bits.y), bits.z);
    let scale = bitcast<f32>(select(0x7f000000u - (greatest & 0x7f800000u), 0u, greatest < 0x15800000u));
    let s = v * scale;
    let s_bits = bitcast<vec3<u32>>(s);
    let tiny = (s_bits & vec3<u32>(0x7fffffffu)) < vec3<u32>(0x2b800000u);
    let clean = bitcast<vec3<f32>>(select(s_bits, vec3<u32>(0u), tiny));
    return clean * rsqrt(dot3(clean, clean));
}

// (sin, cos) of u turns, u in [0, 1]: error 9.8e-8 (all u). Zeros are +0 and magnitudes below 2^-60 are flushed.
fn sin_cos_turn(u: f32) -> vec2<f32> {
    let quarters = u * 4.0;
    let nearest = floor(quarters + 0.5);
    let f = quarters - nearest;
    let z = f * f;
    let sine = f * (1.57079631 + z * (-0.645962992 + z * (0.0796762826 + z * -0.00459309313)));
    let cosine = 1.0 + z * (-1.23370054 + z * (0.253669247 + z * (-0.0208603085 + z * 0.00090406052)));
    let quadrant = u32(nearest) & 3u;
    let swap = (quadrant & 1u) == 1u;
    let s = bitcast<u32>(select(sine, cosine, swap));
    let c = bitcast<u32>(select(cosine, sine, swap));
    let s_sign = (quadrant & 2u) << 30u;
    let c_sign = ((quadrant + 1u) & 2u) << 30u;
    return vec2<f32>(canonical_tiny(bitcast<f32>(s ^ s_sign)), canonical_tiny(bitcast<f32>(c ^ c_sign)));
}

// The angle of (x, y) in turns, in [0, 1): 0 along +x, 1/4 along +y. 0 for (0, 0). Operands below 2^126; magnitudes
// below 2^-60 are read as 0. Error: 5e-8 turns.
fn atan2_turn(y: f32, x: f32) -> f32 {
    let x_clean = canonical_tiny(x);
    let y_clean = canonical_tiny(y);
    let x_magnitude = abs(x_clean);
    let y_magnitude = abs(y_clean);
    let steep = y_magnitude > x_magnitude;
    let least = select(y_magnitude, x_magnitude, steep);
    let greatest = select(x_magnitude, y_magnitude, steep);
    // Above tan(1/16 turn) the angle is measured from the diagonal: (least - greatest) / (least + greatest).
    let diagonal = least > greatest * 0.41421357;
    let numerator = select(least, least - greatest, diagonal);
    let denominator = select(greatest, least + greatest, diagonal);
    let q = div(numerator, denominator);
    let z = q * q;
    let p = q * (0.15915493 + z * (-0.053049988 + z * (0.03177298 + z * (-0.021909474 + z * 0.012353867))));
    let eighth = canonical_tiny(select(p, 0.125 + p, diagonal && greatest > 0.0));
    let quarter = select(eighth, 0.25 - eighth, steep);
    let half = select(quarter, 0.5 - quarter, x_clean < 0.0);
    let whole = select(half, 1.0 - half, y_clean < 0.0);
    return select(whole, 0.0, whole >= 1.0);
}

// asin(y) / pi + 1/2 in [0, 1] for y in [-1, 1], clamped: the height in an equirectangular picture, from the bottom.
// Error: 9.0e-8 (all y).
fn latitude_v(y: f32) -> f32 {
    let magnitude = fmin(abs(y), 1.0);
    let steep = magnitude > 0.5;
    let z = select(magnitude * magnitude, 0.5 - 0.5 * magnitude, steep);
    let a = select(magnitude, sqrt_(z), steep);
    let p = a * (0.318310015 + z * (0.0530410734 + z * (0.0241061338 + z * (0.0121858078 + z * 0.0168958113))));
    let v = canonical_tiny(select(p, 0.5 - (p + p), steep));
    return select(0.5 + v, 0.5 - v, y < 0.0);
}

// The high 32 bits of a * b.
fn mul_high(a: u32, b: u32) -> u32 {
    let a_low = a & 0xffffu;
    let a_high = a >> 16u;
    let b_low = b & 0xffffu;
    let b_high = b >> 16u;
    let middle = a_high * b_low + ((a_low * b_low) >> 16u);
    let carried = a_low * b_high + (middle & 0xffffu);
    return a_high * b_high + (middle >> 16u) + (carried >> 16u);
}

// A random word to [0, 1): its highest 24 bits times 2^-24, exactly.
fn unit_float(word: u32) -> f32 {
    return f32(word >> 8u) * 5.9604644775390625e-8;
}

// unit_float of both words of a pair.
fn unit_float2(words: vec2<u32>) -> vec2<f32> {
    return vec2<f32>(unit_float(words.x), unit_float(words.y));
}

// A random word to an integer in 0..n, n >= 1: floor(word n / 2^32).
fn uniform_below(word: u32, n: u32) -> u32 {
    return mul_high(word, n);
}

// 2^x for x up to 126; +0 below -60; magnitudes of x below 2^-60 are read as 0. Relative error: 2.5 2^-24.
fn exp2_(x: f32) -> f32 {
    let bounded = clamp_(canonical_tiny(x), -61.0, 126.0);
    let whole = floor(bounded);
    let f = bounded - whole;
    let p = 1.0 + f * (0.693147044 + f * (0.240229306 + f * (0.0554852804 + f * (0.00967545193 + f * (0.00124678436 + f * 0.000216129237)))));
    let scale = bitcast<f32>(bitcast<u32>(i32(whole) + 127) << 23u);
    return select(0.0, p * scale, x >= -60.0);
}

// The binary logarithm of a positive normal x: error 1.2e-7, relative where the logarithm is above 1.
fn log2_(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    // x = m 2^k with m between sqrt(1/2) and sqrt(2).
    let k = bitcast<i32>(bits - 0x3f3504f3u) >> 23u;
    let m = bitcast<f32>(bits - bitcast<u32>(k << 23u));
    let s = div(m - 1.0, m + 1.0);
    let z = s * s;
    let p = s * (2.88539008 + z * (0.96179667 + z * (0.57708345 + z * (0.41167871 + z * 0.34064023))));
    return f32(k) + canonical_tiny(p);
}
