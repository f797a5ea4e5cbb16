//! A folder of the file system as a [`Disk`]. Knows nothing of what its files hold.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::Disk;

/// A folder. Files that grow stay open until they are removed, and are read through the same handle.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    growing: Mutex<BTreeMap<String, Arc<File>>>,
}

impl Folder {
    /// Opens the folder, and creates it if need be.
    pub fn open(path: &Path) -> Result<Folder> {
        std::fs::create_dir_all(path)?;
        if let Some(parent) = path.parent() {
            sync_folder(parent)?;
        }
        Ok(Folder { path: path.to_owned(), growing: Mutex::default() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn growing(&self) -> MutexGuard<'_, BTreeMap<String, Arc<File>>> {
        self.growing.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn writable(&self, name: &str) -> Result<Arc<File>> {
        if let Some(file) = self.growing().get(name) {
            return Ok(file.clone());
        }
        let file = Arc::new(OpenOptions::new().read(true).append(true).open(self.path.join(name))?);
        self.growing().insert(name.to_owned(), file.clone());
        Ok(file)
    }
}

impl Disk for Folder {
    fn list(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn length(&self, name: &str) -> Result<u64> {
        Ok(std::fs::metadata(self.path.join(name))?.len())
    }

    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<()> {
        let growing = self.growing().get(name).cloned();
        match growing {
            Some(file) => read_exact_at(&file, offset, into),
            None => read_exact_at(&File::open(self.path.join(name))?, offset, into),
        }
    }

    fn create(&self, name: &str) -> Result<()> {
        let opened = OpenOptions::new().read(true).append(true).create(true).open(self.path.join(name))?;
        opened.set_len(0)?;
        self.growing().insert(name.to_owned(), Arc::new(opened));
        Ok(())
    }

    fn append(&self, name: &str, bytes: &[u8]) -> Result<()> {
        (&*self.writable(name)?).write_all(bytes)
    }

    fn truncate(&self, name: &str, bytes: u64) -> Result<()> {
        self.writable(name)?.set_len(bytes)
    }

    fn sync(&self, name: &str) -> Result<()> {
        self.writable(name)?.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let mut growing = self.growing();
        growing.remove(from);
        growing.remove(to);
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.growing().remove(name);
        match std::fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_names(&self) -> Result<()> {
        sync_folder(&self.path)
    }
}

/// Reads at a place of its own, so that readers of one handle do not disturb each other.
#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, into: &mut [u8]) -> Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut into: &mut [u8]) -> Result<()> {
    while !into.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, into, offset)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => {
                offset += read as u64;
                into = &mut into[read..];
            }
        }
    }
    Ok(())
}

/// Makes the names in a folder survive a loss of power.
pub fn sync_folder(path: &Path) -> Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    // Elsewhere a folder cannot be opened as a file; names are the file system's concern there.
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
