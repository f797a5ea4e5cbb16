//! The library functions against f64 and the CPU's own instructions. Unary ones here by stride; `examples/sweep.rs` runs
//! them over every operand.

mod sweeps;

use tessera_shaders::cpu_operations as generated;
use tessera_shaders::native;
use tessera_shaders::operations::operations;
use tessera_shaders::wgsl::{Vec2u, Vec3f};

/// A prime, so that every low mantissa pattern is met at many exponents: 11 million operands of 2³².
const STRIDE: u32 = 383;

#[test]
fn unary_functions_stay_within_their_documented_errors() {
    for sweep in sweeps::sweeps() {
        let worst = sweep.run(STRIDE);
        assert!(
            worst.error <= sweep.bound,
            "{}: {worst:?}, documented {} {}",
            sweep.name,
            sweep.bound,
            sweep.unit
        );
    }
}

#[test]
fn every_mantissa_has_its_exact_root() {
    // Two octaves are all there is: x = m·4^k, and the root of 4^k is exact.
    for bits in 0x3f80_0000..0x4080_0000 {
        let x = f32::from_bits(bits);
        assert_eq!(generated::wgsl_sqrt_(x).to_bits(), x.sqrt().to_bits(), "{x:e}");
    }
}

fn same_quotient(a: f32, b: f32) {
    let (library, own) = (generated::wgsl_div(a, b), native::div(a, b));
    assert_eq!(library.to_bits(), own.to_bits(), "{a:e} / {b:e}: {library:e}, the CPU says {own:e}");
}

#[test]
fn division_equals_the_processors_own() {
    let division = operations().iter().find(|operation| operation.name == "div").unwrap();
    for vector in division.vectors(1_000_000) {
        let [a, b, ..] = vector.words.map(f32::from_bits);
        same_quotient(a, b);
    }
}

#[test]
fn quotients_next_to_a_rounding_boundary_are_right() {
    // a = b·(q + ½) rounded either way has a quotient as near to the middle of two floats as there are.
    let mut q = 0x80_0001u64;
    for b in 0x80_0000u64..0x100_0000 {
        q = (q * 0x5_deec_e66d + b) & 0x7f_ffff | 0x80_0000;
        let product = b * (2 * q + 1);
        // 48 or 49 bits, of which a float keeps 24.
        let shift = 64 - product.leading_zeros() - 24;
        for a in [product >> shift, (product >> shift) + 1] {
            same_quotient(a as f32, b as f32);
            same_quotient(-(a as f32), b as f32);
        }
    }
}

/// Directions and magnitudes in turn, without a random source: a spiral over the sphere with scaled components.
fn spiral(count: u32) -> impl Iterator<Item = [f64; 3]> {
    (0..count).map(move |i| {
        let z = 1.0 - 2.0 * (f64::from(i) + 0.5) / f64::from(count);
        let angle = f64::from(i) * 2.399_963_229_728_653;
        let r = (1.0 - z * z).sqrt();
        [r * angle.cos(), r * angle.sin(), z]
    })
}

fn normalized(v: [f64; 3]) -> ([f32; 3], [f32; 3]) {
    let v = v.map(|x| x as f32);
    (v, generated::normalize3(Vec3f::from_array(v)).to_array())
}

#[test]
fn normalized_vectors_have_unit_length_at_every_scale() {
    let (mut length_error, mut angle_error) = (0f64, 0f64);
    for (i, direction) in spiral(400_000).enumerate() {
        let scale = 2f64.powi(i as i32 % 200 - 76) * (1.0 + (i % 97) as f64 / 97.0);
        let (v, n) = normalized(direction.map(|x| x * scale));
        let n = n.map(f64::from);
        length_error = length_error.max((n.iter().map(|x| x * x).sum::<f64>().sqrt() - 1.0).abs());
        let v = v.map(f64::from);
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        for (x, n) in v.into_iter().zip(n) {
            angle_error = angle_error.max((x / length - n).abs());
        }
    }
    let ulp = f64::from(f32::EPSILON);
    assert!(length_error <= 1.4 * ulp, "length: {} ulp", length_error / ulp);
    assert!(angle_error <= 1.3 * ulp, "component: {} ulp", angle_error / ulp);
}

#[test]
fn a_scale_by_a_power_of_two_leaves_the_direction_as_it_is() {
    for direction in spiral(2_000) {
        let (_, expected) = normalized(direction);
        for exponent in [-80, -40, -1, 3, 100, 125] {
            let (_, n) = normalized(direction.map(|x| x * 2f64.powi(exponent)));
            assert_eq!(n, expected, "{direction:?} · 2^{exponent}");
        }
    }
}

