//! Images that materials use, decoded to 8 bits a channel. Sizes are read from headers before anything is decoded.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use gltf::json::Root;
use image::{ImageFormat, ImageReader};

use super::accessor::Accessors;
use super::error::ImportError;
use super::ktx2;
use super::material::SurfaceMaterial;
use super::resources::fetch;
use crate::label::label;
use crate::limits::ImportLimits;

/// Red, green, blue and alpha bytes, row-major from the top left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raster {
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

/// Decodes each image that a material uses once, and makes the materials refer to the result.
pub fn images(
    root: &Root,
    accessors: &Accessors,
    folder: &Path,
    limits: &ImportLimits,
    materials: &mut [SurfaceMaterial],
) -> Result<Vec<Raster>, ImportError> {
    let mut decoded: BTreeMap<usize, usize> = BTreeMap::new();
    let (mut rasters, mut texels_left) = (Vec::new(), limits.texels_max);
    for usage in materials.iter_mut().flat_map(|material| material.uses_mut()).flatten() {
        if let Some(&raster) = decoded.get(&usage.image) {
            usage.image = raster;
            continue;
        }
        let image = &root.images[usage.image];
        let place = label(
            "image",
            usage.image,
            image.name.as_deref().or(image.uri.as_deref().filter(|uri| !uri.starts_with("data:"))),
        );
        let held;
        let bytes = match (&image.buffer_view, &image.uri) {
            (Some(view), _) => accessors.view(view.value(), &place)?,
            (None, Some(uri)) => {
                held = fetch(folder, uri, &place, limits)?;
                &held[..]
            }
            (None, None) => {
                return Err(ImportError::malformed(place, "has neither a `bufferView` nor a `uri`"));
            }
        };
        let raster = decode(bytes, &place, limits.image_pixels_max, &mut texels_left)?;
        decoded.insert(usage.image, rasters.len());
        usage.image = rasters.len();
        rasters.push(raster);
    }
    Ok(rasters)
}

/// Decodes PNG, JPEG, WebP or KTX 2.0. `texels_left` is what all images together may still take.
pub fn decode(
    bytes: &[u8],
    place: &str,
    pixels_max: u64,
    texels_left: &mut u64,
) -> Result<Raster, ImportError> {
    let fail = |problem: String| ImportError::Image { place: place.to_owned(), problem };
    let mut admit = |width: u32, height: u32| {
        let pixels = u64::from(width) * u64::from(height);
        ImportError::check(place, pixels, pixels_max, "pixels")?;
        ImportError::check(format!("{place} and those before it"), pixels, *texels_left, "pixels")?;
        if pixels == 0 {
            return Err(fail("it has no pixels".into()));
        }
        *texels_left -= pixels;
        Ok(pixels)
    };
    let format = match bytes {
        [0x89, b'P', b'N', b'G', ..] => ImageFormat::Png,
        [0xFF, 0xD8, 0xFF, ..] => ImageFormat::Jpeg,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ImageFormat::WebP,
        _ if bytes.starts_with(&ktx2::IDENTIFIER) => {
            let container = ktx2::Container::parse(bytes).map_err(fail)?;
            admit(container.width, container.height)?;
            let rgba = container.rgba().map_err(fail)?;
            return Ok(Raster { width: container.width, height: container.height, rgba });
        }
        _ => return Err(fail("it is neither PNG, JPEG, WebP nor KTX 2.0; convert it".into())),
    };
    let reader = |bytes| ImageReader::with_format(Cursor::new(bytes), format);
    let (width, height) = reader(bytes).into_dimensions().map_err(|error| fail(error.to_string()))?;
    let pixels = admit(width, height)?;
    let mut reader = reader(bytes);
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(pixels * 16 + (64 << 20));
    reader.limits(bounds);
    let rgba = reader.decode().map_err(|error| fail(error.to_string()))?.into_rgba8();
    Ok(Raster { width, height, rgba: rgba.into_raw() })
}
