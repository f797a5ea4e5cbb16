//! f64 to the f32 numbers that a package may hold: rounded to nearest, tiny ones flushed, −0 made 0.

/// Magnitudes below this, 2⁻⁶⁰, become 0 in a package.
pub const TINY: f64 = 1.0 / (1u64 << 60) as f64;
/// Largest coordinate of a package, 2⁴⁰.
pub const LARGEST: f64 = (1u64 << 40) as f64;

/// Rounds to the nearest f32; what is smaller than 2⁻⁶⁰ becomes 0, and there is no −0.
pub fn settled(x: f64) -> f32 {
    if x.abs() < TINY { 0.0 } else { x as f32 }
}

pub fn settled3(v: [f64; 3]) -> [f32; 3] {
    v.map(settled)
}

/// Relative luminance of linear Rec. 709 (ITU-R BT.709).
pub fn luminance(rgb: [f64; 3]) -> f64 {
    0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
}

/// The largest f32 not above `x`, for box edges.
pub fn below(x: f64) -> f32 {
    let rounded = settled(x);
    if f64::from(rounded) <= x || rounded == 0.0 && x > -TINY {
        // A flushed −tiny edge would exclude the point it came from.
        if rounded == 0.0 && x < 0.0 { -(TINY as f32) } else { rounded }
    } else {
        rounded.next_down()
    }
}

/// The smallest f32 not below `x`.
pub fn above(x: f64) -> f32 {
    let negated = below(-x);
    if negated == 0.0 { 0.0 } else { -negated }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn edges_enclose(x in prop_oneof![-1e12..1e12f64, -1e-17..1e-17f64, Just(0.0), Just(-0.0)]) {
            prop_assert!(f64::from(below(x)) <= x && f64::from(above(x)) >= x);
            for edge in [below(x), above(x), settled(x)] {
                prop_assert!(edge.to_bits() != (-0.0f32).to_bits());
                prop_assert!(edge == 0.0 || f64::from(edge).abs() >= TINY * 0.999);
            }
        }
    }
}
