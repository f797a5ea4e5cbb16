//! The lint refuses what is outside of the exact subset, in words that a person can act on, and passes what is inside.

use std::collections::BTreeMap;

use expect_test::expect;
use tessera_shader_compiler::{compose, front, lint};

fn verdict(text: &str) -> String {
    let source = compose::compose_memory("main", &BTreeMap::from([("main", text)])).unwrap();
    match front::parse(&source).and_then(|validated| lint::check(&source, &validated)) {
        Ok(()) => "passed".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The verdict on a function that computes `expression` and throws it away.
fn of_expression(expression: &str) -> String {
    verdict(&format!(
        "fn f(x: f32, y: f32, v: vec3<f32>, w: vec3<f32>, n: u32, i: i32) {{ let r = {expression}; }}"
    ))
}

const EXPRESSIONS: &[&str] = &[
    "x / y",
    "v / w",
    "x % y",
    "sqrt(x)",
    "inverseSqrt(x)",
    "fma(x, y, x)",
    "dot(v, w)",
    "cross(v, w)",
    "normalize(v)",
    "length(v)",
    "distance(v, w)",
    "mix(x, y, x)",
    "min(x, y)",
    "max(v, w)",
    "clamp(x, y, x)",
    "saturate(x)",
    "step(x, y)",
    "smoothstep(x, y, x)",
    "sign(x)",
    "round(x)",
    "fract(x)",
    "modf(x)",
    "frexp(x)",
    "ldexp(x, i)",
    "reflect(v, w)",
    "refract(v, w, x)",
    "faceForward(v, w, v)",
    "sin(x)",
    "cos(x)",
    "tan(x)",
    "asin(x)",
    "acos(x)",
    "atan(x)",
    "atan2(x, y)",
    "sinh(x)",
    "cosh(x)",
    "tanh(x)",
    "asinh(x)",
    "acosh(x)",
    "atanh(x)",
    "exp(x)",
    "exp2(x)",
    "log(x)",
    "log2(x)",
    "pow(x, y)",
    "degrees(x)",
    "radians(x)",
    "quantizeToF16(x)",
    "pack2x16float(v.xy)",
    "pack4x8unorm(v.xyzx)",
    "unpack2x16float(n)",
    "unpack4x8snorm(n)",
    "unpack4xU8(n)",
    "dot4U8Packed(n, n)",
    "mat2x2<f32>(x, y, x, y)",
    "transpose(mat2x2<f32>(x, y, x, y))",
    "mat2x2<f32>(x, y, x, y) * v.xy",
    "array<f32, 3>(1.0, 2.0, 3.0)[n]",
    "dpdx(x)",
    "x + 1e-40",
];

#[test]
fn forbidden_expressions_are_named_with_advice() {
    let mut text = String::new();
    for expression in EXPRESSIONS {
        let verdict = of_expression(expression);
        let lines: Vec<_> = verdict.lines().map(|line| line.replacen("lint: main.wgsl:", "", 1)).collect();
        text.push_str(&format!("{expression} — {}\n", lines.join(" | ")));
    }
    expect![[r#"
        x / y — 1:76: `/` on floats: it is not correctly rounded on every device; use `div` of math.wgsl
        v / w — 1:76: `/` on floats: it is not correctly rounded on every device; use `div` of math.wgsl
        x % y — 1:76: `%` on floats: it is not exact; use `x - floor(div(x, y)) * y`
        sqrt(x) — 1:76: `sqrt` on floats: its rounding differs; use `sqrt_` of math.wgsl
        inverseSqrt(x) — 1:76: `inverseSqrt` on floats: its rounding differs; use `sqrt_` of math.wgsl
        fma(x, y, x) — 1:76: `fma` on floats: it may or may not fuse; write `a * b + c`, which never does here
        dot(v, w) — 1:76: `dot` on floats: the order of its sum is open; use `dot3` of math.wgsl
        cross(v, w) — 1:76: `cross` on floats: the order of its sums is open; use `cross3` of math.wgsl
        normalize(v) — 1:76: `normalize` on floats: its rounding differs; use `normalize3` of math.wgsl
        length(v) — 1:76: `length` on floats: its rounding differs; use `sqrt_(dot3(v, v))` of math.wgsl
        distance(v, w) — 1:76: `distance` on floats: its rounding differs; use `sqrt_(dot3(v, v))` of math.wgsl
        mix(x, y, x) — 1:76: `mix` on floats: its formula is open; use `mix_` of math.wgsl
        min(x, y) — 1:76: `min` on floats: zeros and NaN differ; use `fmin` and `fmax` of math.wgsl
        max(v, w) — 1:76: `max` on floats: zeros and NaN differ; use `fmin` and `fmax` of math.wgsl
        clamp(x, y, x) — 1:76: `clamp` on floats: zeros and NaN differ; use `clamp_` and `saturate_` of math.wgsl
        saturate(x) — 1:76: `saturate` on floats: zeros and NaN differ; use `clamp_` and `saturate_` of math.wgsl
        step(x, y) — 1:76: `step` on floats: its formula is open; use a select
        smoothstep(x, y, x) — 1:76: `smoothstep` on floats: its formula is open; use a select
        sign(x) — 1:76: `sign` on floats: zeros differ; use a select
        round(x) — 1:76: `round` on floats: ties differ; use `floor(x + 0.5)`
        fract(x) — 1:76: `fract` on floats: its formula is open; use `x - floor(x)`
        modf(x) — 1:76: `modf` on floats: take floats apart by integer operations
        frexp(x) — 1:76: `frexp` on floats: take floats apart by integer operations
        ldexp(x, i) — 1:76: `ldexp` on floats: take floats apart by integer operations
        reflect(v, w) — 1:76: `reflect` on floats: the order of its sums is open; write it with `dot3` of math.wgsl
        refract(v, w, x) — 1:76: `refract` on floats: the order of its sums is open; write it with `dot3` of math.wgsl
        faceForward(v, w, v) — 1:76: `faceForward` on floats: the order of its sums is open; write it with `dot3` of math.wgsl
        sin(x) — 1:76: `sin` on floats: its precision differs from device to device; use or add a function of math.wgsl
        cos(x) — 1:76: `cos` on floats: its precision differs from device to device; use or add a function of math.wgsl
        tan(x) — 1:76: `tan` on floats: its precision differs from device to device; use or add a function of math.wgsl
        asin(x) — 1:76: `asin` on floats: its precision differs from device to device; use or add a function of math.wgsl
        acos(x) — 1:76: `acos` on floats: its precision differs from device to device; use or add a function of math.wgsl
        atan(x) — 1:76: `atan` on floats: its precision differs from device to device; use or add a function of math.wgsl
        atan2(x, y) — 1:76: `atan2` on floats: its precision differs from device to device; use or add a function of math.wgsl
        sinh(x) — 1:76: `sinh` on floats: its precision differs from device to device; compute it where the job is submitted
        cosh(x) — 1:76: `cosh` on floats: its precision differs from device to device; compute it where the job is submitted
        tanh(x) — 1:76: `tanh` on floats: its precision differs from device to device; compute it where the job is submitted
        asinh(x) — 1:76: `asinh` on floats: its precision differs from device to device; compute it where the job is submitted
        acosh(x) — 1:76: `acosh` on floats: its precision differs from device to device; compute it where the job is submitted
        atanh(x) — 1:76: `atanh` on floats: its precision differs from device to device; compute it where the job is submitted
        exp(x) — 1:76: `exp` on floats: its precision differs from device to device; compute it where the job is submitted, or from exact operations
        exp2(x) — 1:76: `exp2` on floats: its precision differs from device to device; compute it where the job is submitted, or from exact operations
        log(x) — 1:76: `log` on floats: its precision differs from device to device; compute it where the job is submitted, or from exact operations
        log2(x) — 1:76: `log2` on floats: its precision differs from device to device; compute it where the job is submitted, or from exact operations
        pow(x, y) — 1:76: `pow` on floats: its precision differs from device to device; compute it where the job is submitted, or from exact operations
        degrees(x) — 1:76: `degrees` on floats: multiply by a constant
        radians(x) — 1:76: `radians` on floats: multiply by a constant
        quantizeToF16(x) — 1:76: `quantizeToF16` on floats: conversions between float sizes differ; pack by integer operations
        pack2x16float(v.xy) — 1:76: `pack2x16float` on floats: packing of floats rounds differently; pack by integer operations
        pack4x8unorm(v.xyzx) — 1:76: `pack4x8unorm` on floats: packing of floats rounds differently; pack by integer operations
        unpack2x16float(n) — 1:76: `unpack2x16float` on floats: packing of floats rounds differently; pack by integer operations
        unpack4x8snorm(n) — 1:76: `unpack4x8snorm` on floats: packing of floats rounds differently; pack by integer operations
        unpack4xU8(n) — 1:76: `unpack4xU8`: the CPU backend does not have it; use shifts and `extractBits`
        dot4U8Packed(n, n) — 1:76: `dot4U8Packed`: the CPU backend does not have it; use shifts and `extractBits`
        mat2x2<f32>(x, y, x, y) — 1:76: a matrix: the order of its sums is open; write columns as vectors and sum them
        transpose(mat2x2<f32>(x, y, x, y)) — 1:76: `transpose` on floats: the order of matrix sums is open; write columns as vectors and sum them | 1:86: a matrix: the order of its sums is open; write columns as vectors and sum them
        mat2x2<f32>(x, y, x, y) * v.xy — 1:76: a matrix: the order of its sums is open; write columns as vectors and sum them
        array<f32, 3>(1.0, 2.0, 3.0)[n] — 1:76: a constant array indexed at run time: tables live in buffers
        dpdx(x) — 1:76: a derivative: it depends on neighbouring lanes; compute it
        x + 1e-40 — 1:80: the literal 1e-40: subnormal numbers may be flushed; use 0 or a normal one
    "#]].assert_eq(&text);
}

#[test]
fn forbidden_declarations_and_statements_are_named_with_advice() {
    let mut text = String::new();
    for module in [
        "enable f16; fn f(x: f32) -> f32 { let h = f16(x); return f32(h); }",
        "fn f(x: f32) -> f64 { return f64(x); }",
        "fn f(x: u32) -> u64 { return u64(x); }",
        "@group(0) @binding(0) var t: texture_2d<f32>; fn f() -> vec4<f32> { return textureLoad(t, vec2<u32>(), 0); }",
        "@group(0) @binding(0) var s: sampler; fn f() {}",
        "@group(0) @binding(0) var<storage, read_write> a: atomic<u32>; fn f() { atomicAdd(&a, 1u); }",
        "struct S { m: mat3x3<f32> } fn f(s: S) {}",
        "fn f() { discard; }",
        "override O: u32 = 1u; fn f() -> u32 { return O; }",
        "const C = sqrt(2.0); fn f() -> f32 { return C; }",
        "const TABLE = array<u32, 4>(1u, 2u, 3u, 4u); fn f(i: u32) -> u32 { return TABLE[i]; }",
        "fn f(x: f32) -> f32 { return subgroupAdd(x); }",
    ] {
        text.push_str(&format!("{module}\n{}\n\n", verdict(module)));
    }
    expect![[r#"
        enable f16; fn f(x: f32) -> f32 { let h = f16(x); return f32(h); }
        lint: main.wgsl:1:43: f16: conversions round differently; use f32, and pack by integer operations

        fn f(x: f32) -> f64 { return f64(x); }
        lint: main.wgsl:1:1: f64: most devices lack it; use f32, or fixed point in two u32

        fn f(x: u32) -> u64 { return u64(x); }
        lint: main.wgsl:1:1: an integer that is not of 32 bits: most devices lack it; use u32 words

        @group(0) @binding(0) var t: texture_2d<f32>; fn f() -> vec4<f32> { return textureLoad(t, vec2<u32>(), 0); }
        lint: main.wgsl:1:23: a texture: filtering differs from device to device; read texels from a storage buffer
        lint: main.wgsl:1:76: a texture read: filtering differs from device to device; read texels from a storage buffer

        @group(0) @binding(0) var s: sampler; fn f() {}
        lint: main.wgsl:1:23: a sampler: filtering differs from device to device; read texels from a storage buffer

        @group(0) @binding(0) var<storage, read_write> a: atomic<u32>; fn f() { atomicAdd(&a, 1u); }
        lint: main.wgsl:1:23: an atomic: what it returns depends on order; give every lane a place of its own
        lint: main.wgsl:1:73: an atomic operation: what it returns depends on order; give every lane a place of its own

        struct S { m: mat3x3<f32> } fn f(s: S) {}
        lint: main.wgsl:1:1: a matrix: the order of its sums is open; write columns as vectors and sum them

        fn f() { discard; }
        lint: main.wgsl:1:10: discard: every invocation must reach its end

        override O: u32 = 1u; fn f() -> u32 { return O; }
        lint: main.wgsl:1:46: an override: every device must run the same words; use a parameter

        const C = sqrt(2.0); fn f() -> f32 { return C; }
        lint: main.wgsl:1:11: `sqrt` in a constant: it is evaluated by the machine that builds, and machines differ; write the number

        const TABLE = array<u32, 4>(1u, 2u, 3u, 4u); fn f(i: u32) -> u32 { return TABLE[i]; }
        lint: main.wgsl:1:75: a constant array indexed at run time: tables live in buffers

        fn f(x: f32) -> f32 { return subgroupAdd(x); }
        lint: main.wgsl:1:30: a subgroup operation: subgroups differ from device to device

    "#]].assert_eq(&text);
}

#[test]
fn the_exact_subset_passes() {
    for expression in [
        "x + y * x - y",
        "-v * 2.0 + w * x",
        "x < y",
        "v == w",
        "select(v, w, v < w)",
        "floor(x)",
        "ceil(v)",
        "trunc(x)",
        "abs(v)",
        "bitcast<u32>(x)",
        "bitcast<vec3<f32>>(vec3<u32>(n))",
        "f32(n)",
        "f32(i)",
        "u32(x)",
        "i32(x)",
        "vec4<f32>(v.zyx, 1.0)",
        "n / 3u",
        "i % 5",
        "min(n, 4u)",
        "max(i, 4)",
        "clamp(n, 1u, 2u)",
        "abs(i)",
        "sign(i)",
        "dot(vec2<u32>(n), vec2<u32>(n))",
        "countLeadingZeros(n)",
        "countTrailingZeros(n)",
        "firstLeadingBit(n)",
        "firstTrailingBit(i)",
        "reverseBits(n)",
        "countOneBits(n)",
        "extractBits(n, 1u, 2u)",
        "insertBits(n, n, 1u, 2u)",
        "n << (n & 31u)",
        "1.0 / 3.0",
        "all(v < w)",
    ] {
        assert_eq!(of_expression(expression), "passed", "{expression}");
    }
}

#[test]
fn a_finding_in_a_module_names_that_file_and_a_function_may_share_a_builtin_s_name() {
    let modules = BTreeMap::from([
        ("main", "#import math\n@compute @workgroup_size(1)\nfn main() { _ = half(2.0); }"),
        (
            "math",
            "// sqrt(2.0) in a comment\nfn half(x: f32) -> f32 {\n    return x / 2.0;\n}\nfn step(x: f32) -> f32 { return x; }\nfn two() -> f32 { return step(1.0); }",
        ),
    ]);
    let source = compose::compose_memory("main", &modules).unwrap();
    let validated = front::parse(&source).unwrap();
    let error = lint::check(&source, &validated).unwrap_err().to_string();
    expect!["lint: math.wgsl:3:12: `/` on floats: it is not correctly rounded on every device; use `div` of math.wgsl"].assert_eq(&error);
}
