//! What the log and the tile store need of a disk: one flat folder of files that grow at their end. A real one is
//! [`crate::Folder`], one that loses what was not synced is [`crate::MemoryDisk`].

use std::io::{ErrorKind, Result};
use std::sync::Arc;

/// A folder of files. Names are plain: lower-case letters, digits, dots.
///
/// What a crash may leave is part of the contract, and an implementation for tests should use all of it:
///
/// - [`append`](Disk::append), [`truncate`](Disk::truncate): before [`sync`](Disk::sync) of the file has returned, any part of
///   what was appended may be there, may be missing, and may be other bytes. What was synced before stays.
/// - [`create`](Disk::create), [`rename`](Disk::rename), [`remove`](Disk::remove): before [`sync_names`](Disk::sync_names) has
///   returned, each may have happened or not, in any order. A file's name and its content are separate: both must be synced.
/// - An error leaves the file as a crash would, and a `sync` that failed says nothing of a later one: the log then goes on in
///   another file.
pub trait Disk {
    /// The names of all files, in any order.
    fn list(&self) -> Result<Vec<String>>;
    /// The file's length in bytes.
    fn length(&self, name: &str) -> Result<u64>;
    /// Fills `into` from `offset` on. A file that ends before is [`ErrorKind::UnexpectedEof`].
    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<()>;
    /// A new empty file; one of that name is emptied.
    fn create(&self, name: &str) -> Result<()>;
    /// Writes at the file's end. A full disk is [`ErrorKind::StorageFull`], and a part may be written then.
    fn append(&self, name: &str, bytes: &[u8]) -> Result<()>;
    /// Cuts the file to its first so many bytes.
    fn truncate(&self, name: &str, bytes: u64) -> Result<()>;
    /// Returns when the file's content and length survive a loss of power.
    fn sync(&self, name: &str) -> Result<()>;
    /// The file has another name from here on; one of that name is replaced.
    fn rename(&self, from: &str, to: &str) -> Result<()>;
    fn remove(&self, name: &str) -> Result<()>;
    /// Returns when all names survive a loss of power.
    fn sync_names(&self) -> Result<()>;
}

/// The whole file.
pub fn read_whole(disk: &impl Disk, name: &str) -> Result<Vec<u8>> {
    let bytes = usize::try_from(disk.length(name)?).map_err(|_| ErrorKind::OutOfMemory)?;
    let mut content = Vec::new();
    content.try_reserve_exact(bytes).map_err(|_| ErrorKind::OutOfMemory)?;
    content.resize(bytes, 0);
    disk.read_at(name, 0, &mut content)?;
    Ok(content)
}

impl<D: Disk + ?Sized> Disk for Arc<D> {
    fn list(&self) -> Result<Vec<String>> {
        (**self).list()
    }
    fn length(&self, name: &str) -> Result<u64> {
        (**self).length(name)
    }
    fn read_at(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<()> {
        (**self).read_at(name, offset, into)
    }
    fn create(&self, name: &str) -> Result<()> {
        (**self).create(name)
    }
    fn append(&self, name: &str, bytes: &[u8]) -> Result<()> {
        (**self).append(name, bytes)
    }
    fn truncate(&self, name: &str, bytes: u64) -> Result<()> {
        (**self).truncate(name, bytes)
    }
    fn sync(&self, name: &str) -> Result<()> {
        (**self).sync(name)
    }
    fn rename(&self, from: &str, to: &str) -> Result<()> {
        (**self).rename(from, to)
    }
    fn remove(&self, name: &str) -> Result<()> {
        (**self).remove(name)
    }
    fn sync_names(&self) -> Result<()> {
        (**self).sync_names()
    }
}
