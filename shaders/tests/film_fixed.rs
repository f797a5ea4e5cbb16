//! The integer film's conversions against u128 and f64. `sweeps` runs `fixed_from_float` over the floats; here are its
//! seams, the sum and the clamp of whole samples.

use tessera_shaders::cpu_operations as generated;
use tessera_shaders::operations::operations;
use tessera_shaders::wgsl::{Vec2u, Vec3f};

fn words(x: u64) -> Vec2u {
    Vec2u::new(x as u32, (x >> 32) as u32)
}

fn number(words: Vec2u) -> u64 {
    u64::from(words.y) << 32 | u64::from(words.x)
}

fn fixed(v: f32, scale_log2: u32) -> u64 {
    number(generated::fixed_from_float(v, scale_log2))
}

/// v·2^k by exact integers: mantissa and exponent of v, rounded to nearest, ties to even.
fn expected(v: f32, scale_log2: u32) -> u64 {
    let bits = v.to_bits();
    if bits >> 31 == 1 || bits < f32::MIN_POSITIVE.to_bits() {
        return 0;
    }
    let mantissa = u128::from(bits & 0x7f_ffff | 0x80_0000);
    let shift = (bits >> 23) as i32 + scale_log2 as i32 - 150;
    let exact = match shift {
        0..=64 => mantissa << shift,
        65.. => u128::MAX,
        -127..0 => {
            let (whole, rest) = (mantissa >> -shift, mantissa & ((1 << -shift) - 1));
            let half = 1u128 << (-shift - 1);
            whole + u128::from(rest > half || rest == half && whole & 1 == 1)
        }
        _ => 0,
    };
    if exact >= 1 << 62 { (1 << 62) - 1 } else { exact as u64 }
}

#[test]
fn every_exponent_and_scale_rounds_as_exact_integers_do() {
    let mantissas = [0, 1, 2, 3, 0x40_0000, 0x3f_ffff, 0x40_0001, 0x55_5555, 0x2a_aaaa, 0x7f_fffe, 0x7f_ffff];
    for scale_log2 in 0..=62 {
        for exponent in 0..=255 {
            for mantissa in mantissas {
                for sign in [0, 1 << 31] {
                    let v = f32::from_bits(sign | exponent << 23 | mantissa);
                    assert_eq!(fixed(v, scale_log2), expected(v, scale_log2), "{v:e} · 2^{scale_log2}");
                }
            }
        }
    }
}

#[test]
fn ties_go_to_even() {
    for (v, result) in [(0.5, 0), (1.5, 2), (2.5, 2), (3.5, 4), (0.500_000_06, 1), (0.499_999_97, 0)] {
        assert_eq!(fixed(v, 0), result, "{v}");
        assert_eq!(fixed(v / 1024.0, 10), result, "{v}");
    }
}

#[test]
fn sums_wrap_as_64_bit_numbers_do() {
    let add64 = operations().iter().find(|operation| operation.name == "add64").unwrap();
    for vector in add64.vectors(50_000) {
        let [a, b, c, _] = vector.words;
        let (x, y) = (number(Vec2u::new(a, b)), number(Vec2u::new(c, a)));
        assert_eq!(number(generated::add64(words(x), words(y))), x.wrapping_add(y), "{x:#x} + {y:#x}");
    }
}

#[test]
fn a_sum_of_samples_is_the_exact_mean() {
    // A thousand thirds: the film's only error is the rounding of each to 2^-40.
    let third = fixed(1.0 / 3.0, 40);
    let sum = (0..1000).fold(words(0), |sum, _| generated::add64(sum, words(third)));
    assert_eq!(number(sum), 1000 * (f64::from(1.0f32 / 3.0) * 2f64.powi(40)).round_ties_even() as u64);
}

#[test]
fn a_clamped_sample_counts_once() {
    let clamp = |rgb: [f32; 3], limit| {
        let sample = generated::film_clamp(Vec3f::from_array(rgb), limit);
        (sample.rgb.to_array().map(f32::to_bits), sample.clamped)
    };
    let bits = |rgb: [f32; 3]| rgb.map(f32::to_bits);
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for (rgb, limit, result, clamped) in [
        ([0.25, 1.0, 64.0], 64.0, [0.25, 1.0, 64.0], 0),
        ([0.25, 64.000_01, 100.0], 64.0, [0.25, 64.0, 64.0], 1),
        ([-0.0, -1e-40, 1e-40], 64.0, [0.0; 3], 0),
        ([0.5, -1e-30, 0.5], 64.0, [0.5, 0.0, 0.5], 1),
        ([inf, 1.0, 2.0], 64.0, [0.0, 1.0, 2.0], 1),
        ([1.0, -inf, -nan], 64.0, [1.0, 0.0, 0.0], 1),
        ([nan, 3.0, 4.0], f32::MAX, [0.0, 3.0, 4.0], 1),
        ([f32::MAX, 0.0, 0.0], f32::MAX, [f32::MAX, 0.0, 0.0], 0),
    ] {
        assert_eq!(clamp(rgb, limit), (bits(result), clamped), "{rgb:?} up to {limit:e}");
    }
}
