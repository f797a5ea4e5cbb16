//! Shapes with smooth normals, and the random numbers that vary them.

use std::f32::consts::{PI, TAU};

#[derive(Clone, Default)]
pub struct Shape {
    pub positions: Vec<[f32; 3]>,
    pub normals: Vec<[f32; 3]>,
    pub uvs: Vec<[f32; 2]>,
    pub colors: Vec<[u8; 4]>,
    pub triangles: Vec<[u32; 3]>,
}

/// A small generator of uniform numbers (Steele, Lea and Flood 2014, SplitMix64).
pub struct Random(pub u64);

impl Random {
    /// 0 to below 1.
    pub fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / 16_777_216.0
    }

    pub fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }
}

pub fn add(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub fn scale(a: [f32; 3], s: f32) -> [f32; 3] {
    a.map(|x| x * s)
}

pub fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub fn unit(a: [f32; 3]) -> [f32; 3] {
    scale(a, 1.0 / (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]).sqrt().max(1e-20))
}

impl Shape {
    /// Triangles of a grid of `columns` × `rows` quads over (columns + 1) × (rows + 1) vertices.
    fn grid(columns: u32, rows: u32) -> Vec<[u32; 3]> {
        let mut triangles = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                let a = row * (columns + 1) + column;
                let c = a + columns + 1;
                triangles.extend([[a, c, a + 1], [a + 1, c, c + 1]]);
            }
        }
        triangles
    }

    /// A unit sphere of quads between poles on Y.
    pub fn sphere(around: u32, down: u32) -> Shape {
        let mut shape = Shape::default();
        for row in 0..=down {
            let (sin, cos) = (PI * row as f32 / down as f32).sin_cos();
            for column in 0..=around {
                let (s, c) = (TAU * column as f32 / around as f32).sin_cos();
                shape.positions.push([sin * s, cos, sin * c]);
            }
        }
        shape.normals = shape.positions.clone();
        shape.triangles = Shape::grid(around, down);
        shape
    }

    /// The (p, q) torus knot of tube radius `tube` around a torus of radii 1 and `minor`, along Y.
    pub fn torus_knot(p: f32, q: f32, minor: f32, tube: f32, along: u32, around: u32) -> Shape {
        let point = |t: f32| {
            let radius = 1.0 + minor * (q * t).cos();
            [radius * (p * t).cos(), minor * (q * t).sin(), radius * (p * t).sin()]
        };
        let mut shape = Shape::default();
        for i in 0..=along {
            let t = TAU * (i % along) as f32 / along as f32;
            let (here, ahead, behind) = (point(t), point(t + 0.01), point(t - 0.01));
            let tangent = unit(add(ahead, scale(behind, -1.0)));
            // The second difference points inwards; it serves as a frame that closes on itself.
            let inward = add(add(ahead, behind), scale(here, -2.0));
            let binormal = unit(cross(tangent, inward));
            let normal = cross(binormal, tangent);
            for j in 0..=around {
                let (sin, cos) = (TAU * (j % around) as f32 / around as f32).sin_cos();
                let outward = add(scale(normal, cos), scale(binormal, sin));
                shape.normals.push(outward);
                shape.positions.push(add(here, scale(outward, tube)));
            }
        }
        shape.triangles = Shape::grid(around, along).into_iter().map(|[a, b, c]| [a, c, b]).collect();
        shape
    }

    /// How far the shape reaches below its origin after a turn by a quaternion (x, y, z, w).
    pub fn depth(&self, turn: [f32; 4]) -> f32 {
        let [x, y, z, w] = turn;
        let row = [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)];
        let heights = self.positions.iter().map(|p| row[0] * p[0] + row[1] * p[1] + row[2] * p[2]);
        -heights.fold(f32::INFINITY, f32::min)
    }

    /// A flat-shaded icosahedron of circumradius 1, or a smooth sphere of its subdivisions.
    pub fn icosphere(subdivisions: u32) -> Shape {
        let golden = (1.0 + 5.0f32.sqrt()) / 2.0;
        let mut positions: Vec<[f32; 3]> = Vec::new();
        for (a, b) in [(1.0, golden), (-1.0, golden), (1.0, -golden), (-1.0, -golden)] {
            positions.extend([[a, b, 0.0], [0.0, a, b], [b, 0.0, a]].map(unit));
        }
        let mut triangles: Vec<[u32; 3]> = Vec::new();
        let near = |a: [f32; 3], b: [f32; 3]| (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f32>() < 1.2;
        for a in 0..12u32 {
            for b in a + 1..12 {
                for c in b + 1..12 {
                    let [p, q, r] = [a, b, c].map(|i| positions[i as usize]);
                    if near(p, q) && near(q, r) && near(p, r) {
                        let normal = cross(add(q, scale(p, -1.0)), add(r, scale(p, -1.0)));
                        let outward = (0..3).map(|k| normal[k] * p[k]).sum::<f32>() > 0.0;
                        triangles.push(if outward { [a, b, c] } else { [a, c, b] });
                    }
                }
            }
        }
        for _ in 0..subdivisions {
            let mut middles = std::collections::BTreeMap::new();
            let mut split = Vec::new();
            for [a, b, c] in triangles {
                let mut middle = |a: u32, b: u32| {
                    *middles.entry((a.min(b), a.max(b))).or_insert_with(|| {
                        positions.push(unit(add(positions[a as usize], positions[b as usize])));
                        positions.len() as u32 - 1
                    })
                };
                let (ab, bc, ca) = (middle(a, b), middle(b, c), middle(c, a));
                split.extend([[a, ab, ca], [b, bc, ab], [c, ca, bc], [ab, bc, ca]]);
            }
            triangles = split;
        }
        Shape { positions, triangles, ..Shape::default() }
    }

    /// Normals as the mean of the faces around a vertex, weighted by area.
    pub fn smoothed(mut self) -> Shape {
        self.normals = vec![[0.0; 3]; self.positions.len()];
        for [a, b, c] in &self.triangles {
            let [p, q, r] = [a, b, c].map(|i| self.positions[*i as usize]);
            let face = cross(add(q, scale(p, -1.0)), add(r, scale(p, -1.0)));
            for i in [a, b, c] {
                self.normals[*i as usize] = add(self.normals[*i as usize], face);
            }
        }
        self.normals.iter_mut().for_each(|normal| *normal = unit(*normal));
        self
    }

    /// A horizontal disc facing up.
    pub fn disc(radius: f32, height: f32, around: u32) -> Shape {
        let mut shape = Shape { positions: vec![[0.0, height, 0.0]], ..Shape::default() };
        for i in 0..around {
            let (sin, cos) = (TAU * i as f32 / around as f32).sin_cos();
            shape.positions.push([radius * sin, height, radius * cos]);
            shape.triangles.push([0, 1 + i, 1 + (i + 1) % around]);
        }
        shape.normals = vec![[0.0, 1.0, 0.0]; shape.positions.len()];
        shape
    }
}
