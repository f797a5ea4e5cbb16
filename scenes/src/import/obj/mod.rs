//! Wavefront OBJ: polygons with positions, texture coordinates, normals and vertex colours, by material. What a material looks
//! like is decided beside.

mod images;
mod mtl;
mod surface;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::error::ImportError;
use super::exchange;
use super::polygon::PolygonCutter;
use super::resources::read_file;
use super::{MeshData, Model, SurfaceMaterial, Vertex, tangent};
use crate::label::quoted;
use crate::limits::ImportLimits;
use crate::notice::Notices;

/// No texture coordinate or no normal.
const ABSENT: u32 = u32::MAX;

/// Reads an OBJ file and the libraries and images that it names.
pub fn import(path: &Path, limits: &ImportLimits, notices: &mut Notices) -> Result<Model, ImportError> {
    let bytes = read_file(path, limits.file_bytes_max)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    read(&bytes, folder, limits, notices)
}

/// Reads the text of an OBJ file whose libraries lie in `folder`.
fn read(
    bytes: &[u8],
    folder: &Path,
    limits: &ImportLimits,
    notices: &mut Notices,
) -> Result<Model, ImportError> {
    let mut reader = Reader::new(limits);
    reader.lines(bytes, notices)?;
    let Reader { parts, libraries, .. } = reader;
    let mut images = images::Images::new(folder, limits);
    let library = mtl::libraries(&libraries, folder, limits, notices)?;
    let (mut mesh, mut materials) = (MeshData { label: "OBJ".into(), ..MeshData::default() }, Vec::new());
    for (name, part) in parts {
        let surface = match library.get(&name) {
            Some(described) => surface::surface(&name, described, &mut images, notices)?,
            None => {
                if !name.is_empty() {
                    let effect = format!("{} is in no library; a grey surface is shown", quoted(&name));
                    notices.add("OBJ materials", effect);
                }
                exchange::dielectric([0.8; 3])?
            }
        };
        part.join(&name, &surface, materials.len() as u32, &mut mesh)?;
        materials.push(surface);
    }
    let mut model = exchange::model(mesh, materials);
    model.images = Arc::new(images.into_rasters());
    Ok(model)
}

/// What has one material. Vertices are told apart by (position, texture coordinate, normal).
#[derive(Default)]
struct Part {
    vertices: Vec<Vertex>,
    triangles: Vec<[u32; 3]>,
    known: HashMap<[u32; 3], u32>,
}

impl Part {
    /// Adds the part to the mesh, with tangents where its material has a normal map.
    fn join(
        mut self,
        name: &str,
        surface: &SurfaceMaterial,
        material: u32,
        mesh: &mut MeshData,
    ) -> Result<(), ImportError> {
        if surface.normal.is_some() {
            tangent::generate(&mut self.vertices, &mut self.triangles, 0).map_err(|error| {
                let problem = format!("its normal map needs tangents, and {error}");
                ImportError::malformed(format!("material {}", quoted(name)), problem)
            })?;
        }
        let start = mesh.vertices.len() as u32;
        mesh.vertices.extend(self.vertices);
        mesh.materials.resize(mesh.materials.len() + self.triangles.len(), material);
        mesh.triangles.extend(self.triangles.iter().map(|triangle| triangle.map(|i| i + start)));
        Ok(())
    }
}

/// The file so far.
struct Reader<'a> {
    limits: &'a ImportLimits,
    positions: Vec<[f64; 3]>,
    /// Linear; of the positions from the first on that has a colour.
    colors: Vec<[f32; 3]>,
    uvs: Vec<[f32; 2]>,
    normals: Vec<[f32; 3]>,
    /// By the material's name; empty before the first `usemtl`.
    parts: BTreeMap<String, Part>,
    material: String,
    libraries: Vec<String>,
    cutter: PolygonCutter,
    vertices: u64,
    triangles: u64,
}

