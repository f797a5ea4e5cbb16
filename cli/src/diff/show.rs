//! The difference as a picture: A, B and what A has more (red) or less (blue), side by side.

use anyhow::Result;

use super::picture::Picture;
use crate::output::{srgb_encode, write_rgb};

/// Factor by which differences are brightened.
const GAIN: f32 = 8.0;

/// An sRGB PNG three images wide.
pub fn side_by_side(a: &Picture, b: &Picture) -> Result<Vec<u8>> {
    let mut rgb = Vec::with_capacity(a.pixels.len() * 9);
    for y in 0..a.height {
        let row = y * a.width..(y + 1) * a.width;
        for picture in [a, b] {
            rgb.extend(
                picture.pixels[row.clone()]
                    .iter()
                    .flat_map(|pixel| pixel.map(|channel| srgb_encode(channel, 0.0))),
            );
        }
        for (pa, pb) in a.pixels[row.clone()].iter().zip(&b.pixels[row]) {
            let signed = (0..3).map(|channel| pa[channel] - pb[channel]).sum::<f32>() / 3.0 * GAIN;
            rgb.extend([signed.max(0.0), 0.0, (-signed).max(0.0)].map(|channel| srgb_encode(channel, 0.0)));
        }
    }
    write_rgb(3 * a.width as u32, a.height as u32, &rgb)
}
