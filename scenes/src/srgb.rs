//! The sRGB transfer function (IEC 61966-2-1). Knows no image.

/// An encoded component, 0 to 1, as a linear one.
pub fn srgb_to_linear(encoded: f64) -> f64 {
    if encoded <= 0.04045 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
}
