//! Turns integer films into files: which, under what names, and written so that a reader never sees half of one.

mod exr;
pub mod movie;
mod png;
pub mod sheet;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tessera_scenes::shot::Output;
use tessera_shared::film::Film;
use tessera_shared::messages::FrameHead;

pub use self::png::{read_mask, write_rgb};

/// A file to write for each frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    path: PathBuf,
    output: Output,
}

/// What is written for each frame of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    targets: Vec<Target>,
    /// Frame numbers stand in file names.
    numbered: bool,
    exposure_stops: f64,
}

impl Targets {
    /// For `paths` as -o gives them; none means NAME.exr and so on in `folder`. The extension of a path tells the format.
    pub fn new(
        paths: &[PathBuf],
        folder: &Path,
        name: &str,
        outputs: &[Output],
        numbered: bool,
        exposure_stops: f64,
    ) -> Result<Targets> {
        let half = outputs.contains(&Output::ExrHalf) && !outputs.contains(&Output::Exr);
        let targets = match paths {
            [] => outputs.iter().map(|output| default_target(folder, name, *output, outputs)).collect(),
            paths => paths.iter().map(|path| target(path, half)).collect::<Result<_>>()?,
        };
        Ok(Targets { targets, numbered, exposure_stops })
    }

    /// Fails now rather than after hours of rendering: every folder must be there.
    pub fn check(&self) -> Result<()> {
        for target in &self.targets {
            folder_there(&target.path)?;
            if target.path.is_dir() {
                bail!("{}: it is a folder; name a file that ends in .exr or .png", target.path.display());
            }
        }
        Ok(())
    }

    /// Writes a finished frame; returns the files.
    pub fn write(&self, head: &FrameHead, film: &Film) -> Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        for target in &self.targets {
            let path = if self.numbered { numbered(&target.path, head.frame.0) } else { target.path.clone() };
            let bytes = match target.output {
                Output::Exr => exr::encode(head, film, exr::Precision::Single)?,
                Output::ExrHalf => exr::encode(head, film, exr::Precision::Half)?,
                Output::Png => png::encode(film, head.samples, self.exposure_stops)?,
            };
            write_atomically(&path, &bytes)?;
            written.push(path);
        }
        Ok(written)
    }
}

fn default_target(folder: &Path, name: &str, output: Output, outputs: &[Output]) -> Target {
    let both = outputs.contains(&Output::Exr) && outputs.contains(&Output::ExrHalf);
    let file = match output {
        Output::Png => format!("{name}.png"),
        Output::ExrHalf if both => format!("{name}.half.exr"),
        Output::Exr | Output::ExrHalf => format!("{name}.exr"),
    };
    Target { path: folder.join(file), output }
}

fn target(path: &Path, half: bool) -> Result<Target> {
    let extension =
        path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
    let output = match (extension.as_str(), half) {
        ("exr", false) => Output::Exr,
        ("exr", true) => Output::ExrHalf,
        ("png", _) => Output::Png,
        _ => bail!("{}: the name must end in .exr or .png", path.display()),
    };
    Ok(Target { path: path.to_path_buf(), output })
}

/// `shot.exr` of frame 7 is `shot.0007.exr`.
fn numbered(path: &Path, frame: u32) -> PathBuf {
    let extension =
        path.extension().map_or_else(String::new, |extension| extension.to_string_lossy().into_owned());
    path.with_extension(format!("{frame:04}.{extension}"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folder of a file that is written much later: it has to be there now.
fn folder_there(path: &Path) -> Result<&Path> {
    let folder = folder_of(path);
    match folder.is_dir() {
        true => Ok(folder),
        false => bail!("{}: there is no such folder; create it first", folder.display()),
    }
}

/// Writes beside the file, makes it durable, then renames: a reader sees the old file or the new one.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = Unfinished::begin(path)?;
    file.write(bytes)?;
    file.finish()
}

/// A file that lies beside its place until it is whole; dropped before that, it goes.
#[derive(Debug)]
pub struct Unfinished {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Unfinished {
    pub fn begin(path: &Path) -> Result<Unfinished> {
        let file = tempfile::Builder::new().prefix(".tessera-").tempfile_in(folder_of(path));
        let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Unfinished { file, path: path.to_owned() })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_context(|| format!("{} cannot be written", self.path.display()))
    }

    pub fn writer(&mut self) -> &mut std::fs::File {
        self.file.as_file_mut()
    }

    /// Makes it durable and gives it its name.
    pub fn finish(self) -> Result<()> {
        let Unfinished { file, path } = self;
        let finish = || -> std::io::Result<()> {
            file.as_file().sync_all()?;
            readable_by_others(file.as_file())?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        finish().with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Temporary files are private; a picture is an ordinary file.
#[cfg(unix)]
fn readable_by_others(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_frames() {
        assert_eq!(numbered(Path::new("a/b.exr"), 7), Path::new("a/b.0007.exr"));
        let both = [Output::Exr, Output::ExrHalf];
        let targets = Targets::new(&[], Path::new("o"), "shot", &both, false, 0.0).unwrap();
        let paths: Vec<_> = targets.targets.iter().map(|target| target.path.to_string_lossy()).collect();
        assert_eq!(paths, ["o/shot.exr", "o/shot.half.exr"]);
        assert!(Targets::new(&["a.jpg".into()], Path::new("."), "shot", &[Output::Exr], false, 0.0).is_err());
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomically(&folder.path().join("no/a.bin"), b"x").is_err());
    }
}
