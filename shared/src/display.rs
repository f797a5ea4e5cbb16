//! Display: exposure and the sRGB transfer (IEC 61966-2-1), to a byte. What a PNG and the page show of linear radiance;
//! nothing of it reaches a film.

/// Linear radiance, brightened by `stops`, as an sRGB byte; what is outside 0 to 1 is cut off.
pub fn srgb_byte(linear: f32, stops: f64) -> u8 {
    let exposed = (f64::from(linear) * stops.exp2()).clamp(0.0, 1.0);
    let encoded =
        if exposed <= 0.0031308 { 12.92 * exposed } else { 1.055 * exposed.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

/// [`srgb_byte`] at one exposure for many pixels: the least radiance of every byte, looked up.
#[derive(Clone, Debug)]
pub struct Display {
    /// Ascending: the least radiance that is shown as 1, 2, … 255.
    least: [f32; 255],
}

impl Display {
    /// `stops` that no radiance can be brightened or darkened by are taken as the nearest that one can.
    pub fn new(stops: f64) -> Display {
        let stops = if stops.is_nan() { 0.0 } else { stops.clamp(-126.0, 126.0) };
        let least = std::array::from_fn(|at| {
            // The bits of floats that are not negative are in the order of the floats.
            let (mut below, mut enough) = (0u32, f32::MAX.to_bits());
            while enough - below > 1 {
                let middle = below + (enough - below) / 2;
                match usize::from(srgb_byte(f32::from_bits(middle), stops)) > at {
                    true => enough = middle,
                    false => below = middle,
                }
            }
            f32::from_bits(enough)
        });
        Display { least }
    }

    pub fn byte(&self, linear: f32) -> u8 {
        self.least.partition_point(|least| *least <= linear) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (linear, stops, byte) in [
            (0.0, 0.0, 0),
            (1.0, 0.0, 255),
            (7.0, 0.0, 255),
            (0.2158605, 0.0, 128),
            (0.10793025, 1.0, 128),
            (f32::NAN, 0.0, 0),
            (-1.0, 0.0, 0),
        ] {
            assert_eq!(srgb_byte(linear, stops), byte);
            assert_eq!(Display::new(stops).byte(linear), byte, "{linear}");
        }
    }

    #[test]
    fn looking_up_gives_the_same_bytes() {
        for stops in [0.0, -3.0, 0.37, 8.0] {
            let display = Display::new(stops);
            for least in display.least {
                for bits in least.to_bits() - 16..least.to_bits() + 16 {
                    let linear = f32::from_bits(bits);
                    assert_eq!(display.byte(linear), srgb_byte(linear, stops), "{linear} at {stops} stops");
                }
            }
        }
        assert_eq!(Display::new(f64::NAN).byte(1.0), 255);
        assert_eq!(Display::new(1e300).byte(1.0), 255);
    }
}
