//! A disk that does all that the contract of [`Disk`] permits: what was not synced may be there, be missing or be other
//! bytes, sector by sector; names change in any order; it is full, and it fails for good after so many changes. Only where
//! it may lie does it lose what it said was safe.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard};

use tessera_journal::Disk;

use crate::random::Random;

/// Bytes that are written whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The disk, shared by what uses it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimDisk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    /// Changes of names since they were last synced, oldest first: the name, what it was and what it is.
    renamed: Vec<(String, Option<usize>, Option<usize>)>,
    /// Bytes that the disk takes beyond what it holds; none is no limit.
    bytes_max: Option<u64>,
    /// Changes until the process that makes them is dead.
    fuse: Option<u64>,
    /// Of a thousand syncs, so many do nothing.
    lies_permille: u64,
    random: Option<Random>,
}

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    /// So many bytes survive.
    synced: usize,
    /// What was safe and is cut off, until the cut is safe.
    cut: Vec<u8>,
}

impl SimDisk {
    pub fn new(random: Random, lies_permille: u64) -> SimDisk {
        let disk = SimDisk::default();
        disk.inner().random = Some(random);
        disk.inner().lies_permille = lies_permille;
        disk
    }

    /// No room for more than so many further bytes; none has no limit.
    pub fn limit(&self, more_bytes: Option<u64>) {
        let used = self.inner().used();
        self.inner().bytes_max = more_bytes.map(|more| used + more);
    }

    /// The process dies after so many more changes: every later one fails.
    pub fn burn(&self, changes: u64) {
        self.inner().fuse = Some(changes);
    }

    /// The power fails.
    pub fn crash(&self) {
        let mut inner = self.inner();
        inner.fuse = None;
        let mut random = inner.random.take().expect("a disk has its chances");
        for file in &mut inner.files {
            file.crash(&mut random);
        }
        // Each change of a name has happened or not, in any order.
        let changes = std::mem::take(&mut inner.renamed);
        for (name, before, _) in changes.iter().rev() {
            match before {
                Some(at) => drop(inner.names.insert(name.clone(), *at)),
                None => drop(inner.names.remove(name)),
            }
        }
        for (name, _, after) in changes {
            match after.filter(|_| random.permille(500)) {
                Some(at) => drop(inner.names.insert(name, at)),
                None if after.is_none() && random.permille(500) => drop(inner.names.remove(&name)),
                None => {}
            }
        }
        inner.random = Some(random);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl File {
    fn crash(&mut self, random: &mut Random) {
        if !self.cut.is_empty() && random.permille(500) {
            self.bytes.truncate(self.synced);
            let cut = std::mem::take(&mut self.cut);
            self.bytes.extend(cut);
            self.synced = self.bytes.len();
            return;
        }
        self.cut.clear();
        let unsynced = self.bytes.len() - self.synced;
        self.bytes.truncate(self.synced + random.between(0, unsynced as u64 + 1) as usize);
        for sector in self.bytes[self.synced..].chunks_mut(SECTOR_BYTES) {
            match random.between(0, 4) {
                0 => sector.fill(0),
                1 => sector.iter_mut().for_each(|byte| *byte ^= random.word() as u8),
                _ => {}
            }
        }
        self.synced = self.bytes.len();
    }
}

impl Inner {
    fn used(&self) -> u64 {
        self.names.values().map(|at| self.files[*at].bytes.len() as u64).sum()
    }

    /// Counts a change; an error if the process is dead by now.
    fn change(&mut self) -> Result<()> {
        match &mut self.fuse {
            None => Ok(()),
            Some(0) => Err(Error::other("the process is dead")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn file(&self, name: &str) -> Result<usize> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn name(&mut self, name: &str, to: Option<usize>) {
        let before = match to {
            Some(at) => self.names.insert(name.to_owned(), at),
            None => self.names.remove(name),
        };
        self.renamed.push((name.to_owned(), before, to));
    }

    fn lies(&mut self) -> bool {
        let permille = self.lies_permille;
        permille > 0 && self.random.as_mut().is_some_and(|random| random.permille(permille))
    }
}

impl Disk for SimDisk {
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
        inner.name(name, Some(at));
        Ok(())
    }

    fn append(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut inner = self.inner();
        let at = inner.file(name)?;
        let changed = inner.change();
        let used = inner.bytes_max.map(|bytes_max| bytes_max.saturating_sub(inner.used()));
        let room = used.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX);
        let fits = bytes.len().min(room);
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
        let bytes = usize::try_from(bytes).map_or(file.bytes.len(), |bytes| bytes.min(file.bytes.len()));
        if bytes < file.synced {
            let mut cut = file.bytes[bytes..file.synced].to_vec();
            cut.append(&mut file.cut);
            file.cut = cut;
            file.synced = bytes;
        }
        file.bytes.truncate(bytes);
        Ok(())
    }

    fn sync(&self, name: &str) -> Result<()> {
        let mut inner = self.inner();
        let at = inner.file(name)?;
        inner.change()?;
        if !inner.lies() {
            let file = &mut inner.files[at];
            file.synced = file.bytes.len();
            file.cut.clear();
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let mut inner = self.inner();
        let at = inner.file(from)?;
        inner.change()?;
        inner.name(from, None);
        inner.name(to, Some(at));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let mut inner = self.inner();
        inner.change()?;
        if inner.names.contains_key(name) {
            inner.name(name, None);
        }
        Ok(())
    }

    fn sync_names(&self) -> Result<()> {
        let mut inner = self.inner();
        inner.change()?;
        if !inner.lies() {
            inner.renamed.clear();
        }
        Ok(())
    }
}
