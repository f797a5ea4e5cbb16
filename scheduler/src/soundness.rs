//! Blobs are looked at before they are handed on: each once in the scheduler's life, and again when somebody asks for it twice.
//! A damaged one is mended from a package in memory, or is gone until it is submitted again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use tessera_shared::digest::Digest;
use tessera_shared::ids::{NodeKey, WorkerId};
use tessera_transport::blobs::{BlobError, BlobStore};
use tessera_transport::rehash::rehash;

use crate::packages::Packages;

/// Askers that are remembered; then they are forgotten, and a second question looks like a first.
const ASKED_MAX: usize = 1 << 16;

/// The blobs of one store that were found sound.
#[derive(Debug)]
pub(crate) struct Soundness {
    blobs: Arc<BlobStore>,
    packages: Arc<Packages>,
    sound: Mutex<BTreeSet<Digest>>,
    /// Who has asked for what from its start.
    asked: Mutex<BTreeSet<(Who, Digest)>>,
    /// Who waits for another's look at a large blob need not read it too.
    turn: tokio::sync::Semaphore,
}

/// Who asks for a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Worker(WorkerId),
    Artist(NodeKey),
}

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Unless it was found sound before.
    Once,
    /// Whatever was found before: somebody who had it asks for it again, or finds that it differs.
    Again,
}

impl Soundness {
    pub fn new(blobs: Arc<BlobStore>, packages: Arc<Packages>) -> Soundness {
        let turn = tokio::sync::Semaphore::new(1);
        Soundness { blobs, packages, sound: Mutex::default(), asked: Mutex::default(), turn }
    }

    /// Somebody asks for a blob from `offset` on: how closely to look. Who asks for all of it twice has got it damaged, or has
    /// dropped it.
    pub fn asked(&self, who: Who, digest: Digest, offset: u64) -> Look {
        if offset > 0 {
            return Look::Once;
        }
        let mut asked = self.asked.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if asked.len() >= ASKED_MAX {
            asked.clear();
        }
        match asked.insert((who, digest)) {
            true => Look::Once,
            false => Look::Again,
        }
    }

    /// Whether the blob is here and has the bytes of its name. A damaged one is named in the log.
    pub async fn holds(self: &Arc<Soundness>, digest: Digest, look: Look) -> bool {
        let known = || look == Look::Once && self.sound().contains(&digest);
        if self.blobs.bytes_of(&digest).is_none() {
            return false;
        }
        if known() {
            return true;
        }
        let Ok(_turn) = self.turn.acquire().await else { return false };
        if known() {
            return true;
        }
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.look(&digest)).await.unwrap_or(false)
    }

    fn look(&self, digest: &Digest) -> bool {
        let sound = match rehash(&self.blobs, digest) {
            Ok(()) => true,
            Err(BlobError::Absent(_)) => false,
            Err(error) => self.mend(digest, &error),
        };
        match sound {
            true => self.sound().insert(*digest),
            false => self.sound().remove(digest),
        };
        sound
    }

    fn mend(&self, digest: &Digest, error: &BlobError) -> bool {
        let mended = self.packages.in_memory(digest).and_then(|bytes| {
            let mut partial = self.blobs.begin(*digest, bytes.len() as u64).ok()?;
            let from = usize::try_from(partial.offset()).ok()?;
            partial.write(bytes.get(from..)?).ok()?;
            partial.finish().ok()
        });
        match mended {
            Some(()) => {
                tracing::warn!(%digest, %error, "a blob was damaged on disk and is mended from memory")
            }
            None => {
                tracing::error!(%digest, %error, "a blob is damaged on disk: submit its shot again to bring it back")
            }
        }
        mended.is_some()
    }

    fn sound(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.sound.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
