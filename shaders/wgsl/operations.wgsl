#import math
#import sampler
#import film
// Every primitive operation and every library function behind one index, for comparing devices bit by bit.
// `shaders/src/vectors.rs` names the indices and makes the operands.

@group(0) @binding(0) var<storage, read> op_in: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> op_out: array<vec4<u32>>;

// What an index without an operation returns.
const NO_OPERATION: vec4<u32> = vec4<u32>(0xdeadbeefu, 0xdeadbeefu, 0xdeadbeefu, 0xdeadbeefu);

fn one_float(x: f32) -> vec4<u32> {
    return vec4<u32>(bitcast<u32>(x), 0u, 0u, 0u);
}

fn two_floats(v: vec2<f32>) -> vec4<u32> {
    return vec4<u32>(bitcast<vec2<u32>>(v), 0u, 0u);
}

fn three_floats(v: vec3<f32>) -> vec4<u32> {
    return vec4<u32>(bitcast<vec3<u32>>(v), 0u);
}

fn one_word(x: u32) -> vec4<u32> {
    return vec4<u32>(x, 0u, 0u, 0u);
}

fn one_bool(x: bool) -> vec4<u32> {
    return vec4<u32>(select(0u, 1u, x), 0u, 0u, 0u);
}

// Indices 0 to 31: one float operation.
fn float_operation(op: u32, a: f32, b: f32, c: f32) -> vec4<u32> {
    switch op {
        case 0u: { return one_float(a + b); }
        case 1u: { return one_float(a - b); }
        case 2u: { return one_float(a * b); }
        case 3u: { return one_float(-a); }
        case 4u: { return one_float(abs(a)); }
        case 5u: { return one_float(floor(a)); }
        case 6u: { return one_float(trunc(a)); }
        case 7u: { return one_bool(a < b); }
        case 8u: { return one_bool(a <= b); }
        case 9u: { return one_bool(a > b); }
        case 10u: { return one_bool(a >= b); }
        case 11u: { return one_bool(a == b); }
        case 12u: { return one_bool(a != b); }
        case 13u: { return one_float(select(a, b, c > 0.0)); }
        case 14u: { return one_float(a); }
        case 15u: { return one_float(f32(bitcast<u32>(a))); }
        case 16u: { return one_float(f32(bitcast<i32>(a))); }
        case 17u: { return one_word(u32(a)); }
        case 18u: { return one_word(bitcast<u32>(i32(a))); }
        case 19u: { return three_floats(vec3<f32>(a, b, c) + vec3<f32>(b, c, a)); }
        case 20u: { return three_floats(vec3<f32>(a, b, c) - vec3<f32>(b, c, a)); }
        case 21u: { return three_floats(vec3<f32>(a, b, c) * vec3<f32>(b, c, a)); }
        case 22u: { return three_floats(vec3<f32>(a, b, c) * b); }
        case 23u: { return three_floats(floor(vec3<f32>(a, b, c))); }
        case 24u: { return three_floats(abs(vec3<f32>(a, b, c))); }
        case 25u: { return three_floats(select(vec3<f32>(a, b, c), vec3<f32>(b, c, a), vec3<f32>(a, b, c) < vec3<f32>(b, c, a))); }
        default: { return NO_OPERATION; }
    }
}

