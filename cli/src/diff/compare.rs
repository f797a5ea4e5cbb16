//! Plain differences of two images of one size, inside a mask.

use super::picture::Picture;

/// Means of a channel inside the mask.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Channel {
    pub mean_a: f64,
    pub mean_b: f64,
}

impl Channel {
    /// A's mean over B's; `None` where B is black.
    pub fn ratio(&self) -> Option<f64> {
        (self.mean_b != 0.0).then(|| self.mean_a / self.mean_b)
    }
}

/// How two images differ inside the mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Bit for bit.
    pub identical: bool,
    pub pixels: usize,
    /// Pixels with a channel that differs by more than the tolerance, or is not a number in one image.
    pub pixels_beyond: usize,
    pub greatest: f32,
    pub greatest_at: (usize, usize),
    pub rmse: f64,
    pub channels: [Channel; 3],
}

/// Compares where the mask is true.
pub fn compare(a: &Picture, b: &Picture, mask: &[bool], tolerance: f32) -> Comparison {
    let mut result = Comparison {
        identical: true,
        pixels: 0,
        pixels_beyond: 0,
        greatest: 0.0,
        greatest_at: (0, 0),
        rmse: 0.0,
        channels: [Channel::default(); 3],
    };
    let mut squares = 0.0;
    for (at, ((pa, pb), _)) in
        a.pixels.iter().zip(&b.pixels).zip(mask).enumerate().filter(|(_, (_, inside))| **inside)
    {
        result.pixels += 1;
        let mut beyond = false;
        for channel in 0..3 {
            let (va, vb) = (pa[channel], pb[channel]);
            result.identical &= va.to_bits() == vb.to_bits();
            let difference = (va - vb).abs();
            beyond |= va.to_bits() != vb.to_bits() && !(difference <= tolerance);
            if difference > result.greatest {
                (result.greatest, result.greatest_at) = (difference, (at % a.width, at / a.width));
            }
            squares += f64::from(difference) * f64::from(difference);
            result.channels[channel].mean_a += f64::from(va);
            result.channels[channel].mean_b += f64::from(vb);
        }
        result.pixels_beyond += usize::from(beyond);
    }
    let count = result.pixels.max(1) as f64;
    result.rmse = (squares / (3.0 * count)).sqrt();
    for channel in &mut result.channels {
        channel.mean_a /= count;
        channel.mean_b /= count;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(pixels: &[[f32; 3]]) -> Picture {
        Picture { width: pixels.len(), height: 1, pixels: pixels.to_vec() }
    }

    #[test]
    fn equal_and_different() {
        let a = picture(&[[1.0, 0.5, 0.25], [2.0, 2.0, 2.0]]);
        let b = picture(&[[1.0, 0.5, 0.25], [2.0, 1.0, 2.0]]);
        let same = compare(&a, &a, &[true, true], 0.0);
        assert!(same.identical && same.pixels_beyond == 0);
        let found = compare(&a, &b, &[true, true], 0.5);
        assert_eq!(
            (found.identical, found.pixels_beyond, found.greatest, found.greatest_at),
            (false, 1, 1.0, (1, 0))
        );
        assert_eq!(found.channels[1].ratio(), Some(2.5 / 1.5));
        assert!(compare(&a, &b, &[true, false], 0.0).identical);
        let broken = picture(&[[f32::NAN, 0.5, 0.25], [2.0, 2.0, 2.0]]);
        assert_eq!(compare(&a, &broken, &[true, true], 9.0).pixels_beyond, 1);
    }
}
