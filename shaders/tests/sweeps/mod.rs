//! Every unary library function against f64 (or integers) over all its operands, or every `stride`-th: what the tests
//! bound and `examples/sweep.rs` prints.

use tessera_shaders::cpu_operations as generated;
use tessera_shaders::native;

/// One function's sweep.
pub struct Sweep {
    pub name: &'static str,
    /// Unit of `error` and `bound`.
    pub unit: &'static str,
    /// First and last operand, by bits.
    pub operands: (u32, u32),
    /// The error for an operand; infinite where the result is wrong beyond measure.
    pub error: fn(u32) -> f64,
    /// The largest error that the function's documentation allows.
    pub bound: f64,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug)]
pub struct Worst {
    pub error: f64,
    pub operand: u32,
    pub evaluations: u64,
}

impl Sweep {
    /// Runs every `stride`-th operand, and the first and last 4096.
    pub fn run(&self, stride: u32) -> Worst {
        let (first, last) = self.operands;
        let mut worst = Worst { error: 0.0, operand: first, evaluations: 0 };
        let ends = (first..=last).take(4096).chain((first..=last).rev().take(4096));
        for operand in (first..=last).step_by(stride as usize).chain(ends) {
            let error = (self.error)(operand);
            worst.evaluations += 1;
            // NaN counts as the worst.
            if !(error <= worst.error) {
                worst.error = if error.is_nan() { f64::INFINITY } else { error };
                worst.operand = operand;
            }
        }
        worst
    }
}

const ALL: (u32, u32) = (0, u32::MAX);
const ONE: u32 = 0x3f80_0000;
const TWO: u32 = 0x4000_0000;
/// Bits from −1 to −0 lie above those of 0 to 1: two sweeps.
const NEGATIVE_UNIT: (u32, u32) = (0x8000_0000, 0xbf80_0000);
const POSITIVE_UNIT: (u32, u32) = (0, ONE);

/// 0 where two words agree.
fn differ(a: u32, b: u32) -> f64 {
    if a == b { 0.0 } else { f64::INFINITY }
}

/// Whether bits are of +0 or a normal float.
fn clean(x: f32) -> bool {
    x.to_bits() == 0 || x.is_normal()
}

fn relative(got: f32, expected: f64) -> f64 {
    (f64::from(got) / expected - 1.0).abs() * f64::from(1 << 24)
}

fn sin_cos_error(bits: u32) -> f64 {
    let u = f32::from_bits(bits);
    let got = generated::sin_cos_turn(u);
    if !clean(got.x) || !clean(got.y) {
        return f64::INFINITY;
    }
    let (sin, cos) = (f64::from(u) * std::f64::consts::TAU).sin_cos();
    (f64::from(got.x) - sin).abs().max((f64::from(got.y) - cos).abs())
}

fn latitude_error(bits: u32) -> f64 {
    let y = f32::from_bits(bits);
    let got = generated::latitude_v(y);
    if !clean(got) || !(0.0..=1.0).contains(&got) {
        return f64::INFINITY;
    }
    (f64::from(got) - (f64::from(y).asin() / std::f64::consts::PI + 0.5)).abs()
}

/// Relative, in units of 2^-24; below −60 the answer is +0.
fn exp2_error(bits: u32) -> f64 {
    let x = f32::from_bits(bits);
    let got = generated::exp2_(x);
    match x {
        _ if !(x <= 126.0) => 0.0,
        _ if x < -60.0 => differ(got.to_bits(), 0),
        _ => relative(got, f64::from(x).exp2()),
    }
}

/// Absolute for results within ±1, relative beyond.
fn log2_error(bits: u32) -> f64 {
    let expected = f64::from(f32::from_bits(bits)).log2();
    let got = generated::log2_(f32::from_bits(bits));
    if !clean(got) {
        return f64::INFINITY;
    }
    (f64::from(got) - expected).abs() / expected.abs().max(1.0)
}

fn rsqrt_error(bits: u32) -> f64 {
    let x = f32::from_bits(bits);
    let got = generated::rsqrt(x);
    match bits {
        0x0080_0000..=0x7f7f_ffff => relative(got, 1.0 / f64::from(x).sqrt()),
        0x7f80_0000..=0x7fff_ffff => differ(got.to_bits(), generated::rsqrt(f32::MAX).to_bits()),
        _ => differ(got.to_bits(), 0),
    }
}

