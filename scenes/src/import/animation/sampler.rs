//! Keyframes and what lies between them: step, linear, spherical and cubic (glTF 2.0, appendix C). Knows no accessor and no
//! property.

/// How values between two keys are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    Step,
    Linear,
    /// Along the shorter arc between unit quaternions (x, y, z, w).
    Spherical,
    /// Hermite splines: each key holds an in-tangent, a value and an out-tangent, tangents per second.
    Cubic,
}

/// A curve through keys. Seconds ascend and may repeat; there is at least one key.
#[derive(Clone, Debug)]
pub struct Curve {
    seconds: Vec<f32>,
    /// `width` numbers a value, one value a key, three for [`Interpolation::Cubic`].
    values: Vec<f32>,
    width: usize,
    interpolation: Interpolation,
}

/// Why keys make no curve.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CurveError {
    #[error("has no keys")]
    Empty,
    #[error("has {values} numbers for {keys} keys of {needed}")]
    Count { values: usize, keys: usize, needed: usize },
    #[error("has the key {key} at {seconds} s, before the one in front of it; keys must come in order")]
    Falls { key: usize, seconds: f32 },
}

impl Curve {
    /// `width` is the number of numbers of a value, at least 1.
    pub fn new(
        seconds: Vec<f32>,
        values: Vec<f32>,
        width: usize,
        interpolation: Interpolation,
    ) -> Result<Curve, CurveError> {
        if seconds.is_empty() {
            return Err(CurveError::Empty);
        }
        let needed = if interpolation == Interpolation::Cubic { 3 * width } else { width };
        let keys = seconds.len();
        if keys.checked_mul(needed) != Some(values.len()) {
            return Err(CurveError::Count { values: values.len(), keys, needed });
        }
        if let Some(at) = seconds.windows(2).position(|pair| pair[1] < pair[0]) {
            return Err(CurveError::Falls { key: at + 1, seconds: seconds[at + 1] });
        }
        Ok(Curve { seconds, values, width, interpolation })
    }

    /// Numbers of a value.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The value at a time. Before the first key and after the last one theirs hold. The time is rounded to f32 as keys are,
    /// so that a frame meets the key that was written for it.
    pub fn at(&self, seconds: f64) -> Vec<f64> {
        let seconds = f64::from(seconds as f32);
        let after = self.seconds.partition_point(|key| f64::from(*key) <= seconds);
        if after == 0 || after == self.seconds.len() || self.interpolation == Interpolation::Step {
            return self.value(after.saturating_sub(1));
        }
        let (from, to) = (after - 1, after);
        let [start, end] = [from, to].map(|key| f64::from(self.seconds[key]));
        // The partition point leaves start ≤ seconds < end.
        let (length, part) = (end - start, (seconds - start) / (end - start));
        let (a, b) = (self.value(from), self.value(to));
        match self.interpolation {
            Interpolation::Step => a,
            Interpolation::Linear => mixed(&a, &b, 1.0 - part, part),
            Interpolation::Spherical => spherical(&a, &b, part),
            Interpolation::Cubic => {
                let (out, into) = (self.numbers(from, 2), self.numbers(to, 0));
                let (p2, p3) = (part * part, part * part * part);
                let (h00, h10) = (2.0 * p3 - 3.0 * p2 + 1.0, length * (p3 - 2.0 * p2 + part));
                let (h01, h11) = (3.0 * p2 - 2.0 * p3, length * (p3 - p2));
                let values = mixed(&a, &b, h00, h01);
                let tangents = mixed(&out, &into, h10, h11);
                values.iter().zip(tangents).map(|(value, tangent)| value + tangent).collect()
            }
        }
    }

    fn value(&self, key: usize) -> Vec<f64> {
        self.numbers(key, usize::from(self.interpolation == Interpolation::Cubic))
    }

    /// The `part`-th run of `width` numbers of a key.
    fn numbers(&self, key: usize, part: usize) -> Vec<f64> {
        let parts = if self.interpolation == Interpolation::Cubic { 3 } else { 1 };
        let start = (key * parts + part) * self.width;
        self.values[start..start + self.width].iter().map(|x| f64::from(*x)).collect()
    }
}

fn mixed(a: &[f64], b: &[f64], weight_a: f64, weight_b: f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| weight_a * a + weight_b * b).collect()
}

