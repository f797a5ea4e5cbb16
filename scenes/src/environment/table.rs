//! Importance sampling of an environment: integer cumulative probabilities of rows and columns, row edges and densities, as
//! [`tessera_shared::package::layout::EnvironmentTable`] lays them out.

use tessera_shared::package::layout::EnvironmentTable;

use super::Environment;
use crate::compile::number::luminance;

/// Table words, and the integral of luminance over the sphere. The integral is 0 where the environment is black; the table
/// is then uniform.
pub fn build(environment: &Environment) -> (Vec<u32>, f64) {
    let (width, height) = (environment.width as usize, environment.height as usize);
    let layout = EnvironmentTable { width: environment.width, height: environment.height };
    let mut words = vec![0u32; layout.words()];
    let edges = row_edges(height);
    let luminances: Vec<f64> =
        environment.texels.iter().map(|t| luminance([t[0], t[1], t[2]].map(f64::from))).collect();
    let mut row_weights = Vec::with_capacity(height);
    let mut integral = 0.0;
    for row in 0..height {
        let weights = row_cell_integrals(&luminances, width, height, row);
        let solid_angle = solid_angle(&edges, row, width);
        let row_weight = weights.iter().sum::<f64>() * solid_angle;
        integral += row_weight;
        row_weights.push(row_weight);
        cumulative(&weights, &mut words[layout.columns() + row * width..][..width]);
        words[layout.densities() + row] = ((1.0 / solid_angle) as f32).to_bits();
    }
    cumulative(&row_weights, &mut words[layout.rows()..][..height]);
    for (word, edge) in words[layout.edges()..].iter_mut().zip(&edges) {
        *word = edge.to_bits();
    }
    (words, integral)
}

/// sin(latitude) of row edges from 1 to −1, antisymmetric and strictly falling.
fn row_edges(height: usize) -> Vec<f32> {
    let edge = |row: usize| {
        let latitude = std::f64::consts::PI * (0.5 - row as f64 / height as f64);
        crate::compile::number::settled(latitude.sin())
    };
    let half: Vec<f32> = (0..height / 2 + 1).map(edge).collect();
    let at = |row: usize| match (2 * row).cmp(&height) {
        std::cmp::Ordering::Less => half[row],
        std::cmp::Ordering::Equal => 0.0,
        std::cmp::Ordering::Greater => -half[height - row],
    };
    (0..=height).map(at).collect()
}

/// Of one texel of the row, in steradians, from the edges as kernels read them.
fn solid_angle(edges: &[f32], row: usize, width: usize) -> f64 {
    (f64::from(edges[row]) - f64::from(edges[row + 1])) * std::f64::consts::TAU / width as f64
}

/// The mean over each texel's area of the bilinearly filtered luminance. It is zero only where the filtered radiance is
/// zero all over the texel, so the density never vanishes under light.
fn row_cell_integrals(luminances: &[f64], width: usize, height: usize, row: usize) -> Vec<f64> {
    let line = |row: usize| &luminances[row * width..][..width];
    let (above, here, below) = (line(row.saturating_sub(1)), line(row), line((row + 1).min(height - 1)));
    let blend: Vec<f64> = (0..width).map(|x| 0.75 * here[x] + 0.125 * (above[x] + below[x])).collect();
    (0..width)
        .map(|x| 0.75 * blend[x] + 0.125 * (blend[(x + width - 1) % width] + blend[(x + 1) % width]))
        .collect()
}

/// Cumulative probabilities of weights in units of 2⁻³², the last 2³² − 1. Every positive weight keeps at least one unit;
/// all-zero weights count as equal.
pub fn cumulative(weights: &[f64], out: &mut [u32]) {
    let Some(last) = weights.iter().rposition(|w| *w > 0.0) else {
        if weights.is_empty() {
            return;
        }
        return cumulative(&vec![1.0; weights.len()], out);
    };
    let total: f64 = weights.iter().sum();
    let positive = weights.iter().filter(|w| **w > 0.0).count() as u64;
    // One unit each is set aside; the rest is shared by weight.
    let shared = ((1u64 << 32) - 1 - positive) as f64;
    let (mut sum, mut units) = (0.0, 0u64);
    for (i, (weight, out)) in weights.iter().zip(out).enumerate() {
        sum += weight;
        units += u64::from(*weight > 0.0);
        let cumulated = units + (shared * (sum / total).min(1.0)) as u64;
        *out = if i >= last { u32::MAX } else { cumulated.min(u64::from(u32::MAX)) as u32 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn probability(cdf: &[u32], i: usize) -> f64 {
        let upper = |i: usize| if cdf[i] == u32::MAX { 4294967296.0 } else { f64::from(cdf[i]) };
        (upper(i) - if i == 0 { 0.0 } else { upper(i - 1) }) / 4294967296.0
    }

    proptest! {
        #[test]
        fn cumulative_probabilities_follow_the_weights(weights in prop::collection::vec(prop_oneof![Just(0.0), 1e-30..1e6f64], 1..200)) {
            let mut cdf = vec![0; weights.len()];
            cumulative(&weights, &mut cdf);
            prop_assert!(cdf.windows(2).all(|w| w[0] <= w[1]));
            prop_assert_eq!(*cdf.last().unwrap(), u32::MAX);
            let total: f64 = weights.iter().sum();
            for (i, weight) in weights.iter().enumerate().filter(|_| total > 0.0) {
                let p = probability(&cdf, i);
                prop_assert_eq!(p > 0.0, *weight > 0.0, "{} {}", i, weight);
                prop_assert!((p - weight / total).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_single_bright_texel_is_found_from_all_its_neighbours() {
        let (width, height) = (8u32, 6u32);
        let mut texels = vec![[0.0; 4]; 48];
        texels[2 * 8] = [0.0, 0.0, 5.0, 0.0];
        let (words, integral) = build(&Environment { width, height, texels });
        assert!(integral > 0.0);
        let layout = EnvironmentTable { width, height };
        let rows = &words[..6];
        for row in 0..6usize {
            assert_eq!(probability(rows, row) > 0.0, (1..=3).contains(&row), "row {row}");
        }
        let columns = &words[layout.columns() + 2 * 8..][..8];
        let lit: Vec<usize> = (0..8).filter(|x| probability(columns, *x) > 0.0).collect();
        assert_eq!(lit, [0, 1, 7]);
    }

    #[test]
    fn edges_fall_strictly_at_the_greatest_height_and_densities_cover_the_sphere() {
        for height in [1usize, 2, 3, 512, 8191, 8192] {
            let edges = row_edges(height);
            assert!(edges.windows(2).all(|w| w[0] > w[1]), "{height}");
            let sphere: f64 = (0..height).map(|row| 4.0 * solid_angle(&edges, row, 4)).sum();
            assert!((sphere - 4.0 * std::f64::consts::PI).abs() < 1e-12);
        }
    }
}
