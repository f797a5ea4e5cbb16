//! Small scenes that are hard to trace and rays that are hard to answer, made from one seed. Shared by the test and by the
//! long run of `examples/adversarial.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tessera_backends::probe::RayQuery;
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::grid::Grid;
use tessera_shared::package::layout::{
    INSTANCE_IDENTITY, Instance, MATERIAL_BLEND, Material, Mesh, NONE, SceneHeader,
};
use tessera_shared::package::{Manifest, Package, SceneEntry, Section, SectionKind, Settings};

#[path = "../random/mod.rs"]
mod random;

pub use random::Random;

pub type Point = [f32; 3];

impl Random {
    /// In [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.word() >> 40) as f32 / (1u64 << 24) as f32
    }
    pub fn signed(&mut self) -> f32 {
        2.0 * self.unit() - 1.0
    }
    pub fn point(&mut self) -> Point {
        [self.signed(), self.signed(), self.signed()]
    }
    pub fn direction(&mut self) -> Point {
        loop {
            let p = self.point();
            let length = dot(p, p).sqrt();
            if (0.1..1.0).contains(&length) {
                return p.map(|c| c / length);
            }
        }
    }
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

pub fn add(a: Point, b: Point) -> Point {
    std::array::from_fn(|i| a[i] + b[i])
}
pub fn sub(a: Point, b: Point) -> Point {
    std::array::from_fn(|i| a[i] - b[i])
}
pub fn scale(a: Point, s: f32) -> Point {
    a.map(|c| c * s)
}
pub fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// A scene being built by hand.
#[derive(Clone, Default)]
pub struct Model {
    pub positions: Vec<[f32; 4]>,
    pub triangles: Vec<[u32; 4]>,
    meshes: Vec<Mesh>,
    pub instances: Vec<Instance>,
}

const IDENTITY: [[f32; 4]; 3] = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];

impl Model {
    /// Adds a mesh of triangles by their corners; equal corners stay equal. `holed` gives material 1.
    pub fn mesh(&mut self, triangles: &[[Point; 3]], holed: impl Fn(usize) -> bool) -> u32 {
        let triangle_start = self.triangles.len() as u32;
        for (index, corners) in triangles.iter().enumerate() {
            let first = self.positions.len() as u32;
            self.positions.extend(corners.iter().map(|&[x, y, z]| [x, y, z, 0.0]));
            self.triangles.push([first, first + 1, first + 2, u32::from(holed(index))]);
        }
        let triangle_count = triangles.len() as u32;
        self.meshes.push(Mesh { triangle_start, triangle_count, emissive_count: 0, reserved: 0 });
        self.meshes.len() as u32 - 1
    }

    fn corners(&self, mesh: u32) -> impl Iterator<Item = Point> {
        let Mesh { triangle_start, triangle_count, .. } = self.meshes[mesh as usize];
        let range = triangle_start as usize * 3..(triangle_start + triangle_count) as usize * 3;
        self.positions[range].iter().map(|&[x, y, z, _]| [x, y, z])
    }

    /// Places a mesh by an affine map given in f64, columns of the linear part first; `None` for the identity.
    pub fn place(&mut self, mesh: u32, map: Option<[[f64; 3]; 4]>) {
        let apply = |p: Point| match map {
            None => p,
            Some([x, y, z, o]) => std::array::from_fn(|i| {
                (x[i] * f64::from(p[0]) + y[i] * f64::from(p[1]) + z[i] * f64::from(p[2]) + o[i]) as f32
            }),
        };
        let (mut box_min, mut box_max) = ([f32::MAX; 3], [f32::MIN; 3]);
        for corner in self.corners(mesh).map(apply) {
            for i in 0..3 {
                box_min[i] = box_min[i].min(corner[i]);
                box_max[i] = box_max[i].max(corner[i]);
            }
        }
        let largest = box_min.iter().chain(&box_max).fold(0.0f32, |m, c| m.max(c.abs()));
        let padding = largest * 1e-5;
        let (object_to_world, world_to_object) = map.map_or((IDENTITY, IDENTITY), matrices);
        let mesh_record = self.meshes[mesh as usize];
        self.instances.push(Instance {
            object_to_world,
            world_to_object,
            box_min: box_min.map(|c| c - padding),
            mesh,
            box_max: box_max.map(|c| c + padding),
            light_start: NONE,
            triangle_start: mesh_record.triangle_start,
            emissive_count: 0,
            flags: if map.is_none() { INSTANCE_IDENTITY } else { 0 },
            blas_root: 0,
        });
    }

