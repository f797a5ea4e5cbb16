//! Tables that every package carries, computed once: sRGB, Sobol direction numbers, directional albedo of GGX.

use std::sync::OnceLock;

use tessera_shared::package::layout::tables::{ALBEDO, ALBEDO_EDGE, ALPHA_MIN, SOBOL, SRGB, words};

use super::number::settled;

/// The section's floats, laid out as [`tessera_shared::package::layout::tables`] says.
pub fn tables() -> &'static [f32] {
    static TABLES: OnceLock<Vec<f32>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables = vec![0.0f32; words(ALBEDO_EDGE)];
        for (byte, out) in tables[SRGB..SRGB + 256].iter_mut().enumerate() {
            *out = settled(srgb_to_linear(byte as f64 / 255.0));
        }
        for (word, out) in
            tessera_shared::package::validate::SOBOL_DIRECTIONS.iter().zip(&mut tables[SOBOL..])
        {
            *out = f32::from_bits(*word);
        }
        fill_albedo(&mut tables[ALBEDO..]);
        tables
    })
}

/// IEC 61966-2-1.
pub fn srgb_to_linear(encoded: f64) -> f64 {
    if encoded <= 0.04045 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
}

fn fill_albedo(out: &mut [f32]) {
    let edge = ALBEDO_EDGE as usize;
    for row in 0..edge {
        let roughness = row as f64 / (edge - 1) as f64;
        let alpha = (roughness * roughness).max(f64::from(ALPHA_MIN));
        for column in 0..edge {
            let mu = (column as f64 + 0.5) / edge as f64;
            let (a, b) = directional_albedo(mu, alpha);
            out[2 * (row * edge + column)] = settled(a);
            out[2 * (row * edge + column) + 1] = settled(b);
        }
    }
}

/// (A, B) of E(μ) = F0 · A + B for GGX with height-correlated Smith shadowing and Schlick's Fresnel, F90 = 1: the integral
/// of D·G·F/(4μ) over half vectors, importance sampled by D (Karis 2013; Heitz 2014, eq. 99 for the shadowing), on a fixed
/// midpoint grid.
fn directional_albedo(mu: f64, alpha: f64) -> (f64, f64) {
    const RADII: usize = 48;
    const TURNS: usize = 16;
    let view = [(1.0 - mu * mu).sqrt(), 0.0, mu];
    let lambda = |c: f64| (alpha * alpha * (1.0 - c * c) + c * c).sqrt() / c;
    let (mut a, mut b) = (0.0, 0.0);
    // The jacobian's mean over the grid, which is 1 only in the limit.
    let mean = (0..RADII).map(|i| (i as f64 + 0.5) / RADII as f64).map(|u| 6.0 * u * (1.0 - u)).sum::<f64>()
        / RADII as f64;
    for i in 0..RADII {
        let u = (i as f64 + 0.5) / RADII as f64;
        // Denser near 0 and 1, where the half vector turns fast.
        let (p, jacobian) = (u * u * (3.0 - 2.0 * u), 6.0 * u * (1.0 - u));
        let cos = ((1.0 - p) / (1.0 + (alpha * alpha - 1.0) * p)).sqrt();
        let sin = (1.0 - cos * cos).max(0.0).sqrt();
        for j in 0..TURNS {
            let (sin_turn, cos_turn) = (std::f64::consts::PI * (j as f64 + 0.5) / TURNS as f64).sin_cos();
            let half = [sin * cos_turn, sin * sin_turn, cos];
            let view_half = view[0] * half[0] + view[2] * half[2];
            let light = 2.0 * view_half * half[2] - view[2];
            if light <= 0.0 || view_half <= 0.0 {
                continue;
            }
            // G₂ · (v·h) / (n·v · n·h), the weight of a half vector drawn from D(h)(n·h).
            let shadowing = 2.0 / (lambda(light) + lambda(mu));
            let weight = shadowing * view_half / (mu * half[2]) * jacobian / (mean * (RADII * TURNS) as f64);
            let fresnel = (1.0 - view_half).powi(5);
            a += weight * (1.0 - fresnel);
            b += weight * fresnel;
        }
    }
    // Rounding of the grid may not make light.
    let excess = (a + b).max(1.0);
    (a / excess, b / excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_lobe_reflects_as_schlick_says() {
        for mu in [0.1, 0.5, 0.9] {
            let (a, b) = directional_albedo(mu, f64::from(ALPHA_MIN));
            let fresnel = (1.0 - mu).powi(5);
            assert!((a - (1.0 - fresnel)).abs() < 2e-3 && (b - fresnel).abs() < 2e-3, "{mu}: {a} {b}");
        }
    }

    #[test]
    fn albedo_agrees_with_a_plain_integral_over_directions() {
        // The same integral, over incident directions instead of half vectors, by brute force.
        for (mu, alpha) in [(0.2, 0.25), (0.6, 0.49), (0.95, 1.0), (0.05, 0.8)] {
            let (steps, turns) = (1200, 240);
            let view: [f64; 3] = [(1.0f64 - mu * mu).sqrt(), 0.0, mu];
            let lambda = |c: f64| (-1.0 + (1.0 + alpha * alpha * (1.0 - c * c) / (c * c)).sqrt()) / 2.0;
            let mut total = 0.0;
            for i in 0..steps {
                let cos = (i as f64 + 0.5) / steps as f64;
                let sin = (1.0 - cos * cos).sqrt();
                for j in 0..turns {
                    let turn = std::f64::consts::PI * (j as f64 + 0.5) / turns as f64;
                    let light = [sin * turn.cos(), sin * turn.sin(), cos];
                    let sum: [f64; 3] = std::array::from_fn(|k| light[k] + view[k]);
                    let length = (sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]).sqrt();
                    let d = alpha * alpha
                        / (std::f64::consts::PI
                            * ((sum[2] / length).powi(2) * (alpha * alpha - 1.0) + 1.0).powi(2));
                    let g = 1.0 / (1.0 + lambda(cos) + lambda(mu));
                    total += d * g / (4.0 * mu) * std::f64::consts::TAU / (steps * turns) as f64;
                }
            }
            let (a, b) = directional_albedo(mu, alpha);
            assert!((a + b - total).abs() < 4e-3, "μ {mu} α {alpha}: {} against {total}", a + b);
        }
    }

    #[test]
    fn no_entry_gains_energy_and_srgb_ends_at_one() {
        let tables = tables();
        assert_eq!((tables[SRGB], tables[SRGB + 255]), (0.0, 1.0));
        for pair in tables[ALBEDO..].chunks_exact(2) {
            assert!(pair[0] >= 0.0 && pair[1] >= 0.0 && pair[0] + pair[1] <= 1.000_000_1, "{pair:?}");
        }
    }
}
