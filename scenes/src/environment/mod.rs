//! Equirectangular environments from Radiance HDR and OpenEXR files, as finite, non-negative radiance. Knows neither their
//! rotation nor how they are sampled.

pub mod table;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use crate::import::{ImportError, read_file};
use crate::limits::ImportLimits;

/// Largest height: above it, rows at the poles have no area in f32.
pub const HEIGHT_MAX_PX: u32 = 8192;
/// Largest radiance that a texel keeps.
const RADIANCE_MAX: f64 = 1_099_511_627_776.0;

/// Why an environment cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    #[error(transparent)]
    Read(#[from] ImportError),
    #[error("{}: it is neither a Radiance HDR nor an OpenEXR file; convert it", .0.display())]
    Format(PathBuf),
    #[error("{}: {problem}", path.display())]
    Decode { path: PathBuf, problem: String },
    #[error("{}: it is {height} pixels high; at most {HEIGHT_MAX_PX} are read", path.display())]
    TooHigh { path: PathBuf, height: u32 },
}

/// Linear radiance, row-major from the top (+Y).
pub struct Environment {
    pub width: u32,
    pub height: u32,
    /// Red, green, blue, 0.
    pub texels: Vec<[f32; 4]>,
}

/// Reads an environment and multiplies it by `strength`. Texels that are not finite become black; negative ones too.
pub fn read(path: &Path, strength: f64, limits: &ImportLimits) -> Result<Environment, EnvironmentError> {
    let bytes = read_file(path, limits.file_bytes_max)?;
    let (width, height, mut texels) = match bytes.get(..4) {
        Some([b'#', b'?', _, _]) => radiance(path, &bytes, limits)?,
        Some([0x76, 0x2F, 0x31, 0x01]) => open_exr(path, &bytes, limits)?,
        _ => return Err(EnvironmentError::Format(path.to_path_buf())),
    };
    for channel in texels.iter_mut().flat_map(|texel| &mut texel[..3]) {
        let radiance = f64::from(*channel) * strength;
        let held = if radiance > 0.0 { radiance.min(RADIANCE_MAX) } else { 0.0 };
        *channel = crate::compile::number::settled(held);
    }
    Ok(Environment { width, height, texels })
}

fn check_size(path: &Path, width: u64, height: u64, limits: &ImportLimits) -> Result<(), EnvironmentError> {
    ImportError::check(path.display().to_string(), width * height, limits.environment_pixels_max, "pixels")?;
    if height > u64::from(HEIGHT_MAX_PX) {
        return Err(EnvironmentError::TooHigh { path: path.to_path_buf(), height: height as u32 });
    }
    if width == 0 || height == 0 {
        let problem = "it has no pixels".into();
        return Err(EnvironmentError::Decode { path: path.to_path_buf(), problem });
    }
    Ok(())
}

type Pixels = (u32, u32, Vec<[f32; 4]>);

fn radiance(path: &Path, bytes: &[u8], limits: &ImportLimits) -> Result<Pixels, EnvironmentError> {
    use image::ImageDecoder;
    let fail = |error: image::ImageError| EnvironmentError::Decode {
        path: path.to_path_buf(),
        problem: error.to_string(),
    };
    let mut decoder = image::codecs::hdr::HdrDecoder::new(Cursor::new(bytes)).map_err(fail)?;
    let (width, height) = decoder.dimensions();
    check_size(path, u64::from(width), u64::from(height), limits)?;
    let pixels = u64::from(width) * u64::from(height);
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(pixels * 32 + (16 << 20));
    decoder.set_limits(bounds).map_err(fail)?;
    let mut raw = vec![0u8; pixels as usize * 12];
    decoder.read_image(&mut raw).map_err(fail)?;
    let texels = raw.chunks_exact(12).map(|texel| {
        let channel = |c: usize| f32::from_ne_bytes([texel[c], texel[c + 1], texel[c + 2], texel[c + 3]]);
        [channel(0), channel(4), channel(8), 0.0]
    });
    Ok((width, height, texels.collect()))
}

fn open_exr(path: &Path, bytes: &[u8], limits: &ImportLimits) -> Result<Pixels, EnvironmentError> {
    use exr::prelude::*;
    let fail = |error: exr::error::Error| EnvironmentError::Decode {
        path: path.to_path_buf(),
        problem: error.to_string(),
    };
    let meta = exr::meta::MetaData::read_from_buffered(Cursor::new(bytes), false).map_err(fail)?;
    for header in &meta.headers {
        check_size(path, header.layer_size.0 as u64, header.layer_size.1 as u64, limits)?;
    }
    let image = read()
        .no_deep_data()
        .largest_resolution_level()
        .rgb_channels(
            |size, _| (size.0, vec![[0.0f32; 4]; size.0 * size.1]),
            |(width, texels): &mut (usize, Vec<[f32; 4]>), at, (r, g, b): (f32, f32, f32)| {
                texels[at.1 * *width + at.0] = [r, g, b, 0.0];
            },
        )
        .first_valid_layer()
        .all_attributes()
        .non_parallel()
        .from_buffered(Cursor::new(bytes))
        .map_err(fail)?;
    let size = image.layer_data.size;
    Ok((size.0 as u32, size.1 as u32, image.layer_data.channel_data.pixels.1))
}