fn canonical_tiny_error(bits: u32) -> f64 {
    let magnitude = f64::from(f32::from_bits(bits)).abs();
    let expected = if magnitude < 2f64.powi(-60) { 0 } else { bits };
    differ(generated::canonical_tiny(f32::from_bits(bits)).to_bits(), expected)
}

fn fixed(v: f32, scale_log2: u32) -> u64 {
    let words = generated::fixed_from_float(v, scale_log2);
    u64::from(words.y) << 32 | u64::from(words.x)
}

/// All scales that matter are tried on every operand: the film's default, the ends, and one by the operand.
fn fixed_error(bits: u32) -> f64 {
    let v = f32::from_bits(bits);
    for scale_log2 in [0, 40, 62, bits.wrapping_mul(0x9e37_79b9) % 63] {
        let exact = f64::from(v) * (1u64 << scale_log2) as f64;
        let expected = match exact {
            _ if !(v >= f32::MIN_POSITIVE) => 0,
            // What rounds up to 2^62 in f32 steps is already beyond the 38 places that a mantissa may move left.
            x if x >= 2f64.powi(62) => (1 << 62) - 1,
            x => x.round_ties_even() as u64,
        };
        if fixed(v, scale_log2) != expected && !v.is_nan() {
            return f64::INFINITY;
        }
    }
    0.0
}

fn film_clamp_error(bits: u32) -> f64 {
    let v = f32::from_bits(bits);
    let limit = 1024.0;
    let (value, changed) = match v {
        v if !v.is_finite() => (0.0, 1),
        v if v.abs() < f32::MIN_POSITIVE => (0.0, 0),
        v if v < 0.0 => (0.0, 1),
        v if v > limit => (limit, 1),
        v => (v, 0),
    };
    let got = generated::film_clamp_channel(v, limit);
    differ(got.x, f32::to_bits(value)) + differ(got.y, changed)
}

fn unit_float_error(word: u32) -> f64 {
    let got = f64::from(generated::unit_float(word));
    let expected = (f64::from(word) / 256.0).floor() / 16_777_216.0;
    if got == expected && got < 1.0 { 0.0 } else { f64::INFINITY }
}

/// Every unary function.
pub fn sweeps() -> Vec<Sweep> {
    let sweep = |name, unit, operands, bound, error| Sweep { name, unit, operands, error, bound };
    vec![
        sweep("reciprocal_estimate", "2^-24 relative", (ONE, TWO - 1), 1.93, |bits| {
            let b = f32::from_bits(bits);
            relative(generated::reciprocal_estimate(b), 1.0 / f64::from(b))
        }),
        sweep("rcp", "equal to native", ALL, 0.0, |bits| {
            let x = f32::from_bits(bits);
            differ(generated::wgsl_div(1.0, x).to_bits(), native::div(1.0, x).to_bits())
        }),
        sweep("sqrt_", "equal to native", ALL, 0.0, |bits| {
            let x = f32::from_bits(bits);
            differ(generated::wgsl_sqrt_(x).to_bits(), native::sqrt(x).to_bits())
        }),
        sweep("rsqrt", "2^-24 relative", ALL, 1.70, rsqrt_error),
        sweep("sin_cos_turn", "absolute", POSITIVE_UNIT, 9.8e-8, sin_cos_error),
        sweep("latitude_v, y >= 0", "absolute", POSITIVE_UNIT, 9.0e-8, latitude_error),
        sweep("latitude_v, y < 0", "absolute", NEGATIVE_UNIT, 9.0e-8, latitude_error),
        sweep("exp2_", "2^-24 relative", ALL, 2.5, exp2_error),
        sweep("log2_", "absolute or relative", (0x0080_0000, 0x7f7f_ffff), 1.2e-7, log2_error),
        sweep("canonical_tiny", "equal", ALL, 0.0, canonical_tiny_error),
        sweep("unit_float", "equal", ALL, 0.0, unit_float_error),
        sweep("fixed_from_float", "equal", ALL, 0.0, fixed_error),
        sweep("film_clamp_channel", "equal", ALL, 0.0, film_clamp_error),
    ]
}
