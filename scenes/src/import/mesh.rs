//! Primitives as vertices and triangles: lists, strips and fans, indexed or not, with every attribute that shading reads.

use gltf::json::mesh::{Mode, Primitive, Semantic};
use gltf::json::validation::Checked;

use super::accessor::Accessors;
use super::error::ImportError;
use super::material::SurfaceMaterial;
use super::morph::{self, MorphBudget, MorphTarget};
use super::tangent;
use crate::label::label;
use crate::limits::ImportLimits;
use crate::notice::Notices;

/// A vertex in its mesh's space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vertex {
    pub position: [f64; 3],
    /// Zero where the triangle's own normal is to be used.
    pub normal: [f32; 3],
    /// Direction and the sign of the bitangent; zero where there is none.
    pub tangent: [f32; 4],
    pub uv: [[f32; 2]; 2],
    /// Linear, 0 to 1.
    pub color: [f32; 4],
}

/// All primitives of a mesh. `materials` holds a material a triangle.
#[derive(Clone, Debug, Default)]
pub struct MeshData {
    pub label: String,
    pub vertices: Vec<Vertex>,
    pub triangles: Vec<[u32; 3]>,
    pub materials: Vec<u32>,
    /// (joint, weight) of each vertex, eight at most, where the mesh has them.
    pub influences: Vec<[(u32, f32); 8]>,
    /// What morph targets add to the vertices.
    pub targets: Vec<MorphTarget>,
}

impl MeshData {
    /// A copy of everything but the targets.
    pub fn without_targets(&self) -> MeshData {
        MeshData {
            label: self.label.clone(),
            vertices: self.vertices.clone(),
            triangles: self.triangles.clone(),
            materials: self.materials.clone(),
            influences: self.influences.clone(),
            targets: Vec::new(),
        }
    }

    /// Keeps the vertices that triangles use, so that whoever copies the mesh is bounded by its triangles.
    fn drop_unused_vertices(&mut self) {
        let mut moved = vec![u32::MAX; self.vertices.len()];
        let mut kept = Vec::new();
        for corner in self.triangles.iter_mut().flatten() {
            let index = &mut moved[*corner as usize];
            if *index == u32::MAX {
                *index = kept.len() as u32;
                kept.push(*corner);
            }
            *corner = *index;
        }
        self.vertices = kept.iter().map(|old| self.vertices[*old as usize]).collect();
        if !self.influences.is_empty() {
            self.influences.resize(moved.len(), [(0, 0.0); 8]);
            self.influences = kept.iter().map(|old| self.influences[*old as usize]).collect();
        }
        morph::follow(&mut self.targets, &kept, moved.len());
    }
}

/// Reads meshes within one budget of vertices and triangles.
pub struct MeshReader {
    limits: ImportLimits,
    vertices: u64,
    triangles: u64,
    morph: MorphBudget,
}

impl MeshReader {
    pub fn new(limits: &ImportLimits) -> MeshReader {
        let most = limits.morphed_vertices_max;
        MeshReader {
            limits: limits.clone(),
            vertices: 0,
            triangles: 0,
            morph: MorphBudget { left: most, most },
        }
    }

    pub fn read(
        &mut self,
        accessors: &mut Accessors,
        index: usize,
        materials: &[SurfaceMaterial],
        notices: &mut Notices,
    ) -> Result<MeshData, ImportError> {
        let root = accessors.root;
        let mesh = root.meshes.get(index).ok_or_else(|| {
            let problem = format!("does not exist; the file has {}", root.meshes.len());
            ImportError::malformed(label("mesh", index, None), problem)
        })?;
        let name = label("mesh", index, mesh.name.as_deref());
        let mut data = MeshData { label: name.clone(), ..MeshData::default() };
        for (i, primitive) in mesh.primitives.iter().enumerate() {
            let place = format!("primitive {i} of {name}");
            let Checked::Valid(mode) = primitive.mode else {
                return Err(ImportError::malformed(place, "has an unknown `mode`"));
            };
            if matches!(mode, Mode::Points | Mode::Lines | Mode::LineLoop | Mode::LineStrip) {
                notices.add("points and lines", "they have no surface and are not shown");
                continue;
            }
            self.primitive(accessors, primitive, mode, materials, &place, &mut data)?;
        }
        data.drop_unused_vertices();
        Ok(data)
    }

