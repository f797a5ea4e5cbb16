//! Convolutions of one channel with separable kernels; beyond its edge an image goes on as its edge is.

use std::f64::consts::PI;

/// One channel, row-major.
#[derive(Clone, Debug)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f64>,
}

/// Kernels of odd length, about their middle.
pub struct FeatureKernels {
    /// A Gaussian; its values add up to 1.
    pub smooth: Vec<f64>,
    /// Its first derivative; the values on either side add up to 1.
    pub edge: Vec<f64>,
    /// Its second derivative; positive values add up to 1, negative ones to −1.
    pub point: Vec<f64>,
}

/// For features of standard deviation `sigma` pixels (§4.2).
pub fn feature_kernels(sigma: f64) -> FeatureKernels {
    let radius = (3.0 * sigma).ceil() as i64;
    let kernel = |value: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let values: Vec<f64> = (-radius..=radius).map(|x| value(x as f64)).collect();
        let sum = |sign: f64| values.iter().map(|value| (sign * value).max(0.0)).sum::<f64>();
        let (above, below) = (sum(1.0), sum(-1.0));
        values
            .iter()
            .map(|value| if *value > 0.0 { value / above } else { value / below.max(f64::MIN_POSITIVE) })
            .collect()
    };
    let gauss = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp();
    FeatureKernels {
        smooth: kernel(&gauss),
        edge: kernel(&|x| -x * gauss(x)),
        point: kernel(&|x| (x * x / (sigma * sigma) - 1.0) * gauss(x)),
    }
}

/// Blurs by a sum of Gaussians, `terms` of (weight a, exponent b in degrees²), that lets a constant as it is (§4.1.1).
pub fn gaussians(plane: &Plane, terms: &[(f64, f64)], radius: usize, pixels_per_degree: f64) -> Plane {
    let radius = radius as i64;
    let weigh = |&(a, b): &(f64, f64)| {
        let kernel: Vec<f64> = (-radius..=radius)
            .map(|x| x as f64 / pixels_per_degree)
            .map(|x| (-PI * PI * x * x / b).exp())
            .collect();
        let sum: f64 = kernel.iter().sum();
        (a * (PI / b).sqrt() * sum * sum, kernel.iter().map(|value| value / sum).collect::<Vec<f64>>())
    };
    let weighted: Vec<_> = terms.iter().map(weigh).collect();
    let total: f64 = weighted.iter().map(|(weight, _)| weight).sum();
    let mut blurred = Plane { values: vec![0.0; plane.values.len()], ..*plane };
    for (weight, kernel) in &weighted {
        let part = convolve(plane, kernel, kernel);
        for (sum, value) in blurred.values.iter_mut().zip(part.values) {
            *sum += weight / total * value;
        }
    }
    blurred
}

/// Convolves along rows with one kernel and along columns with another, both of odd length.
pub fn convolve(plane: &Plane, across: &[f64], down: &[f64]) -> Plane {
    let Plane { width, height, .. } = *plane;
    let at = |place: usize, step: usize, middle: usize, length: usize| {
        (place + step).saturating_sub(middle).min(length - 1)
    };
    let mut rows = vec![0.0; plane.values.len()];
    for (row, out) in plane.values.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        for (x, out) in out.iter_mut().enumerate() {
            let tap = |(step, k): (usize, &f64)| k * row[at(x, step, across.len() / 2, width)];
            *out = across.iter().enumerate().map(tap).sum();
        }
    }
    let mut values = vec![0.0; rows.len()];
    for (y, out) in values.chunks_exact_mut(width).enumerate() {
        for (step, k) in down.iter().enumerate() {
            let row = at(y, step, down.len() / 2, height) * width;
            out.iter_mut().zip(&rows[row..row + width]).for_each(|(out, value)| *out += k * value);
        }
    }
    Plane { width, height, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_keep_constants_and_find_steps() {
        let flat = Plane { width: 5, height: 4, values: vec![0.75; 20] };
        let kernels = feature_kernels(2.0);
        let sums = |plane: Plane, value: f64| plane.values.iter().all(|v| (v - value).abs() < 1e-12);
        assert!(sums(gaussians(&flat, &[(34.1, 0.04), (13.5, 0.025)], 10, 67.0), 0.75));
        assert!(sums(convolve(&flat, &kernels.edge, &kernels.smooth), 0.0));
        assert!(sums(convolve(&flat, &kernels.point, &kernels.smooth), 0.0));
        let step =
            Plane { width: 40, height: 3, values: (0..120).map(|at| f64::from(at % 40 >= 20)).collect() };
        let edge = convolve(&step, &kernels.edge, &kernels.smooth).values;
        // The middle tap is 0, so both neighbours of the step see all of it.
        assert!((edge[19] + 1.0).abs() < 1e-12 && (edge[20] + 1.0).abs() < 1e-12 && edge[5] == 0.0);
    }
}
