//! A worker's packages: blobs come once over the network into a bounded cache on disk, packages are kept in memory ready to
//! render. Which package is needed when is the core's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use quinn::Connection;
use tessera_shared::digest::Digest;
use tessera_shared::messages::{BlobReply, Request};
use tessera_shared::package::manifest::MANIFEST_BYTES_MAX;
use tessera_shared::package::validate::validate;
use tessera_shared::package::{Manifest, Package};
use tessera_transport::blobs::{BlobError, BlobStore, PartialBlob};
use tessera_transport::frames::{read_message, write_message};

use crate::renderer::Stage;

/// Bytes taken from a stream at once.
const CHUNK_BYTES: usize = 256 << 10;
/// A blob whose bytes do not hash is asked for so many times.
const TRIES: usize = 3;

/// The cache on disk. One process at a time uses its directory.
#[derive(Debug)]
pub(crate) struct Packages {
    blobs: Arc<BlobStore>,
    bytes_max: u64,
}

/// Packages in memory, the most recently used last.
#[derive(Debug)]
pub(crate) struct Stages {
    bytes_max: u64,
    kept: Mutex<Vec<(Digest, Arc<Stage>)>>,
}

impl Packages {
    pub fn new(blobs: Arc<BlobStore>, bytes_max: u64) -> Packages {
        Packages { blobs, bytes_max }
    }

    /// Fetches what is missing, reads and validates.
    pub async fn stage(&self, id: Digest, connection: &Connection) -> anyhow::Result<Stage> {
        let keep = BTreeSet::from([id]);
        let manifest = self.blob(connection, id, MANIFEST_BYTES_MAX as u64, &keep).await?;
        let manifest = Manifest::decode(&manifest)?;
        let listed = manifest.blobs();
        let bytes = listed.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        anyhow::ensure!(
            bytes <= self.bytes_max,
            "the package has {bytes} bytes, this worker's cache takes {}; start it with a larger cache",
            self.bytes_max
        );
        let mut keep: BTreeSet<Digest> = listed.iter().map(|(digest, _)| *digest).collect();
        keep.insert(id);
        let mut package = Package { manifest, blobs: Default::default() };
        for (digest, bytes) in listed {
            let blob = self.blob(connection, digest, bytes, &keep).await?;
            package.blobs.insert(digest, blob);
        }
        let validated =
            tokio::task::spawn_blocking(move || validate(&package).map(|()| Stage::new(Arc::new(package))));
        Ok(validated.await??)
    }

    /// A verified blob of at most so many bytes, from the cache or the scheduler.
    async fn blob(
        &self,
        connection: &Connection,
        digest: Digest,
        bytes_max: u64,
        keep: &BTreeSet<Digest>,
    ) -> anyhow::Result<Arc<[u8]>> {
        let mut last = None;
        for _ in 0..TRIES {
            if self.blobs.bytes_of(&digest).is_none() {
                match self.fetch(connection, digest, bytes_max, keep).await? {
                    Ok(()) => {}
                    Err(error @ BlobError::Digest(_)) => {
                        last = Some(error);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            let blobs = self.blobs.clone();
            match tokio::task::spawn_blocking(move || blobs.read(&digest)).await? {
                Ok(blob) => return Ok(blob),
                // Damaged on disk or just evicted: it comes again.
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(BlobError::Absent(digest)).into())
    }

    async fn fetch(
        &self,
        connection: &Connection,
        digest: Digest,
        bytes_max: u64,
        keep: &BTreeSet<Digest>,
    ) -> anyhow::Result<Result<(), BlobError>> {
        let (mut send, mut recv) = connection.open_bi().await?;
        // The offset is known only with the length: the first try asks from the start and learns it.
        let mut offset = 0;
        write_message(&mut send, &Request::Blob { digest, offset }).await?;
        let mut reply = read_message(&mut recv).await?;
        let BlobReply::Follows { bytes } = reply else { anyhow::bail!("the farm does not have {digest}") };
        anyhow::ensure!(bytes <= bytes_max, "{digest} has {bytes} bytes, {bytes_max} were announced");
        self.blobs.make_room(bytes, keep);
        let store = self.blobs.clone();
        let mut partial = match tokio::task::spawn_blocking(move || store.begin(digest, bytes)).await? {
            Ok(partial) => partial,
            Err(error) => return Ok(Err(error)),
        };
        if partial.offset() > 0 {
            offset = partial.offset();
            (send, recv) = connection.open_bi().await?;
            write_message(&mut send, &Request::Blob { digest, offset }).await?;
            reply = read_message(&mut recv).await?;
            anyhow::ensure!(reply == BlobReply::Follows { bytes }, "{digest} changed its length");
        }
        while partial.rest() > 0 {
            let chunk = recv.read_chunk(CHUNK_BYTES, true).await?;
            let chunk = chunk.ok_or_else(|| anyhow::anyhow!("{digest} broke off"))?;
            partial = match append(partial, chunk.bytes.to_vec()).await? {
                Ok(partial) => partial,
                Err(error) => return Ok(Err(error)),
            };
        }
        Ok(tokio::task::spawn_blocking(move || partial.finish()).await?)
    }
}

async fn append(mut partial: PartialBlob, chunk: Vec<u8>) -> anyhow::Result<Result<PartialBlob, BlobError>> {
    Ok(tokio::task::spawn_blocking(move || partial.write(&chunk).map(|()| partial)).await?)
}

impl Stages {
    pub fn new(bytes_max: u64) -> Stages {
        Stages { bytes_max, kept: Mutex::default() }
    }

    pub fn stage(&self, id: &Digest) -> Option<Arc<Stage>> {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at = kept.iter().position(|(kept, _)| kept == id)?;
        let entry = kept.remove(at);
        let stage = entry.1.clone();
        kept.push(entry);
        Some(stage)
    }

    /// Keeps a package and returns those that had to go for it.
    pub fn keep(&self, id: Digest, stage: Stage) -> Vec<Digest> {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        kept.push((id, Arc::new(stage)));
        let bytes = |(_, stage): &(Digest, Arc<Stage>)| {
            stage.package.blobs.values().map(|blob| blob.len() as u64).sum::<u64>()
        };
        let mut total: u64 = kept.iter().map(bytes).sum();
        let mut gone = Vec::new();
        // What a device renders from stays, and so does what has just come.
        let mut at = 0;
        while total > self.bytes_max && at + 1 < kept.len() {
            match Arc::strong_count(&kept[at].1) {
                1 => {
                    let entry = kept.remove(at);
                    total -= bytes(&entry);
                    gone.push(entry.0);
                }
                _ => at += 1,
            }
        }
        gone
    }
}
