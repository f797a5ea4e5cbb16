//! Buffer views that `EXT_meshopt_compression` or `KHR_meshopt_compression` compress: decoded into buffers of their own, so
//! that whoever reads accessors afterwards need not know.

use gltf::json::Root;
use gltf::json::buffer::{Buffer, View};
use gltf::json::validation::USize64;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ImportError;
use super::meshopt::{self, Filter, Layout, Mode};
use crate::label::{label, quoted};
use crate::limits::ImportLimits;

/// Both names stand for one format; the newer one adds a version of the vertex codec and a filter, read under either.
const NAMES: [&str; 2] = ["KHR_meshopt_compression", "EXT_meshopt_compression"];

/// The extension's object in a buffer view.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compressed {
    buffer: usize,
    #[serde(default)]
    byte_offset: u64,
    byte_length: u64,
    byte_stride: u64,
    count: u64,
    mode: String,
    filter: Option<String>,
}

fn extension(others: Option<&Map<String, Value>>) -> Option<(&'static str, &Value)> {
    NAMES.iter().find_map(|name| Some((*name, others?.get(*name)?)))
}

fn of_view(view: &View) -> Option<(&'static str, &Value)> {
    extension(view.extensions.as_ref().map(|extensions| &extensions.others))
}

/// For each buffer, whether it only stands in for what is decoded: tagged so, or without a URI and used by compressed views
/// alone. Its bytes are not read.
pub fn fallbacks(root: &Root) -> Vec<bool> {
    let tagged = |buffer: &Buffer| {
        let value = extension(buffer.extensions.as_ref().map(|extensions| &extensions.others));
        value.is_some_and(|(_, value)| value.get("fallback").and_then(Value::as_bool).unwrap_or(false))
    };
    let (mut compressed, mut plain) = (vec![false; root.buffers.len()], vec![false; root.buffers.len()]);
    for view in &root.buffer_views {
        let kind = if of_view(view).is_some() { &mut compressed } else { &mut plain };
        if let Some(used) = kind.get_mut(view.buffer.value()) {
            *used = true;
        }
    }
    let stands_in =
        |(i, buffer): (usize, &Buffer)| tagged(buffer) || buffer.uri.is_none() && compressed[i] && !plain[i];
    root.buffers.iter().enumerate().map(stands_in).collect()
}

/// Decodes every compressed view into a new buffer and makes the view refer to it.
pub fn expand(root: &mut Root, buffers: &mut Vec<Vec<u8>>, limits: &ImportLimits) -> Result<(), ImportError> {
    let mut total: u64 = buffers.iter().map(|buffer| buffer.len() as u64).sum();
    for (index, view) in root.buffer_views.iter_mut().enumerate() {
        let Some((name, value)) = of_view(view) else {
            continue;
        };
        let place = format!("{name} of {}", label("buffer view", index, view.name.as_deref()));
        let compressed = Compressed::deserialize(value)
            .map_err(|error| ImportError::malformed(&place, error.to_string()))?;
        total = total.saturating_add(compressed.count.saturating_mul(compressed.byte_stride));
        ImportError::check("all buffers, decompressed", total, limits.buffer_bytes_max, "bytes")?;
        let bytes = decode(&compressed, view, buffers, &place)?;
        view.buffer = gltf::json::Index::new(buffers.len() as u32);
        view.byte_offset = None;
        buffers.push(bytes);
    }
    Ok(())
}

fn decode(
    compressed: &Compressed,
    view: &View,
    buffers: &[Vec<u8>],
    place: &str,
) -> Result<Vec<u8>, ImportError> {
    let fail = |problem: String| ImportError::malformed(place, problem);
    let (count, stride) = (compressed.count, compressed.byte_stride);
    let USize64(expected) = view.byte_length;
    if count.checked_mul(stride) != Some(expected) {
        let problem = format!("holds {count} elements of {stride} bytes for a view of {expected} bytes");
        return Err(fail(problem));
    }
    if let Some(parent) = view.byte_stride.filter(|parent| parent.0 as u64 != stride) {
        return Err(fail(format!("has a stride of {stride} bytes and its view one of {}", parent.0)));
    }
    let buffer = buffers.get(compressed.buffer);
    let buffer = buffer
        .ok_or_else(|| fail(format!("refers to buffer {}, which does not exist", compressed.buffer)))?;
    let (start, length) = (compressed.byte_offset, compressed.byte_length);
    let end = start.checked_add(length).filter(|end| *end <= buffer.len() as u64);
    let end = end.ok_or_else(|| {
        fail(format!("ends beyond its buffer: {length} bytes from {start} of {}", buffer.len()))
    })?;
    let filter = match compressed.filter.as_deref() {
        None | Some("NONE") => Filter::None,
        Some("OCTAHEDRAL") => Filter::Octahedral,
        Some("QUATERNION") => Filter::Quaternion,
        Some("EXPONENTIAL") => Filter::Exponential,
        Some("COLOR") => Filter::Color,
        Some(other) => return Err(fail(format!("has the unknown filter {}", quoted(other)))),
    };
    let mode = match (compressed.mode.as_str(), filter) {
        ("ATTRIBUTES", _) => Mode::Attributes(filter),
        ("TRIANGLES", Filter::None) => Mode::Triangles,
        ("INDICES", Filter::None) => Mode::Indices,
        ("TRIANGLES" | "INDICES", _) => return Err(fail("filters indices, which have no filter".into())),
        (other, _) => return Err(fail(format!("has the unknown mode {}", quoted(other)))),
    };
    let layout = Layout { mode, count: count as usize, stride: stride as usize };
    meshopt::decode(&buffer[start as usize..end as usize], layout).map_err(|error| fail(error.to_string()))
}
