//! The gate rejects what was planted in a good module, in words that a person can act on.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use spirv::{Capability, Decoration, ExecutionMode, GlslStd450Op as Gl, Op};
use tessera_shader_compiler::spirv::words::{HEADER_WORDS, instructions};
use tessera_shader_compiler::spirv::{emit, gate};
use tessera_shader_compiler::{compose, front};

const GOOD: &str = "
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> b: array<u32>;
fn shade(x: vec4<f32>, n: u32) -> f32 {
    let y = -(x * x) + x * 2.0;
    return floor(y.x) - y.y + f32(u32(y.z) << (n & 31u));
}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    b[id.x] = bitcast<u32>(shade(a[id.x], id.y));
}
";

/// The words of `GOOD` after naga, masked and decorated.
fn good() -> Vec<u32> {
    let source = compose::compose_memory("main", &BTreeMap::from([("main", GOOD)])).unwrap();
    let validated = front::parse(&source).unwrap();
    emit::emit(&source, &validated).unwrap()
}

/// Where the first instruction `op` stands.
fn find(words: &[u32], op: Op) -> usize {
    instructions(words).unwrap().iter().find(|found| found.opcode == op as u16).unwrap().at
}

/// The gate's words on a module, without what depends on its size.
fn verdict(words: &[u32]) -> String {
    let text = match gate::check(words) {
        Ok(passed) => format!("passed, {} float results", passed.float_results),
        Err(error) => error.to_string(),
    };
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(" at word ") {
        let digits = rest[at + 9..].chars().take_while(char::is_ascii_digit).count();
        out.push_str(&rest[..at]);
        out.push_str(" at word N");
        rest = &rest[at + 9 + digits..];
    }
    out + rest
}

#[test]
fn a_good_module_passes_and_its_float_results_are_counted() {
    expect!["passed, 6 float results"].assert_eq(&verdict(&good()));
}

#[test]
fn a_result_that_lost_its_decoration_is_named() {
    let words = good();
    let decorated: Vec<_> = instructions(&words)
        .unwrap()
        .iter()
        .filter(|found| {
            found.opcode == Op::Decorate as u16 && found.operands[1] == Decoration::NoContraction as u32
        })
        .map(|found| found.at)
        .collect();
    assert_eq!(decorated.len(), 6);
    for at in decorated {
        let mut planted = words.clone();
        planted.drain(at..at + 3);
        let verdict = verdict(&planted);
        assert!(verdict.contains("without NoContraction at word N in function `shade`"), "{verdict}");
    }
    let mut none = words.clone();
    let at = find(&words, Op::FMul);
    none[at + 2] = 9999;
    let id = "%9999 without NoContraction";
    assert!(verdict(&none).contains(id), "{}", verdict(&none));
}

/// Replaces the opcode of the first `old` and tells the verdict's first line.
fn with_opcode(old: Op, new: Op) -> String {
    let mut words = good();
    let at = find(&words, old);
    words[at] = words[at] & 0xffff_0000 | new as u32;
    verdict(&words).lines().next().unwrap_or("").to_owned()
}