    /// A package with this scene and nothing that shading needs.
    pub fn package(&self) -> Package {
        let holed = Material { flags: MATERIAL_BLEND, ..Material::default() };
        let header = SceneHeader {
            instance_count: self.instances.len() as u32,
            triangle_count: self.triangles.len() as u32,
            ..SceneHeader::default()
        };
        let mut blobs = BTreeMap::new();
        let mut section = |kind, bytes: &[u8]| {
            let blob = Digest::of(bytes);
            blobs.insert(blob, Arc::from(bytes));
            Section { kind, blob, bytes: bytes.len() as u64 }
        };
        let sections = vec![
            section(SectionKind::Header, bytemuck::bytes_of(&header)),
            section(SectionKind::Positions, bytemuck::cast_slice(&self.positions)),
            section(SectionKind::Triangles, bytemuck::cast_slice(&self.triangles)),
            section(SectionKind::Meshes, bytemuck::cast_slice(&self.meshes)),
            section(SectionKind::Instances, bytemuck::cast_slice(&self.instances)),
            section(SectionKind::Materials, bytemuck::cast_slice(&[Material::default(), holed])),
        ];
        let settings = Settings {
            grid: Grid::new(8, 8, 8).unwrap(),
            samples: 1,
            pass_samples: 1,
            seed: 0,
            max_bounces: 0,
            roulette_start: 1,
            film_scale_log2: 20,
            sample_clamp: 1.0,
        };
        let name = "rays".to_owned();
        let scenes = vec![SceneEntry { sections }];
        Package {
            manifest: Manifest { kernel_version: KERNEL_VERSION, name, settings, frames: vec![], scenes },
            blobs,
        }
    }
}

/// Both matrices of an affine map, rounded to f32 apart.
fn matrices([x, y, z, o]: [[f64; 3]; 4]) -> ([[f32; 4]; 3], [[f32; 4]; 3]) {
    let cross = |a: [f64; 3], b: [f64; 3]| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let determinant = dot(x, cross(y, z));
    let inverse = [cross(y, z), cross(z, x), cross(x, y)].map(|row| row.map(|c| c / determinant));
    let forward = [0, 1, 2].map(|i| [x[i], y[i], z[i], o[i]].map(|c| c as f32));
    let back = inverse.map(|row| [row[0], row[1], row[2], -dot(row, o)].map(|c| c as f32));
    (forward, back)
}

/// A rotation by an angle about an axis, scaled and moved.
pub fn turned(random: &mut Random, size: f64, offset: [f64; 3]) -> [[f64; 3]; 4] {
    let [x, y, z] = random.direction().map(f64::from);
    let (sin, cos) = (f64::from(random.unit()) * std::f64::consts::TAU).sin_cos();
    let k = 1.0 - cos;
    let columns = [
        [cos + x * x * k, y * x * k + z * sin, z * x * k - y * sin],
        [x * y * k - z * sin, cos + y * y * k, z * y * k + x * sin],
        [x * z * k + y * sin, y * z * k - x * sin, cos + z * z * k],
    ];
    let [a, b, c] = columns.map(|column| column.map(|v| v * size));
    [a, b, c, offset]
}

