//! The decoders of this folder for fuzz targets, each with what a caller would do with its result.

use gltf::json::Root;

use super::accessor::Accessors;
use super::meshopt::{Filter, Layout, Mode, decode};
use super::{draco, image};
use crate::limits::ImportLimits;

/// Decodes a stream whose first four bytes choose mode, stride and count.
pub fn meshopt(bytes: &[u8]) {
    let [mode, stride, low, high, stream @ ..] = bytes else {
        return;
    };
    let mode = match mode % 7 {
        0 => Mode::Attributes(Filter::None),
        1 => Mode::Attributes(Filter::Octahedral),
        2 => Mode::Attributes(Filter::Quaternion),
        3 => Mode::Attributes(Filter::Exponential),
        4 => Mode::Attributes(Filter::Color),
        5 => Mode::Triangles,
        _ => Mode::Indices,
    };
    let (count, stride) = (usize::from(u16::from_le_bytes([*low, *high])), usize::from(*stride) + 1);
    if let Ok(decoded) = decode(stream, Layout { mode, count, stride }) {
        assert_eq!(decoded.len(), count * stride);
    }
}

/// Decodes the primitives of a file whose one buffer is `bytes`, and reads their accessors.
pub fn draco(mut root: Root, bytes: &[u8], limits: &ImportLimits) {
    let mut buffers = vec![bytes.to_vec()];
    if draco::expand(&mut root, &mut buffers, limits).is_ok() {
        let mut accessors = Accessors::new(&root, &buffers, limits.vertices_max * 8);
        let primitive = &root.meshes[0].primitives[0];
        for accessor in primitive.attributes.values() {
            let _ = accessors.floats::<3>(accessor.value());
        }
        if let Some(indices) = primitive.indices {
            accessors.integers::<1>(indices.value()).expect("indices are there");
        }
    }
}

/// Decodes a picture.
pub fn image(bytes: &[u8], limits: &ImportLimits) {
    let mut texels_left = limits.texels_max;
    if let Ok(raster) = image::decode(bytes, "picture", limits.image_pixels_max, &mut texels_left) {
        assert_eq!(raster.rgba.len() as u64, u64::from(raster.width) * u64::from(raster.height) * 4);
    }
}
