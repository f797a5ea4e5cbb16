//! Tangents for normal maps where the file has none: MikkTSpace, run once at submit.

use std::collections::HashMap;

use tessera_shared::package::validate::is_degenerate;

use super::mesh::Vertex;
use crate::affine::{cross, sub, unit};

/// Most triangles around one corner: MikkTSpace walks around it by recursion.
const VALENCE_MAX: u32 = 100_000;
/// Stack of the thread that MikkTSpace runs on; only what it touches is ever held.
const STACK_BYTES: usize = 512 << 20;

/// Why there are no tangents.
#[derive(Debug, thiserror::Error)]
pub enum TangentError {
    #[error("more than {VALENCE_MAX} triangles meet in one corner")]
    Valence,
    #[error("MikkTSpace gave up on the mesh")]
    GaveUp,
}

/// Gives every corner its tangent for one UV set. Vertices split where tangents differ, and triangles without area are
/// dropped. Returns the vertex that each new one came from.
pub fn generate(
    vertices: &mut Vec<Vertex>,
    triangles: &mut Vec<[u32; 3]>,
    uv_set: usize,
) -> Result<Vec<u32>, TangentError> {
    // The library panics on meshes that are one point.
    triangles.retain(|triangle| {
        let [a, b, c] = triangle.map(|i| vertices[i as usize].position.map(|x| x as f32));
        !is_degenerate(a, b, c)
    });
    if triangles.is_empty() {
        return Ok((0..vertices.len() as u32).collect());
    }
    if greatest_valence(vertices, triangles) > VALENCE_MAX {
        return Err(TangentError::Valence);
    }
    let mut surface = Surface::new(vertices, triangles, uv_set);
    let corners = std::thread::scope(|scope| {
        let run = move || {
            mikktspace::generate_tangents(&mut surface);
            surface.tangents
        };
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run);
        thread.ok().and_then(|thread| thread.join().ok())
    });
    let corners = corners.ok_or(TangentError::GaveUp)?;
    let mut known: HashMap<(u32, [u32; 4]), u32> = HashMap::new();
    let (mut split, mut origins) = (Vec::new(), Vec::new());
    for (triangle, tangents) in triangles.iter_mut().zip(corners) {
        for (corner, tangent) in triangle.iter_mut().zip(tangents) {
            let tangent = if tangent.iter().all(|x| x.is_finite()) { tangent } else { [0.0; 4] };
            let key = (*corner, tangent.map(f32::to_bits));
            *corner = *known.entry(key).or_insert_with(|| {
                let vertex = Vertex { tangent, ..vertices[*corner as usize] };
                split.push(vertex);
                origins.push(*corner);
                split.len() as u32 - 1
            });
        }
    }
    *vertices = split;
    Ok(origins)
}

/// The most triangles around one position.
fn greatest_valence(vertices: &[Vertex], triangles: &[[u32; 3]]) -> u32 {
    let mut counts: HashMap<[u64; 3], u32> = HashMap::new();
    for corner in triangles.iter().flatten() {
        *counts.entry(vertices[*corner as usize].position.map(f64::to_bits)).or_default() += 1;
    }
    counts.values().copied().max().unwrap_or(0)
}

/// A mesh as MikkTSpace reads it. Positions are brought near one, so that no product overflows.
struct Surface<'a> {
    vertices: &'a [Vertex],
    triangles: &'a [[u32; 3]],
    uv_set: usize,
    scale: f64,
    tangents: Vec<[[f32; 4]; 3]>,
}

impl<'a> Surface<'a> {
    fn new(vertices: &'a [Vertex], triangles: &'a [[u32; 3]], uv_set: usize) -> Surface<'a> {
        let largest = vertices.iter().flat_map(|v| v.position).fold(0.0f64, |m, x| m.max(x.abs()));
        let scale = if largest > 0.0 { 1.0 / largest } else { 1.0 };
        Surface { vertices, triangles, uv_set, scale, tangents: vec![[[0.0; 4]; 3]; triangles.len()] }
    }

    fn corner(&self, face: usize, vert: usize) -> &Vertex {
        &self.vertices[self.triangles[face][vert] as usize]
    }
}

impl mikktspace::Geometry for Surface<'_> {
    fn num_faces(&self) -> usize {
        self.triangles.len()
    }

    fn num_vertices_of_face(&self, _face: usize) -> usize {
        3
    }

    fn position(&self, face: usize, vert: usize) -> [f32; 3] {
        self.corner(face, vert).position.map(|x| (x * self.scale) as f32)
    }

    fn normal(&self, face: usize, vert: usize) -> [f32; 3] {
        let normal = self.corner(face, vert).normal;
        if normal != [0.0; 3] {
            return unit(normal.map(f64::from)).map(|x| x as f32);
        }
        let [a, b, c] = [0, 1, 2].map(|corner| self.corner(face, corner).position);
        unit(cross(sub(b, a), sub(c, a))).map(|x| x as f32)
    }

    fn tex_coord(&self, face: usize, vert: usize) -> [f32; 2] {
        // glTF's v points down the picture, MikkTSpace's up; beyond 2²⁴ a coordinate's fraction has no bits left.
        let [u, v] = self.corner(face, vert).uv[self.uv_set].map(|x| x.clamp(-16_777_216.0, 16_777_216.0));
        [u, -v]
    }

    fn set_tangent_encoded(&mut self, tangent: [f32; 4], face: usize, vert: usize) {
        self.tangents[face][vert] = tangent;
    }
}
