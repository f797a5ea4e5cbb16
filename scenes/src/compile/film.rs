//! Thin-film interference, worked out where the job is submitted: the reflectance of a film over a base, for every thickness, angle
//! and reflectance of the base that the kernel may ask for.
//!
//! Belcour and Barla 2017, as the Khronos specification of `KHR_materials_iridescence` has it: Airy's sum to its second term, its
//! spectrum through Gaussian fits of the CIE 1931 observer.

use std::f64::consts::{PI, TAU};

use tessera_shared::package::layout::tables::{FILM_BASES, FILM_COSINES, FILM_THICKNESSES};

use super::materials::dielectric_f0;
use super::number::settled;
use crate::import::Film;

/// XYZ to linear Rec. 709 (ITU-R BT.709 primaries, D65).
const REC709: [[f64; 3]; 3] = [
    [3.2404542, -1.5371385, -0.4985314],
    [-0.9692660, 1.8760108, 0.0415560],
    [0.0556434, -0.2040259, 1.0572252],
];

/// Appends a film's table.
pub fn append(film: &Film, tables: &mut Vec<f32>) {
    let share = |i: u32, count: u32| f64::from(i) / f64::from(count - 1);
    for t in 0..FILM_THICKNESSES {
        let thickness =
            film.thickness_min + (film.thickness_max - film.thickness_min) * share(t, FILM_THICKNESSES);
        for c in 0..FILM_COSINES {
            let cosine = share(c, FILM_COSINES);
            let by_base: Vec<[f64; 3]> = (0..FILM_BASES)
                .map(|b| reflectance(film.ior, thickness, cosine, share(b, FILM_BASES)))
                .collect();
            for channel in 0..3 {
                tables.extend(by_base.iter().map(|rgb| settled(rgb[channel].clamp(0.0, 1.0))));
            }
        }
    }
}

/// What a film of `thickness` nanometres reflects in red, green and blue, seen at `cosine` from air, over a base that reflects
/// `base_f0` in air.
fn reflectance(film_ior: f64, thickness: f64, cosine: f64, base_f0: f64) -> [f64; 3] {
    // A film of no thickness is no film: its index fades into air's.
    let fade = (thickness / 0.03).clamp(0.0, 1.0);
    let ior = 1.0 + (film_ior - 1.0) * fade * fade * (3.0 - 2.0 * fade);
    let sin2 = (1.0 - cosine * cosine) / (ior * ior);
    if sin2 >= 1.0 {
        return [1.0; 3];
    }
    let cos_film = (1.0 - sin2).sqrt();
    let schlick = |f0: f64, c: f64| f0 + (1.0 - f0) * (1.0 - c).powi(5);
    let r12 = schlick(dielectric_f0(ior), cosine);
    let t121 = 1.0 - r12;
    let phi12 = if ior < 1.0 { PI } else { 0.0 };
    let root = base_f0.min(0.9999).sqrt();
    let base_ior = (1.0 + root) / (1.0 - root);
    let r23 = schlick(((base_ior - ior) / (base_ior + ior)).powi(2), cos_film);
    let phi23 = if base_ior < ior { PI } else { 0.0 };
    let path = 2.0 * ior * thickness * 1e-9 * cos_film;
    let phase = PI - phi12 + phi23;
    let r123 = (r12 * r23).clamp(1e-5, 0.9999);
    let rs = t121 * t121 * r23 / (1.0 - r123);
    let mut rgb = [r12 + rs; 3];
    let mut amplitude = rs - t121;
    for order in 1..=2 {
        amplitude *= r123.sqrt();
        let sensed = sensitivity(f64::from(order) * path, f64::from(order) * phase);
        for (channel, sensed) in rgb.iter_mut().zip(sensed) {
            *channel += 2.0 * amplitude * sensed;
        }
    }
    rgb
}

/// The observer's response to a cosine over wave numbers of this path difference (metres) and shift, in linear Rec. 709, over
/// that to white.
fn sensitivity(path: f64, shift: f64) -> [f64; 3] {
    let phase = TAU * path;
    let lobe = |value: f64, position: f64, variance: f64| {
        value * (TAU * variance).sqrt() * (position * phase + shift).cos() * (-variance * phase * phase).exp()
    };
    let xyz = [
        lobe(5.4856e-13, 1.6810e6, 4.3278e9) + lobe(9.7470e-14, 2.2399e6, 4.5282e9),
        lobe(4.4201e-13, 1.7953e6, 9.3046e9),
        lobe(5.2481e-13, 2.2084e6, 6.6121e9),
    ];
    REC709.map(|row| row.iter().zip(xyz).map(|(m, x)| m * x / 1.0685e-7).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_thickness_the_base_shows() {
        for base in [0.04, 0.3, 0.9] {
            let rgb = reflectance(1.3, 0.0, 1.0, base);
            // Airy's sum is cut off after its second term.
            assert!(rgb.iter().all(|x| (x - base).abs() < 0.03), "{base}: {rgb:?}");
        }
    }

    #[test]
    fn colours_run_through_the_thicknesses_and_stay_reflectances() {
        let hues: Vec<[f64; 3]> =
            (10..80).map(|d| reflectance(1.33, f64::from(d) * 10.0, 0.9, 0.04)).collect();
        let greatest = |rgb: &[f64; 3]| (0..3).max_by(|a, b| rgb[*a].total_cmp(&rgb[*b])).unwrap();
        for channel in 0..3 {
            assert!(hues.iter().any(|rgb| greatest(rgb) == channel), "channel {channel} never leads");
        }
        assert!(hues.iter().flatten().all(|x| (-0.05..=0.5).contains(x)));
    }

    #[test]
    fn a_table_has_its_size() {
        let mut tables = Vec::new();
        append(&Film { factor: 1.0, ior: 1.3, thickness_min: 100.0, thickness_max: 400.0 }, &mut tables);
        assert_eq!(tables.len(), tessera_shared::package::layout::tables::FILM_FLOATS);
    }
}
