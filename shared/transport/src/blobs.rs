//! Blobs on disk, named by their digest: partial files grow, are verified, and only then get their name. Calls block.
//! Knows no packages; who may drop which blob is the caller's.

pub mod download;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use tessera_shared::digest::Digest;

/// Ending of a file that is not whole yet.
const PARTIAL: &str = "partial";
/// Partial files that nobody writes and that are kept to be resumed; the oldest go first.
const IDLE_MAX: usize = 1024;
/// Bytes read from disk at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A directory of blobs with a limit on its size.
#[derive(Debug)]
pub struct BlobStore {
    directory: PathBuf,
    bytes_max: u64,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    blobs: BTreeMap<Digest, Entry>,
    /// Blobs that are being written under their own partial name.
    growing: BTreeSet<Digest>,
    /// Partial files that nobody writes now, each under its own name, with the bytes that they have.
    idle: BTreeMap<Digest, Entry>,
    /// Whole blobs, what growing ones have reserved and what idle ones have.
    bytes: u64,
    clock: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    bytes: u64,
    used: u64,
}

/// Why a blob cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("a blob of {bytes} bytes does not fit: the store takes {bytes_max}")]
    Full { bytes: u64, bytes_max: u64 },
    #[error("the bytes do not hash to {0}")]
    Digest(Digest),
    #[error("{0} is not here")]
    Absent(Digest),
}

impl BlobError {
    /// The disk, or the limit on what may be on it, has no room: something else may still fit, and this later.
    pub fn is_shortage(&self) -> bool {
        match self {
            BlobError::Io { source, .. } => is_shortage(source),
            BlobError::Full { .. } => true,
            BlobError::Digest(_) | BlobError::Absent(_) => false,
        }
    }
}

/// A full disk, a quota, a limit on files, no memory.
pub fn is_shortage(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::FileTooLarge
            | ErrorKind::OutOfMemory
            | ErrorKind::ReadOnlyFilesystem
    )
}

impl BlobStore {
    /// Opens or creates a store. Files that are no blobs are left alone; partial ones stay to be resumed, and count.
    pub fn open(directory: &Path, bytes_max: u64) -> Result<Arc<BlobStore>, BlobError> {
        let io = |source| BlobError::Io { path: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(io)?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            let Some((digest, kind)) = name.to_str().and_then(named) else { continue };
            match (kind, entry.metadata()) {
                // Nobody resumes what a second sender of a blob left.
                (Kind::Second, _) => drop(std::fs::remove_file(entry.path())),
                (kind, Ok(metadata)) => found.push((metadata.modified().ok(), digest, kind, metadata.len())),
                (_, Err(_)) => {}
            }
        }
        found.sort();
        let mut index = Index::default();
        for (_, digest, kind, bytes) in found {
            match kind {
                Kind::Partial => index.rest(digest, bytes),
                Kind::Blob | Kind::Second => index.insert(digest, bytes),
            }
            index.bytes += bytes;
        }
        Ok(Arc::new(BlobStore { directory: directory.to_owned(), bytes_max, index: Mutex::new(index) }))
    }

    /// The blob's length, if it is here.
    pub fn bytes_of(&self, digest: &Digest) -> Option<u64> {
        self.index().blobs.get(digest).map(|entry| entry.bytes)
    }

    /// The blob's file, to be streamed. What is read from it still needs verifying by its receiver.
    pub fn open_blob(&self, digest: &Digest) -> Result<(File, u64), BlobError> {
        let bytes = self.index().touch(digest).ok_or(BlobError::Absent(*digest))?;
        let path = self.path(digest);
        let file = File::open(&path).map_err(|source| BlobError::Io { path, source })?;
        Ok((file, bytes))
    }

    /// The blob's bytes, verified. A damaged file is dropped, so that it can be had again.
    pub fn read(&self, digest: &Digest) -> Result<Arc<[u8]>, BlobError> {
        let (file, bytes) = self.open_blob(digest)?;
        let io = |source| BlobError::Io { path: self.path(digest), source };
        let mut content = Vec::new();
        let room = usize::try_from(bytes).map_err(|_| io(ErrorKind::OutOfMemory.into()))?;
        content.try_reserve_exact(room).map_err(|_| io(ErrorKind::OutOfMemory.into()))?;
        // A file that grew on disk is damaged: read no more of it than shows that.
        file.take(bytes + 1).read_to_end(&mut content).map_err(io)?;
        if Digest::of(&content) != *digest {
            self.remove(digest);
            return Err(BlobError::Digest(*digest));
        }
        Ok(content.into())
    }