// Indices 32 to 63: shapes that compilers contract, reassociate or distribute.
fn shape_operation(op: u32, a: f32, b: f32, c: f32) -> vec4<u32> {
    let d = bitcast<f32>(bitcast<u32>(a) ^ 1u);
    switch op {
        case 32u: { return one_float(a * b + c); }
        case 33u: { return one_float(c + a * b); }
        case 34u: { return one_float(a * b - c); }
        case 35u: { return one_float(c - a * b); }
        case 36u: { return one_float(-(a * b) + c); }
        case 37u: { return one_float(-(a * b) - c); }
        case 38u: { return one_float((-a) * b + c); }
        case 39u: { return one_float(a * b - c * d); }
        case 40u: { return one_float(a * b + c * d); }
        case 41u: { return one_float(a * a - b * b); }
        case 42u: { return one_float((a + b) + c); }
        case 43u: { return one_float(a + (b + c)); }
        case 44u: { return one_float((a + b) - a); }
        case 45u: { return one_float((a - b) + b); }
        case 46u: { return one_float((a * b) * c); }
        case 47u: { return one_float(a * (b * c)); }
        case 48u: { return one_float(a * b + a * c); }
        case 49u: { return one_float(a * (b + c)); }
        case 50u: { return one_float((a + b) * c); }
        case 51u: { return one_float((a - b) * (a - b)); }
        case 52u: { return one_float(a * 2.0 + b); }
        case 53u: { return one_float(1.0 - a * b); }
        case 54u: { return one_float(a * (2.0 - b * a)); }
        case 55u: { return one_float(a + a * (b + b * c)); }
        case 56u: { return three_floats(vec3<f32>(a, b, c) * vec3<f32>(b, c, a) + vec3<f32>(c, a, b)); }
        case 57u: { return three_floats(vec3<f32>(a, b, c) + vec3<f32>(b, c, a) * c); }
        case 58u: { return one_bool(a * b < c); }
        case 59u: { return one_bool(a * b - c > 0.0); }
        case 60u: { return one_float(select(a * b, c * d, a < c) + b); }
        case 61u: { return one_float(floor(a * b + c)); }
        case 62u: { return one_float((a * b + c) - a * b); }
        case 63u: { return one_float(a * b + b * c + c * a + d); }
        default: { return NO_OPERATION; }
    }
}

// Indices 64 to 95: integers.
fn integer_operation(op: u32, a: u32, b: u32, c: u32) -> vec4<u32> {
    let i = bitcast<i32>(a);
    let j = bitcast<i32>(b);
    switch op {
        case 64u: { return one_word(a + b); }
        case 65u: { return one_word(a - b); }
        case 66u: { return one_word(a * b); }
        case 67u: { return one_word(bitcast<u32>(i * j)); }
        case 68u: { return one_word(bitcast<u32>(-i)); }
        case 69u: { return one_word(a & b); }
        case 70u: { return one_word(a | b); }
        case 71u: { return one_word(a ^ b); }
        case 72u: { return one_word(~a); }
        case 73u: { return one_word(a << (b & 31u)); }
        case 74u: { return one_word(a >> (b & 31u)); }
        case 75u: { return one_word(bitcast<u32>(i >> (b & 31u))); }
        case 76u: { return one_bool(a < b); }
        case 77u: { return one_bool(i < j); }
        case 78u: { return one_bool(a <= b); }
        case 79u: { return one_bool(i >= j); }
        case 80u: { return one_bool(a == b); }
        case 81u: { return one_word(min(a, b)); }
        case 82u: { return one_word(max(a, b)); }
        case 83u: { return one_word(bitcast<u32>(min(i, j))); }
        case 84u: { return one_word(bitcast<u32>(max(i, j))); }
        case 85u: { return one_word(select(a, b, c < 0x80000000u)); }
        case 86u: { return one_word(reverseBits(a)); }
        case 87u: { return one_word(a / b); }
        case 88u: { return one_word(a % b); }
        case 89u: { return one_word(firstLeadingBit(a)); }
        case 90u: { return one_word(firstTrailingBit(a)); }
        case 91u: { return one_word(countOneBits(a)); }
        case 92u: { return vec4<u32>(vec3<u32>(a, b, c) * vec3<u32>(b, c, a), 0u); }
        case 93u: { return vec4<u32>(select(vec3<u32>(a, b, c), vec3<u32>(b, c, a), vec3<u32>(a, b, c) < vec3<u32>(b, c, a)), 0u); }
        default: { return NO_OPERATION; }
    }
}

