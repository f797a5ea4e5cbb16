//! Tables that every package carries, computed once: sRGB, directional albedo of GGX and of sheen.

use std::sync::OnceLock;

use tessera_shared::package::layout::tables::{ALBEDO, ALBEDO_EDGE, ALPHA_MIN, SRGB, pairs, words};

use super::number::settled;
use crate::srgb::srgb_to_linear;

/// The section's floats, laid out as [`tessera_shared::package::layout::tables`] says.
pub fn tables() -> &'static [f32] {
    static TABLES: OnceLock<Vec<f32>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables = vec![0.0f32; words(ALBEDO_EDGE)];
        for (byte, out) in tables[SRGB..SRGB + 256].iter_mut().enumerate() {
            *out = settled(srgb_to_linear(byte as f64 / 255.0));
        }
        fill_albedo(&mut tables[ALBEDO..ALBEDO + pairs(ALBEDO_EDGE)]);
        fill_sheen(&mut tables[ALBEDO + pairs(ALBEDO_EDGE)..]);
        tables
    })
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

/// A microfacet's normal that a viewer sees.
pub struct VisibleNormal {
    /// With the viewer's direction, and with the surface's normal.
    pub cosine: f64,
    pub height: f64,
    /// Of all visible normals.
    pub share: f64,
}

impl VisibleNormal {
    /// Its share of the light that leaves it at height `to` and meets no other facet: G2 / G1 of the height-correlated Smith
    /// function (Heitz 2014, eq. 99) for a viewer at height `mu`.
    pub fn kept(&self, mu: f64, alpha: f64, to: f64) -> f64 {
        if to <= 0.0 {
            return 0.0;
        }
        let root = |cos: f64| (alpha * alpha * (1.0 - cos * cos) + cos * cos).sqrt();
        self.share * to * (mu + root(mu)) / (to * root(mu) + mu * root(to))
    }
}

/// The normals of a GGX surface that a viewer at cosine `mu` sees (Dupuy and Benyoub 2023), on a grid that is denser towards grazing
/// ones: they are rare, but they are the ones that lose light.
pub fn visible_normals(mu: f64, alpha: f64) -> impl Iterator<Item = VisibleNormal> {
    const HEIGHTS: usize = 48;
    const TURNS: usize = 24;
    let sine = (1.0 - mu * mu).sqrt();
    let length = (alpha * alpha * sine * sine + mu * mu).sqrt();
    let v = [alpha * sine / length, mu / length];
    (0..HEIGHTS * TURNS).map(move |i| {
        let t = ((i / TURNS) as f64 + 0.5) / HEIGHTS as f64;
        let z = (1.0 - t) * (1.0 - t) * (1.0 + v[1]) - v[1];
        let radius = (1.0 - z * z).max(0.0).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * ((i % TURNS) as f64 + 0.5) / TURNS as f64).sin_cos();
        let m = [alpha * (radius * cos + v[0]), alpha * radius * sin, (z + v[1]).max(1e-12)];
        let norm = (m[0] * m[0] + m[1] * m[1] + m[2] * m[2]).sqrt();
        VisibleNormal {
            cosine: (sine * m[0] + mu * m[2]) / norm,
            height: m[2] / norm,
            share: 2.0 * (1.0 - t) / (HEIGHTS * TURNS) as f64,
        }
    })
}

/// (A, B) of E(μ) = F0 · A + B for GGX with height-correlated Smith shadowing and Schlick's Fresnel, F90 = 1.
fn directional_albedo(mu: f64, alpha: f64) -> (f64, f64) {
    let (mut a, mut b) = (0.0, 0.0);
    for normal in visible_normals(mu, alpha) {
        let kept = normal.kept(mu, alpha, 2.0 * normal.cosine * normal.height - mu);
        let fresnel = (1.0 - normal.cosine).powi(5);
        a += kept * (1.0 - fresnel);
        b += kept * fresnel;
    }
    // Rounding of the grid may not make light.
    let excess = (a + b).max(1.0);
    (a / excess, b / excess)
}

/// Below this, sheen's roughness is this (`SHEEN_ROUGHNESS_MIN` of the kernel).
const SHEEN_ROUGHNESS_MIN: f64 = 0.07;

/// Pairs (albedo, scale) of sheen: Neubelt's visibility makes light of nothing where the viewer grazes, and the scale takes it away.
fn fill_sheen(out: &mut [f32]) {
    let edge = ALBEDO_EDGE as usize;
    for (entry, pair) in out.chunks_exact_mut(2).enumerate() {
        let roughness = (entry / edge) as f64 / (edge - 1) as f64;
        let albedo = sheen_albedo((entry % edge) as f64 / edge as f64 + 0.5 / edge as f64, roughness);
        let scale = if albedo > 1.0 { 1.0 / albedo } else { 1.0 };
        (pair[0], pair[1]) = (settled(albedo.min(1.0)), settled(scale));
    }
}

/// The integral of D V cos over the hemisphere for the "Charlie" distribution, by a midpoint rule that is finer where light grazes.
fn sheen_albedo(mu: f64, roughness: f64) -> f64 {
    const HEIGHTS: usize = 48;
    const TURNS: usize = 32;
    let exponent = 1.0 / roughness.max(SHEEN_ROUGHNESS_MIN).powi(2);
    let sine = (1.0 - mu * mu).sqrt();
    let mut sum = 0.0;
    for i in 0..HEIGHTS {
        let t = (i as f64 + 0.5) / HEIGHTS as f64;
        let (z, jacobian) = (t * t, 2.0 * t);
        let radius = (1.0 - z * z).sqrt();
        for j in 0..TURNS {
            let turn = std::f64::consts::PI * (j as f64 + 0.5) / TURNS as f64;
            let half = [sine + radius * turn.cos(), radius * turn.sin(), mu + z];
            let length2 = half[0] * half[0] + half[1] * half[1] + half[2] * half[2];
            let sin2 = ((half[0] * half[0] + half[1] * half[1]) / length2).min(1.0);
            let d = (2.0 + exponent) * sin2.powf(exponent / 2.0) / std::f64::consts::TAU;
            sum += d * z * jacobian / (4.0 * (z + mu - z * mu));
        }
    }
    sum * std::f64::consts::TAU / (HEIGHTS * TURNS) as f64
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
        for pair in tables[ALBEDO..ALBEDO + pairs(ALBEDO_EDGE)].chunks_exact(2) {
            assert!(pair[0] >= 0.0 && pair[1] >= 0.0 && pair[0] + pair[1] <= 1.000_000_1, "{pair:?}");
        }
    }
}
