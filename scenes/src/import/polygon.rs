//! Polygons cut into triangles by clipping ears, concave ones too. Knows no file.

use crate::affine::{cross, sub};

/// Polygons of more corners are cut as fans: clipping ears costs the square of the corners, at worst the cube.
const EAR_CORNERS_MAX: usize = 128;
/// Corners that all polygons of a file may be tested for; then fans.
const TESTS_MAX: u64 = 1 << 30;

/// Cuts a file's polygons.
pub struct PolygonCutter {
    tests_left: u64,
}

impl PolygonCutter {
    pub fn new() -> PolygonCutter {
        PolygonCutter { tests_left: TESTS_MAX }
    }

    /// Triangles over the polygon's corners, in its winding; none for fewer than three corners.
    pub fn cut(&mut self, corners: &[[f64; 3]]) -> Vec<[usize; 3]> {
        let mut left: Vec<usize> = (0..corners.len()).collect();
        let mut triangles = Vec::with_capacity(corners.len().saturating_sub(2));
        if (4..=EAR_CORNERS_MAX).contains(&corners.len()) {
            let flat = flattened(corners);
            while left.len() > 3 {
                let Some(ear) = (0..left.len()).find(|at| self.is_ear(&flat, &left, *at)) else {
                    break;
                };
                let (before, after) = neighbours(&left, ear);
                triangles.push([before, left[ear], after]);
                left.remove(ear);
            }
        }
        if let Some((hub, rim)) = left.split_first() {
            triangles.extend(rim.windows(2).map(|pair| [*hub, pair[0], pair[1]]));
        }
        triangles
    }

    /// Whether the corner is convex and no other corner lies in the triangle that it makes with its neighbours.
    fn is_ear(&mut self, flat: &[[f64; 2]], left: &[usize], at: usize) -> bool {
        if self.tests_left < left.len() as u64 {
            return false;
        }
        let (before, after) = neighbours(left, at);
        let [a, b, c] = [before, left[at], after].map(|i| flat[i]);
        if side(a, b, c) <= 0.0 {
            return false;
        }
        self.tests_left -= left.len() as u64;
        let blocks = |i: usize| {
            let p = flat[i];
            let is_corner = p == a || p == b || p == c;
            !is_corner && side(a, b, p) >= 0.0 && side(b, c, p) >= 0.0 && side(c, a, p) >= 0.0
        };
        !left.iter().any(|i| blocks(*i))
    }
}

fn neighbours(left: &[usize], at: usize) -> (usize, usize) {
    let n = left.len();
    (left[(at + n - 1) % n], left[(at + 1) % n])
}

/// Twice the signed area of a triangle, positive where it turns counter-clockwise.
fn side(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The polygon seen along the axis that its normal is nearest to, turning counter-clockwise.
fn flattened(corners: &[[f64; 3]]) -> Vec<[f64; 2]> {
    let mut normal = [0.0; 3];
    for pair in corners[1..].windows(2) {
        let part = cross(sub(pair[0], corners[0]), sub(pair[1], corners[0]));
        normal = [normal[0] + part[0], normal[1] + part[1], normal[2] + part[2]];
    }
    let axis = (0..3).fold(0, |best, k| if normal[k].abs() > normal[best].abs() { k } else { best });
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    let (u, v) = if normal[axis] < 0.0 { (v, u) } else { (u, v) };
    corners.iter().map(|corner| [corner[u], corner[v]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(corners: &[[f64; 3]], triangles: &[[usize; 3]]) -> f64 {
        let each = |t: &[usize; 3]| {
            let [a, b, c] = t.map(|i| corners[i]);
            crate::affine::length(cross(sub(b, a), sub(c, a))) / 2.0
        };
        triangles.iter().map(each).sum()
    }

    #[test]
    fn a_star_keeps_its_area_and_its_winding() {
        // Ten corners, alternately far and near, in the plane y = 1: fans would overlap.
        let radius = |i: usize| if i % 2 == 0 { 2.0 } else { 0.7 };
        let star: Vec<[f64; 3]> = (0..10)
            .map(|i| (radius(i), i as f64 * std::f64::consts::TAU / 10.0))
            .map(|(r, angle)| [r * angle.cos(), 1.0, r * angle.sin()])
            .collect();
        let triangles = PolygonCutter::new().cut(&star);
        assert_eq!(triangles.len(), 8);
        let exact = 10.0 * 0.5 * 2.0 * 0.7 * (std::f64::consts::TAU / 10.0).sin();
        assert!((area(&star, &triangles) - exact).abs() < 1e-9);
        for [a, b, c] in triangles {
            assert!(cross(sub(star[b], star[a]), sub(star[c], star[a]))[1] < 0.0);
        }
    }

    #[test]
    fn few_corners_and_many_corners() {
        let line: Vec<[f64; 3]> = (0..300).map(|i| [f64::from(i), 0.0, 0.0]).collect();
        assert!(PolygonCutter::new().cut(&line[..2]).is_empty());
        assert_eq!(PolygonCutter::new().cut(&line[..3]), [[0, 1, 2]]);
        assert_eq!(PolygonCutter::new().cut(&line[..60]).len(), 58);
        assert_eq!(PolygonCutter::new().cut(&line).len(), 298);
    }

    proptest! {
        #[test]
        fn any_polygon_becomes_two_triangles_fewer_than_corners(
            corners in prop::collection::vec(prop::array::uniform3(prop_oneof![-2.0..2.0f64, Just(0.0), Just(1e300)]), 3..40),
        ) {
            let triangles = PolygonCutter::new().cut(&corners);
            prop_assert_eq!(triangles.len(), corners.len() - 2);
            prop_assert!(triangles.iter().flatten().all(|i| *i < corners.len()));
        }
    }
}
