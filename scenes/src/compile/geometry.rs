//! Meshes and instances of the package: what is placed once is flattened into world space and merged into one mesh, what is
//! placed more often or moves as a whole keeps its instances.

use tessera_shared::package::layout::{
    INSTANCE_FLIPPED, INSTANCE_IDENTITY, Instance, MATERIAL_EMISSIVE, Material, Mesh, NONE, VertexAttributes,
};
use tessera_shared::package::validate::{VERTICES_MAX, is_degenerate};

use super::CompileError;
use super::number::{LARGEST, above, below, settled, settled3};
use crate::affine::{Affine, dot, unit};
use crate::import::{ImportError, MeshData, Model, Placement, Vertex};
use crate::limits::ImportLimits;

/// A mesh of fewer triangles is flattened however often it is placed: a leaf of the tree costs less than an instance.
const INSTANCED_TRIANGLES_MIN: usize = 8;
/// Greatest product of a placement's norm and its inverse's that is kept as an instance.
const CONDITION_MAX: f64 = 1_048_576.0;
/// World boxes are padded by this part of their largest coordinate: above any rounding of a ray that is moved to object
/// space and back.
const BOX_PADDING: f64 = 1.0 / 65536.0;
/// Vertices of instances that are moved to the world to find its box; beyond them, the corners of the mesh's own box are.
const BOXED_VERTICES_MAX: u64 = 1 << 28;
/// Beyond this, an f32 texture coordinate has no fraction.
const UV_MAX: f32 = 16_777_216.0;

/// The package's geometry sections.
#[derive(Default)]
pub struct Geometry {
    pub positions: Vec<[f32; 4]>,
    pub attributes: Vec<VertexAttributes>,
    pub triangles: Vec<[u32; 4]>,
    pub meshes: Vec<Mesh>,
    pub instances: Vec<Instance>,
    /// Unpadded world bounds; `None` without a triangle.
    pub bounds: Option<([f64; 3], [f64; 3])>,
    boxed_vertices: u64,
    /// Of each mesh, in its own space, where needed.
    mesh_bounds: Vec<Option<([f64; 3], [f64; 3])>>,
}

/// Vertices and triangles of a mesh under construction. Triangles: corners and material.
#[derive(Default)]
struct Draft {
    positions: Vec<[f32; 3]>,
    attributes: Vec<VertexAttributes>,
    emissive: Vec<[u32; 4]>,
    other: Vec<[u32; 4]>,
}

/// Lays out all meshes and instances.
pub fn geometry(
    model: &Model,
    materials: &[Material],
    limits: &ImportLimits,
) -> Result<Geometry, CompileError> {
    let mut uses = vec![0usize; model.meshes.len()];
    for placement in &model.placements {
        uses[placement.mesh] += 1;
    }
    let is_instanced = |placement: &Placement| {
        let often = uses[placement.mesh] > 1
            && model.meshes[placement.mesh].triangles.len() >= INSTANCED_TRIANGLES_MIN;
        // Vertices of what moves stay the same in every frame, so that frames share them.
        (often || placement.moves) && rounded(&placement.transform).is_some()
    };
    let (instanced, flattened): (Vec<&Placement>, Vec<&Placement>) =
        model.placements.iter().partition(|placement| is_instanced(placement));
    let mut budget = limits.package_triangles_max;
    let mut out = Geometry::default();
    let mut merged = Draft::default();
    for placement in flattened {
        let mesh = &model.meshes[placement.mesh];
        spend(&mut budget, mesh, limits)?;
        merged.add(mesh, &placement.transform, materials, &placement.label)?;
    }
    if merged.triangle_count() > 0 {
        let mesh = out.add_mesh(merged);
        out.add_instance(mesh, &Affine::IDENTITY, &Affine::IDENTITY);
    }
    let mut written: Vec<Option<u32>> = vec![None; model.meshes.len()];
    for placement in instanced {
        let data = &model.meshes[placement.mesh];
        let mesh = match written[placement.mesh] {
            Some(mesh) => mesh,
            None => {
                spend(&mut budget, data, limits)?;
                let mut draft = Draft::default();
                draft.add(data, &Affine::IDENTITY, materials, &data.label)?;
                *written[placement.mesh].insert(out.add_mesh(draft))
            }
        };
        if out.meshes[mesh as usize].triangle_count > 0 {
            let (to_world, to_object) = rounded(&placement.transform).expect("checked when it was chosen");
            out.add_instance(mesh, &to_world, &to_object);
        }
    }
    let vertices = out.positions.len() as u64;
    ImportError::check("the compiled scene", vertices, VERTICES_MAX, "vertices")?;
    let outside = |x: &f32| f64::from(x.abs()) > LARGEST;
    if let Some(instance) = out.instances.iter().find(|i| i.box_min.iter().chain(&i.box_max).any(outside)) {
        return Err(CompileError::TooFar { what: format!("an instance of mesh {}", instance.mesh) });
    }
    Ok(out)
}

