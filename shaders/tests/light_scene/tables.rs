//! The tables that a package brings, worked out in f64: sRGB, directional albedo, cumulative probabilities.

use std::sync::OnceLock;

/// Cumulative words of weights, the last 2^32 − 1.
pub fn cumulative(weights: &[f64]) -> Vec<u32> {
    let whole: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let mut words: Vec<u32> = weights
        .iter()
        .map(|w| {
            sum += w;
            (sum / whole * 4294967296.0).min(4294967295.0) as u32
        })
        .collect();
    if let Some(last) = words.last_mut() {
        *last = u32::MAX;
    }
    words
}

/// The environment table of `layout.rs`: density by the greatest of a texel and its neighbours.
pub fn environment(width: usize, height: usize, texels: &[[f32; 3]]) -> Vec<u32> {
    let edge = |row: usize| (std::f64::consts::PI * (0.5 - row as f64 / height as f64)).sin();
    let solid_angle = |row: usize| std::f64::consts::TAU / width as f64 * (edge(row) - edge(row + 1));
    let weight = |x: usize, y: usize| {
        let mut most = 0f32;
        for row in y.saturating_sub(1)..(y + 2).min(height) {
            for dx in [width - 1, 0, 1] {
                let t = texels[row * width + (x + dx) % width];
                most = most.max(t[0] + t[1] + t[2]);
            }
        }
        f64::from(most) * solid_angle(y)
    };
    let weights: Vec<Vec<f64>> = (0..height).map(|y| (0..width).map(|x| weight(x, y)).collect()).collect();
    let mut words = cumulative(&weights.iter().map(|row| row.iter().sum()).collect::<Vec<_>>());
    for row in &weights {
        words.extend(cumulative(row));
    }
    words.extend((0..=height).map(|row| (edge(row) as f32).to_bits()));
    words.extend((0..height).map(|row| ((1.0 / solid_angle(row)) as f32).to_bits()));
    words
}

/// Visible normals of a GGX lobe seen at cosine `mu`, with their shares, denser towards grazing ones: rare, but it is they that
/// reflect light into the surface.
fn visible_normals(mu: f64, alpha: f64, steps: usize) -> impl Iterator<Item = (super::V, f64)> {
    let wo = [(1.0 - mu * mu).sqrt(), 0.0, mu];
    let length = (alpha * alpha * wo[0] * wo[0] + mu * mu).sqrt();
    let v = [alpha * wo[0] / length, 0.0, mu / length];
    (0..2 * steps * steps).map(move |i| {
        let t = ((i / steps) as f64 + 0.5) / (2 * steps) as f64;
        let z = (1.0 - t) * (1.0 - t) * (1.0 + v[2]) - v[2];
        let r = (1.0 - z * z).max(0.0).sqrt();
        let (s, c) = (std::f64::consts::TAU * ((i % steps) as f64 + 0.5) / steps as f64).sin_cos();
        let m = super::unit([alpha * (r * c + v[0]), alpha * r * s, (z + v[2]).max(1e-12)]);
        (m, (1.0 - t) / (steps * steps) as f64)
    })
}

/// The lobe's albedo split as F0 · A + B.
pub fn lobe_albedo(mu: f64, alpha: f64, steps: usize) -> (f64, f64) {
    let wo = [(1.0 - mu * mu).sqrt(), 0.0, mu];
    let root = |c: f64| (alpha * alpha + (1.0 - alpha * alpha) * c * c).sqrt();
    let (mut a, mut b) = (0.0, 0.0);
    for (m, share) in visible_normals(mu, alpha, steps) {
        let cos = super::dot(wo, m);
        let cos_i = 2.0 * cos * m[2] - mu;
        if cos_i > 0.0 {
            let kept = share * cos_i * (mu + root(mu)) / (cos_i * root(mu) + mu * root(cos_i));
            let schlick = (1.0 - cos).powi(5);
            a += kept * (1.0 - schlick);
            b += kept * schlick;
        }
    }
    (a, b)
}

