//! Primitives that `KHR_draco_mesh_compression` compresses: decoded into buffers, views and accessors of their own, so that
//! whoever reads primitives afterwards need not know.

use std::collections::BTreeMap;

use draco_core::{DataType, DecodeLimits, DecoderBuffer, Mesh, MeshDecoder, PointAttribute, PointIndex};
use gltf::json::accessor::{Accessor, ComponentType, GenericComponentType, Type};
use gltf::json::buffer::View;
use gltf::json::mesh::{Mode, Primitive, Semantic};
use gltf::json::validation::{Checked, USize64};
use gltf::json::{Index, Root};
use serde::Deserialize;
use serde_json::Value;

use super::accessor::Accessors;
use super::error::ImportError;
use crate::label::{label, quoted};
use crate::limits::ImportLimits;

const NAME: &str = "KHR_draco_mesh_compression";

/// The extension's object in a primitive. `attributes` holds unique ids of the compressed mesh by semantic.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compressed {
    buffer_view: usize,
    attributes: BTreeMap<String, u32>,
}

/// What all primitives of a file may still take.
struct Budget {
    stream_bytes: u64,
    points: u64,
    faces: u64,
    decoded_bytes: u64,
}

/// A decoded column: an accessor without a view, and its bytes.
struct Column {
    accessor: Accessor,
    bytes: Vec<u8>,
}

/// Decodes every compressed primitive and makes it refer to what was decoded.
pub fn expand(root: &mut Root, buffers: &mut Vec<Vec<u8>>, limits: &ImportLimits) -> Result<(), ImportError> {
    let held: u64 = buffers.iter().map(|buffer| buffer.len() as u64).sum();
    let mut budget = Budget {
        stream_bytes: limits.buffer_bytes_max,
        points: limits.vertices_max,
        faces: limits.triangles_max,
        decoded_bytes: limits.buffer_bytes_max.saturating_sub(held),
    };
    for mesh in 0..root.meshes.len() {
        for i in 0..root.meshes[mesh].primitives.len() {
            let primitive = &root.meshes[mesh].primitives[i];
            let others = primitive.extensions.as_ref().map(|extensions| &extensions.others);
            let Some(value) = others.and_then(|others| others.get(NAME)) else {
                continue;
            };
            let name = label("mesh", mesh, root.meshes[mesh].name.as_deref());
            let place = format!("{NAME} of primitive {i} of {name}");
            let compressed = Compressed::deserialize(value)
                .map_err(|error| ImportError::malformed(&place, error.to_string()))?;
            let source = Accessors::new(root, buffers, 0);
            let stream = source.view(compressed.buffer_view, &place)?;
            let decoded = decode(stream, &mut budget, &place)?;
            let columns = columns(&decoded, &compressed, primitive, root, &place)?;
            let indices = add(root, buffers, indices(&decoded, &place));
            let columns: Vec<_> = columns
                .into_iter()
                .map(|(semantic, column)| (semantic, add(root, buffers, column)))
                .collect();
            let primitive = &mut root.meshes[mesh].primitives[i];
            primitive.mode = Checked::Valid(Mode::Triangles);
            primitive.indices = Some(indices);
            primitive.attributes.extend(columns);
        }
    }
    Ok(())
}

/// Decodes one stream within the budget and takes from it.
fn decode(stream: &[u8], budget: &mut Budget, place: &str) -> Result<Mesh, ImportError> {
    let length = stream.len() as u64;
    ImportError::check(format!("{place} and those before it"), length, budget.stream_bytes, "bytes")?;
    budget.stream_bytes -= length;
    let limits = DecodeLimits::default()
        .with_max_points(budget.points)
        .with_max_faces(budget.faces)
        .with_max_decoded_bytes(budget.decoded_bytes);
    let mut mesh = Mesh::new();
    let decoded = MeshDecoder::new().decode(&mut DecoderBuffer::new(stream).with_limits(limits), &mut mesh);
    decoded.map_err(|error| {
        ImportError::malformed(place, format!("its Draco stream does not decode: {error}"))
    })?;
    let take = |left: &mut u64, used: u64, unit: &'static str| {
        ImportError::check(format!("{place} and those before it"), used, *left, unit)?;
        *left -= used;
        Ok(())
    };
    take(&mut budget.points, mesh.num_points() as u64, "vertices")?;
    take(&mut budget.faces, mesh.num_faces() as u64, "triangles")?;
    Ok(mesh)
}

