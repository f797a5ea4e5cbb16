//! FLIP: how much two images differ for somebody who sees them in turn (Andersson, Nilsson, Akenine-Möller, Oskarsson, Åström
//! and Fairchild 2020, "FLIP: A Difference Evaluator for Alternating Images"). The low-dynamic-range form: radiance is shown
//! at exposure 0, cut off at 1. Knows no file and no mask.

mod colour;
mod filter;

use super::picture::Picture;
use colour::{Lab, hunt, hyab, lab, linear, opponent};
use filter::{Plane, convolve, feature_kernels, gaussians};

/// Pixels per degree of sight: a screen of 3840 pixels on 0.7 m, seen from 0.7 m (§3). The paper rounds it to 67.
const PIXELS_PER_DEGREE: f64 = 3840.0 * std::f64::consts::PI / 180.0;

/// Contrast sensitivity as sums of Gaussians, (weight a, exponent b in degrees²) each: luminance, red-green, blue-yellow
/// (table 1).
const SENSITIVITIES: [&[(f64, f64)]; 3] =
    [&[(1.0, 0.0047)], &[(1.0, 0.0053)], &[(34.1, 0.04), (13.5, 0.025)]];
/// The widest of those exponents, which all kernels reach as far as.
const EXPONENT_MAX: f64 = 0.04;

/// Exponent that compresses large colour differences (§4.1.3).
const COLOUR_EXPONENT: f64 = 0.7;
/// Share of the greatest colour difference that is spread over the first [`LINEAR_END`] of the error (§4.1.3).
const LINEAR_SHARE: f64 = 0.4;
const LINEAR_END: f64 = 0.95;
/// Width of the features that are looked for, degrees (§4.2).
const FEATURE_DEGREES: f64 = 0.082;
/// Exponent of feature differences (§4.2).
const FEATURE_EXPONENT: f64 = 0.5;

/// The error of every pixel, 0 (equal) to 1, row-major. Both images have one size and at least one pixel.
pub fn flip(test: &Picture, reference: &Picture) -> Vec<f32> {
    let scale = Scale::new();
    let (test, reference) = (Seen::new(test), Seen::new(reference));
    let error = |at: usize| {
        let colour = scale.colour_error(&test.colours[at], &reference.colours[at]);
        let [edge, point] = [0, 1].map(|kind| (test.features[at][kind] - reference.features[at][kind]).abs());
        let feature = (edge.max(point) / std::f64::consts::SQRT_2).clamp(0.0, 1.0);
        // Equation 6: a difference in an edge or a point makes a difference in colour more visible.
        colour.powf(1.0 - feature.powf(FEATURE_EXPONENT)) as f32
    };
    (0..test.colours.len()).map(error).collect()
}

/// What does not depend on the images.
struct Scale {
    /// Greatest colour difference: of green and blue.
    greatest: f64,
}

impl Scale {
    fn new() -> Scale {
        let [green, blue] = [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|rgb| hunt(lab(rgb)));
        Scale { greatest: hyab(&green, &blue).powf(COLOUR_EXPONENT) }
    }

    /// Colour difference, 0 to 1 (§4.1.3).
    fn colour_error(&self, a: &Lab, b: &Lab) -> f64 {
        let difference = hyab(a, b).powf(COLOUR_EXPONENT);
        let knee = LINEAR_SHARE * self.greatest;
        match difference < knee {
            true => difference * LINEAR_END / knee,
            false => LINEAR_END + (difference - knee) / (self.greatest - knee) * (1.0 - LINEAR_END),
        }
    }
}

/// An image as it is seen: colours blurred by the eye, and how strong an edge and a point each pixel is.
struct Seen {
    colours: Vec<Lab>,
    features: Vec<[f64; 2]>,
}