/// What a rough surface of this index reflects and refracts.
pub fn glass_albedo(mu: f64, alpha: f64, eta: f64, steps: usize) -> (f64, f64) {
    let wo = [(1.0 - mu * mu).sqrt(), 0.0, mu];
    let root = |c: f64| (alpha * alpha + (1.0 - alpha * alpha) * c * c).sqrt();
    let kept = |c: f64| if c > 0.0 { c * (mu + root(mu)) / (c * root(mu) + mu * root(c)) } else { 0.0 };
    let (mut up, mut down) = (0.0, 0.0);
    for (m, share) in visible_normals(mu, alpha, steps) {
        let cos = super::dot(wo, m);
        let cos2_t = 1.0 - (1.0 - cos * cos) / (eta * eta);
        let fresnel = match (cos2_t < 0.0, eta < 1.0) {
            (true, _) => 1.0,
            (_, true) => 0.04 + 0.96 * (1.0 - cos2_t.sqrt()).powi(5),
            _ => 0.04 + 0.96 * (1.0 - cos).powi(5),
        };
        up += share * fresnel * kept(2.0 * cos * m[2] - mu);
        if cos2_t > 0.0 {
            let t = super::sub(super::scale(m, cos / eta - cos2_t.sqrt()), super::scale(wo, 1.0 / eta));
            down += share * (1.0 - fresnel) * kept(-t[2]);
        }
    }
    (up, down)
}

/// What sheen of colour 1 reflects, by plain quadrature over directions.
fn sheen_albedo(mu: f64, roughness: f64) -> f64 {
    let k = 1.0 / (roughness.max(0.07) * roughness.max(0.07));
    let wo = [(1.0 - mu * mu).sqrt(), 0.0, mu];
    let mut sum = 0.0;
    for i in 0..40 * 24 {
        let (t, phi) = ((i / 24) as f64 + 0.5, std::f64::consts::PI * ((i % 24) as f64 + 0.5) / 24.0);
        let z = (t / 40.0) * (t / 40.0);
        let r = (1.0 - z * z).sqrt();
        let h = super::unit(super::add(wo, [r * phi.cos(), r * phi.sin(), z]));
        let d = (2.0 + k) * (1.0 - h[2] * h[2]).max(0.0).powf(0.5 * k) / std::f64::consts::TAU;
        sum += d * z / (4.0 * (z + mu - z * mu)) * 2.0 * t / 40.0;
    }
    sum * std::f64::consts::TAU / (40.0 * 24.0)
}

/// Where the tables of a glass of index 1.5 start, for an edge of 32.
pub const GLASS: u32 = 256 + 2 * 2048;

/// The tables section of `layout.rs`.
pub fn tables(edge: usize) -> Vec<f32> {
    static TABLES: OnceLock<Vec<f32>> = OnceLock::new();
    let build = || {
        let mut table = Vec::new();
        for byte in 0..256 {
            let s = f64::from(byte) / 255.0;
            table.push(if s <= 0.04045 { s / 12.92 } else { ((s + 0.055) / 1.055).powf(2.4) } as f32);
        }
        for row in 0..edge {
            let roughness = row as f64 / (edge - 1) as f64;
            let alpha = (roughness * roughness).max(0.0009765625);
            for column in 0..edge {
                let (a, b) = lobe_albedo((column as f64 + 0.5) / edge as f64, alpha, 24);
                table.extend([a as f32, b as f32]);
            }
        }
        let entries =
            || (0..edge * edge).map(|i| (i / edge, (i % edge) as f64 / edge as f64 + 0.5 / edge as f64));
        for (row, mu) in entries() {
            let albedo = sheen_albedo(mu, row as f64 / (edge - 1) as f64);
            table.extend([albedo.min(1.0) as f32, (1.0 / albedo.max(1.0)) as f32]);
        }
        for eta in [1.5, 1.0 / 1.5] {
            for (row, mu) in entries() {
                let roughness = row as f64 / (edge - 1) as f64;
                let (up, down) = glass_albedo(mu, (roughness * roughness).max(0.0009765625), eta, 24);
                table.extend([up as f32, down as f32]);
            }
        }
        table
    };
    TABLES.get_or_init(build).clone()
}