// Indices 96 to 127: `math`.
fn math_operation(op: u32, a: f32, b: f32, c: f32) -> vec4<u32> {
    switch op {
        case 96u: { return one_float(div(a, b)); }
        case 97u: { return one_float(rcp(a)); }
        case 98u: { return one_float(sqrt_(a)); }
        case 99u: { return one_float(rsqrt(a)); }
        case 100u: { return one_float(fmin(a, b)); }
        case 101u: { return one_float(fmax(a, b)); }
        case 102u: { return one_float(clamp_(a, b, c)); }
        case 103u: { return one_float(saturate_(a)); }
        case 104u: { return one_float(max3(vec3<f32>(a, b, c))); }
        case 105u: { return one_float(min3(vec3<f32>(a, b, c))); }
        case 106u: { return one_float(mix_(a, b, c)); }
        case 107u: { return three_floats(mix3(vec3<f32>(a, b, c), vec3<f32>(b, c, a), c)); }
        case 108u: { return one_float(dot3(vec3<f32>(a, b, c), vec3<f32>(b, c, a))); }
        case 109u: { return three_floats(cross3(vec3<f32>(a, b, c), vec3<f32>(b, c, a))); }
        case 110u: { return one_float(length3(vec3<f32>(a, b, c))); }
        case 111u: { return three_floats(normalize3(vec3<f32>(a, b, c))); }
        case 112u: { return one_float(canonical_tiny(a)); }
        case 113u: { return three_floats(canonical_tiny3(vec3<f32>(a, b, c))); }
        case 114u: { return two_floats(sin_cos_turn(a)); }
        case 115u: { return one_float(atan2_turn(a, b)); }
        case 116u: { return one_float(latitude_v(a)); }
        case 117u: { return one_float(exp2_(a)); }
        case 118u: { return one_float(log2_(a)); }
        default: { return NO_OPERATION; }
    }
}

// Indices 128 to 159: words of `math`, `sampler` and `film`.
fn word_operation(op: u32, a: u32, b: u32, c: u32) -> vec4<u32> {
    switch op {
        case 128u: { return one_word(mul_high(a, b)); }
        case 129u: { return one_float(unit_float(a)); }
        case 130u: { return two_floats(unit_float2(vec2<u32>(a, b))); }
        case 131u: { return one_word(uniform_below(a, b)); }
        case 132u: { return one_word(mix_bits(a)); }
        case 133u: { return one_word(hash_pair(a, b)); }
        case 134u: { return one_word(scramble_upwards(a, b)); }
        case 135u: { return one_word(pascal_bits(a)); }
        case 136u: { return one_word(sample_pixel_key(a, b, c & 0xffffu, c >> 16u)); }
        case 137u: { return one_word(sample_1d(a, b, c)); }
        case 138u: { return vec4<u32>(sample_2d(a, b, c), 0u, 0u); }
        case 139u: { return one_word(sample_path_key(a, b)); }
        case 140u: { return one_word(hash_decision(a, b, c, a ^ c)); }
        case 141u: { return vec4<u32>(fixed_from_float(bitcast<f32>(a), b), 0u, 0u); }
        case 142u: { return vec4<u32>(add64(vec2<u32>(a, b), vec2<u32>(c, a)), 0u, 0u); }
        case 143u: {
            let sample = film_clamp(vec3<f32>(bitcast<f32>(a), bitcast<f32>(b), bitcast<f32>(c)), 1024.0);
            return vec4<u32>(bitcast<vec3<u32>>(sample.rgb), sample.clamped);
        }
        default: { return NO_OPERATION; }
    }
}

// One operation on three words, floats by their bits. NO_OPERATION for an unknown index.
fn operation(op: u32, a: u32, b: u32, c: u32) -> vec4<u32> {
    let x = bitcast<f32>(a);
    let y = bitcast<f32>(b);
    let z = bitcast<f32>(c);
    switch op >> 5u {
        case 0u: { return float_operation(op, x, y, z); }
        case 1u: { return shape_operation(op, x, y, z); }
        case 2u: { return integer_operation(op, a, b, c); }
        case 3u: { return math_operation(op, x, y, z); }
        case 4u: { return word_operation(op, a, b, c); }
        default: { return NO_OPERATION; }
    }
}

// One invocation per vector (a, b, c, index); more invocations than vectors do no harm.
@compute @workgroup_size(64)
fn operations(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < arrayLength(&op_in) {
        let vector = op_in[id.x];
        op_out[id.x] = operation(vector.w, vector.x, vector.y, vector.z);
    }
}
