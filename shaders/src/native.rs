//! The CPU's own instructions in place of library functions of the kernel that give the same bits.
//!
//! IEEE 754 division and square root are correctly rounded, and so are the kernel's; what differs is what a GPU may
//! flush or overflow, which both define away here: operands below the normal range count as 0, results below it are
//! +0, results above it are ±`f32::MAX`.

/// A number with everything below the normal range read as +0.
#[inline(always)]
fn normal(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}

/// `a / b`, correctly rounded. 0 where `b` is below the normal range; +0 where the result is; ±`f32::MAX` where the
/// result overflows.
#[inline(always)]
pub fn div(a: f32, b: f32) -> f32 {
    if b.abs() < f32::MIN_POSITIVE {
        return 0.0;
    }
    normal((normal(a) / b).clamp(f32::MIN, f32::MAX))
}

/// The square root, correctly rounded; 0 for negative `x` and for `x` below the normal range.
#[inline(always)]
pub fn sqrt(x: f32) -> f32 {
    if x < f32::MIN_POSITIVE { 0.0 } else { x.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_defines_its_edges() {
        assert_eq!(div(1.0, 3.0).to_bits(), (1.0f32 / 3.0).to_bits());
        for (a, b, expected) in [
            (1.0, 0.0, 0.0f32),
            (1.0, -0.0, 0.0),
            (1.0, f32::MIN_POSITIVE / 2.0, 0.0),
            (f32::MIN_POSITIVE, 4.0, 0.0),
            (-f32::MIN_POSITIVE, 4.0, 0.0),
            (f32::MIN_POSITIVE / 2.0, 0.25, 0.0),
            (f32::MAX, 0.5, f32::MAX),
            (-f32::MAX, 0.5, -f32::MAX),
            (0.0, -1.0, 0.0),
        ] {
            assert_eq!(div(a, b).to_bits(), expected.to_bits(), "{a:e} / {b:e}");
        }
    }

    #[test]
    fn square_root_defines_its_edges() {
        for (x, expected) in [(2.0, 2.0f32.sqrt()), (-1.0, 0.0), (-0.0, 0.0), (1e-40, 0.0), (4.0, 2.0)] {
            assert_eq!(sqrt(x).to_bits(), expected.to_bits(), "√{x:e}");
        }
    }
}
