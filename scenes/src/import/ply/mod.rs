//! PLY: one mesh of polygons with normals, texture coordinates and colours of vertices, as text or binary.

mod header;
mod values;

use std::path::Path;

use header::{Element, Property};
use values::Values;

use super::error::ImportError;
use super::exchange;
use super::polygon::PolygonCutter;
use super::resources::read_file;
use super::{MeshData, Model, Vertex};
use crate::label::quoted;
use crate::limits::ImportLimits;
use crate::notice::Notices;

/// Reads a PLY file. Coordinates are taken as they are, +Y up.
pub fn import(path: &Path, limits: &ImportLimits, notices: &mut Notices) -> Result<Model, ImportError> {
    let bytes = read_file(path, limits.file_bytes_max)?;
    read(&bytes, limits, notices)
}

fn read(bytes: &[u8], limits: &ImportLimits, notices: &mut Notices) -> Result<Model, ImportError> {
    let fail = |problem: String| ImportError::malformed("PLY", problem);
    let header = header::parse(bytes).map_err(fail)?;
    let mut values = Values::new(&bytes[header.length..], header.format);
    let mut mesh = MeshData { label: "PLY".into(), ..MeshData::default() };
    let mut has_colors = false;
    for element in &header.elements {
        if element.properties.is_empty() {
            continue;
        }
        let at = |i: u64| move |problem: String| fail(format!("{} {i}: {problem}", quoted(&element.name)));
        match element.name.as_str() {
            "vertex" if mesh.vertices.is_empty() => {
                ImportError::check("the scene", element.count, limits.vertices_max, "vertices")?;
                let columns = columns(element).map_err(fail)?;
                has_colors = element.properties.iter().any(|property| property.name == "red");
                for i in 0..element.count {
                    let vertex = vertex(&mut values, &element.properties, &columns).map_err(at(i))?;
                    mesh.vertices.push(vertex);
                }
            }
            "face" => {
                ImportError::check("the scene", element.count, limits.triangles_max, "faces")?;
                faces(&mut values, element, limits, notices, &mut mesh)?;
            }
            other => {
                if other == "tristrips" {
                    notices.add("PLY triangle strips", "they are not shown; export faces");
                }
                for i in 0..element.count {
                    for property in &element.properties {
                        skip(&mut values, property).map_err(at(i))?;
                    }
                }
            }
        }
    }
    if mesh.triangles.is_empty() && !mesh.vertices.is_empty() {
        notices.add("points and lines", "they have no surface and are not shown");
    }
    mesh.materials = vec![0; mesh.triangles.len()];
    let surface = exchange::dielectric(if has_colors { [1.0; 3] } else { [0.8; 3] })?;
    Ok(exchange::model(mesh, vec![surface]))
}

/// What a vertex property means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Column {
    Position(usize),
    Normal(usize),
    Uv(usize),
    Color(usize),
    Other,
}

/// The meaning of each property of the vertices.
fn columns(element: &Element) -> Result<Vec<Column>, String> {
    let column = |property: &Property| match property.name.as_str() {
        _ if property.length.is_some() => Column::Other,
        "x" => Column::Position(0),
        "y" => Column::Position(1),
        "z" => Column::Position(2),
        "nx" => Column::Normal(0),
        "ny" => Column::Normal(1),
        "nz" => Column::Normal(2),
        "u" | "s" | "texture_u" => Column::Uv(0),
        "v" | "t" | "texture_v" => Column::Uv(1),
        "red" => Column::Color(0),
        "green" => Column::Color(1),
        "blue" => Column::Color(2),
        "alpha" => Column::Color(3),
        _ => Column::Other,
    };
    let columns: Vec<Column> = element.properties.iter().map(column).collect();
    for (axis, name) in ["x", "y", "z"].iter().enumerate() {
        if !columns.contains(&Column::Position(axis)) {
            return Err(format!("its vertices have no property `{name}`"));
        }
    }
    Ok(columns)
}

fn vertex(values: &mut Values, properties: &[Property], columns: &[Column]) -> Result<Vertex, String> {
    let (mut position, mut normal, mut uv, mut color) = ([0.0; 3], [0.0; 3], [0.0, 1.0], [1.0; 4]);
    for (property, column) in properties.iter().zip(columns) {
        if *column == Column::Other {
            skip(values, property)?;
            continue;
        }
        let number = values.number(property.scalar)?;
        if !number.is_finite() || number.abs() > f64::from(f32::MAX) {
            return Err(format!("its {} is {number}", quoted(&property.name)));
        }
        match *column {
            Column::Position(axis) => position[axis] = number,
            Column::Normal(axis) => normal[axis] = number as f32,
            Column::Uv(axis) => uv[axis] = number,
            // Bytes are sRGB, as Blender writes them; larger types hold linear colours. Alpha is linear always.
            Column::Color(channel) => {
                let share = (number / property.scalar.white()).clamp(0.0, 1.0);
                let is_srgb = property.scalar == header::Scalar::U8 && channel < 3;
                color[channel] = if is_srgb { exchange::linear(share) } else { share as f32 };
            }
            Column::Other => {}
        }
    }
    // PLY's v points up the picture, as OBJ's does.
    let uv = [uv[0] as f32, (1.0 - uv[1]) as f32];
    Ok(Vertex { position, normal, tangent: [0.0; 4], uv: [uv, [0.0; 2]], color })
}

/// Reads the faces and cuts them into triangles.
fn faces(
    values: &mut Values,
    element: &Element,
    limits: &ImportLimits,
    notices: &mut Notices,
    mesh: &mut MeshData,
) -> Result<(), ImportError> {
    let mut cutter = PolygonCutter::new();
    let count = mesh.vertices.len() as u64;
    let mut corners: Vec<u32> = Vec::new();
    for i in 0..element.count {
        corners.clear();
        let fail = |problem: String| {
            ImportError::malformed("PLY", format!("{} {i}: {problem}", quoted(&element.name)))
        };
        for property in &element.properties {
            let is_corners = matches!(property.name.as_str(), "vertex_indices" | "vertex_index");
            let Some(length) = property.length.filter(|_| is_corners) else {
                if property.name == "texcoord" {
                    notices.add("PLY texture coordinates of faces", "not read; those of vertices are");
                }
                skip(values, property).map_err(fail)?;
                continue;
            };
            for _ in 0..values.whole(length, "the number of corners", u64::from(u32::MAX)).map_err(fail)? {
                let most = count.checked_sub(1).ok_or_else(|| fail("comes before the vertices".into()))?;
                corners.push(values.whole(property.scalar, "a corner", most).map_err(fail)? as u32);
            }
        }
        let places: Vec<_> = corners.iter().map(|corner| mesh.vertices[*corner as usize].position).collect();
        let cut = cutter.cut(&places);
        mesh.triangles.extend(cut.iter().map(|triangle| triangle.map(|corner| corners[corner])));
        let triangles = mesh.triangles.len() as u64;
        ImportError::check("the scene", triangles, limits.triangles_max, "triangles")?;
    }
    Ok(())
}

fn skip(values: &mut Values, property: &Property) -> Result<(), String> {
    let length = match property.length {
        Some(length) => values.whole(length, "a list's length", u64::from(u32::MAX))?,
        None => 1,
    };
    for _ in 0..length {
        values.number(property.scalar)?;
    }
    Ok(())
}
