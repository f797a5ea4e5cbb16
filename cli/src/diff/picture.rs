//! Reads the red, green and blue of an EXR, whoever wrote it: plain channels, or a layer's such as `ViewLayer.Combined.R`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use exr::prelude::*;

/// Largest image file that is read.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// Most pixels of an image.
const PIXELS_MAX: usize = 1 << 28;

/// Linear pixels, row-major from the top left.
#[derive(Debug)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<[f32; 3]>,
}

impl Picture {
    pub fn read(path: &Path) -> Result<Picture> {
        let shown = || path.display().to_string();
        let length = std::fs::metadata(path).with_context(shown)?.len();
        if length > FILE_BYTES_MAX {
            bail!("{}: {length} bytes; at most {FILE_BYTES_MAX} are read", path.display());
        }
        let bytes = std::fs::read(path).with_context(shown)?;
        Picture::decode(&bytes).with_context(shown)
    }

    /// From the bytes of an EXR.
    pub fn decode(bytes: &[u8]) -> Result<Picture> {
        let meta = exr::meta::MetaData::read_from_buffered(std::io::Cursor::new(bytes), false);
        let meta = meta.context("it is no OpenEXR image")?;
        for header in &meta.headers {
            let size = header.layer_size;
            if size.width().saturating_mul(size.height()) > PIXELS_MAX {
                bail!("{}×{} pixels; at most {PIXELS_MAX} are read", size.width(), size.height());
            }
        }
        let reader =
            read().no_deep_data().largest_resolution_level().all_channels().all_layers().all_attributes();
        let image =
            reader.from_buffered(std::io::Cursor::new(bytes)).context("it is no whole OpenEXR image")?;
        image.layer_data.iter().find_map(from_layer).context("it has no red, green and blue channels")
    }
}

fn from_layer(layer: &Layer<AnyChannels<FlatSamples>>) -> Option<Picture> {
    let channel = |letter: &str| {
        let mut channels = layer.channel_data.list.iter();
        channels.find(|channel| channel.name.to_string().rsplit('.').next() == Some(letter))
    };
    let samples = [channel("R")?, channel("G")?, channel("B")?].map(|channel| &channel.sample_data);
    let (width, height) = (layer.size.width(), layer.size.height());
    let pixel = |at: usize| samples.map(|samples| samples.value_by_flat_index(at).to_f32());
    Some(Picture { width, height, pixels: (0..width * height).map(pixel).collect() })
}