impl<'a> Reader<'a> {
    fn new(limits: &'a ImportLimits) -> Reader<'a> {
        Reader {
            limits,
            positions: Vec::new(),
            colors: Vec::new(),
            uvs: Vec::new(),
            normals: Vec::new(),
            parts: BTreeMap::new(),
            material: String::new(),
            libraries: Vec::new(),
            cutter: PolygonCutter::new(),
            vertices: 0,
            triangles: 0,
        }
    }

    fn lines(&mut self, bytes: &[u8], notices: &mut Notices) -> Result<(), ImportError> {
        for (number, line) in logical_lines(bytes) {
            self.line(&line, notices).map_err(|problem| match problem {
                Problem::Text(problem) => ImportError::malformed(format!("line {number}"), problem),
                Problem::Limit(error) => error,
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str, notices: &mut Notices) -> Result<(), Problem> {
        let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "v" => self.position(rest)?,
            "vt" => {
                let [u, v] = numbers::<2>(rest, &[0.0])?;
                // OBJ's v points up the picture.
                self.uvs.push([u as f32, (1.0 - v) as f32]);
            }
            "vn" => self.normals.push(numbers::<3>(rest, &[])?.map(|x| x as f32)),
            "f" | "fo" => self.face(rest)?,
            "usemtl" => rest.clone_into(&mut self.material),
            "mtllib" if !self.libraries.iter().any(|known| known == rest) => {
                self.libraries.push(rest.to_owned());
            }
            "p" | "l" => notices.add("points and lines", "they have no surface and are not shown"),
            "curv" | "curv2" | "surf" | "vp" => {
                notices.add("free-form curves and surfaces", "they are not shown; export them as polygons");
            }
            // Groups, smoothing and comments change nothing that is shown here.
            _ => {}
        }
        let most = self.positions.len().max(self.uvs.len()).max(self.normals.len()) as u64;
        Ok(ImportError::check("the scene", most, self.limits.vertices_max, "vertices")?)
    }

    /// `v x y z`, then nothing, a weight, or red, green and blue as sRGB.
    fn position(&mut self, rest: &str) -> Result<(), Problem> {
        let found = rest.split_ascii_whitespace().count();
        if found >= 6 {
            let [x, y, z, r, g, b] = numbers::<6>(rest, &[])?;
            self.colors.resize(self.positions.len(), [1.0; 3]);
            self.colors.push([r, g, b].map(exchange::linear));
            self.positions.push([x, y, z]);
        } else {
            self.positions.push(numbers::<3>(rest, &[])?);
        }
        Ok(())
    }

    fn face(&mut self, rest: &str) -> Result<(), Problem> {
        let corners = rest.split_ascii_whitespace().map(|corner| self.corner(corner));
        let corners = corners.collect::<Result<Vec<_>, _>>()?;
        if corners.len() < 3 {
            return Err(Problem::Text(format!("has a face of {} corners", corners.len())));
        }
        let places: Vec<_> = corners.iter().map(|corner| self.positions[corner[0] as usize]).collect();
        let triangles = self.cutter.cut(&places);
        self.triangles += triangles.len() as u64;
        ImportError::check("the scene", self.triangles, self.limits.triangles_max, "triangles")?;
        let mut part = self.parts.remove(&self.material).unwrap_or_default();
        let before = part.vertices.len();
        let indices: Vec<u32> = corners.iter().map(|corner| self.vertex(&mut part, *corner)).collect();
        self.vertices += (part.vertices.len() - before) as u64;
        part.triangles.extend(triangles.iter().map(|triangle| triangle.map(|corner| indices[corner])));
        self.parts.insert(self.material.clone(), part);
        Ok(ImportError::check("the scene", self.vertices, self.limits.vertices_max, "vertices")?)
    }

    /// The vertex of a part that a corner means.
    fn vertex(&self, part: &mut Part, corner: [u32; 3]) -> u32 {
        *part.known.entry(corner).or_insert_with(|| {
            let [position, uv, normal] = corner.map(|index| index as usize);
            let [r, g, b] = self.colors.get(position).copied().unwrap_or([1.0; 3]);
            part.vertices.push(Vertex {
                position: self.positions[position],
                normal: self.normals.get(normal).copied().unwrap_or([0.0; 3]),
                tangent: [0.0; 4],
                uv: [self.uvs.get(uv).copied().unwrap_or([0.0; 2]), [0.0; 2]],
                color: [r, g, b, 1.0],
            });
            part.vertices.len() as u32 - 1
        })
    }

    /// `v`, `v/vt`, `v//vn` or `v/vt/vn` as indices from 0.
    fn corner(&self, text: &str) -> Result<[u32; 3], Problem> {
        let mut fields = text.splitn(3, '/');
        let mut index = |what: &str, count: usize| match fields.next() {
            None | Some("") => Ok(ABSENT),
            Some(field) => resolve(field, what, count),
        };
        let corner = [
            index("position", self.positions.len())?,
            index("texture coordinate", self.uvs.len())?,
            index("normal", self.normals.len())?,
        ];
        if corner[0] == ABSENT {
            return Err(Problem::Text(format!("has the corner {} without a position", quoted(text))));
        }
        Ok(corner)
    }
}

/// What is wrong with a line.
enum Problem {
    Text(String),
    Limit(ImportError),
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Problem {
        Problem::Limit(error)
    }
}

/// An index from 1, or from −1 backwards, as one from 0.
fn resolve(field: &str, what: &str, count: usize) -> Result<u32, Problem> {
    let number: i64 = field.parse().map_err(|_| Problem::Text(format!("has the index {}", quoted(field))))?;
    let index = if number < 0 { count as i64 + number } else { number - 1 };
    match u32::try_from(index) {
        Ok(index) if (index as usize) < count => Ok(index),
        _ => Err(Problem::Text(format!("has the {what} {number}; {count} came before"))),
    }
}

/// The first `N` numbers of a text; the last ones may be missing where there are defaults for them.
fn numbers<const N: usize>(text: &str, defaults: &[f64]) -> Result<[f64; N], Problem> {
    let mut fields = text.split_ascii_whitespace();
    let mut out = [0.0; N];
    for (i, out) in out.iter_mut().enumerate() {
        *out = match (fields.next(), (i + defaults.len()).checked_sub(N)) {
            (Some(field), _) => match field.parse::<f64>() {
                Ok(number) if number.is_finite() && number.abs() <= f64::from(f32::MAX) => number,
                _ => return Err(Problem::Text(format!("has the number {}", quoted(field)))),
            },
            (None, Some(place)) => defaults[place],
            (None, None) => return Err(Problem::Text(format!("has {i} numbers where {N} are needed"))),
        };
    }
    Ok(out)
}

/// Lines with their numbers from 1, without comments and line ends; a backslash at the end joins the next.
fn logical_lines(bytes: &[u8]) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let mut physical = bytes.split(|byte| *byte == b'\n').enumerate();
    std::iter::from_fn(move || {
        let (at, first) = physical.next()?;
        let mut line = text(first);
        while line.ends_with('\\') {
            let mut joined = line.into_owned();
            joined.pop();
            joined.push(' ');
            joined.push_str(&physical.next().map_or(Cow::Borrowed(""), |(_, next)| text(next)));
            line = Cow::Owned(joined);
        }
        Some((at + 1, line))
    })
}

fn text(line: &[u8]) -> Cow<'_, str> {
    let end = line.iter().position(|byte| *byte == b'#').unwrap_or(line.len());
    String::from_utf8_lossy(line[..end].trim_ascii())
}
