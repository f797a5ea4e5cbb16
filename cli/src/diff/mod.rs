//! `tessera diff`: what differs between two images, as numbers, as a verdict and as a picture.

mod compare;
mod flip;
mod picture;
mod show;
mod z_test;

use anyhow::{Context, bail};
use serde_json::json;

use crate::args::DiffArguments;
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::output::{read_mask, write_atomically};
use compare::{Comparison, compare};
pub use picture::Picture;
use z_test::{ZTest, z_test};

/// What `diff` found.
struct Report {
    comparison: Comparison,
    z_tests: Vec<ZTest>,
    /// Errors of FLIP by pixel, and their mean inside the mask.
    flip: Option<(Vec<f32>, f64)>,
}

pub fn run(arguments: &DiffArguments) -> Result<Outcome, Failure> {
    let a = Picture::read(&arguments.a).or_exit(Exit::Output)?;
    let b = Picture::read(&arguments.b).or_exit(Exit::Output)?;
    let report = examine(arguments, &a, &b).or_exit(Exit::Output)?;
    match arguments.json {
        true => console::print(format_args!("{}", report.json())),
        false => console::print(format_args!("{}", report.text().trim_end())),
    };
    if let Some(path) = &arguments.output {
        let errors = report.flip.as_ref().map(|(errors, _)| errors.as_slice());
        let bytes = show::side_by_side(&a, &b, errors).or_exit(Exit::Output)?;
        write_atomically(path, &bytes).or_exit(Exit::Output)?;
    }
    Ok(if report.passes(arguments.tolerance) { Outcome::Done } else { Outcome::Negative })
}

fn examine(arguments: &DiffArguments, a: &Picture, b: &Picture) -> anyhow::Result<Report> {
    if (a.width, a.height) != (b.width, b.height) {
        bail!(
            "{}×{} pixels against {}×{}; only images of one size compare",
            a.width,
            a.height,
            b.width,
            b.height
        );
    }
    let mask = match &arguments.mask {
        None => vec![true; a.pixels.len()],
        Some(path) => {
            let (width, height, mask) = read_mask(path)?;
            if (width, height) != (a.width, a.height) {
                bail!(
                    "{}: {width}×{height} pixels; the images have {}×{}",
                    path.display(),
                    a.width,
                    a.height
                );
            }
            mask
        }
    };
    if !mask.contains(&true) {
        bail!(
            "the mask is black everywhere, so nothing would be compared; give one that is white where it counts"
        );
    }
    let mut z_tests = Vec::new();
    if let (Some(path), Some(spp), Some(reference_spp)) =
        (&arguments.variance, arguments.spp, arguments.reference_spp)
    {
        let variance = Picture::read(path)?;
        if (variance.width, variance.height) != (a.width, a.height) {
            bail!("{}: the variance has another size than the images", path.display());
        }
        let share = 1.0 / f64::from(spp.max(1)) + 1.0 / f64::from(reference_spp.max(1));
        for edge in [4, 16] {
            z_tests.push(z_test(a, b, &variance, share, edge).context("Z-test")?);
        }
    }
    let flip = arguments.flip.then(|| {
        let errors = flip::flip(a, b);
        let inside = errors.iter().zip(&mask).filter(|(_, inside)| **inside);
        let (sum, count) = inside.fold((0.0, 0), |(sum, n), (error, _)| (sum + f64::from(*error), n + 1));
        (errors, sum / f64::from(count))
    });
    Ok(Report { comparison: compare(a, b, &mask, arguments.tolerance), z_tests, flip })
}

impl Report {
    fn passes(&self, tolerance: f32) -> bool {
        match self.z_tests.as_slice() {
            [] => self.comparison.pixels_beyond == 0 && self.comparison.greatest <= tolerance,
            tests => tests.iter().all(ZTest::passes),
        }
    }

    fn text(&self) -> String {
        let c = &self.comparison;
        let mut text = match c.identical {
            true => format!("equal: all {} pixels, to the bit\n", c.pixels),
            false => format!(
                "differs: {} of {} pixels; greatest {:.6} at ({}, {}); RMSE {:.6}\n",
                c.pixels_beyond, c.pixels, c.greatest, c.greatest_at.0, c.greatest_at.1, c.rmse
            ),
        };
        for (name, channel) in ["red", "green", "blue"].iter().zip(&c.channels) {
            let ratio = channel.ratio().map_or("–".into(), |ratio| format!("{ratio:.4}"));
            text += &format!(
                "{name:>6}: mean {:.6} against {:.6}, ratio {ratio}\n",
                channel.mean_a, channel.mean_b
            );
        }
        if let Some((_, mean)) = &self.flip {
            text += &format!("  FLIP: mean {mean:.6} (0 equal, 1 as far as can be)\n");
        }
        for test in &self.z_tests {
            text += &format!("{}\n", test.sentence());
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let c = &self.comparison;
        let channels: Vec<_> = c.channels.iter().map(|channel| json!({"mean_a": channel.mean_a, "mean_b": channel.mean_b, "ratio": channel.ratio()})).collect();
        let tests: Vec<_> = self.z_tests.iter().map(ZTest::json).collect();
        json!({
            "identical": c.identical, "pixels": c.pixels, "pixels_beyond": c.pixels_beyond, "greatest": c.greatest,
            "greatest_at": [c.greatest_at.0, c.greatest_at.1], "rmse": c.rmse, "channels": channels, "z_tests": tests,
            "flip": self.flip.as_ref().map(|(_, mean)| mean),
        })
    }
}