#[test]
fn forbidden_instructions_are_named_with_advice() {
    let planted = [
        (Op::FMul, Op::FDiv),
        (Op::FMul, Op::FRem),
        (Op::FMul, Op::FMod),
        (Op::FMul, Op::Dot),
        (Op::FMul, Op::OuterProduct),
        (Op::FMul, Op::MatrixTimesScalar),
        (Op::FMul, Op::VectorTimesMatrix),
        (Op::FMul, Op::MatrixTimesVector),
        (Op::FMul, Op::MatrixTimesMatrix),
        (Op::FNegate, Op::Transpose),
        (Op::FNegate, Op::QuantizeToF16),
        (Op::FNegate, Op::FConvert),
        (Op::FNegate, Op::DPdx),
        (Op::FNegate, Op::Fwidth),
        (Op::FNegate, Op::IsNan),
        (Op::FNegate, Op::GroupNonUniformBallot),
        (Op::FSub, Op::SRem),
        (Op::FSub, Op::SMod),
        (Op::FSub, Op::FUnordLessThan),
        (Op::FSub, Op::ImageFetch),
        (Op::FSub, Op::AtomicIAdd),
        (Op::FSub, Op::AtomicFAddEXT),
        (Op::FSub, Op::SpecConstantOp),
        (Op::FSub, Op::Undef),
        (Op::FSub, Op::Phi),
        (Op::FSub, Op::Kill),
        (Op::TypeVector, Op::TypeMatrix),
        (Op::TypeVector, Op::TypeImage),
    ];
    let mut text = String::new();
    for (old, new) in planted {
        text.push_str(&with_opcode(old, new));
        text.push('\n');
    }
    expect![[r#"
        gate: OpFDiv at word N in function `shade`: division is not correctly rounded on every device; use `div` of math.wgsl
        gate: OpFRem at word N in function `shade`: the remainder of floats is not exact; use `x - floor(div(x, y)) * y`
        gate: OpFMod at word N in function `shade`: the remainder of floats is not exact; use `x - floor(div(x, y)) * y`
        gate: OpDot at word N in function `shade`: the order of its sum is open; use `dot3` of math.wgsl
        gate: OpOuterProduct at word N in function `shade`: the order of matrix sums is open; write columns as vectors and sum them
        gate: OpMatrixTimesScalar at word N in function `shade`: the order of matrix sums is open; write columns as vectors and sum them
        gate: OpVectorTimesMatrix at word N in function `shade`: the order of matrix sums is open; write columns as vectors and sum them
        gate: OpMatrixTimesVector at word N in function `shade`: the order of matrix sums is open; write columns as vectors and sum them
        gate: OpMatrixTimesMatrix at word N in function `shade`: the order of matrix sums is open; write columns as vectors and sum them
        gate: OpTranspose at word N in function `shade`: the order of matrix sums is open; write columns as vectors and sum them
        gate: OpQuantizeToF16 at word N in function `shade`: conversions between float sizes differ; pack by integer operations
        gate: OpFConvert at word N in function `shade`: conversions between float sizes differ; pack by integer operations
        gate: OpDPdx at word N in function `shade`: derivatives depend on neighbours; compute them
        gate: OpFwidth at word N in function `shade`: derivatives depend on neighbours; compute them
        gate: OpIsNan at word N in function `shade`: it is not on the list of exact instructions
        gate: OpGroupNonUniformBallot at word N in function `shade`: subgroups differ from device to device
        gate: OpSRem at word N in function `shade`: the sign of its result is undefined for negative operands; naga writes a − b·(a/b)
        gate: OpSMod at word N in function `shade`: the sign of its result is undefined for negative operands; naga writes a − b·(a/b)
        gate: OpFUnordLessThan at word N in function `shade`: it is not on the list of exact instructions
        gate: OpImageFetch at word N in function `shade`: filtering differs from device to device; read texels from a storage buffer
        gate: OpAtomicIAdd at word N in function `shade`: what an atomic returns depends on order; give every lane its own place
        gate: OpAtomicFAddEXT at word N in function `shade`: what an atomic returns depends on order; give every lane its own place
        gate: OpSpecConstantOp at word N in function `shade`: use a `const` or a parameter
        gate: OpUndef at word N in function `shade`: an undefined value differs from device to device; give it a value
        gate: OpPhi at word N in function `shade`: it is not on the list of exact instructions
        gate: OpKill at word N in function `shade`: invocations must reach their end
        gate: OpTypeMatrix at word N: the order of matrix sums is open; write columns as vectors and sum them
        gate: OpTypeImage at word N: filtering differs from device to device; read texels from a storage buffer
    "#]].assert_eq(&text);
}

#[rustfmt::skip]
const EXTENDED: &[Gl] = &[
    Gl::Sqrt, Gl::InverseSqrt, Gl::Fma, Gl::FMin, Gl::FMax, Gl::NMin, Gl::NClamp, Gl::FMix, Gl::Step,
    Gl::SmoothStep, Gl::Length, Gl::Distance, Gl::Normalize, Gl::Cross, Gl::Reflect, Gl::FSign,
    Gl::Round, Gl::RoundEven, Gl::Fract, Gl::ModfStruct, Gl::FrexpStruct, Gl::Ldexp, Gl::Sin, Gl::Cos,
    Gl::Tan, Gl::Atan2, Gl::Exp2, Gl::Log2, Gl::Pow, Gl::Radians, Gl::PackHalf2x16, Gl::UnpackUnorm4x8,
    Gl::MatrixInverse,
];

#[test]
fn forbidden_extended_instructions_are_named_with_advice() {
    let mut text = String::new();
    for &op in EXTENDED {
        let mut words = good();
        let floor = instructions(&words)
            .unwrap()
            .iter()
            .find(|found| found.opcode == Op::ExtInst as u16 && found.operands[3] == Gl::Floor as u32)
            .unwrap()
            .at;
        words[floor + 4] = op as u32;
        text.push_str(&verdict(&words));
        text.push('\n');
    }
    expect![[r#"
        gate: GLSL.std.450 Sqrt at word N in function `shade`: its rounding differs; use `sqrt_` of math.wgsl
        gate: GLSL.std.450 InverseSqrt at word N in function `shade`: its rounding differs; use `sqrt_` of math.wgsl
        gate: GLSL.std.450 Fma at word N in function `shade`: it may or may not fuse; write `a * b + c`, which never does here
        gate: GLSL.std.450 FMin at word N in function `shade`: zeros and NaN differ; use `fmin` and `fmax` of math.wgsl
        gate: GLSL.std.450 FMax at word N in function `shade`: zeros and NaN differ; use `fmin` and `fmax` of math.wgsl
        gate: GLSL.std.450 NMin at word N in function `shade`: zeros and NaN differ; use `fmin` and `fmax` of math.wgsl
        gate: GLSL.std.450 NClamp at word N in function `shade`: zeros and NaN differ; use `clamp_` of math.wgsl
        gate: GLSL.std.450 FMix at word N in function `shade`: its formula is open; use `mix_` of math.wgsl or a select
        gate: GLSL.std.450 Step at word N in function `shade`: its formula is open; use `mix_` of math.wgsl or a select
        gate: GLSL.std.450 SmoothStep at word N in function `shade`: its formula is open; use `mix_` of math.wgsl or a select
        gate: GLSL.std.450 Length at word N in function `shade`: the order of its sums is open; use the function of math.wgsl
        gate: GLSL.std.450 Distance at word N in function `shade`: the order of its sums is open; use the function of math.wgsl
        gate: GLSL.std.450 Normalize at word N in function `shade`: the order of its sums is open; use the function of math.wgsl
        gate: GLSL.std.450 Cross at word N in function `shade`: the order of its sums is open; use the function of math.wgsl
        gate: GLSL.std.450 Reflect at word N in function `shade`: the order of its sums is open; use the function of math.wgsl
        gate: GLSL.std.450 FSign at word N in function `shade`: zeros differ; use a select
        gate: GLSL.std.450 Round at word N in function `shade`: ties differ; use `floor(x + 0.5)`
        gate: GLSL.std.450 RoundEven at word N in function `shade`: ties differ; use `floor(x + 0.5)`
        gate: GLSL.std.450 Fract at word N in function `shade`: its formula is open; use `x - floor(x)`
        gate: GLSL.std.450 ModfStruct at word N in function `shade`: take floats apart by integer operations
        gate: GLSL.std.450 FrexpStruct at word N in function `shade`: take floats apart by integer operations
        gate: GLSL.std.450 Ldexp at word N in function `shade`: take floats apart by integer operations
        gate: GLSL.std.450 Sin at word N in function `shade`: its precision differs from device to device; write it from exact operations
        gate: GLSL.std.450 Cos at word N in function `shade`: its precision differs from device to device; write it from exact operations
        gate: GLSL.std.450 Tan at word N in function `shade`: its precision differs from device to device; write it from exact operations
        gate: GLSL.std.450 Atan2 at word N in function `shade`: its precision differs from device to device; write it from exact operations
        gate: GLSL.std.450 Exp2 at word N in function `shade`: its precision differs from device to device; write it from exact operations
        gate: GLSL.std.450 Log2 at word N in function `shade`: its precision differs from device to device; write it from exact operations
        gate: GLSL.std.450 Pow at word N in function `shade`: its precision differs from device to device; write it from exact operations
        gate: GLSL.std.450 Radians at word N in function `shade`: multiply by a constant
        gate: GLSL.std.450 PackHalf2x16 at word N in function `shade`: packing of floats rounds differently; pack by integer operations
        gate: GLSL.std.450 UnpackUnorm4x8 at word N in function `shade`: packing of floats rounds differently; pack by integer operations
        gate: GLSL.std.450 MatrixInverse at word N in function `shade`: its precision differs from device to device; write it from exact operations
    "#]].assert_eq(&text);
}

/// A good module with words put in at `at`.
fn with_words(at: impl Fn(&[u32]) -> usize, extra: &[u32]) -> String {
    let mut words = good();
    let at = at(&words);
    words.splice(at..at, extra.iter().copied());
    verdict(&words)
}

fn check(actual: String, expect: Expect) {
    expect.assert_eq(&actual);
}

fn head(op: Op, length: u32) -> u32 {
    length << 16 | op as u32
}

#[test]
fn what_changes_the_meaning_of_floats_is_refused() {
    let start = |_: &[u32]| HEADER_WORDS;
    let capability = |wanted: Capability| with_words(start, &[head(Op::Capability, 2), wanted as u32]);
    check(
        capability(Capability::Float16),
        expect!["gate: capability Float16 at word N: it is beyond what an exact kernel needs"],
    );
    check(
        capability(Capability::DenormPreserve),
        expect!["gate: capability DenormPreserve at word N: it is beyond what an exact kernel needs"],
    );
    check(capability(Capability::RoundingModeRTE), expect!["passed, 6 float results"]);
    let mode = |wanted: ExecutionMode, width: u32| {
        with_words(
            |words| find(words, Op::ExecutionMode),
            &[head(Op::ExecutionMode, 4), 1, wanted as u32, width],
        )
    };
    check(mode(ExecutionMode::RoundingModeRTE, 32), expect!["passed, 6 float results"]);
    check(
        mode(ExecutionMode::RoundingModeRTE, 16),
        expect!["gate: a float control of another width at word N: floats have 32 bits"],
    );
    check(
        mode(ExecutionMode::RoundingModeRTZ, 32),
        expect!["gate: execution mode RoundingModeRTZ at word N: it changes what floats mean"],
    );
    check(
        mode(ExecutionMode::DenormFlushToZero, 32),
        expect!["gate: execution mode DenormFlushToZero at word N: it changes what floats mean"],
    );
    let decoration = |wanted: Decoration| {
        with_words(|words| find(words, Op::Decorate), &[head(Op::Decorate, 3), 1, wanted as u32])
    };
    check(
        decoration(Decoration::RelaxedPrecision),
        expect!["gate: decoration RelaxedPrecision at word N: it may change results"],
    );
    check(
        decoration(Decoration::FPFastMathMode),
        expect!["gate: decoration FPFastMathMode at word N: it may change results"],
    );
}

#[test]
fn unguarded_conversions_shifts_clamps_and_constants_are_refused() {
    let replace = |op: Op, operand: usize, value: &dyn Fn(&[u32]) -> u32| {
        let mut words = good();
        let at = find(&words, op);
        words[at + operand] = value(&words);
        verdict(&words)
    };
    let result_of = |op: Op| move |words: &[u32]| words[find(words, op) + 2];
    check(
        replace(Op::ConvertFToU, 3, &result_of(Op::FNegate)),
        expect![
            "gate: OpConvertFToU at word N in function `shade`: beyond the integer range it is undefined; clamp its operand"
        ],
    );
    check(
        replace(Op::ShiftLeftLogical, 4, &result_of(Op::ConvertFToU)),
        expect![
            "gate: OpShiftLeftLogical at word N in function `shade`: a shift by 32 or more is undefined; mask the amount with 31"
        ],
    );
    let clamp = |words: &[u32]| {
        let found = instructions(words).unwrap();
        let at = found
            .iter()
            .find(|found| found.opcode == Op::ExtInst as u16 && found.operands[3] == Gl::FClamp as u32);
        at.unwrap().operands[1]
    };
    check(
        replace(Op::FSub, 3, &clamp),
        expect![
            "gate: GLSL.std.450 FClamp that feeds no conversion to an integer at word N in function `shade`: zeros and NaN differ; use `clamp_` of math.wgsl"
        ],
    );
    check(
        replace(Op::TypeFloat, 2, &|_| 16),
        expect!["gate: OpTypeFloat of 16 bits at word N: numbers have 32 bits"],
    );
    let subnormal = |words: &[u32]| {
        let float = words[find(words, Op::TypeFloat) + 1];
        let found = instructions(words).unwrap();
        found
            .iter()
            .find(|found| found.opcode == Op::Constant as u16 && found.operands[0] == float)
            .unwrap()
            .at
    };
    let mut words = good();
    let at = subnormal(&words);
    words[at + 3] = 1;
    check(
        verdict(&words),
        expect![
            "gate: the constant 1e-45 at word N: a result may not depend on NaN, Inf or subnormal numbers"
        ],
    );
}

#[test]
fn words_that_are_no_module_are_refused() {
    check(
        verdict(&[1, 2, 3]),
        expect!["gate: no SPIR-V module: the words do not begin with a SPIR-V header in this byte order"],
    );
    let mut words = good();
    let at = find(&words, Op::FMul);
    words[at] = 0;
    check(
        verdict(&words),
        expect![
            "gate: no SPIR-V module: the instruction at word N has a length of 0 words, which does not fit"
        ],
    );
    words[at] = head(Op::FMul, 60000);
    check(
        verdict(&words),
        expect![
            "gate: no SPIR-V module: the instruction at word N has a length of 60000 words, which does not fit"
        ],
    );
}