    fn primitive(
        &mut self,
        accessors: &mut Accessors,
        primitive: &Primitive,
        mode: Mode,
        materials: &[SurfaceMaterial],
        place: &str,
        data: &mut MeshData,
    ) -> Result<(), ImportError> {
        // The last material is glTF's default one.
        let material = primitive.material.map_or(materials.len() - 1, |material| material.value());
        let uses = materials
            .get(material)
            .filter(|_| primitive.material.is_none() || material + 1 < materials.len());
        let uses = uses.ok_or_else(|| {
            ImportError::malformed(place, format!("has the material {material}, which does not exist"))
        })?;
        let mut vertices = self.vertices(accessors, primitive, place)?;
        let indices = match primitive.indices {
            Some(indices) => accessors.integers::<1>(indices.value())?.into_iter().map(|[i]| i).collect(),
            None => (0..vertices.len() as u32).collect::<Vec<u32>>(),
        };
        if let Some(bad) = indices.iter().find(|i| **i as usize >= vertices.len()) {
            let problem = format!("has the index {bad}; it has {} vertices", vertices.len());
            return Err(ImportError::malformed(place, problem));
        }
        let mut triangles = triangles_of(&indices, mode);
        self.triangles += triangles.len() as u64;
        ImportError::check("the scene", self.triangles, self.limits.triangles_max, "triangles")?;
        let mut influences = self.influences(accessors, primitive, vertices.len(), place)?;
        let targets = primitive.targets.as_deref().unwrap_or(&[]);
        if !targets.is_empty() && !data.targets.is_empty() && targets.len() != data.targets.len() {
            let problem =
                format!("has {} morph targets; those before it have {}", targets.len(), data.targets.len());
            return Err(ImportError::malformed(place, problem));
        }
        let mut targets = morph::targets(accessors, targets, &vertices, place, &mut self.morph)?;
        let has_tangents = vertices.iter().any(|vertex| vertex.tangent != [0.0; 4]);
        if let Some(uv_set) = uses.tangent_uv_set().filter(|_| !has_tangents) {
            let before = vertices.len();
            let generated = tangent::generate(&mut vertices, &mut triangles, usize::from(uv_set));
            let origins = generated.map_err(|error| {
                ImportError::malformed(
                    place,
                    format!("its normal map or brushing needs tangents, and {error}; export them"),
                )
            })?;
            if !influences.is_empty() {
                influences = origins.iter().map(|origin| influences[*origin as usize]).collect();
            }
            morph::follow(&mut targets, &origins, before);
            self.vertices += vertices.len() as u64;
            ImportError::check("the scene", self.vertices, self.limits.vertices_max * 4, "vertices")?;
        }
        let start = data.vertices.len() as u32;
        if !influences.is_empty() || !data.influences.is_empty() {
            data.influences.resize(data.vertices.len(), [(0, 0.0); 8]);
            influences.resize(vertices.len(), [(0, 0.0); 8]);
            data.influences.extend(influences);
        }
        morph::append(&mut data.targets, targets, start);
        data.vertices.extend(vertices);
        data.materials.resize(data.materials.len() + triangles.len(), material as u32);
        data.triangles.extend(triangles.into_iter().map(|triangle| triangle.map(|i| i + start)));
        Ok(())
    }

