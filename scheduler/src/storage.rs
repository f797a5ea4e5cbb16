//! Where a scheduler keeps its records and pixels, and the lock that says whose the directory is. Knows no format of its own.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Error, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera_journal::log::AppendError;
use tessera_journal::{Disk, Folder, MemoryDisk};
use tessera_scheduler_core::Record;

/// A disk that threads share.
pub type SharedDisk = Arc<dyn Disk + Send + Sync>;

/// The disks of a scheduler.
#[derive(Clone)]
pub struct Storage {
    /// Of the records and the snapshots.
    pub journal: SharedDisk,
    /// Of the pixels.
    pub tiles: SharedDisk,
    /// Is shown records once they are durable.
    pub observer: Option<Observer>,
}

/// Sees durable records.
pub type Observer = Arc<dyn Fn(&[Record]) + Send + Sync>;

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Storage")
    }
}

impl Storage {
    /// Two folders of a data directory.
    pub fn folders(data: &Path) -> std::io::Result<Storage> {
        let journal = Arc::new(Folder::open(&data.join("journal"))?);
        Ok(Storage { journal, tiles: Arc::new(Folder::open(&data.join("tiles"))?), observer: None })
    }

    /// Lives as long as the process.
    pub fn memory() -> Storage {
        let disk = || Arc::new(MemoryDisk::new());
        Storage { journal: disk(), tiles: disk(), observer: None }
    }
}

/// How long a disk that failed is left alone.
const RETRY: Duration = Duration::from_millis(500);
/// How often it is said that it still fails.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Tries to write until it is done. Says now and then why not and `what` that holds up, and when it goes on. The error where
/// `stopping` says that the scheduler stops before.
pub(crate) fn insist(
    what: &str,
    mut write: impl FnMut() -> Result<(), AppendError>,
    stopping: impl Fn() -> bool,
) -> Result<(), AppendError> {
    let (mut said, mut failed) = (None::<Instant>, false);
    while let Err(error) = write() {
        failed = true;
        if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            let why = if error.is_full() { "the disk is full" } else { "the disk fails" };
            tracing::error!(%error, "{why}: {what}; make room, and the farm goes on by itself");
            said = Some(Instant::now());
        }
        if stopping() {
            return Err(error);
        }
        std::thread::sleep(RETRY);
    }
    if failed {
        tracing::info!("the disk is written again: the farm goes on");
    }
    Ok(())
}

/// File of the lock in the data directory.
const LOCK_FILE: &str = "lock";
/// Most bytes of it that are shown.
const OWNER_BYTES_MAX: u64 = 200;

/// Keeps other schedulers off a data directory for as long as it lives. The system lets go of it when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock; the error names who has it.
    pub fn take(directory: &Path) -> std::io::Result<Lock> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(LOCK_FILE);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { file }),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let named = (&mut file).take(OWNER_BYTES_MAX).read_to_string(&mut owner);
                let owner = match named {
                    Ok(bytes) if bytes > 0 => owner.trim_end().to_owned(),
                    _ => "another scheduler".to_owned(),
                };
                let reason = format!("it is in use by {owner}; stop that one, or give another --data");
                Err(Error::new(ErrorKind::ResourceBusy, reason))
            }
        }
    }

    /// Says who has it.
    pub fn name(&mut self, address: std::net::SocketAddr) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(
            self.file,
            "the scheduler with process id {}, which listens on {address}",
            std::process::id()
        )
    }
}
