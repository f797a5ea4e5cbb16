//! Whether an artist has a package: it has sent the manifest whole. The digest alone, which others see in lists and leases,
//! lets nobody submit another's scene as a job of its own.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use quinn::RecvStream;
use tessera_shared::digest::Digest;
use tessera_shared::ids::NodeKey;
use tessera_shared::package::manifest::MANIFEST_BYTES_MAX;
use tokio::io::AsyncReadExt;

/// Manifests that are remembered, with who has sent them; of others the bytes come again.
const SHOWN_MAX: usize = 4096;
/// Bytes compared at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Who has sent which blobs whole, of those small enough for a manifest.
#[derive(Debug, Default)]
pub(crate) struct Shown(Mutex<VecDeque<(NodeKey, Digest)>>);

impl Shown {
    pub fn has(&self, artist: NodeKey, blob: Digest) -> bool {
        self.entries().contains(&(artist, blob))
    }

    pub fn note(&self, artist: NodeKey, blob: Digest, bytes: u64) {
        let mut entries = self.entries();
        if bytes > MANIFEST_BYTES_MAX as u64 || entries.contains(&(artist, blob)) {
            return;
        }
        if entries.len() == SHOWN_MAX {
            entries.pop_front();
        }
        entries.push_back((artist, blob));
    }

    /// Whether a blob that is here already must be sent once more, as it may be a manifest that this artist has not shown.
    pub fn wants(&self, artist: NodeKey, blob: Digest, bytes: u64) -> bool {
        bytes <= MANIFEST_BYTES_MAX as u64 && !self.has(artist, blob)
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<(NodeKey, Digest)>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Whether a stream brings exactly the bytes of a stored blob. Reads the whole stream first, so that the time of the answer
/// tells nothing of where they differ.
pub(super) async fn brings(stored: std::fs::File, bytes: u64, recv: &mut RecvStream) -> bool {
    let mut stored = tokio::fs::File::from_std(stored);
    let (mut equal, mut rest) = (true, bytes);
    while let Ok(Some(chunk)) = recv.read_chunk(CHUNK_BYTES, true).await {
        let mut held = vec![0; chunk.bytes.len()];
        equal &= chunk.bytes.len() as u64 <= rest
            && stored.read_exact(&mut held).await.is_ok()
            && held == chunk.bytes[..];
        rest = rest.saturating_sub(chunk.bytes.len() as u64);
        if rest == 0 {
            break;
        }
    }
    equal && rest == 0
}
