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

/// Σ over stratified visible normals of the lobe: its albedo split as F0 · A + B.
pub fn lobe_albedo(mu: f64, alpha: f64, steps: usize) -> (f64, f64) {
    let sine = (1.0 - mu * mu).sqrt();
    let length = (alpha * alpha * sine * sine + mu * mu).sqrt();
    let (vx, vz) = (alpha * sine / length, mu / length);
    let (mut a, mut b) = (0.0, 0.0);
    for i in 0..steps {
        for j in 0..steps {
            let phi = std::f64::consts::TAU * (i as f64 + 0.5) / steps as f64;
            let z = (1.0 - (j as f64 + 0.5) / steps as f64) * (1.0 + vz) - vz;
            let radius = (1.0 - z * z).max(0.0).sqrt();
            let h = [radius * phi.cos() + vx, radius * phi.sin(), z + vz];
            let m = super::unit([alpha * h[0], alpha * h[1], h[2].max(1e-12)]);
            let cos = sine * m[0] + mu * m[2];
            let cos_i = 2.0 * cos * m[2] - mu;
            if cos_i > 0.0 {
                let root = |c: f64| (alpha * alpha + (1.0 - alpha * alpha) * c * c).sqrt();
                let share = cos_i * (mu + root(mu)) / (cos_i * root(mu) + mu * root(cos_i));
                let schlick = (1.0 - cos).powi(5);
                a += share * (1.0 - schlick);
                b += share * schlick;
            }
        }
    }
    let n = (steps * steps) as f64;
    (a / n, b / n)
}

/// The tables section of `layout.rs`.
pub fn tables(edge: usize) -> Vec<f32> {
    static TABLES: OnceLock<Vec<f32>> = OnceLock::new();
    let build = || {
        let mut table = Vec::new();
        for byte in 0..256 {
            let s = f64::from(byte) / 255.0;
            table.push(if s <= 0.04045 { s / 12.92 } else { ((s + 0.055) / 1.055).powf(2.4) } as f32);
        }
        table.extend([0.0; 32]);
        for row in 0..edge {
            let roughness = row as f64 / (edge - 1) as f64;
            let alpha = (roughness * roughness).max(0.0009765625);
            for column in 0..edge {
                let (a, b) = lobe_albedo((column as f64 + 0.5) / edge as f64, alpha, 24);
                table.extend([a as f32, b as f32]);
            }
        }
        table
    };
    TABLES.get_or_init(build).clone()
}