#[test]
fn degenerate_vectors_have_a_defined_direction() {
    let bits = |v: [f32; 3]| generated::normalize3(Vec3f::from_array(v)).to_array().map(f32::to_bits);
    let one = 1.0f32.to_bits();
    assert_eq!(bits([0.0, -0.0, 0.0]), [0, 0, 0]);
    assert_eq!(bits([f32::from_bits(1), 1e-40, -1e-39]), [0, 0, 0]);
    assert_eq!(bits([1e-26, -1e-27, 0.0]), [0, 0, 0]);
    assert_eq!(bits([-0.0, 1.0, -1e-20]), [0, one, 0]);
    assert_eq!(bits([1e-39, 0.0, -3e-25]), [0, 0, one | 0x8000_0000]);
}

#[test]
fn angles_match_f64() {
    let mut worst = (0f64, 0f64, 0f64);
    for (i, [x, y, _]) in spiral(600_000).enumerate() {
        // Both axes and the diagonals are approached as closely as floats allow.
        let squeeze = 2f64.powi(-(i as i32 % 56));
        let (x, y) = match i % 4 {
            0 => (x, y),
            1 => (x, y * squeeze),
            2 => (x * squeeze, y),
            _ => (x, x * if y < 0.0 { -1.0 - squeeze } else { 1.0 + squeeze }),
        };
        let (x, y) = (x as f32, y as f32);
        if x.abs().min(y.abs()) < 1e-18 {
            continue;
        }
        let got = f64::from(generated::atan2_turn(y, x));
        assert!((0.0..1.0).contains(&got), "({x:e}, {y:e}): {got}");
        let expected = (f64::from(y).atan2(f64::from(x)) / std::f64::consts::TAU).rem_euclid(1.0);
        let error = (got - expected).abs();
        let error = error.min(1.0 - error);
        if error > worst.0 {
            worst = (error, x.into(), y.into());
        }
    }
    assert!(worst.0 <= 5e-8, "{worst:?}");
}

#[test]
fn angles_on_the_axes_are_exact() {
    for (y, x, turn) in [
        (0.0, 0.0, 0.0f32),
        (-0.0, -0.0, 0.0),
        (0.0, 3.0, 0.0),
        (-0.0, 3.0, 0.0),
        (2.0, 2.0, 0.125),
        (5.0, 0.0, 0.25),
        (1.0, -1.0, 0.375),
        (0.0, -1e-3, 0.5),
        (-1.0, -1.0, 0.625),
        (-7.0, 0.0, 0.75),
        (-1.0, 1.0, 0.875),
        (-1e-18, 1.0, 0.0),
        (-1e-10, 1.0, 0.0),
        (1e-40, -1e-40, 0.0),
    ] {
        assert_eq!(generated::atan2_turn(y, x).to_bits(), turn.to_bits(), "atan2({y:e}, {x:e})");
    }
}

#[test]
fn quarter_turns_and_poles_are_exact() {
    for (u, sin, cos) in
        [(0.0, 0.0f32, 1.0f32), (0.25, 1.0, 0.0), (0.5, 0.0, -1.0), (0.75, -1.0, 0.0), (1.0, 0.0, 1.0)]
    {
        let got = generated::sin_cos_turn(u).to_array().map(f32::to_bits);
        assert_eq!(got, [sin.to_bits(), cos.to_bits()], "{u} turns");
    }
    assert_eq!([-1.0, -0.0, 0.0, 1.0, 2.0].map(generated::latitude_v), [0.0, 0.5, 0.5, 1.0, 1.0]);
}

#[test]
fn high_words_and_reversed_pairs_are_those_of_64_bits() {
    let high = operations().iter().find(|operation| operation.name == "mul_high").unwrap();
    for vector in high.vectors(200_000) {
        let [a, b, ..] = vector.words;
        let expected = ((u64::from(a) * u64::from(b)) >> 32) as u32;
        assert_eq!(generated::wgsl_mul_high(a, b), expected, "{a:#x} · {b:#x}");
        assert_eq!(native::mul_high(a, b), expected, "{a:#x} · {b:#x}");
        assert_eq!(generated::uniform_below(a, b), expected);
        let pair = Vec2u::new(a, b);
        assert_eq!(native::reverse_pair(pair), generated::wgsl_reverse_pair(pair));
        assert_eq!(native::reverse_pair(pair).to_array(), [a.reverse_bits(), b.reverse_bits()]);
    }
}
