//! Affine maps in f64: how nodes place what they hold.

/// Rows of a 3×4 matrix; the fourth column is the translation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine(pub [[f64; 4]; 3]);

impl Affine {
    pub const IDENTITY: Affine = Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);

    /// From glTF's sixteen column-major numbers; `None` where the last row is not (0, 0, 0, 1).
    pub fn from_columns(m: &[f64; 16]) -> Option<Affine> {
        if [m[3], m[7], m[11]] != [0.0; 3] || m[15] != 1.0 {
            return None;
        }
        Some(Affine(std::array::from_fn(|row| std::array::from_fn(|column| m[column * 4 + row]))))
    }

    /// Translation · rotation · scale. The quaternion (x, y, z, w) is normalised here; `None` where it is zero.
    pub fn from_parts(translation: [f64; 3], rotation: [f64; 4], scale: [f64; 3]) -> Option<Affine> {
        let largest = rotation.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        if largest == 0.0 {
            return None;
        }
        let length = rotation.iter().map(|c| (c / largest).powi(2)).sum::<f64>().sqrt() * largest;
        let [x, y, z, w] = rotation.map(|c| c / length);
        let turn = [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
            [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
            [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
        ];
        Some(Affine(std::array::from_fn(|row| {
            let [a, b, c] = turn[row];
            [a * scale[0], b * scale[1], c * scale[2], translation[row]]
        })))
    }

    /// First `inner`, then `self`.
    pub fn then_of(&self, inner: &Affine) -> Affine {
        Affine(std::array::from_fn(|row| {
            let [a, b, c, d] = self.0[row];
            std::array::from_fn(|column| {
                let moved = if column == 3 { d } else { 0.0 };
                a * inner.0[0][column] + b * inner.0[1][column] + c * inner.0[2][column] + moved
            })
        }))
    }

    pub fn point(&self, p: [f64; 3]) -> [f64; 3] {
        self.0.map(|[a, b, c, d]| a * p[0] + b * p[1] + c * p[2] + d)
    }

    pub fn vector(&self, v: [f64; 3]) -> [f64; 3] {
        self.0.map(|[a, b, c, _]| a * v[0] + b * v[1] + c * v[2])
    }

    /// Cofactors of the linear part: they map normals up to a factor, mirrored where the map mirrors.
    pub fn cofactors(&self) -> [[f64; 3]; 3] {
        let m = &self.0;
        std::array::from_fn(|row| {
            let (a, b) = ((row + 1) % 3, (row + 2) % 3);
            std::array::from_fn(|column| {
                let (c, d) = ((column + 1) % 3, (column + 2) % 3);
                m[a][c] * m[b][d] - m[a][d] * m[b][c]
            })
        })
    }

    pub fn determinant(&self) -> f64 {
        let cofactors = self.cofactors();
        (0..3).map(|column| self.0[0][column] * cofactors[0][column]).sum()
    }

    /// The inverse; `None` where the map flattens space.
    pub fn inverse(&self) -> Option<Affine> {
        let (cofactors, determinant) = (self.cofactors(), self.determinant());
        if determinant == 0.0 || !determinant.is_finite() {
            return None;
        }
        let rows: [[f64; 3]; 3] =
            std::array::from_fn(|row| std::array::from_fn(|column| cofactors[column][row] / determinant));
        let moved = [self.0[0][3], self.0[1][3], self.0[2][3]];
        Some(Affine(rows.map(|[a, b, c]| [a, b, c, -(a * moved[0] + b * moved[1] + c * moved[2])])))
    }

    pub fn is_finite(&self) -> bool {
        self.0.iter().flatten().all(|x| x.is_finite())
    }
}

/// a × b.
pub fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn length(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

/// A vector of length one, or zero where `a` has no direction.
pub fn unit(a: [f64; 3]) -> [f64; 3] {
    let largest = a.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return [0.0; 3];
    }
    let scaled = a.map(|x| x / largest);
    let length = length(scaled);
    scaled.map(|x| x / length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: [f64; 3], b: [f64; 3]) -> bool {
        length(sub(a, b)) <= 1e-9 * (1.0 + length(a) + length(b))
    }

    proptest! {
        #[test]
        fn an_inverse_undoes_and_cofactors_keep_normals_perpendicular(
            t in prop::array::uniform3(-9.0..9.0), q in prop::array::uniform4(-1.0..1.0f64),
            s in prop::array::uniform3(0.2..3.0), p in prop::array::uniform3(-9.0..9.0),
        ) {
            prop_assume!(q.iter().any(|c| c.abs() > 0.1));
            let map = Affine::from_parts(t, q, [s[0], -s[1], s[2]]).unwrap();
            prop_assert!(map.determinant() < 0.0);
            prop_assert!(close(map.inverse().unwrap().point(map.point(p)), p));
            let (a, b) = ([1.0, 2.0, 0.5], [0.0, 1.0, -1.0]);
            let normal = cross(a, b);
            let mapped = map.cofactors().map(|row| dot(row, normal));
            prop_assert!(close(mapped, cross(map.vector(a), map.vector(b))));
            let twice = map.then_of(&map);
            prop_assert!(close(twice.point(p), map.point(map.point(p))));
        }
    }
}
