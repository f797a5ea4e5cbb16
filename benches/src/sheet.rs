//! The contact sheet: each job's picture, its reference's and FLIP's errors in a row, small, with the job's name above.
//! Knows how to place and shrink pictures, not what they show.

mod font;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::reference::{Compared, References, table};

/// Edges of a panel in pixels that are tried, largest first, until the sheet is small enough.
const EDGES_PX: [usize; 4] = [128, 112, 96, 80];
/// Largest file: it lies in the repository.
const BYTES_MAX: usize = 1_500_000;
/// Jobs beside each other.
const COLUMNS: usize = 2;
/// Room above a row of panels for the name, and between panels.
const LABEL_PX: usize = 16;
const GAP_PX: usize = 4;
const PAPER: u8 = 24;
const INK: u8 = 224;
/// Most pixels of a picture that is read.
const PIXELS_MAX: usize = 1 << 26;

/// Renders every job, prints the table and writes the sheet. True where all rendered.
pub fn run(out: &Path, references: &References, jobs: &[&str]) -> Result<bool> {
    let compared = table(references, jobs)?;
    if compared.is_empty() {
        bail!("no job rendered, so there is no sheet");
    }
    let mut rows = Vec::new();
    for job in &compared {
        rows.push((label(job), Image::read(&job.picture)?));
    }
    for edge in EDGES_PX {
        let bytes = compose(&rows, edge).encode()?;
        if bytes.len() <= BYTES_MAX {
            std::fs::write(out, &bytes).with_context(|| out.display().to_string())?;
            println!("{}: {} bytes, panels of {edge} pixels", out.display(), bytes.len());
            return Ok(compared.len() == jobs.len());
        }
    }
    bail!("the sheet would have more than {BYTES_MAX} bytes; give it fewer jobs")
}

/// The name with its words apart, and the figure.
fn label(job: &Compared) -> String {
    let mut words = String::new();
    for symbol in job.name.chars() {
        if symbol.is_uppercase() && words.ends_with(char::is_lowercase) {
            words.push(' ');
        }
        words.push(symbol);
    }
    format!("{words}  FLIP {:.3}", job.flip)
}

/// 8-bit sRGB.
struct Image {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
}

impl Image {
    fn new(width: usize, height: usize) -> Image {
        Image { width, height, rgb: vec![[PAPER; 3]; width * height] }
    }

    fn read(path: &Path) -> Result<Image> {
        let shown = || path.display().to_string();
        let file = std::fs::File::open(path).with_context(shown)?;
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().with_context(shown)?;
        let size = reader.output_buffer_size().filter(|size| *size <= 3 * PIXELS_MAX);
        let mut bytes = vec![0; size.with_context(|| format!("{}: too large", path.display()))?];
        let info = reader.next_frame(&mut bytes).with_context(shown)?;
        if (info.color_type, info.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
            bail!("{}: it is no 8-bit RGB picture", path.display());
        }
        let (width, height) = (info.width as usize, info.height as usize);
        Ok(Image { width, height, rgb: bytes.as_chunks().0.to_vec() })
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.rgb.as_flattened())?;
        writer.finish()?;
        Ok(file)
    }

    fn set(&mut self, x: usize, y: usize, pixel: [u8; 3]) {
        if x < self.width && y < self.height {
            self.rgb[y * self.width + x] = pixel;
        }
    }

    /// The mean light of the box that a pixel of a picture of this size, shrunk to `width` × `height`, stands for. `from` is
    /// the first column, `across` how many there are.
    fn shrunk(
        &self,
        from: usize,
        across: usize,
        (width, height): (usize, usize),
        x: usize,
        y: usize,
    ) -> [u8; 3] {
        let span = |at: usize, of: usize, length: usize| {
            let first = at * length / of;
            first..((at + 1) * length / of).max(first + 1)
        };
        let (columns, rows) = (span(x, width, across), span(y, height, self.height));
        let count = (columns.len() * rows.len()) as f64;
        let mut sum = [0.0; 3];
        for row in rows {
            for pixel in &self.rgb[row * self.width + from..][columns.clone()] {
                sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += light(*value));
            }
        }
        sum.map(|sum| value_of(sum / count))
    }
}

