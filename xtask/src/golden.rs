//! Records golden digests under the kernel's version. A version's digests never change; new bits need a new version.
//!
//! `benches/golden.txt` holds a line a digest: `VERSION | ARGUMENTS OF tessera render | DIGEST`; `benches/conformance.txt` those of
//! the conformance suite.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::test::cargo;

/// Where the digests stand, below the root.
const RECORD: &str = "benches/golden.txt";
/// Where those of the conformance suite stand.
const CONFORMANCE: &str = "benches/conformance.txt";

/// Renders what the last recorded version rendered and adds the digests under the present version, unless it has some.
pub fn record(root: &Path) -> Result<()> {
    let path = root.join(RECORD);
    let mut text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let version = kernel_version(root)?;
    let lines: Vec<(u32, String)> = text.lines().filter_map(entry).collect();
    if lines.iter().any(|(recorded, _)| *recorded == version) {
        bail!(
            "kernel {version} has its digests; raise KERNEL_VERSION in shared/src/lib.rs if bits are meant to move"
        );
    }
    let last =
        lines.iter().map(|(recorded, _)| *recorded).max().context("the record names no scene to render")?;
    cargo(root, &["build", "--release", "--package", "tessera"])?;
    for (_, arguments) in lines.iter().filter(|(recorded, _)| *recorded == last) {
        let digest = film_digest(root, arguments)?;
        text.push_str(&format!("{version} | {arguments} | {digest}\n"));
    }
    fs::write(&path, text)?;
    println!("golden: recorded kernel {version} in {RECORD}");
    cargo(root, &["run", "--release", "--package", "tessera-benches", "--", "record", CONFORMANCE])
}

fn entry(line: &str) -> Option<(u32, String)> {
    let mut fields = line.split(" | ");
    let version = fields.next()?.trim().parse().ok()?;
    Some((version, fields.next()?.trim().to_string()))
}

fn kernel_version(root: &Path) -> Result<u32> {
    let source = fs::read_to_string(root.join("shared/src/lib.rs"))?;
    let line =
        source.lines().find(|line| line.contains("pub const KERNEL_VERSION")).context("no KERNEL_VERSION")?;
    let digits: String = line.split('=').nth(1).unwrap_or("").chars().filter(char::is_ascii_digit).collect();
    digits.parse().context("KERNEL_VERSION is no number")
}

fn film_digest(root: &Path, arguments: &str) -> Result<String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let picture = target.join("golden.exr");
    let mut command = Command::new(target.join("release/tessera"));
    command.arg("render").args(arguments.split_whitespace()).args(["--backend", "cpu", "-o"]).arg(&picture);
    let output = command.current_dir(root).output().context("tessera did not start")?;
    if !output.status.success() {
        bail!("tessera render {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let digest = stdout.lines().find_map(|line| line.strip_prefix("film ")).context("no film line")?;
    Ok(digest.to_string())
}
