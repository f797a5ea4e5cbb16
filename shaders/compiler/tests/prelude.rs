//! The prelude's operations against the standard library and against WGSL's definitions bit by bit.

#[allow(dead_code)]
#[path = "../src/prelude.rs"]
mod wgsl;

use wgsl::*;

/// Bit patterns from all over `u32`, every edge of the formats among them.
fn patterns() -> impl Iterator<Item = u32> {
    let edges =
        [0u32, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x4b00_0000, 0xcb00_0000, 0x4f00_0000, 0x4f80_0000];
    let near =
        edges.into_iter().flat_map(|edge| (0..64).map(move |step| edge.wrapping_add(step).wrapping_sub(32)));
    near.chain((0..1_000_000u32).map(|step| step.wrapping_mul(4_294_967)))
}

#[test]
fn rounding_equals_the_standard_library_s_bits() {
    for x in patterns().map(f32::from_bits).filter(|x| !x.is_nan()) {
        assert_eq!(trunc(x).to_bits(), x.trunc().to_bits(), "trunc {x:e}");
        assert_eq!(floor(x).to_bits(), x.floor().to_bits(), "floor {x:e}");
        assert_eq!(ceil(x).to_bits(), x.ceil().to_bits(), "ceil {x:e}");
    }
}

#[test]
fn conversions_clamp_to_what_both_types_hold() {
    for x in patterns().map(f32::from_bits).filter(|x| !x.is_nan()) {
        let wide = f64::from(x);
        assert_eq!(f32_to_i32(x), wide.clamp(-2_147_483_648.0, 2_147_483_520.0) as i32, "{x:e}");
        assert_eq!(f32_to_u32(x), wide.clamp(0.0, 4_294_967_040.0) as u32, "{x:e}");
    }
}

#[test]
fn bit_fields_equal_a_loop_over_bits() {
    let bit = |x: u32, at: u32| x >> at & 1;
    let values = [0u32, 1, 0x8000_0000, u32::MAX, 0xdead_beef, 0x0f0f_3c5a];
    for (x, y) in values.iter().flat_map(|&x| values.map(|y| (x, y))) {
        for (offset, count) in (0..40).flat_map(|offset| (0..40).map(move |count| (offset, count))) {
            let low = offset.min(32);
            let width = count.min(32 - low);
            let field = (0..width).fold(0, |sum, at| sum | bit(x, low + at) << at);
            let signed = if width > 0 && bit(field, width - 1) == 1 && width < 32 {
                field | u32::MAX << width
            } else {
                field
            };
            let inserted = (0..32).fold(0, |sum, at| {
                let inside = at >= low && at < low + width;
                sum | if inside { bit(y, at - low) } else { bit(x, at) } << at
            });
            assert_eq!(extract_bits_u32(x, offset, count), field, "{x:#x} {offset} {count}");
            assert_eq!(extract_bits_i32(x as i32, offset, count), signed as i32, "{x:#x} {offset} {count}");
            assert_eq!(insert_bits_u32(x, y, offset, count), inserted, "{x:#x} {y:#x} {offset} {count}");
            assert_eq!(insert_bits_i32(x as i32, y as i32, offset, count), inserted as i32);
        }
    }
}

#[test]
fn first_bits_equal_a_search() {
    for x in patterns().step_by(101) {
        let highest = (0..32).rev().find(|&at| x >> at & 1 == 1);
        let lowest = (0..32).find(|&at| x >> at & 1 == 1);
        let sign = x >> 31;
        let unlike = (0..31).rev().find(|&at| x >> at & 1 != sign);
        assert_eq!(first_leading_bit_u32(x), highest.unwrap_or(u32::MAX));
        assert_eq!(first_trailing_bit_u32(x), lowest.unwrap_or(u32::MAX));
        assert_eq!(first_leading_bit_i32(x as i32), unlike.unwrap_or(-1));
        assert_eq!(first_trailing_bit_i32(x as i32), lowest.map_or(-1, |at| at as i32));
    }
}

#[test]
fn a_counter_counts_each_class_alone() {
    let counters = Counters::new();
    for bits in [
        0,
        0x8000_0000,
        1,
        0x807f_ffff,
        0x0080_0000,
        0x3f80_0000,
        0x7f7f_ffff,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
    ] {
        counters.count(f32::from_bits(bits));
    }
    let expected = Counts { negative_zero: 1, subnormal: 2, nan: 1, infinite: 2 };
    assert_eq!((counters.take(), counters.take()), (expected, Counts::default()));
}
