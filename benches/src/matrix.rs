//! The digest matrix: one job, many ways to cut and place its work, one film.

use anyhow::Result;

use crate::process::render;

/// Renders every job in every way; true where each job has one digest.
pub fn run(spp: &str, gpu: Option<&str>, jobs: &[&str]) -> Result<bool> {
    let samples: u32 = spp.parse()?;
    let quarter = (samples / 4).max(1).to_string();
    let mut ways: Vec<(String, Vec<&str>)> =
        vec![("cpu, tile 64, one pass, 1 worker".into(), vec!["--backend", "cpu"])];
    for tile in ["32", "96"] {
        ways.push((format!("cpu, tile {tile}"), vec!["--backend", "cpu", "--tile", tile]));
    }
    ways.push(("cpu, four passes".into(), vec!["--backend", "cpu", "--pass-spp", &quarter]));
    ways.push(("cpu, 3 workers".into(), vec!["--backend", "cpu", "--workers", "3"]));
    if let Some(name) = gpu {
        ways.push((format!("gpu {name}"), vec!["--backend", "gpu", "--gpu", name]));
    }
    let mut equal = true;
    for job in jobs {
        equal &= compare(job, spp, &ways)?;
    }
    Ok(equal)
}

fn compare(job: &str, spp: &str, ways: &[(String, Vec<&str>)]) -> Result<bool> {
    let picture = std::env::temp_dir().join("tessera-matrix.exr");
    let picture = picture.to_string_lossy();
    let mut first: Option<Vec<String>> = None;
    let mut equal = true;
    for (name, flags) in ways {
        let arguments = [&[job, "--spp", spp, "-o", &*picture], flags.as_slice()].concat();
        let outcome = match render(&arguments) {
            Ok(outcome) => outcome,
            Err(error) => {
                println!("{job}: {name}: {error:#}");
                return Ok(false);
            }
        };
        let same = first.get_or_insert_with(|| outcome.films.clone()) == &outcome.films;
        equal &= same && !outcome.films.is_empty();
        let verdict = if same { "equal" } else { "DIFFERENT" };
        println!("{job}: {name}: {} {verdict} {:.1} s", outcome.films.join(" "), outcome.wall.as_secs_f64());
    }
    Ok(equal)
}