impl Seen {
    fn new(picture: &Picture) -> Seen {
        let (width, height) = (picture.width, picture.height);
        let shown: Vec<[f64; 3]> = picture
            .pixels
            .iter()
            // `max` and `min` make a number of what is none.
            .map(|pixel| opponent(pixel.map(|channel| f64::from(channel).max(0.0).min(1.0))))
            .collect();
        let plane = |channel: usize| Plane {
            width,
            height,
            values: shown.iter().map(|pixel| pixel[channel]).collect(),
        };
        let radius =
            (3.0 * (EXPONENT_MAX / 2.0).sqrt() / std::f64::consts::PI * PIXELS_PER_DEGREE).ceil() as usize;
        let blurred = [0, 1, 2]
            .map(|channel| gaussians(&plane(channel), SENSITIVITIES[channel], radius, PIXELS_PER_DEGREE));
        let colours = (0..shown.len()).map(|at| {
            let seen = linear(blurred.each_ref().map(|plane| plane.values[at]));
            hunt(lab(seen.map(|channel| channel.clamp(0.0, 1.0))))
        });
        Seen { colours: colours.collect(), features: features(plane(0)) }
    }
}

/// Strength of edges and points in the luminance channel (§4.2).
fn features(mut luminance: Plane) -> Vec<[f64; 2]> {
    luminance.values.iter_mut().for_each(|value| *value = (*value + 16.0) / 116.0);
    let kernels = feature_kernels(0.5 * FEATURE_DEGREES * PIXELS_PER_DEGREE);
    let strength = |kernel: &[f64]| {
        let across = convolve(&luminance, kernel, &kernels.smooth);
        let down = convolve(&luminance, &kernels.smooth, kernel);
        across.values.iter().zip(down.values).map(|(x, y)| x.hypot(y)).collect::<Vec<f64>>()
    };
    strength(&kernels.edge)
        .into_iter()
        .zip(strength(&kernels.point))
        .map(|(edge, point)| [edge, point])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [f32; 3]) -> Picture {
        let pixels = (0..width * height).map(|at| pixel(at % width, at / width)).collect();
        Picture { width, height, pixels }
    }

    fn mean(a: &Picture, b: &Picture) -> f64 {
        let errors = flip(a, b);
        errors.iter().map(|error| f64::from(*error)).sum::<f64>() / errors.len() as f64
    }

    /// Figures of the paper's own code (version 1.7, 32-bit floats) for the same pixels.
    #[test]
    fn errors_are_those_of_the_papers_code() {
        let flat = |rgb: [f32; 3]| picture(64, 64, |_, _| rgb);
        let (black, white) = (flat([0.0; 3]), flat([1.0; 3]));
        let close =
            |found: f64, expected: f64| assert!((found - expected).abs() < 2e-4, "{found} {expected}");
        close(mean(&black, &white), 0.967345);
        close(mean(&black, &flat([0.5; 3])), 0.958512);
        close(mean(&flat([0.0, 1.0, 0.0]), &flat([0.0, 0.0, 1.0])), 1.0);
        let chequers = |x: usize, y: usize| if (x / 8 + y / 8) % 2 == 1 { 0.8 } else { 0.0 };
        let a = picture(64, 48, |x, y| [x as f32 / 64.0, y as f32 / 48.0, chequers(x, y)]);
        let b = picture(64, 48, |x, y| {
            [(x as f64 / 64.0 * 0.9) as f32, ((y + 3) as f64 / 60.0) as f32, chequers(x, y + 1)]
        });
        close(mean(&a, &b), 0.317350);
        let errors = flip(&b, &a);
        for ((x, y), error) in
            [((20, 10), 0.144435), ((0, 0), 0.604570), ((63, 47), 0.963143), ((32, 24), 0.282307)]
        {
            close(f64::from(errors[y * 64 + x]), error);
        }
    }

    #[test]
    fn equal_images_do_not_differ() {
        let a = picture(20, 9, |x, y| [x as f32 / 20.0, y as f32 / 9.0, 0.5]);
        assert!(flip(&a, &a).iter().all(|error| *error == 0.0));
        // What is brighter than white is shown as white, and what is no number as black.
        let bright = picture(8, 8, |x, _| [1.0, f32::INFINITY, if x == 3 { f32::NAN } else { 0.0 }]);
        let cut = picture(8, 8, |_, _| [1.0, 1.0, 0.0]);
        assert!(flip(&bright, &cut).iter().all(|error| *error == 0.0));
    }
}
