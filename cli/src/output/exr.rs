//! OpenEXR: linear Rec.709 radiance and coverage with what made them.

use anyhow::{Context, Result};
use exr::prelude::*;
use tessera_shared::film::Film;
use tessera_shared::messages::FrameHead;

/// Bits of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Single,
    /// Clamped at ±65504, the largest half.
    Half,
}

/// A film as RGBA, lossless.
pub fn encode(head: &FrameHead, film: &Film, precision: Precision) -> Result<Vec<u8>> {
    let size = (film.width_px as usize, film.height_px as usize);
    let pixel = |at: Vec2<usize>| film.resolve(at.x() as u32, at.y() as u32, head.samples);
    let attributes = attributes(head, film);
    let mut file = std::io::Cursor::new(Vec::new());
    match precision {
        Precision::Single => {
            let channels = SpecificChannels::rgba(|at: Vec2<usize>| {
                let [r, g, b, a] = pixel(at);
                (r, g, b, a)
            });
            let layer = Layer::new(size, attributes, Encoding::SMALL_LOSSLESS, channels);
            Image::from_layer(layer).write().to_buffered(&mut file)
        }
        Precision::Half => {
            let channels = SpecificChannels::rgba(|at: Vec2<usize>| {
                let [r, g, b, a] = pixel(at).map(half);
                (r, g, b, a)
            });
            let layer = Layer::new(size, attributes, Encoding::SMALL_LOSSLESS, channels);
            Image::from_layer(layer).write().to_buffered(&mut file)
        }
    }
    .context("the image cannot be encoded as EXR")?;
    Ok(file.into_inner())
}

fn half(value: f32) -> f16 {
    f16::from_f32(value.clamp(-65504.0, 65504.0))
}

/// What the picture is of, so that it can be rendered again.
fn attributes(head: &FrameHead, film: &Film) -> LayerAttributes {
    let mut attributes = LayerAttributes { software_name: Some(text(software())), ..Default::default() };
    let words = [
        ("job", head.job_name.clone()),
        ("frame", head.frame.0.to_string()),
        ("samples", head.samples.to_string()),
        ("seed", head.seed.to_string()),
        ("maxBounces", head.max_bounces.to_string()),
        ("kernelVersion", head.kernel_version.to_string()),
        ("package", head.package.to_string()),
        ("film", film.digest().to_string()),
        ("raysCamera", head.rays.camera.to_string()),
        ("raysBounce", head.rays.bounce.to_string()),
        ("raysShadow", head.rays.shadow.to_string()),
        ("mode", format!("{:?}", head.mode).to_lowercase()),
    ];
    for (name, value) in words {
        attributes.other.insert(text(&format!("tessera.{name}")), AttributeValue::Text(text(&value)));
    }
    attributes
}

fn software() -> &'static str {
    concat!("Tessera ", env!("CARGO_PKG_VERSION"))
}

/// EXR's texts are Latin-1; what is not becomes `?`.
fn text(value: &str) -> Text {
    let latin: String =
        value.chars().map(|symbol| if (symbol as u32) < 256 { symbol } else { '?' }).collect();
    Text::new_or_none(&latin).unwrap_or_else(|| Text::from("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_shared::digest::Digest;
    use tessera_shared::film::{FilmPixel, Rays};
    use tessera_shared::grid::Grid;
    use tessera_shared::ids::FrameNumber;
    use tessera_shared::messages::Mode;

    fn frame() -> (FrameHead, Film) {
        let mut film = Film::new(9, 5, 20);
        film.pixels[10] = FilmPixel { rgb: [1 << 20, 3 << 19, 100_000 << 21], covered: 1, clamped: 0 };
        let head = FrameHead {
            frame: FrameNumber(3),
            job_name: "mosaïc".into(),
            package: Digest([7; 32]),
            kernel_version: 1,
            grid: Grid::new(9, 5, 64).unwrap(),
            samples: 2,
            seed: 0,
            max_bounces: 8,
            film_scale_log2: 20,
            rays: Rays::default(),
            mode: Mode::Exact,
        };
        (head, film)
    }

    #[test]
    fn what_is_written_is_read() {
        let (head, film) = frame();
        for (precision, blue) in [(Precision::Single, 100_000.0), (Precision::Half, 65504.0)] {
            let bytes = encode(&head, &film, precision).unwrap();
            let image = crate::diff::Picture::decode(&bytes).unwrap();
            assert_eq!((image.width, image.height), (9, 5));
            assert_eq!(image.pixels[10], [0.5, 0.75, blue]);
            assert_eq!(image.pixels[11], [0.0; 3]);
        }
    }
}
