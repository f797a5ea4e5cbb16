//! Whether an artist has a package: it has sent the manifest whole. The digest alone, which others see in lists and leases,
//! lets nobody submit another's scene as a job of its own.

use std::collections::BTreeMap;
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
pub(crate) struct Shown(Mutex<Entries>);

/// The entries by when they were last asked for, so that a package of many small blobs does not push out its own manifest.
#[derive(Debug, Default)]
struct Entries {
    used: BTreeMap<(NodeKey, Digest), u64>,
    by_use: BTreeMap<u64, (NodeKey, Digest)>,
    clock: u64,
}

impl Entries {
    /// Moves an entry to the end, if it is there.
    fn touch(&mut self, entry: (NodeKey, Digest)) -> bool {
        let Some(used) = self.used.get_mut(&entry) else { return false };
        self.clock += 1;
        self.by_use.remove(used);
        *used = self.clock;
        self.by_use.insert(self.clock, entry);
        true
    }
}

impl Shown {
    pub fn has(&self, artist: NodeKey, blob: Digest) -> bool {
        self.entries().touch((artist, blob))
    }

    pub fn note(&self, artist: NodeKey, blob: Digest, bytes: u64) {
        let mut entries = self.entries();
        if bytes > MANIFEST_BYTES_MAX as u64 || entries.touch((artist, blob)) {
            return;
        }
        if entries.used.len() == SHOWN_MAX
            && let Some((_, oldest)) = entries.by_use.pop_first()
        {
            entries.used.remove(&oldest);
        }
        entries.clock += 1;
        let clock = entries.clock;
        entries.used.insert((artist, blob), clock);
        entries.by_use.insert(clock, (artist, blob));
    }

    /// Whether a blob that is here already must be sent once more, as it may be a manifest that this artist has not shown.
    pub fn wants(&self, artist: NodeKey, blob: Digest, bytes: u64) -> bool {
        bytes <= MANIFEST_BYTES_MAX as u64 && !self.has(artist, blob)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_again_and_again_is_not_forgotten_for_many_others() {
        let (shown, artist, manifest) = (Shown::default(), NodeKey([1; 32]), Digest::of(b"manifest"));
        shown.note(artist, manifest, 1000);
        let blob = |number: u32| Digest::of(&number.to_le_bytes());
        for round in 0..10 {
            (0..1000).for_each(|number| shown.note(artist, blob(round * 1000 + number), 10));
            assert!(shown.has(artist, manifest), "round {round}");
        }
        assert!(!shown.has(artist, blob(0)) && shown.has(artist, blob(9999)));
        assert!(!shown.has(NodeKey([2; 32]), manifest));
        assert_eq!(shown.entries().used.len(), SHOWN_MAX);
        assert_eq!(shown.entries().by_use.len(), SHOWN_MAX);
    }
}