    fn vertices(
        &mut self,
        accessors: &mut Accessors,
        primitive: &Primitive,
        place: &str,
    ) -> Result<Vec<Vertex>, ImportError> {
        let attribute = |semantic: Semantic| {
            primitive.attributes.get(&Checked::Valid(semantic)).map(|accessor| accessor.value())
        };
        let Some(positions) = attribute(Semantic::Positions) else {
            return Err(ImportError::malformed(place, "has no POSITION"));
        };
        self.vertices = self.vertices.saturating_add(accessors.count(positions)?);
        ImportError::check("the scene", self.vertices, self.limits.vertices_max, "vertices")?;
        let positions = accessors.floats::<3>(positions)?;
        let normals = attribute(Semantic::Normals).map(|a| accessors.floats::<3>(a)).transpose()?;
        // glTF 2.0 §3.7.2.1: without normals, tangents are ignored.
        let tangents = attribute(Semantic::Tangents).filter(|_| normals.is_some());
        let tangents = tangents.map(|a| accessors.floats::<4>(a)).transpose()?;
        let uv0 = attribute(Semantic::TexCoords(0)).map(|a| accessors.floats::<2>(a)).transpose()?;
        let uv1 = attribute(Semantic::TexCoords(1)).map(|a| accessors.floats::<2>(a)).transpose()?;
        let colors = attribute(Semantic::Colors(0)).map(|a| colors(accessors, a)).transpose()?;
        let lengths = [
            ("NORMAL", normals.as_ref().map(Vec::len)),
            ("TANGENT", tangents.as_ref().map(Vec::len)),
            ("TEXCOORD_0", uv0.as_ref().map(Vec::len)),
            ("TEXCOORD_1", uv1.as_ref().map(Vec::len)),
            ("COLOR_0", colors.as_ref().map(Vec::len)),
        ];
        for (name, length) in lengths {
            same_length(place, name, length.unwrap_or(positions.len()), positions.len())?;
        }
        let vertices = positions.iter().enumerate().map(|(i, position)| Vertex {
            position: position.map(f64::from),
            normal: normals.as_ref().map_or([0.0; 3], |all| all[i]),
            tangent: tangents.as_ref().map_or([0.0; 4], |all| all[i]),
            uv: [uv0.as_ref().map_or([0.0; 2], |all| all[i]), uv1.as_ref().map_or([0.0; 2], |all| all[i])],
            color: colors.as_ref().map_or([1.0; 4], |all| all[i].map(|c| c.clamp(0.0, 1.0))),
        });
        Ok(vertices.collect())
    }

    fn influences(
        &self,
        accessors: &mut Accessors,
        primitive: &Primitive,
        count: usize,
        place: &str,
    ) -> Result<Vec<[(u32, f32); 8]>, ImportError> {
        let mut influences = Vec::new();
        for set in 0..2u32 {
            let attribute = |semantic: Semantic| primitive.attributes.get(&Checked::Valid(semantic));
            let (Some(joints), Some(weights)) =
                (attribute(Semantic::Joints(set)), attribute(Semantic::Weights(set)))
            else {
                continue;
            };
            let joints = accessors.integers::<4>(joints.value())?;
            let weights = accessors.floats::<4>(weights.value())?;
            same_length(place, "JOINTS", joints.len(), count)?;
            same_length(place, "WEIGHTS", weights.len(), count)?;
            influences.resize(count, [(0, 0.0); 8]);
            for (i, influence) in influences.iter_mut().enumerate() {
                for k in 0..4 {
                    influence[set as usize * 4 + k] = (joints[i][k], weights[i][k]);
                }
            }
        }
        Ok(influences)
    }
}

fn same_length(place: &str, name: &str, found: usize, expected: usize) -> Result<(), ImportError> {
    if found != expected {
        let problem = format!("has {found} elements of {name} for {expected} of POSITION");
        return Err(ImportError::malformed(place, problem));
    }
    Ok(())
}

/// COLOR_0 as red, green, blue, alpha.
fn colors(accessors: &mut Accessors, index: usize) -> Result<Vec<[f32; 4]>, ImportError> {
    if accessors.components(index)? == 4 {
        return accessors.floats::<4>(index);
    }
    Ok(accessors.floats::<3>(index)?.into_iter().map(|[r, g, b]| [r, g, b, 1.0]).collect())
}

/// Triangles of a list, strip or fan (glTF 2.0 §3.7.2.1); leftover indices are dropped.
fn triangles_of(indices: &[u32], mode: Mode) -> Vec<[u32; 3]> {
    match mode {
        Mode::TriangleStrip => {
            let windows = indices.windows(3).enumerate();
            windows.map(|(i, w)| if i % 2 == 0 { [w[0], w[1], w[2]] } else { [w[0], w[2], w[1]] }).collect()
        }
        Mode::TriangleFan => match indices.split_first() {
            Some((hub, rim)) => rim.windows(2).map(|w| [w[0], w[1], *hub]).collect(),
            None => Vec::new(),
        },
        _ => indices.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_and_fans_keep_their_winding() {
        assert_eq!(triangles_of(&[0, 1, 2, 3, 4], Mode::TriangleStrip), [[0, 1, 2], [1, 3, 2], [2, 3, 4]]);
        assert_eq!(triangles_of(&[9, 1, 2, 3], Mode::TriangleFan), [[1, 2, 9], [2, 3, 9]]);
        assert_eq!(triangles_of(&[0, 1, 2, 3], Mode::Triangles), [[0, 1, 2]]);
        assert!(triangles_of(&[], Mode::TriangleFan).is_empty());
    }
}