    /// How much of a blob is here that broke off; 0 if nothing is. [`PartialBlob::offset`] has the last word.
    pub fn partial_bytes(&self, digest: &Digest) -> u64 {
        std::fs::metadata(self.partial_path(digest)).map_or(0, |metadata| metadata.len())
    }

    /// Begins or resumes a blob of so many bytes. Its room is reserved until the partial blob is dropped or whole.
    pub fn begin(self: &Arc<BlobStore>, digest: Digest, bytes: u64) -> Result<PartialBlob, BlobError> {
        let own_name = {
            let mut index = self.index();
            let resumed = index.idle.get(&digest).map_or(0, |entry| entry.bytes);
            while (index.bytes - resumed).saturating_add(bytes) > self.bytes_max {
                if !self.drop_oldest_idle(&mut index, Some(&digest)) {
                    return Err(BlobError::Full { bytes, bytes_max: self.bytes_max });
                }
            }
            index.idle.remove(&digest);
            index.bytes = index.bytes - resumed + bytes;
            index.growing.insert(digest)
        };
        let name = match own_name {
            true => format!("{}.{PARTIAL}", digest.hex()),
            // Somebody else is sending the same blob: the first to finish wins.
            false => format!("{}.{:016x}.{PARTIAL}", digest.hex(), random_u64()),
        };
        let path = self.directory.join(name);
        let opened = open_partial(&path, bytes);
        let (file, hasher, written) = match opened {
            Ok(opened) => opened,
            Err(source) => {
                let mut index = self.index();
                index.bytes -= bytes;
                if own_name {
                    index.growing.remove(&digest);
                }
                return Err(BlobError::Io { path, source });
            }
        };
        Ok(PartialBlob {
            store: self.clone(),
            digest,
            bytes,
            path,
            own_name,
            file,
            hasher,
            written,
            whole: false,
        })
    }

    /// Drops partial files that nobody writes, then the least recently used blobs, none of `keep`, until `bytes` more fit.
    pub fn make_room(&self, bytes: u64, keep: &BTreeSet<Digest>) {
        loop {
            let oldest = {
                let mut index = self.index();
                if index.bytes.saturating_add(bytes) <= self.bytes_max {
                    return;
                }
                if self.drop_oldest_idle(&mut index, None) {
                    continue;
                }
                let loose = index.blobs.iter().filter(|(digest, _)| !keep.contains(digest));
                loose.min_by_key(|(_, entry)| entry.used).map(|(digest, _)| *digest)
            };
            let Some(oldest) = oldest else { return };
            self.remove(&oldest);
        }
    }

    /// Drops everything that nobody writes.
    pub fn clear(&self) {
        let all: Vec<Digest> = self.index().blobs.keys().copied().collect();
        all.iter().for_each(|digest| self.remove(digest));
        let mut index = self.index();
        while self.drop_oldest_idle(&mut index, None) {}
    }

    /// Drops a blob.
    pub fn remove(&self, digest: &Digest) {
        let mut index = self.index();
        if let Some(entry) = index.blobs.remove(digest) {
            index.bytes -= entry.bytes;
            // A file that cannot be removed is overwritten when the blob comes again.
            let _ = std::fs::remove_file(self.path(digest));
        }
    }

    fn partial_path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{}.{PARTIAL}", digest.hex()))
    }

    /// Drops the partial file that was left first, but not that of `keep`. False where there is none.
    fn drop_oldest_idle(&self, index: &mut Index, keep: Option<&Digest>) -> bool {
        let idle = index.idle.iter().filter(|(digest, _)| Some(*digest) != keep);
        let Some(oldest) = idle.min_by_key(|(_, entry)| entry.used).map(|(digest, _)| *digest) else {
            return false;
        };
        if let Some(entry) = index.idle.remove(&oldest) {
            index.bytes -= entry.bytes;
            // One that cannot be removed is found again when its blob comes, or the store is opened.
            let _ = std::fs::remove_file(self.partial_path(&oldest));
        }
        true
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.hex())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Index {
    fn insert(&mut self, digest: Digest, bytes: u64) {
        self.clock += 1;
        self.blobs.insert(digest, Entry { bytes, used: self.clock });
    }

    /// Nobody writes a partial file any more.
    fn rest(&mut self, digest: Digest, bytes: u64) {
        self.clock += 1;
        self.idle.insert(digest, Entry { bytes, used: self.clock });
    }

    fn touch(&mut self, digest: &Digest) -> Option<u64> {
        self.clock += 1;
        let clock = self.clock;
        let entry = self.blobs.get_mut(digest)?;
        entry.used = clock;
        Some(entry.bytes)
    }
}

