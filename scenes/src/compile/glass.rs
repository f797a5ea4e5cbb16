//! What a rough refracting surface reflects and lets through in all, for every angle and roughness: the kernel divides by the sum,
//! so that clear glass loses nothing to the light that bounces between its microfacets.

use tessera_shared::package::layout::tables::{ALBEDO_EDGE, ALPHA_MIN};

use super::materials::dielectric_f0;
use super::number::settled;
use super::tables::visible_normals;

/// Appends the tables of a glass of this index of refraction: seen from outside, then from inside.
pub fn append(ior: f64, tables: &mut Vec<f32>) {
    let f0 = dielectric_f0(ior);
    let edge = ALBEDO_EDGE as usize;
    for eta in [ior, 1.0 / ior] {
        for row in 0..edge {
            let roughness = row as f64 / (edge - 1) as f64;
            let alpha = (roughness * roughness).max(f64::from(ALPHA_MIN));
            for column in 0..edge {
                let mu = (column as f64 + 0.5) / edge as f64;
                let (reflected, refracted) = albedos(mu, alpha, eta, f0);
                tables.extend([settled(reflected), settled(refracted)]);
            }
        }
    }
}

/// (reflected, refracted): the sum over visible normals of G2/G1 with Schlick's Fresnel term, as
/// `shaders/wgsl/microfacet.wgsl` has them.
fn albedos(mu: f64, alpha: f64, eta: f64, f0: f64) -> (f64, f64) {
    let (mut reflected, mut refracted) = (0.0, 0.0);
    for normal in visible_normals(mu, alpha) {
        let cosine = normal.cosine;
        let sin2_t = (1.0 - cosine * cosine) / (eta * eta);
        let cos_t = (1.0 - sin2_t).max(0.0).sqrt();
        let thin = if eta < 1.0 { cos_t } else { cosine };
        let fresnel = f0 + (1.0 - f0) * (1.0 - thin).max(1e-6).powi(5);
        reflected += fresnel * normal.kept(mu, alpha, 2.0 * cosine * normal.height - mu);
        if sin2_t < 1.0 {
            let down = mu / eta - normal.height * (cosine / eta - cos_t);
            refracted += (1.0 - fresnel) * normal.kept(mu, alpha, down);
        }
    }
    (reflected, refracted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_glass_keeps_all_light_and_splits_it_as_fresnel_says() {
        for (mu, eta) in [(0.9, 1.5), (0.3, 1.5), (0.95, 1.0 / 1.5), (0.2, 1.0 / 1.5)] {
            let (reflected, refracted) = albedos(mu, f64::from(ALPHA_MIN), eta, 0.04);
            assert!((reflected + refracted - 1.0).abs() < 2e-3, "{mu} {eta}: {reflected} + {refracted}");
        }
        // Beyond the critical angle everything is reflected.
        assert_eq!(albedos(0.2, f64::from(ALPHA_MIN), 1.0 / 1.5, 0.04).1, 0.0);
    }

    #[test]
    fn rough_glass_loses_light_to_its_own_microfacets_but_makes_none() {
        let mut last = 1.01;
        for alpha in [0.1, 0.4, 1.0] {
            let (reflected, refracted) = albedos(0.5, alpha, 1.5, 0.04);
            assert!(reflected + refracted < last && reflected + refracted > 0.5);
            last = reflected + refracted;
        }
    }
}
