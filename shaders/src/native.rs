//! The CPU's own instructions in place of library functions of the kernel that give the same bits.
//! Knows only the contracts of these functions in `wgsl/`, whose generated form tests compare with them over all edges.

use crate::wgsl::Vec2u;

/// Bits of the least normal float.
const MIN_POSITIVE_BITS: u32 = 0x0080_0000;
/// Bits of the greatest finite float.
const MAX_BITS: u32 = 0x7f7f_ffff;

/// Whether `x` is neither zero, subnormal, infinite nor NaN.
#[inline(always)]
fn is_normal(x: f32) -> bool {
    (x.to_bits() & 0x7fff_ffff).wrapping_sub(MIN_POSITIVE_BITS) <= MAX_BITS - MIN_POSITIVE_BITS
}

/// `a / b`, correctly rounded. Subnormal operands count as 0; +0 where `b` is 0 or the quotient rounds to a magnitude of
/// 2⁻¹²⁶ or less; ±`f32::MAX` where it overflows; infinity and NaN are read as `f32::MAX`.
#[inline(always)]
pub fn div(a: f32, b: f32) -> f32 {
    let quotient = a / b;
    // IEEE 754 gives the result unless an operand or the result is special.
    let plain =
        is_normal(a) & is_normal(b) & (quotient.abs() > f32::MIN_POSITIVE) & (quotient.abs() <= f32::MAX);
    if plain { quotient } else { div_special(a, b) }
}

#[cold]
#[inline(never)]
fn div_special(a: f32, b: f32) -> f32 {
    // The sign of a NaN counts too, so it is taken from bits.
    let sign = (a.to_bits() ^ b.to_bits()) & 0x8000_0000;
    let magnitude = |x: f32| f32::from_bits((x.to_bits() & 0x7fff_ffff).min(MAX_BITS));
    let (a, b) = (magnitude(a), magnitude(b));
    if a < f32::MIN_POSITIVE || b < f32::MIN_POSITIVE {
        return 0.0;
    }
    let quotient = (a / b).min(f32::MAX);
    if quotient <= f32::MIN_POSITIVE { 0.0 } else { f32::from_bits(quotient.to_bits() | sign) }
}

/// The square root, correctly rounded; +0 for `x` below the normal range, negatives and negative NaN included; infinity
/// and positive NaN are read as `f32::MAX`.
#[inline(always)]
pub fn sqrt(x: f32) -> f32 {
    let bits = x.to_bits() as i32;
    if bits < MIN_POSITIVE_BITS as i32 {
        0.0
    } else {
        f32::from_bits(bits.min(MAX_BITS as i32) as u32).sqrt()
    }
}

/// The high word of `a · b`.
#[inline(always)]
pub fn mul_high(a: u32, b: u32) -> u32 {
    ((u64::from(a) * u64::from(b)) >> 32) as u32
}

/// Both words with their bits reversed: one reversal of 64 bits, as x86-64 has no instruction for it.
#[inline(always)]
pub fn reverse_pair(words: Vec2u) -> Vec2u {
    let reversed = (u64::from(words.y) << 32 | u64::from(words.x)).reverse_bits();
    Vec2u::new((reversed >> 32) as u32, reversed as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_defines_its_edges() {
        let least = f32::MIN_POSITIVE;
        for (a, b, expected) in [
            (1.0, 3.0, 1.0 / 3.0),
            (1.0, 0.0, 0.0f32),
            (1.0, -0.0, 0.0),
            (1.0, least / 2.0, 0.0),
            (least, 4.0, 0.0),
            (-least, 4.0, 0.0),
            (least, 1.0, 0.0),
            (least.next_up(), 1.0, least.next_up()),
            (least / 2.0, 0.25, 0.0),
            (f32::MAX, 0.5, f32::MAX),
            (-f32::MAX, 0.5, -f32::MAX),
            (0.0, -1.0, 0.0),
            (f32::INFINITY, 2.0, f32::MAX / 2.0),
            (f32::NAN, f32::INFINITY, 1.0),
            (2.0, -f32::INFINITY, -2.0 / f32::MAX),
        ] {
            let expected = if expected.abs() <= least { 0.0 } else { expected };
            assert_eq!(div(a, b).to_bits(), expected.to_bits(), "{a:e} / {b:e}");
        }
    }

    #[test]
    fn square_root_defines_its_edges() {
        let greatest = f32::MAX.sqrt();
        for (x, expected) in [
            (2.0, std::f32::consts::SQRT_2),
            (-1.0, 0.0),
            (-0.0, 0.0),
            (1e-40, 0.0),
            (4.0, 2.0),
            (f32::INFINITY, greatest),
            (f32::NAN, greatest),
            (-f32::NAN, 0.0),
        ] {
            assert_eq!(sqrt(x).to_bits(), f32::to_bits(expected), "√{x:e}");
        }
    }
}
