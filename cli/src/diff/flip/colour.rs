//! Colour spaces that FLIP compares in, from linear Rec.709: YCxCz, where the eye's blur is applied, and L*a*b* with the Hunt
//! effect, where differences are measured.

/// L*, a*, b*.
pub type Lab = [f64; 3];

/// Chromaticities (x, y) of red, green and blue, and of white, D65 (ITU-R BT.709).
const PRIMARIES: [(f64, f64); 3] = [(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)];
const WHITE: (f64, f64) = (0.3127, 0.3290);

type Matrix = [[f64; 3]; 3];

/// Rows of the matrix from linear Rec.709 to XYZ over the white's XYZ, so that white is (1, 1, 1).
fn to_white_relative() -> Matrix {
    // Columns are the primaries' XYZ, scaled such that they add up to white.
    let xyz = |(x, y): (f64, f64)| [x / y, 1.0, (1.0 - x - y) / y];
    let columns = PRIMARIES.map(xyz);
    let rows: Matrix = [0, 1, 2].map(|row| columns.map(|column| column[row]));
    let white = xyz(WHITE);
    let scale = times(&inverse(&rows), white);
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| rows[row][column] * scale[column] / white[row]))
}

fn times(matrix: &Matrix, v: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

/// By cofactors; the matrices here are far from singular.
fn inverse(m: &Matrix) -> Matrix {
    let minor = |row: usize, column: usize| {
        let [r0, r1] = [(row + 1) % 3, (row + 2) % 3];
        let [c0, c1] = [(column + 1) % 3, (column + 2) % 3];
        m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| minor(column, row) / determinant))
}

/// Both directions, computed once.
fn matrices() -> &'static (Matrix, Matrix) {
    static MATRICES: std::sync::OnceLock<(Matrix, Matrix)> = std::sync::OnceLock::new();
    MATRICES.get_or_init(|| {
        let forth = to_white_relative();
        (forth, inverse(&forth))
    })
}

/// YCxCz of a linear colour (§4.1.1).
pub fn opponent(rgb: [f64; 3]) -> [f64; 3] {
    let [x, y, z] = times(&matrices().0, rgb);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The linear colour of a YCxCz.
pub fn linear([luminance, cx, cz]: [f64; 3]) -> [f64; 3] {
    let y = (luminance + 16.0) / 116.0;
    times(&matrices().1, [y + cx / 500.0, y, y - cz / 200.0])
}

/// CIE 1976 L*a*b* of a linear colour.
pub fn lab(rgb: [f64; 3]) -> Lab {
    const KNEE: f64 = 6.0 / 29.0;
    let curve = |t: f64| match t > KNEE * KNEE * KNEE {
        true => t.cbrt(),
        false => t / (3.0 * KNEE * KNEE) + 4.0 / 29.0,
    };
    let [x, y, z] = times(&matrices().0, rgb).map(curve);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Dark colours look less colourful (Hunt 1952; §4.1.2).
pub fn hunt([l, a, b]: Lab) -> Lab {
    [l, 0.01 * l * a, 0.01 * l * b]
}

/// Distance that is fit for large differences (Abasi, Tehran and Fairchild 2019; §4.1.2).
pub fn hyab(p: &Lab, q: &Lab) -> f64 {
    (p[0] - q[0]).abs() + (p[1] - q[1]).hypot(p[2] - q[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours() {
        let close = |a: [f64; 3], b: [f64; 3], within: f64| {
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < within), "{a:?} {b:?}");
        };
        close(opponent([1.0; 3]), [100.0, 0.0, 0.0], 1e-9);
        close(linear(opponent([0.2, 0.5, 0.9])), [0.2, 0.5, 0.9], 1e-12);
        // L*a*b* of the primaries, as colour science tables give them for D65.
        close(lab([0.0, 1.0, 0.0]), [87.73, -86.18, 83.18], 0.03);
        close(lab([0.0, 0.0, 1.0]), [32.30, 79.19, -107.86], 0.03);
        close(lab([0.001; 3]), [0.9033, 0.0, 0.0], 1e-3);
    }
}