/// The corners of all triangles.
fn indices(mesh: &Mesh, place: &str) -> Column {
    let corners = mesh.faces().iter().flatten();
    let bytes: Vec<u8> = corners.flat_map(|point| point.0.to_le_bytes()).collect();
    let count = mesh.num_faces() as u64 * 3;
    let accessor = accessor(format!("indices, {place}"), ComponentType::U32, Type::Scalar, count, false);
    Column { accessor, bytes }
}

fn accessor(name: String, component: ComponentType, kind: Type, count: u64, normalized: bool) -> Accessor {
    Accessor {
        buffer_view: None,
        byte_offset: None,
        count: USize64(count),
        component_type: Checked::Valid(GenericComponentType(component)),
        extensions: None,
        extras: Default::default(),
        type_: Checked::Valid(kind),
        min: None,
        max: None,
        name: Some(name),
        normalized,
        sparse: None,
    }
}

/// Every attribute that the extension names, in point order.
fn columns(
    mesh: &Mesh,
    compressed: &Compressed,
    primitive: &Primitive,
    root: &Root,
    place: &str,
) -> Result<Vec<(Checked<Semantic>, Column)>, ImportError> {
    let fail = |problem: String| ImportError::malformed(place, problem);
    let mut columns = Vec::new();
    for (name, id) in &compressed.attributes {
        let semantic: Checked<Semantic> =
            serde_json::from_value(Value::String(name.clone())).unwrap_or(Checked::Invalid);
        let Some(described) = primitive.attributes.get(&semantic) else {
            return Err(fail(format!("has {}, which the primitive lacks", quoted(name))));
        };
        let described = root.accessors.get(described.value()).ok_or_else(|| {
            fail(format!("{}: accessor {} does not exist", quoted(name), described.value()))
        })?;
        let attribute = mesh
            .attribute_by_unique_id(*id)
            .ok_or_else(|| fail(format!("{}: the stream has no attribute with the id {id}", quoted(name))))?;
        let (component, bytes) = values(attribute, mesh.num_points())
            .map_err(|problem| fail(format!("{}: {problem}", quoted(name))))?;
        let Checked::Valid(kind) = described.type_ else {
            return Err(fail(format!("{}: its accessor has an unknown `type`", quoted(name))));
        };
        let found = usize::from(attribute.num_components());
        if kind.multiplicity() != found {
            let expected = kind.multiplicity();
            return Err(fail(format!(
                "{}: the stream has {found} components and the accessor {expected}",
                quoted(name)
            )));
        }
        let normalized = described.normalized && component != ComponentType::F32;
        let accessor =
            accessor(format!("{name}, {place}"), component, kind, mesh.num_points() as u64, normalized);
        columns.push((semantic, Column { accessor, bytes }));
    }
    Ok(columns)
}

/// An attribute's values in point order, and their type.
fn values(attribute: &PointAttribute, points: usize) -> Result<(ComponentType, Vec<u8>), String> {
    let component = match attribute.data_type() {
        DataType::Int8 => ComponentType::I8,
        DataType::Uint8 | DataType::Bool => ComponentType::U8,
        DataType::Int16 => ComponentType::I16,
        DataType::Uint16 => ComponentType::U16,
        DataType::Uint32 => ComponentType::U32,
        DataType::Float32 => ComponentType::F32,
        other => return Err(format!("holds numbers of the type {other:?}, which glTF does not have")),
    };
    let size = component.size() * usize::from(attribute.num_components());
    let stride = usize::try_from(attribute.byte_stride()).ok().filter(|stride| *stride >= size);
    let stride = stride.ok_or_else(|| "its values overlap".to_owned())?;
    let data = attribute.buffer().data();
    let mut bytes = Vec::with_capacity(points * size);
    for point in 0..points {
        let value = attribute.mapped_index(PointIndex(point as u32)).0 as usize;
        let start = value.checked_mul(stride);
        let read = start.and_then(|start| data.get(start..start.checked_add(size)?));
        bytes.extend_from_slice(read.ok_or_else(|| format!("vertex {point} has no value"))?);
    }
    Ok((component, bytes))
}

/// Adds a buffer, a view of it and the accessor that reads it.
fn add(root: &mut Root, buffers: &mut Vec<Vec<u8>>, column: Column) -> Index<Accessor> {
    let Column { mut accessor, bytes } = column;
    let view = View {
        buffer: Index::new(buffers.len() as u32),
        byte_length: USize64(bytes.len() as u64),
        byte_offset: None,
        byte_stride: None,
        name: None,
        target: None,
        extensions: None,
        extras: Default::default(),
    };
    buffers.push(bytes);
    accessor.buffer_view = Some(Index::new(root.buffer_views.len() as u32));
    root.buffer_views.push(view);
    root.accessors.push(accessor);
    Index::new(root.accessors.len() as u32 - 1)
}
