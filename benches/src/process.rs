//! Runs the `tessera` binary that lies beside this one and reads what it prints.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A finished render.
pub struct Render {
    /// The digests of its frames, in order.
    pub films: Vec<String>,
    /// What it said of the scene that does not show in the picture, a line each.
    pub notes: Vec<String>,
    pub wall: Duration,
}

/// The `tessera` beside this binary.
pub fn binary() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let path = here.parent().context("a binary lies in a folder")?.join("tessera");
    if !path.exists() {
        bail!("{} is missing; build it with `cargo build --release`", path.display());
    }
    Ok(path)
}

/// Runs `tessera` with `arguments`.
pub fn tessera(arguments: &[&str]) -> Result<Output> {
    Command::new(binary()?).args(arguments).output().context("tessera did not start")
}

/// Runs `tessera render` with `arguments` and picks out the film lines.
pub fn render(arguments: &[&str]) -> Result<Render> {
    let start = Instant::now();
    let output = tessera(&[&["render"], arguments].concat())?;
    let wall = start.elapsed();
    if !output.status.success() {
        bail!("tessera render {}\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let films = stdout.lines().filter_map(|line| line.strip_prefix("film ")).map(str::to_string).collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let notes = stderr.lines().filter(|line| line.starts_with("note: ")).map(str::to_string).collect();
    Ok(Render { films, notes, wall })
}