fn spend(budget: &mut u64, mesh: &MeshData, limits: &ImportLimits) -> Result<(), ImportError> {
    let triangles = mesh.triangles.len() as u64;
    let limit = limits.package_triangles_max;
    *budget = budget.checked_sub(triangles).ok_or_else(|| ImportError::TooMuch {
        what: "the compiled scene".into(),
        found: limit - *budget + triangles,
        limit,
        unit: "triangles",
    })?;
    Ok(())
}

/// A placement as instances store it, and the inverse of just that; `None` where it is too skewed for rays to be moved
/// through its inverse.
fn rounded(transform: &Affine) -> Option<(Affine, Affine)> {
    let stored = Affine(transform.0.map(|row| row.map(|x| f64::from(settled(x)))));
    let inverse = stored.inverse()?;
    let norm = |map: &Affine| map.0.iter().flat_map(|row| &row[..3]).fold(0.0f64, |m, x| m.max(x.abs()));
    let fits = inverse.0.iter().chain(&stored.0).flatten().all(|x| x.abs() < LARGEST);
    (fits && norm(&stored) * norm(&inverse) <= CONDITION_MAX).then_some((stored, inverse))
}

impl Draft {
    fn triangle_count(&self) -> usize {
        self.emissive.len() + self.other.len()
    }

    /// Adds a mesh through a transform. Triangles without area are left out.
    fn add(
        &mut self,
        mesh: &MeshData,
        transform: &Affine,
        materials: &[Material],
        label: &str,
    ) -> Result<(), CompileError> {
        let start = self.positions.len() as u32;
        let placer = Placer::new(transform);
        for vertex in &mesh.vertices {
            let position = transform.point(vertex.position);
            if !position.iter().all(|x| x.abs() < LARGEST) {
                return Err(CompileError::TooFar {
                    what: format!("a vertex of {}, placed by {label},", mesh.label),
                });
            }
            self.positions.push(settled3(position));
            self.attributes.push(placer.attributes(vertex));
        }
        for (corners, material) in mesh.triangles.iter().zip(&mesh.materials) {
            let [a, mut b, mut c] = corners.map(|corner| corner + start);
            if placer.mirrors {
                (b, c) = (c, b);
            }
            let [p, q, r] = [a, b, c].map(|i| self.positions[i as usize]);
            if is_degenerate(p, q, r) {
                continue;
            }
            let emits = materials[*material as usize].flags & MATERIAL_EMISSIVE != 0;
            let list = if emits { &mut self.emissive } else { &mut self.other };
            list.push([a, b, c, *material]);
        }
        Ok(())
    }
}

/// How a transform acts on attributes.
struct Placer {
    linear: Affine,
    cofactors: [[f64; 3]; 3],
    mirrors: bool,
}

impl Placer {
    fn new(transform: &Affine) -> Placer {
        Placer {
            linear: *transform,
            cofactors: transform.cofactors(),
            mirrors: transform.determinant() < 0.0,
        }
    }

