//! Packs what a machine without a toolchain needs to check its GPU: stripped binaries, small scenes, the Vulkan loader and a
//! script that runs the checks. Knows which files travel, not what they do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::test::cargo;

/// Binaries of the release profile that travel.
const BINARIES: [&str; 2] = ["tessera", "tessera-benches"];
/// A pack must stay under this to travel.
const BYTES_MAX: u64 = 64 << 20;
/// Where Linux distributions keep the Vulkan loader.
const LOADERS: [&str; 3] =
    ["/usr/lib/x86_64-linux-gnu/libvulkan.so.1", "/usr/lib64/libvulkan.so.1", "/usr/lib/libvulkan.so.1"];
/// What the other machine runs.
const CHECK: &str = r#"#!/bin/sh
# Checks a GPU of this machine: the conformance suite, many more vectors against the CPU, then whole films of small scenes.
# usage: ./check.sh GPU [SPP], where GPU is a part of a name that `bin/tessera devices` prints.
cd "$(dirname "$0")" || exit 2
export LD_LIBRARY_PATH="$PWD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
bin/tessera devices
[ -n "$1" ] || { echo "name one of these: ./check.sh GPU [SPP]"; exit 2; }
bin/tessera-benches conformance "$1" && bin/tessera-benches vectors "$1" && bin/tessera-benches matrix "${2:-4}" --gpu "$1" scenes/*.toml
"#;

/// Builds the release binaries and fills `folder`: `check.sh`, `bin/`, `scenes/`, `lib/`.
pub fn run(root: &Path, folder: &Path) -> Result<()> {
    cargo(root, &["build", "--release", "--package", "tessera", "--package", "tessera-benches"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let contents = Contents {
        binaries: BINARIES.iter().map(|binary| target.join("release").join(binary)).collect(),
        scenes: root.join("scenes"),
        loader: LOADERS.iter().map(PathBuf::from).find(|place| place.exists()),
    };
    if contents.loader.is_none() {
        println!("pack: no Vulkan loader here (apt-get install libvulkan1); the other machine must have one");
    }
    let bytes = contents.fill(folder, BYTES_MAX)?;
    println!("pack: {bytes} bytes in {}; run ./check.sh GPU there", folder.display());
    Ok(())
}

/// What travels.
struct Contents {
    binaries: Vec<PathBuf>,
    /// Folder of job files and what lies beside them.
    scenes: PathBuf,
    loader: Option<PathBuf>,
}

impl Contents {
    /// Copies everything; returns how many bytes the folder has then.
    fn fill(&self, folder: &Path, bytes_max: u64) -> Result<u64> {
        for part in ["bin", "scenes", "lib"] {
            fs::create_dir_all(folder.join(part)).with_context(|| folder.display().to_string())?;
        }
        for binary in &self.binaries {
            let to = folder.join("bin").join(name(binary)?);
            fs::copy(binary, &to).with_context(|| binary.display().to_string())?;
            let stripped = Command::new("strip").arg(&to).output();
            if !stripped.is_ok_and(|output| output.status.success()) {
                println!("pack: `strip` is missing or failed; {} travels as it is", binary.display());
            }
        }
        for entry in fs::read_dir(&self.scenes).with_context(|| self.scenes.display().to_string())? {
            let path = entry?.path();
            if is_scene_file(&path) {
                fs::copy(&path, folder.join("scenes").join(name(&path)?))?;
            }
        }
        if let Some(loader) = &self.loader {
            // The name that programs look for, whatever the file behind it is called.
            fs::copy(loader, folder.join("lib/libvulkan.so.1"))
                .with_context(|| loader.display().to_string())?;
        }
        write_script(&folder.join("check.sh"))?;
        match size(folder)? {
            bytes if bytes > bytes_max => bail!(
                "the pack in {} has {bytes} bytes; at most {bytes_max} travel: empty the folder, or strip the binaries",
                folder.display()
            ),
            bytes => Ok(bytes),
        }
    }
}

/// Job files, scenes and environments, not Cargo's files beside them.
fn is_scene_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let cargo = path.file_name().is_some_and(|name| name == "Cargo.toml" || name == "clippy.toml");
    matches!(extension, Some("glb" | "toml" | "json" | "hdr" | "exr" | "png")) && path.is_file() && !cargo
}

fn name(path: &Path) -> Result<&std::ffi::OsStr> {
    path.file_name().with_context(|| format!("{} has no name", path.display()))
}

fn write_script(path: &Path) -> Result<()> {
    fs::write(path, CHECK).with_context(|| path.display().to_string())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with two binaries that are none, a scene among Cargo's files, and a loader.
    fn contents(here: &Path) -> Contents {
        let write = |name: &str, text: &str| {
            let path = here.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        for file in
            ["scenes/a.toml", "scenes/a.glb", "scenes/Cargo.toml", "scenes/src/b.toml", "scenes/lib.rs"]
        {
            write(file, "x");
        }
        Contents {
            binaries: vec![write("target/tessera", "no binary"), write("target/tessera-benches", "nor this")],
            scenes: here.join("scenes"),
            loader: Some(write("lib/libvulkan.so.1.3.239", "loader")),
        }
    }

    fn listed(folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => {
                    names.extend(listed(&entry.path()).into_iter().map(|below| format!("{name}/{below}")))
                }
                false => names.push(name),
            }
        }
        names.sort();
        names
    }

    #[test]
    fn what_travels_and_what_does_not() {
        let here = tempfile::tempdir().unwrap();
        let contents = contents(here.path());
        let pack = here.path().join("pack");
        let bytes = contents.fill(&pack, 1 << 20).unwrap();
        let expected = [
            "bin/tessera",
            "bin/tessera-benches",
            "check.sh",
            "lib/libvulkan.so.1",
            "scenes/a.glb",
            "scenes/a.toml",
        ];
        assert_eq!(listed(&pack), expected);
        assert_eq!(bytes, 9 + 8 + 6 + 2 + CHECK.len() as u64);
        // The script starts, and asks for a device where none is named.
        let output = Command::new("sh").arg(pack.join("check.sh")).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stdout).contains("./check.sh GPU"));
        let error = contents.fill(&pack, 20).unwrap_err().to_string();
        assert!(error.contains("at most 20 travel"), "{error}");
        let lost = Contents { scenes: here.path().join("lost"), ..contents };
        assert!(lost.fill(&pack, 1 << 20).is_err());
    }
}
