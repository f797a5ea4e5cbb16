//! PNG: pictures for people to look at, 8 bits, opaque; and masks to read.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tessera_shared::display::Display;
use tessera_shared::film::Film;

/// A film as an sRGB PNG.
pub fn encode(film: &Film, samples: u32, stops: f64) -> Result<Vec<u8>> {
    let (width, height) = (film.width_px, film.height_px);
    let display = Display::new(stops);
    let mut bytes = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            let [r, g, b, _] = film.resolve(x, y, samples);
            bytes.extend([r, g, b].map(|channel| display.byte(channel)));
        }
    }
    write_rgb(width, height, &bytes)
}

/// Encodes 8-bit sRGB pixels, row-major.
pub fn write_rgb(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(file)
}

/// A mask: width, height and, row-major, whether each pixel is brighter than half.
pub fn read_mask(path: &Path) -> Result<(usize, usize, Vec<bool>)> {
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().with_context(|| path.display().to_string())?;
    let size = reader.output_buffer_size().context("the mask is too large")?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).with_context(|| path.display().to_string())?;
    let channels = info.color_type.samples();
    if channels == 0 {
        bail!("{}: no pixels", path.display());
    }
    let pixels = bytes[..info.buffer_size()].chunks_exact(channels).map(|pixel| pixel[0] > 127).collect();
    Ok((info.width as usize, info.height as usize, pixels))
}
