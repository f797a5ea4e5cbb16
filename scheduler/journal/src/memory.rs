//! A disk in memory that does what a real one may do: it loses what was not synced, tears it, is full, or fails. For tests and
//! the simulator.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Mutex, MutexGuard};

use crate::disk::Disk;

/// Bytes that are written whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The disk. Behind a lock, so that it can be shared as a real one is.
#[derive(Debug, Default)]
pub struct MemoryDisk {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    /// The names as they were last synced.
    names_synced: BTreeMap<String, usize>,
    bytes_max: Option<u64>,
    /// Changes until every further one fails.
    changes_left: Option<u64>,
    changes: u64,
    syncs: u64,
}

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    /// So many bytes survive.
    synced: usize,
}

impl MemoryDisk {
    /// An empty disk without limits.
    pub fn new() -> MemoryDisk {
        MemoryDisk::default()
    }

    /// From here on the disk is full at so many bytes; `None` has no limit.
    pub fn limit(&self, bytes_max: Option<u64>) {
        self.inner().bytes_max = bytes_max;
    }

    /// So many changes still succeed, then every one fails as if the device were gone; `None` mends it.
    pub fn fail_after(&self, changes: Option<u64>) {
        self.inner().changes_left = changes;
    }

    /// Changes so far: creations, appends, cuts, syncs, renamings, removals, failed ones included.
    pub fn changes(&self) -> u64 {
        self.inner().changes
    }

    /// Syncs of files so far.
    pub fn syncs(&self) -> u64 {
        self.inner().syncs
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        let inner = self.inner();
        inner.names.values().map(|at| inner.files[*at].bytes.len() as u64).sum()
    }

    /// Power is lost: what was not synced survives in part, as `below` chooses, which returns a number below its argument.
    /// Everything synced stays.
    pub fn crash(&self, mut below: impl FnMut(u64) -> u64) {
        let mut inner = self.inner();
        inner.changes_left = None;
        for file in &mut inner.files {
            let pending = file.bytes.len() - file.synced;
            let kept = file.synced + below(pending as u64 + 1) as usize;
            file.bytes.truncate(kept);
            // A sector in the middle may be missing.
            if kept - file.synced > SECTOR_BYTES && below(2) == 0 {
                let start = file.synced + below((kept - file.synced - SECTOR_BYTES) as u64) as usize;
                file.bytes[start..start + SECTOR_BYTES].fill(0);
            }
            file.synced = file.bytes.len();
        }
        let mut names = inner.names_synced.clone();
        let changed: Vec<String> = inner.names.keys().chain(inner.names_synced.keys()).cloned().collect();
        for name in changed {
            let (now, before) = (inner.names.get(&name).copied(), inner.names_synced.get(&name).copied());
            if now != before && below(2) == 0 {
                match now {
                    Some(at) => drop(names.insert(name, at)),
                    None => drop(names.remove(&name)),
                }
            }
        }
        inner.names = names.clone();
        inner.names_synced = names;
    }

    /// Changes a byte of a file, as a failing device does.
    pub fn damage(&self, name: &str, offset: u64) {
        let mut inner = self.inner();
        let at = inner.names[name];
        inner.files[at].bytes[offset as usize] ^= 0x10;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Inner {
    /// Counts a change; an error if it fails.
    fn change(&mut self) -> Result<()> {
        self.changes += 1;
        match &mut self.changes_left {
            None => Ok(()),
            Some(0) => Err(Error::other("the device is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn file(&self, name: &str) -> Result<usize> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn room(&self) -> u64 {
        let used: u64 = self.names.values().map(|at| self.files[*at].bytes.len() as u64).sum();
        self.bytes_max.map_or(u64::MAX, |bytes_max| bytes_max.saturating_sub(used))
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> Result<Vec<String>> {
        Ok(self.inner().names.keys().cloned().collect())
    }

    fn length(&self, name: &str) -> Result<u64> {
        let inner = self.inner();
        Ok(inner.files[inner.file(name)?].bytes.len() as u64)
    }

    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<()> {
        let inner = self.inner();
        let bytes = &inner.files[inner.file(name)?].bytes;
        let start = usize::try_from(offset).map_err(|_| ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(into.len()).ok_or(ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(bytes.get(start..end).ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn create(&self, name: &str) -> Result<()> {
        let mut inner = self.inner();
        inner.change()?;
        inner.files.push(File::default());
        let at = inner.files.len() - 1;
        inner.names.insert(name.to_owned(), at);
        Ok(())
    }

    fn append(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut inner = self.inner();
        let at = inner.file(name)?;
        let changed = inner.change();
        let room = inner.room();
        let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        // Half of a write that fails may have happened.
        let written = if changed.is_err() { fits / 2 } else { fits };
        inner.files[at].bytes.extend(&bytes[..written]);
        changed?;
        if fits < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&self, name: &str, bytes: u64) -> Result<()> {
        let mut inner = self.inner();
        let at = inner.file(name)?;
        inner.change()?;
        let file = &mut inner.files[at];
        file.bytes.truncate(bytes as usize);
        file.synced = file.synced.min(file.bytes.len());
        Ok(())
    }

    fn sync(&self, name: &str) -> Result<()> {
        let mut inner = self.inner();
        let at = inner.file(name)?;
        inner.change()?;
        inner.syncs += 1;
        let file = &mut inner.files[at];
        file.synced = file.bytes.len();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let mut inner = self.inner();
        let at = inner.file(from)?;
        inner.change()?;
        inner.names.remove(from);
        inner.names.insert(to.to_owned(), at);
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let mut inner = self.inner();
        inner.change()?;
        inner.names.remove(name);
        Ok(())
    }

    fn sync_names(&self) -> Result<()> {
        let mut inner = self.inner();
        inner.change()?;
        inner.names_synced = inner.names.clone();
        Ok(())
    }
}
