//! A statistical test of one render against another: are block means as far apart as their variance allows (as Mitsuba 3
//! tests its renders: per-block Z-test, Šidák's correction, a share of blocks that must pass)?

use anyhow::{Result, bail};
use serde_json::json;

use super::picture::Picture;

/// Chance that a right image fails somewhere.
const SIGNIFICANCE: f64 = 0.01;
/// Blocks that must pass.
const SHARE_MIN: f64 = 0.9975;
/// Standard deviation that every mean is granted: rounding, and variance that the reference's few batches did not see.
const FLOOR: f64 = 1e-4;

/// The outcome for one block size.
#[derive(Clone, Debug, PartialEq)]
pub struct ZTest {
    pub edge_px: usize,
    /// Blocks times channels.
    pub tests: usize,
    pub passed: usize,
    /// Greatest |z|, and the one that the significance allows.
    pub greatest: f64,
    pub allowed: f64,
}

impl ZTest {
    pub fn passes(&self) -> bool {
        self.passed as f64 >= SHARE_MIN * self.tests as f64
    }

    pub fn sentence(&self) -> String {
        let verdict = if self.passes() { "passes" } else { "FAILS" };
        let share = 100.0 * self.passed as f64 / self.tests.max(1) as f64;
        let edge = self.edge_px;
        format!(
            "Z-test {edge}×{edge}: {verdict}, {share:.3} % of {} means; greatest |z| {:.2}, allowed {:.2}",
            self.tests, self.greatest, self.allowed
        )
    }

    pub fn json(&self) -> serde_json::Value {
        json!({"edge_px": self.edge_px, "tests": self.tests, "passed": self.passed, "passes": self.passes(), "greatest": self.greatest, "allowed": self.allowed})
    }
}

/// Compares means of `edge`² blocks. `variance` is that of one sample; `share` is 1/samples of A + 1/samples of B.
pub fn z_test(a: &Picture, b: &Picture, variance: &Picture, share: f64, edge: usize) -> Result<ZTest> {
    let (columns, rows) = (a.width / edge, a.height / edge);
    if columns == 0 || rows == 0 {
        bail!("an image of {}×{} pixels has no block of {edge}", a.width, a.height);
    }
    let tests = columns * rows * 3;
    let allowed = allowed(tests);
    let (mut passed, mut greatest) = (0, 0.0f64);
    for block in 0..columns * rows {
        let (x0, y0) = (block % columns * edge, block / columns * edge);
        for channel in 0..3 {
            let (mut difference, mut spread) = (0.0, 0.0);
            for at in (0..edge * edge).map(|i| (y0 + i / edge) * a.width + x0 + i % edge) {
                difference += f64::from(a.pixels[at][channel]) - f64::from(b.pixels[at][channel]);
                spread += f64::from(variance.pixels[at][channel]);
            }
            let count = (edge * edge) as f64;
            let deviation = (spread * share / (count * count) + FLOOR * FLOOR).sqrt();
            let z = (difference / count / deviation).abs();
            greatest = if z.is_nan() { f64::INFINITY } else { greatest.max(z) };
            passed += usize::from(z <= allowed);
        }
    }
    Ok(ZTest { edge_px: edge, tests, passed, greatest, allowed })
}

/// The |z| whose two-sided tail is Šidák's share of the significance for so many tests.
fn allowed(tests: usize) -> f64 {
    let tail = 1.0 - (1.0 - SIGNIFICANCE).powf(1.0 / tests as f64);
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if libm::erfc(middle / std::f64::consts::SQRT_2) > tail { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64² pixels of value 0.5, noisy with deviation 0.5/32 by a small generator.
    fn noisy(seed: u64, factor: f32) -> Picture {
        let mut state = seed;
        let mut uniform = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let mut pixel = || (0.5 + (uniform() - 0.5) * 12f32.sqrt() * 0.5 / 32.0) * factor;
        Picture { width: 64, height: 64, pixels: (0..4096).map(|_| [pixel(), pixel(), pixel()]).collect() }
    }

    #[test]
    fn noise_passes_and_three_percent_do_not() {
        let variance = Picture { width: 64, height: 64, pixels: vec![[0.25; 3]; 4096] };
        let share = 2.0 / 1024.0;
        for edge in [4, 16] {
            assert!(z_test(&noisy(1, 1.0), &noisy(2, 1.0), &variance, share, edge).unwrap().passes());
        }
        assert!(!z_test(&noisy(1, 1.03), &noisy(2, 1.0), &variance, share, 16).unwrap().passes());
    }

    #[test]
    fn the_allowed_deviation_is_the_normal_quantile() {
        assert!((allowed(1) - 2.5758).abs() < 1e-3);
        assert!((allowed(1000) - 4.4156).abs() < 1e-2);
    }
}
