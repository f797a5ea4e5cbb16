//! Packs what a machine without a toolchain needs to run the GPU checks: a stripped binary, small scenes, the Vulkan loader.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::test::cargo;

/// Binaries of the release profile that travel.
const BINARIES: [&str; 2] = ["tessera", "tessera-benches"];
/// A pack must stay under this to travel.
const BYTES_MAX: u64 = 64 << 20;

/// Fills `folder`: `bin/`, `scenes/`, `lib/`.
pub fn run(root: &Path, folder: &Path) -> Result<()> {
    cargo(root, &["build", "--release", "--package", "tessera", "--package", "tessera-benches"])?;
    for part in ["bin", "scenes", "lib"] {
        fs::create_dir_all(folder.join(part)).with_context(|| folder.display().to_string())?;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    for binary in BINARIES {
        let to = folder.join("bin").join(binary);
        fs::copy(target.join("release").join(binary), &to).with_context(|| format!("release/{binary}"))?;
        let stripped = Command::new("strip").arg(&to).status();
        if !stripped.is_ok_and(|status| status.success()) {
            println!("pack: `strip` is missing; {binary} travels with its symbols");
        }
    }
    copy_scenes(&root.join("scenes"), &folder.join("scenes"))?;
    copy_loader(&folder.join("lib"))?;
    let bytes = size(folder)?;
    if bytes > BYTES_MAX {
        bail!("the pack has {bytes} bytes; at most {BYTES_MAX} travel");
    }
    println!(
        "pack: {} bytes in {}; run bin/tessera-benches matrix 4 --gpu NAME there with LD_LIBRARY_PATH=lib",
        bytes,
        folder.display()
    );
    Ok(())
}

/// The sample scenes: files beside the crate's sources.
fn copy_scenes(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_cargo = path.file_name().is_some_and(|name| name == "Cargo.toml" || name == "clippy.toml");
        if matches!(extension, Some("glb" | "toml" | "json" | "hdr" | "exr" | "png")) && !is_cargo {
            fs::copy(&path, to.join(path.file_name().expect("a file has a name")))?;
        }
    }
    Ok(())
}

fn copy_loader(to: &Path) -> Result<()> {
    let places =
        ["/usr/lib/x86_64-linux-gnu/libvulkan.so.1", "/usr/lib64/libvulkan.so.1", "/usr/lib/libvulkan.so.1"];
    match places.iter().find(|place| Path::new(place).exists()) {
        Some(place) => drop(fs::copy(place, to.join("libvulkan.so.1"))?),
        None => println!(
            "pack: no Vulkan loader here (apt-get install libvulkan1); the other machine must have one"
        ),
    }
    Ok(())
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