    fn attributes(&self, vertex: &Vertex) -> VertexAttributes {
        let sign = if self.mirrors { -1.0 } else { 1.0 };
        let normal = vertex.normal.map(f64::from);
        let normal = unit(self.cofactors.map(|row| sign * dot(row, normal)));
        let [x, y, z, w] = vertex.tangent;
        let tangent = unit(self.linear.vector([x, y, z].map(f64::from)));
        let [[u0, v0], [u1, v1]] =
            vertex.uv.map(|uv| uv.map(|x| settled(f64::from(x.clamp(-UV_MAX, UV_MAX)))));
        let [r, g, b] = [0, 1, 2].map(|c| (f64::from(vertex.color[c]) * 65535.0).round() as u32);
        let alpha = (f64::from(vertex.color[3]) * 32767.0).round() as u32;
        let flipped = u32::from((w < 0.0) != self.mirrors && tangent != [0.0; 3]);
        VertexAttributes {
            normal: settled3(normal),
            u0,
            tangent: settled3(tangent),
            v0,
            u1,
            v1,
            color_rg: r | g << 16,
            color_ba: b | alpha << 16 | flipped << 31,
        }
    }
}

impl Geometry {
    /// Appends a mesh, emissive triangles first, without the vertices that no triangle uses.
    fn add_mesh(&mut self, draft: Draft) -> u32 {
        let mut moved = vec![NONE; draft.positions.len()];
        let triangle_start = self.triangles.len() as u32;
        for triangle in draft.emissive.iter().chain(&draft.other) {
            let [a, b, c] = [triangle[0], triangle[1], triangle[2]].map(|old| {
                let index = &mut moved[old as usize];
                if *index == NONE {
                    *index = self.positions.len() as u32;
                    let [x, y, z] = draft.positions[old as usize];
                    self.positions.push([x, y, z, 0.0]);
                    self.attributes.push(draft.attributes[old as usize]);
                }
                *index
            });
            self.triangles.push([a, b, c, triangle[3]]);
        }
        self.meshes.push(Mesh {
            triangle_start,
            triangle_count: draft.triangle_count() as u32,
            emissive_count: draft.emissive.len() as u32,
            reserved: 0,
        });
        self.mesh_bounds.push(None);
        self.meshes.len() as u32 - 1
    }

    fn add_instance(&mut self, mesh: u32, to_world: &Affine, to_object: &Affine) {
        let record = self.meshes[mesh as usize];
        let range = record.triangle_start as usize..(record.triangle_start + record.triangle_count) as usize;
        let corners = self.triangles[range].iter().flat_map(|triangle| &triangle[..3]);
        let points = corners.map(|corner| {
            let [x, y, z, _] = self.positions[*corner as usize].map(f64::from);
            [x, y, z]
        });
        self.boxed_vertices += 3 * u64::from(record.triangle_count);
        let (low, high) = if self.boxed_vertices <= BOXED_VERTICES_MAX {
            bounds(points.map(|point| to_world.point(point)))
        } else {
            let (low, high) = *self.mesh_bounds[mesh as usize].get_or_insert_with(|| bounds(points));
            let corner = |i: usize| std::array::from_fn(|k| if i >> k & 1 == 0 { low[k] } else { high[k] });
            bounds((0..8).map(|i| to_world.point(corner(i))))
        };
        let (whole_low, whole_high) = self.bounds.get_or_insert((low, high));
        for k in 0..3 {
            whole_low[k] = whole_low[k].min(low[k]);
            whole_high[k] = whole_high[k].max(high[k]);
        }
        let largest = low.iter().chain(&high).fold(0.0f64, |m, x| m.max(x.abs()));
        let padding = largest * BOX_PADDING;
        let mirrors = to_world.determinant() < 0.0;
        let identity = *to_world == Affine::IDENTITY;
        let rows = |map: &Affine| map.0.map(|row| row.map(settled));
        self.instances.push(Instance {
            object_to_world: rows(to_world),
            world_to_object: rows(to_object),
            box_min: low.map(|x| below(x - padding)),
            mesh,
            box_max: high.map(|x| above(x + padding)),
            light_start: NONE,
            triangle_start: record.triangle_start,
            emissive_count: record.emissive_count,
            flags: if mirrors { INSTANCE_FLIPPED } else { 0 } | if identity { INSTANCE_IDENTITY } else { 0 },
            blas_root: 0,
        });
    }
}

fn bounds(points: impl Iterator<Item = [f64; 3]>) -> ([f64; 3], [f64; 3]) {
    points.fold(([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]), |(low, high), point| {
        (std::array::from_fn(|k| low[k].min(point[k])), std::array::from_fn(|k| high[k].max(point[k])))
    })
}
