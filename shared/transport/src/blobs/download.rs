//! A blob from whoever has it into a store, on from where an earlier try ended. Whom to ask, and how, is the caller's.

use std::collections::BTreeSet;
use std::sync::Arc;

use quinn::RecvStream;
use tessera_shared::digest::Digest;

use super::{BlobError, BlobStore, PartialBlob};

/// Bytes taken from a stream at once.
const CHUNK_BYTES: usize = 256 << 10;

/// What is said of a blob that is asked for from an offset on: its bytes from there, and its whole length. `None`: there is none,
/// or none so long.
pub type Offer = Option<(RecvStream, u64)>;

/// Why a blob is not in the store. What has arrived stays for the next try, unless it cannot be a part of the blob.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError<E> {
    /// There was no answer.
    #[error(transparent)]
    Asking(E),
    #[error("the blob is not there")]
    Absent,
    #[error("the blob broke off on its way")]
    BrokeOff,
    #[error(transparent)]
    Read(#[from] quinn::ReadError),
    #[error("the blob has {bytes} bytes, {announced} were announced")]
    Length { bytes: u64, announced: u64 },
    #[error(transparent)]
    Store(#[from] BlobError),
}

/// Gets a blob of at most so many bytes by asking for it from an offset on, once or, where what is here is not its beginning,
/// again. Blobs of the store that are not to be kept make room.
pub async fn download<E, F: Future<Output = Result<Offer, E>>>(
    store: &Arc<BlobStore>,
    digest: Digest,
    bytes_max: u64,
    keep: &BTreeSet<Digest>,
    ask: impl Fn(u64) -> F,
) -> Result<(), DownloadError<E>> {
    // A guess, as another task may be writing: what it turns out to be decides.
    let mut offset = store.partial_bytes(&digest);
    let mut offer = ask(offset).await.map_err(DownloadError::Asking)?;
    if offer.is_none() && offset > 0 {
        // A file longer than the blob is not the blob's beginning.
        offset = 0;
        offer = ask(offset).await.map_err(DownloadError::Asking)?;
    }
    let (mut recv, bytes) = offer.ok_or(DownloadError::Absent)?;
    if bytes > bytes_max {
        return Err(DownloadError::Length { bytes, announced: bytes_max });
    }
    store.make_room(bytes, keep);
    let beginning = store.clone();
    let mut partial = blocking(move || beginning.begin(digest, bytes)).await?;
    if partial.offset() != offset {
        let again = ask(partial.offset()).await.map_err(DownloadError::Asking)?;
        let (stream, length) = again.ok_or(DownloadError::Absent)?;
        if length != bytes {
            return Err(DownloadError::Length { bytes: length, announced: bytes });
        }
        recv = stream;
    }
    while partial.rest() > 0 {
        let chunk = recv.read_chunk(CHUNK_BYTES, true).await?.ok_or(DownloadError::BrokeOff)?;
        partial = append(partial, chunk.bytes.to_vec()).await?;
    }
    Ok(blocking(move || partial.finish()).await?)
}

async fn append(mut partial: PartialBlob, chunk: Vec<u8>) -> Result<PartialBlob, BlobError> {
    blocking(move || partial.write(&chunk).map(|()| partial)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(BlobError::Io { path: Default::default(), source: std::io::Error::other(error) })
    })
}
