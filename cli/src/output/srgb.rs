//! Display: exposure and the sRGB transfer (IEC 61966-2-1), to a byte.

/// Linear radiance, brightened by `stops`, as an sRGB byte; what is outside 0 to 1 is cut off.
pub fn encode(linear: f32, stops: f64) -> u8 {
    let exposed = (f64::from(linear) * stops.exp2()).clamp(0.0, 1.0);
    let encoded =
        if exposed <= 0.0031308 { 12.92 * exposed } else { 1.055 * exposed.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn known_values() {
        assert_eq!(encode(0.0, 0.0), 0);
        assert_eq!(encode(1.0, 0.0), 255);
        assert_eq!(encode(7.0, 0.0), 255);
        assert_eq!(encode(0.2158605, 0.0), 128);
        assert_eq!(encode(0.10793025, 1.0), 128);
        assert_eq!(encode(f32::NAN, 0.0), 0);
    }
}
