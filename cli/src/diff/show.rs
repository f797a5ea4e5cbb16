//! The difference as a picture: A, B and what A has more (red) or less (blue), or where FLIP says that it is seen, side by side.

use anyhow::Result;

use super::picture::Picture;
use tessera_shared::display::srgb_byte;

use crate::output::write_rgb;

/// Factor by which differences are brightened.
const GAIN: f32 = 8.0;
/// Colours of FLIP's errors, 0 to 1 in equal steps: the brighter, the worse.
const HEAT: [[u8; 3]; 5] = [[0, 0, 0], [70, 20, 120], [190, 50, 90], [250, 150, 60], [255, 250, 200]];

/// An sRGB PNG three images wide. `errors` by pixel take the place of the signed difference.
pub fn side_by_side(a: &Picture, b: &Picture, errors: Option<&[f32]>) -> Result<Vec<u8>> {
    let mut rgb = Vec::with_capacity(a.pixels.len() * 9);
    for y in 0..a.height {
        let row = y * a.width..(y + 1) * a.width;
        for picture in [a, b] {
            rgb.extend(
                picture.pixels[row.clone()]
                    .iter()
                    .flat_map(|pixel| pixel.map(|channel| srgb_byte(channel, 0.0))),
            );
        }
        match errors {
            Some(errors) => rgb.extend(errors[row].iter().flat_map(|error| heat(*error))),
            None => rgb
                .extend(a.pixels[row.clone()].iter().zip(&b.pixels[row]).flat_map(|(pa, pb)| signed(pa, pb))),
        }
    }
    write_rgb(3 * a.width as u32, a.height as u32, &rgb)
}

fn signed(a: &[f32; 3], b: &[f32; 3]) -> [u8; 3] {
    let signed = (0..3).map(|channel| a[channel] - b[channel]).sum::<f32>() / 3.0 * GAIN;
    [signed.max(0.0), 0.0, (-signed).max(0.0)].map(|channel| srgb_byte(channel, 0.0))
}

fn heat(error: f32) -> [u8; 3] {
    let steps = HEAT.len() - 1;
    let at = error.clamp(0.0, 1.0) * steps as f32;
    let below = (at as usize).min(steps - 1);
    let share = at - below as f32;
    [0, 1, 2].map(|channel| {
        let [low, high] = [HEAT[below][channel], HEAT[below + 1][channel]].map(f32::from);
        (low + (high - low) * share).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_runs_through_its_colours() {
        assert_eq!([heat(0.0), heat(0.5), heat(1.0), heat(7.0)], [HEAT[0], HEAT[2], HEAT[4], HEAT[4]]);
        assert_eq!(heat(0.125), [35, 10, 60]);
        assert_eq!(heat(f32::NAN), HEAT[0]);
    }
}
