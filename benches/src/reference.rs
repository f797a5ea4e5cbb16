//! Means inside the mask against reference renders, by `tessera diff`.

use std::path::Path;

use anyhow::{Context, Result};

use crate::process::{render, tessera};

/// Renders every job and prints what `tessera diff` says of it inside the reference's mask. True where all rendered.
pub fn run(spp: &str, folder: &Path, jobs: &[&str]) -> Result<bool> {
    let mut all = true;
    for job in jobs {
        let name = Path::new(job).file_stem().context("a job file has a name")?.to_string_lossy();
        let picture = std::env::temp_dir().join(format!("{name}.exr"));
        let picture = picture.to_string_lossy();
        match render(&[job, "--spp", spp, "-o", &picture]) {
            Ok(outcome) => println!("{name}: rendered in {:.1} s", outcome.wall.as_secs_f64()),
            Err(error) => {
                println!("{name}: {error:#}");
                all = false;
                continue;
            }
        }
        let reference = folder.join(format!("{name}.exr"));
        let mask = folder.join(format!("{name}.mask.png"));
        let (reference, mask) = (reference.to_string_lossy(), mask.to_string_lossy());
        let output = tessera(&["diff", &picture, &reference, "--mask", &mask])?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(all)
}