/// Shoemake's spherical interpolation, straight where the arc is too short for its sine.
fn spherical(a: &[f64], b: &[f64], part: f64) -> Vec<f64> {
    let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let sign = if dot < 0.0 { -1.0 } else { 1.0 };
    let angle = dot.abs().min(1.0).acos();
    let sin = angle.sin();
    if sin < 1e-6 {
        return mixed(a, b, 1.0 - part, sign * part);
    }
    mixed(a, b, ((1.0 - part) * angle).sin() / sin, sign * (part * angle).sin() / sin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn curve(interpolation: Interpolation, values: &[f32]) -> Curve {
        Curve::new(vec![1.0, 3.0], values.to_vec(), 1, interpolation).unwrap()
    }

    #[test]
    fn end_values_hold_outside_and_keys_are_met() {
        for (interpolation, values) in [
            (Interpolation::Step, &[4.0, 8.0][..]),
            (Interpolation::Linear, &[4.0, 8.0]),
            (Interpolation::Cubic, &[99.0, 4.0, 7.0, -5.0, 8.0, 99.0]),
        ] {
            let curve = curve(interpolation, values);
            for (seconds, value) in [(-9.0, 4.0), (0.0, 4.0), (1.0, 4.0), (3.0, 8.0), (1e9, 8.0)] {
                assert_eq!(curve.at(seconds), [value], "{interpolation:?} at {seconds}");
            }
        }
    }

    #[test]
    fn between_keys() {
        assert_eq!(curve(Interpolation::Step, &[4.0, 8.0]).at(2.999), [4.0]);
        assert_eq!(curve(Interpolation::Linear, &[4.0, 8.0]).at(2.5), [7.0]);
        // Appendix C at a quarter: 0.84375·4 + 2·0.140625·3 + 0.15625·8 − 2·0.046875·5.
        let cubic = curve(Interpolation::Cubic, &[0.0, 4.0, 3.0, 5.0, 8.0, 0.0]);
        assert_eq!(cubic.at(1.5), [3.375 + 0.84375 + 1.25 - 0.46875]);
    }

    #[test]
    fn repeated_keys_jump() {
        let curve =
            Curve::new(vec![0.0, 1.0, 1.0, 2.0], vec![0.0, 2.0, 5.0, 6.0], 1, Interpolation::Linear).unwrap();
        assert_eq!([0.5, 0.999_999, 1.0, 1.5].map(|t| curve.at(t)[0].round()), [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(curve.at(1.5), [5.5]);
    }

    #[test]
    fn a_quarter_turn_in_thirds() {
        let half = std::f64::consts::FRAC_PI_4;
        // The second key is the antipode of a turn by 90° about y: the same rotation, and the shorter arc is taken.
        let values = [0.0, 0.0, 0.0, 1.0, 0.0, -half.sin() as f32, 0.0, -half.cos() as f32];
        let curve = Curve::new(vec![0.0, 3.0], values.to_vec(), 4, Interpolation::Spherical).unwrap();
        for third in 0..3 {
            let [x, y, z, w] = curve.at(f64::from(third))[..] else { panic!() };
            let angle = half * f64::from(third) / 3.0;
            assert!((y - angle.sin()).abs() < 1e-7 && (w - angle.cos()).abs() < 1e-7, "{third}: {y} {w}");
            assert_eq!((x, z), (0.0, 0.0));
        }
    }

    #[test]
    fn bad_keys_are_named() {
        let error = |seconds: &[f32], values: &[f32], interpolation| {
            Curve::new(seconds.to_vec(), values.to_vec(), 2, interpolation).unwrap_err()
        };
        assert_eq!(error(&[], &[], Interpolation::Linear), CurveError::Empty);
        let count = CurveError::Count { values: 3, keys: 2, needed: 2 };
        assert_eq!(error(&[0.0, 1.0], &[0.0; 3], Interpolation::Linear), count);
        let count = CurveError::Count { values: 4, keys: 2, needed: 6 };
        assert_eq!(error(&[0.0, 1.0], &[0.0; 4], Interpolation::Cubic), count);
        let falls = CurveError::Falls { key: 2, seconds: 0.5 };
        assert_eq!(error(&[0.0, 1.0, 0.5], &[0.0; 6], Interpolation::Step), falls);
    }

    proptest! {
        #[test]
        fn unit_quaternions_stay_unit(
            a in prop::array::uniform4(-1.0..1.0f32), b in prop::array::uniform4(-1.0..1.0f32), t in 0.0..1.0f64,
        ) {
            let unit = |q: [f32; 4]| {
                let length = q.iter().map(|x| x * x).sum::<f32>().sqrt();
                (length > 0.1).then(|| q.map(|x| x / length))
            };
            let (Some(a), Some(b)) = (unit(a), unit(b)) else { return Ok(()) };
            let values = [a, b].concat();
            let curve = Curve::new(vec![0.0, 1.0], values, 4, Interpolation::Spherical).unwrap();
            let length: f64 = curve.at(t).iter().map(|x| x * x).sum();
            prop_assert!((length - 1.0).abs() < 1e-5);
        }
    }
}