/// A blob that is arriving. What was written stays on disk when it is dropped, unless its hash was wrong.
#[derive(Debug)]
pub struct PartialBlob {
    store: Arc<BlobStore>,
    digest: Digest,
    bytes: u64,
    path: PathBuf,
    own_name: bool,
    file: File,
    hasher: blake3::Hasher,
    written: u64,
    whole: bool,
}

impl PartialBlob {
    /// Bytes that are here already: where the sender goes on.
    pub fn offset(&self) -> u64 {
        self.written
    }

    /// Bytes that are still to come.
    pub fn rest(&self) -> u64 {
        self.bytes - self.written
    }

    /// Appends. More than the announced length is an error.
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), BlobError> {
        if chunk.len() as u64 > self.rest() {
            return Err(BlobError::Full { bytes: self.written + chunk.len() as u64, bytes_max: self.bytes });
        }
        self.file.write_all(chunk).map_err(|source| BlobError::Io { path: self.path.clone(), source })?;
        self.hasher.update(chunk);
        self.written += chunk.len() as u64;
        Ok(())
    }

    /// Verifies the bytes and gives the blob its name.
    pub fn finish(mut self) -> Result<(), BlobError> {
        if self.written != self.bytes || Digest(*self.hasher.finalize().as_bytes()) != self.digest {
            self.written = 0;
            return Err(BlobError::Digest(self.digest));
        }
        let io = |source| BlobError::Io { path: self.path.clone(), source };
        self.file.sync_all().map_err(io)?;
        std::fs::rename(&self.path, self.store.path(&self.digest)).map_err(io)?;
        self.whole = true;
        let mut index = self.store.index();
        if index.blobs.contains_key(&self.digest) {
            index.bytes -= self.bytes;
        }
        index.insert(self.digest, self.bytes);
        Ok(())
    }
}

impl Drop for PartialBlob {
    fn drop(&mut self) {
        let mut index = self.store.index();
        if self.own_name {
            index.growing.remove(&self.digest);
        }
        if self.whole {
            return;
        }
        index.bytes -= self.bytes;
        if !self.own_name || self.written == 0 {
            let _ = std::fs::remove_file(&self.path);
            return;
        }
        index.bytes += self.written;
        index.rest(self.digest, self.written);
        if index.idle.len() > IDLE_MAX {
            self.store.drop_oldest_idle(&mut index, None);
        }
    }
}

/// What a file of a store is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Blob,
    Partial,
    /// A partial file of somebody who sent a blob that another was sending already.
    Second,
}

fn named(name: &str) -> Option<(Digest, Kind)> {
    let (digest, rest) = name.split_at_checked(64)?;
    let digest = digest.parse().ok()?;
    match rest.strip_prefix('.') {
        None if rest.is_empty() => Some((digest, Kind::Blob)),
        Some(PARTIAL) => Some((digest, Kind::Partial)),
        Some(second) if second.ends_with(PARTIAL) => Some((digest, Kind::Second)),
        _ => None,
    }
}

/// Opens a partial file at its end and hashes what it holds; one that is too long begins anew.
fn open_partial(path: &Path, bytes: u64) -> std::io::Result<(File, blake3::Hasher, u64)> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    if file.metadata()?.len() > bytes {
        file.set_len(0)?;
    }
    let mut hasher = blake3::Hasher::new();
    let mut written = 0;
    let mut chunk = vec![0u8; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&chunk[..read]);
                written += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.seek(SeekFrom::Start(written))?;
    Ok((file, hasher, written))
}

fn random_u64() -> u64 {
    let mut bytes = [0u8; 8];
    // Without randomness the name may clash, and the hash then refuses the mixed bytes.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests;
