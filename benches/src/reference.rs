//! Jobs against reference renders, by `tessera diff`: a row of a table each, and pictures for the contact sheet.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{render, tessera};

/// Where references are and how ours are rendered.
pub struct References<'a> {
    /// Holds NAME.exr and, where only a part counts, NAME.mask.png of every job NAME.
    pub folder: &'a Path,
    /// Samples of ours; the job's own without.
    pub spp: Option<&'a str>,
}

/// How a job came out.
pub struct Compared {
    pub name: String,
    /// Our mean over the reference's inside the mask, by channel; nothing where the reference is black.
    pub ratios: [Option<f64>; 3],
    /// Mean FLIP inside the mask.
    pub flip: f64,
    /// Of ours, from process start to exit.
    pub seconds: f64,
    /// A PNG of ours, the reference and FLIP's errors, side by side.
    pub picture: PathBuf,
}

/// Renders every job and prints the table. True where all rendered.
pub fn run(references: &References, jobs: &[&str]) -> Result<bool> {
    Ok(table(references, jobs)?.len() == jobs.len())
}

/// Prints a row as each job is done; returns the jobs that rendered.
pub fn table(references: &References, jobs: &[&str]) -> Result<Vec<Compared>> {
    println!("| job | red | green | blue | FLIP | seconds |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut rendered = Vec::new();
    for job in jobs {
        match compare(references, job) {
            Ok(compared) => {
                println!("{}", compared.row());
                rendered.push(compared);
            }
            Err(error) => {
                let reason = format!("{error:#}");
                // What the program said, without the command that failed.
                let said = reason.rsplit("tessera: ").next().unwrap_or_default().trim();
                println!("| {} | {said} | | | | |", name_of(job)?);
            }
        }
    }
    Ok(rendered)
}

fn name_of(job: &str) -> Result<String> {
    let stem = Path::new(job).file_stem().with_context(|| format!("{job} has no name"))?;
    Ok(stem.to_string_lossy().into_owned())
}

fn compare(references: &References, job: &str) -> Result<Compared> {
    let name = name_of(job)?;
    let place = std::env::temp_dir().join(format!("tessera-{name}"));
    let (ours, picture) = (place.with_extension("exr"), place.with_extension("png"));
    let (ours, shown) = (ours.to_string_lossy(), picture.to_string_lossy());
    let spp: Vec<&str> = references.spp.iter().flat_map(|spp| ["--spp", spp]).collect();
    let outcome = render(&[&[job, "-o", &*ours], spp.as_slice()].concat())?;
    let reference = references.folder.join(format!("{name}.exr"));
    let mask = references.folder.join(format!("{name}.mask.png"));
    let (reference, masked) = (reference.to_string_lossy(), mask.to_string_lossy());
    let mut arguments = vec!["diff", &ours, &reference, "--flip", "--json", "--output", &shown];
    if mask.exists() {
        arguments.extend(["--mask", &masked]);
    }
    let output = tessera(&arguments)?;
    // 0 and 1 are answers: equal, and different.
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let ratio = |channel: usize| report["channels"][channel]["ratio"].as_f64();
    Ok(Compared {
        name,
        ratios: [ratio(0), ratio(1), ratio(2)],
        flip: report["flip"].as_f64().context("`tessera diff` tells no FLIP")?,
        seconds: outcome.wall.as_secs_f64(),
        picture,
    })
}

impl Compared {
    /// A row of the table.
    fn row(&self) -> String {
        let ratios = self.ratios.map(|ratio| ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.4}")));
        format!("| {} | {} | {:.4} | {:.1} |", self.name, ratios.join(" | "), self.flip, self.seconds)
    }
}