/// sRGB's transfer (IEC 61966-2-1) and back.
fn light(value: u8) -> f64 {
    let encoded = f64::from(value) / 255.0;
    if encoded <= 0.04045 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
}

fn value_of(light: f64) -> u8 {
    let encoded = if light <= 0.0031308 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

/// Pictures of three panels each, in columns, panels of at most `edge` pixels.
fn compose(rows: &[(String, Image)], edge: usize) -> Image {
    let columns = COLUMNS.min(rows.len());
    let (cell_width, cell_height) = (3 * (edge + GAP_PX) + GAP_PX, LABEL_PX + edge + GAP_PX);
    let mut sheet = Image::new(columns * cell_width, rows.len().div_ceil(columns) * cell_height + GAP_PX);
    for (number, (label, picture)) in rows.iter().enumerate() {
        let (left, top) = (number % columns * cell_width + GAP_PX, number / columns * cell_height);
        let most = (cell_width - GAP_PX) / (font::ADVANCE * font::SCALE);
        let shown: String = label.chars().take(most).collect();
        font::draw(&shown, |x, y| sheet.set(left + x, top + GAP_PX + y, [INK; 3]));
        let across = picture.width / 3;
        if across == 0 || picture.height == 0 {
            continue;
        }
        let longest = across.max(picture.height);
        let size = ((across * edge / longest).max(1), (picture.height * edge / longest).max(1));
        for panel in 0..3 {
            let x0 = left + panel * (edge + GAP_PX) + (edge - size.0) / 2;
            let y0 = top + LABEL_PX + (edge - size.1) / 2;
            for (x, y) in (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y))) {
                sheet.set(x0 + x, y0 + y, picture.shrunk(panel * across, across, size, x, y));
            }
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three panels of one colour each.
    fn panels(width: usize, height: usize) -> Image {
        let colours = [[200, 0, 0], [0, 200, 0], [0, 0, 200]];
        let rgb = (0..width * height).map(|at| colours[at % width * 3 / width]).collect();
        Image { width, height, rgb }
    }

    #[test]
    fn panels_keep_their_place_shape_and_colour() {
        let rows: Vec<_> = (0..3).map(|_| ("Fox".to_owned(), panels(192, 32))).collect();
        let sheet = compose(&rows, 32);
        assert_eq!((sheet.width, sheet.height), (2 * 112, 2 * 52 + 4));
        let pixel = |x: usize, y: usize| sheet.rgb[y * sheet.width + x];
        // 64 × 32 pixels become 32 × 16, in the middle of their panel.
        let (left, top) = (4, LABEL_PX);
        assert_eq!(pixel(left, top + 8), [200, 0, 0]);
        assert_eq!(pixel(left + 31, top + 23), [200, 0, 0]);
        assert_eq!(pixel(left, top + 7), [PAPER; 3]);
        assert_eq!(pixel(left + 36, top + 12), [0, 200, 0]);
        assert_eq!(pixel(112 + left + 72, top + 12), [0, 0, 200]);
        assert!(sheet.rgb[..sheet.width * LABEL_PX].contains(&[INK; 3]));
        // The third job begins the second row, and nothing stands beside it.
        assert_eq!(pixel(112 + left + 36, 52 + top + 12), [PAPER; 3]);
        assert!(sheet.encode().unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn shrinking_keeps_the_light() {
        let rgb = (0..64).map(|at| [if (at + at / 8) % 2 == 0 { 255 } else { 0 }; 3]).collect();
        let chequers = Image { width: 8, height: 8, rgb };
        assert_eq!(chequers.shrunk(0, 8, (4, 4), 1, 1), [188; 3]);
    }

    #[test]
    fn words_of_a_name_stand_apart() {
        let picture = std::path::PathBuf::new();
        let job =
            Compared { name: "ClearCoatTest".into(), ratios: [None; 3], flip: 0.0417, seconds: 1.0, picture };
        assert_eq!(label(&job), "Clear Coat Test  FLIP 0.042");
    }
}