/// A floor of 2 n² coplanar triangles at y = `height`.
pub fn floor(n: usize, height: f32) -> Vec<[Point; 3]> {
    let at = |i: usize, j: usize| [i as f32 * 0.3 - 1.0, height, j as f32 * 0.3 - 1.0];
    let cell = |c: usize| {
        let (i, j) = (c / n, c % n);
        let [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
        [[a, b, c], [a, c, d]]
    };
    (0..n * n).flat_map(cell).collect()
}

/// A closed cube, each face of 2 n² axis-aligned triangles.
pub fn cube(n: usize) -> Vec<[Point; 3]> {
    let at = |i: usize| 2.0 * (i as f32 / n as f32) - 1.0;
    let mut triangles = Vec::new();
    for face in 0..6 {
        let (axis, side) = (face / 2, if face % 2 == 0 { -1.0 } else { 1.0 });
        for cell in 0..n * n {
            let corner = |di: usize, dj: usize| {
                let mut p = [side; 3];
                p[(axis + 1) % 3] = at(cell / n + di);
                p[(axis + 2) % 3] = at(cell % n + dj);
                p
            };
            let [a, b, c, d] = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
            triangles.extend([[a, b, c], [a, c, d]]);
        }
    }
    triangles
}

/// A closed sphere: an octahedron, split `levels` times.
pub fn sphere(levels: usize) -> Vec<[Point; 3]> {
    let unit = |p: Point| scale(p, 1.0 / dot(p, p).sqrt());
    // The same midpoint from either side.
    let middle = |a: Point, b: Point| unit(scale(add(a, b), 0.5));
    let mut triangles: Vec<[Point; 3]> = (0..8)
        .map(|octant: usize| {
            let side = |bit: usize| if octant >> bit & 1 == 0 { 1.0 } else { -1.0 };
            [[side(0), 0.0, 0.0], [0.0, side(1), 0.0], [0.0, 0.0, side(2)]]
        })
        .collect();
    for _ in 0..levels {
        let split = |[a, b, c]: [Point; 3]| {
            let (ab, bc, ca) = (middle(a, b), middle(b, c), middle(c, a));
            [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
        };
        triangles = triangles.into_iter().flat_map(split).collect();
    }
    triangles
}

/// Needles and specks: edges from metres down to nothing.
pub fn slivers(random: &mut Random, count: usize) -> Vec<[Point; 3]> {
    (0..count)
        .map(|_| {
            let a = random.point();
            let b = add(a, scale(random.direction(), random.unit()));
            let thin = random.pick(&[0.0, 1e-7, 1e-5, 1e-3]);
            let c = add(random.pick(&[a, b]), scale(random.direction(), thin));
            [a, b, c]
        })
        .collect()
}

pub fn moved(triangles: Vec<[Point; 3]>, size: f32, offset: Point) -> Vec<[Point; 3]> {
    triangles.into_iter().map(|corners| corners.map(|p| add(scale(p, size), offset))).collect()
}

/// A scene with its name; where it is closed, a point well inside.
pub struct Case {
    pub name: &'static str,
    pub model: Model,
    pub inside: Option<Point>,
    /// World triangles to aim at.
    pub targets: Vec<[Point; 3]>,
}

fn single(name: &'static str, triangles: Vec<[Point; 3]>, inside: Option<Point>) -> Case {
    let mut model = Model::default();
    let mesh = model.mesh(&triangles, |i| i % 7 == 3);
    model.place(mesh, None);
    Case { name, model, inside, targets: triangles }
}

/// Every scene.
pub fn cases(random: &mut Random) -> Vec<Case> {
    let far = [1e5, -1e5, 7e4];
    let twice = |triangles: Vec<[Point; 3]>| triangles.iter().chain(&triangles).copied().collect::<Vec<_>>();
    let mut cases = vec![
        single("floor", floor(8, 0.0), None),
        single("floor at 0.1", floor(8, 0.1), None),
        single("floor 100 km away", moved(floor(8, 0.1), 3.0, far), None),
        single("cube", cube(5), Some([0.0; 3])),
        single("cube 100 km away", moved(cube(5), 3.0, far), Some(far)),
        single("sphere", sphere(3), Some([0.1, 0.0, -0.2])),
        single("sphere of a millimetre", moved(sphere(3), 1e-3, [0.5; 3]), Some([0.5; 3])),
        single("sphere of a kilometre", moved(sphere(3), 1e3, [0.0, 17.0, 0.0]), Some([1.0, 2.0, 3.0])),
        single("sphere 100 km away", moved(sphere(3), 50.0, far), Some(far)),
        single("duplicates", twice(twice(sphere(1))), Some([0.0; 3])),
        single("slivers", slivers(random, 150), None),
        single("slivers 100 km away", moved(slivers(random, 150), 30.0, far), None),
    ];
    cases.extend([
        placed(random, "placed cubes", 1.0),
        placed(random, "placed small cubes", 1e-3),
        stacked(),
    ]);
    cases
}

/// Cubes turned and scaled, two of them in one place.
fn placed(random: &mut Random, name: &'static str, size: f64) -> Case {
    let mut model = Model::default();
    let triangles = cube(2);
    let mesh = model.mesh(&triangles, |i| i % 5 == 1);
    let mut targets = Vec::new();
    for index in 0..9 {
        let offset = random.point().map(|c| f64::from(c) * 3.0 * size);
        let share = f64::from(random.pick(&[0.01f32, 0.5, 1.0]));
        let map = turned(random, size * share, offset);
        for _ in 0..if index == 0 { 2 } else { 1 } {
            model.place(mesh, Some(map));
        }
        let apply = |p: Point| -> Point {
            std::array::from_fn(|i| {
                (0..3).map(|axis| map[axis][i] * f64::from(p[axis])).sum::<f64>() as f32 + map[3][i] as f32
            })
        };
        targets.extend(triangles.iter().map(|corners| corners.map(apply)));
    }
    Case { name, model, inside: None, targets }
}

/// The same closed mesh twice without a transform: every hit is a tie between instances. Six walls as meshes of their own
/// close a second cube.
fn stacked() -> Case {
    let mut model = Model::default();
    let triangles = cube(2);
    let mesh = model.mesh(&triangles, |i| i % 2 == 0);
    model.place(mesh, None);
    model.place(mesh, None);
    let walls = moved(cube(1), 2.0, [0.5, 0.0, 0.0]);
    for wall in walls.chunks(2) {
        let mesh = model.mesh(wall, |_| false);
        model.place(mesh, None);
    }
    let targets = triangles.into_iter().chain(walls).collect();
    Case { name: "instances in one place, a box of six", model, inside: Some([1.2, 0.1, 0.2]), targets }
}

impl Case {
    /// A point on the scene's geometry where traversals are weakest: a vertex, an edge, or anywhere on a triangle.
    fn target(&self, random: &mut Random) -> Point {
        let [a, b, c] = random.pick(&self.targets);
        match random.below(4) {
            0 => a,
            1 => add(scale(a, 0.5), scale(b, 0.5)),
            2 => add(a, scale(sub(c, a), random.unit())),
            _ => {
                let (u, v) = (random.unit(), random.unit());
                add(a, scale(add(scale(sub(b, a), u), scale(sub(c, a), v)), 0.5))
            }
        }
    }

    fn extent(&self) -> f32 {
        let [a, b, c] = [
            self.targets[0][0],
            self.targets[self.targets.len() / 2][1],
            self.targets[self.targets.len() - 1][2],
        ];
        let span = |p: Point, q: Point| sub(p, q).iter().fold(0.0f32, |m, d| m.max(d.abs()));
        span(a, b).max(span(b, c)).max(span(a, c)).max(1e-4)
    }

    /// One hard ray.
    pub fn ray(&self, random: &mut Random) -> RayQuery {
        let target = self.target(random);
        let reach = self.extent() * random.pick(&[0.01, 0.5, 3.0]);
        let [a, b, c] = random.pick(&self.targets);
        let mut origin = match random.below(5) {
            0 => target,
            1 => self.target(random),
            _ => add(target, scale(random.direction(), reach)),
        };
        let mut direction = sub(target, origin);
        match random.below(6) {
            // Along an axis, through exact coordinates.
            0 => {
                let axis = random.below(3);
                let sign = random.pick(&[-1.0f32, 1.0]);
                direction = [random.pick(&[0.0f32, -0.0]); 3];
                direction[(axis + 1) % 3] = random.pick(&[0.0f32, -0.0, 1e-30, -1e-20]);
                direction[axis] = sign;
                origin = target;
                origin[axis] -= sign * reach;
            }
            // In the plane of a triangle.
            1 => {
                origin = add(a, scale(sub(b, c), random.signed() * 3.0));
                direction = add(scale(sub(b, a), random.signed()), scale(sub(c, a), random.signed()));
            }
            // In a plane of axes.
            2 => {
                let axis = random.below(3);
                origin[axis] = target[axis];
                direction = sub(target, origin);
                direction[axis] = random.pick(&[0.0f32, -0.0, 1e-39, -1e-38]);
            }
            _ => {}
        }
        let length = dot(direction, direction).sqrt();
        if length <= 1e-12 {
            direction = random.direction();
        } else {
            direction = scale(direction, 1.0 / length);
        }
        RayQuery { shadow: random.below(4) == 0, ..RayQuery::new(origin, direction) }
    }

    /// A ray from well inside a closed scene: it must hit.
    pub fn ray_from_inside(&self, random: &mut Random) -> Option<RayQuery> {
        let inside = self.inside?;
        let mut direction = sub(self.target(random), inside);
        if random.below(4) == 0 {
            direction = [0.0; 3];
            direction[random.below(3)] = random.pick(&[-1.0, 1.0]);
        }
        let length = dot(direction, direction).sqrt();
        Some(RayQuery::new(inside, scale(direction, 1.0 / length)))
    }
}
