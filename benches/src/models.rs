//! Every model of a folder on both backends: its frames' films, and what the renderer does not show of it. Knows nothing of what the
//! pictures should look like; `reference` does.

use anyhow::Result;

use crate::process::{Render, render};

/// How the models are rendered.
pub struct Models<'a> {
    pub spp: &'a str,
    /// Pixels of a square's side.
    pub side: &'a str,
    /// Frames, as `--frames` takes them.
    pub frames: &'a str,
    /// The environment map that lights them all, or `none`.
    pub environment: &'a str,
    /// The adapter that is compared with the CPU backend.
    pub gpu: &'a str,
}

/// Renders every model twice; true where the films of both backends are equal and there is one of every frame.
pub fn run(models: &Models, files: &[&str]) -> Result<bool> {
    let mut failed = 0;
    for file in files {
        match compare(models, file) {
            Ok(line) => println!("{file}: {line}"),
            Err(error) => {
                failed += 1;
                println!("{file}: FAILED: {error:#}");
            }
        }
    }
    println!("{} of {} models equal", files.len() - failed, files.len());
    Ok(failed == 0 && !files.is_empty())
}

fn compare(models: &Models, file: &str) -> Result<String> {
    let cpu = films(models, file, &["--backend", "cpu"])?;
    let gpu = films(models, file, &["--backend", "gpu", "--gpu", models.gpu])?;
    anyhow::ensure!(!cpu.films.is_empty(), "no film");
    anyhow::ensure!(
        cpu.films == gpu.films,
        "cpu {}, {} {}",
        cpu.films.join(" "),
        models.gpu,
        gpu.films.join(" ")
    );
    Ok(format!(
        "{} frames equal, the first {}{}",
        cpu.films.len(),
        &cpu.films[0],
        cpu.notes.iter().map(|note| format!("\n    {note}")).collect::<String>()
    ))
}

fn films(models: &Models, file: &str, device: &[&str]) -> Result<Render> {
    let picture = std::env::temp_dir().join("tessera-models-####.exr");
    let picture = picture.to_string_lossy();
    let mut arguments = vec![file, "--spp", models.spp, "--width", models.side, "--height", models.side];
    arguments.extend(["--frames", models.frames, "--environment", models.environment]);
    arguments.extend(["-o", &*picture]);
    arguments.extend(device);
    render(&arguments)
}
