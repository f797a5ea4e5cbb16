//! Blobs over streams, both ways. Bytes on their way in are hashed as they come and get their name only if it fits.

use std::sync::Arc;

use quinn::{RecvStream, SendStream};
use tessera_shared::digest::Digest;
use tessera_shared::ids::NodeKey;
use tessera_shared::messages::{BlobReply, UploadRefusal, UploadReply};
use tessera_transport::blobs::{BlobError, PartialBlob};
use tessera_transport::frames::{WriteError, write_message};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::{Asked, ConnectionEnd, Farm, possession};
use crate::soundness::Look;

/// Bytes moved at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Sends a blob from `offset` on, if it is sound.
pub(super) async fn give(
    farm: &Farm,
    mut send: SendStream,
    digest: Digest,
    offset: u64,
    look: Look,
) -> Result<(), ConnectionEnd> {
    if !farm.soundness.holds(digest, look).await {
        return Ok(write_message(&mut send, &BlobReply::Absent).await?);
    }
    let (file, bytes) = match farm.blobs.open_blob(&digest) {
        Ok((file, bytes)) if offset <= bytes => (file, bytes),
        Ok(_) | Err(_) => return Ok(write_message(&mut send, &BlobReply::Absent).await?),
    };
    write_message(&mut send, &BlobReply::Follows { bytes }).await?;
    if let Err(error) = copy(file, offset, bytes - offset, &mut send).await {
        // The receiver sees the stream end early and asks again.
        tracing::debug!(%digest, %error, "a blob was not sent to its end");
    }
    Ok(())
}

/// Copies part of a file to a stream.
pub(super) async fn copy(
    file: std::fs::File,
    offset: u64,
    bytes: u64,
    send: &mut SendStream,
) -> Result<(), std::io::Error> {
    let mut file = tokio::fs::File::from_std(file);
    file.seek(std::io::SeekFrom::Start(offset)).await?;
    let mut file = file.take(bytes);
    let mut chunk = vec![0u8; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk).await? {
            0 => return Ok(()),
            read => send.write_all(&chunk[..read]).await?,
        }
    }
}

/// Takes a blob that an artist offers.
pub(super) async fn take(
    farm: &Arc<Farm>,
    asked: Asked,
    digest: Digest,
    bytes: u64,
) -> Result<(), WriteError> {
    let Asked { key, mut send, recv, .. } = asked;
    let reply = match upload(farm, key, &mut send, recv, digest, bytes).await? {
        Ok(()) => UploadReply::Stored,
        Err(refusal) => UploadReply::Refused(refusal),
    };
    write_message(&mut send, &reply).await
}

async fn upload(
    farm: &Arc<Farm>,
    artist: NodeKey,
    send: &mut SendStream,
    mut recv: RecvStream,
    digest: Digest,
    bytes: u64,
) -> Result<Result<(), UploadRefusal>, WriteError> {
    let turn = farm.uploads.turn(artist, digest).await;
    farm.soundness.holds(digest, Look::Once).await;
    if let Ok((stored, held)) = farm.blobs.open_blob(&digest) {
        if bytes == held && farm.shown.wants(artist, digest, bytes) {
            write_message(send, &UploadReply::From { offset: 0 }).await?;
            if !possession::brings(stored, bytes, &mut recv).await {
                // Either side's bytes may be the damaged ones.
                farm.soundness.holds(digest, Look::Again).await;
                return Ok(Err(UploadRefusal::Digest));
            }
            farm.shown.note(artist, digest, bytes);
        }
        return Ok(Ok(()));
    }
    if bytes > farm.blob_bytes_max {
        return Ok(Err(UploadRefusal::TooLarge { bytes, bytes_max: farm.blob_bytes_max }));
    }
    let store = farm.blobs.clone();
    // Resuming hashes what is here already: not for a task that shares its thread.
    let begun = tokio::task::spawn_blocking(move || store.begin(digest, bytes)).await;
    let mut partial = match begun {
        Ok(Ok(partial)) => partial,
        Ok(Err(error)) => return Ok(Err(refusal(&digest, &error))),
        Err(_) => return Ok(Err(UploadRefusal::Storage)),
    };
    let whole = partial.offset() == 0;
    write_message(send, &UploadReply::From { offset: partial.offset() }).await?;
    while partial.rest() > 0 {
        let chunk = match turn.unless_taken_over(recv.read_chunk(CHUNK_BYTES, true)).await {
            Some(Ok(Some(chunk))) => chunk.bytes,
            // What arrived stays, so that the next try goes on from there; it may have begun already.
            Some(Ok(None) | Err(_)) | None => return Ok(Err(UploadRefusal::Digest)),
        };
        match append(partial, chunk.to_vec()).await {
            Ok(grown) => partial = grown,
            Err(error) => return Ok(Err(refusal(&digest, &error))),
        }
    }
    if recv.read_chunk(1, true).await.is_ok_and(|more| more.is_some()) {
        return Ok(Err(UploadRefusal::Digest));
    }
    match tokio::task::spawn_blocking(move || partial.finish()).await {
        Ok(Ok(())) => {
            if whole {
                farm.shown.note(artist, digest, bytes);
            }
            Ok(Ok(()))
        }
        Ok(Err(error)) => Ok(Err(refusal(&digest, &error))),
        Err(_) => Ok(Err(UploadRefusal::Storage)),
    }
}

async fn append(mut partial: PartialBlob, chunk: Vec<u8>) -> Result<PartialBlob, BlobError> {
    let write = tokio::task::spawn_blocking(move || partial.write(&chunk).map(|()| partial));
    write.await.unwrap_or_else(|error| {
        Err(BlobError::Io { path: Default::default(), source: std::io::Error::other(error) })
    })
}

fn refusal(digest: &Digest, error: &BlobError) -> UploadRefusal {
    match error {
        BlobError::Digest(_) => UploadRefusal::Digest,
        BlobError::Full { bytes_max, .. } => UploadRefusal::Quota { bytes_max: *bytes_max },
        BlobError::Io { .. } | BlobError::Absent(_) => {
            tracing::error!(%digest, %error, "a blob cannot be stored");
            match error.is_shortage() {
                true => UploadRefusal::DiskFull(*digest),
                false => UploadRefusal::Storage,
            }
        }
    }
}
