//! Getting back the package of a job of one's own, blob by blob into a store on disk, on from where an earlier try ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use tessera_shared::digest::Digest;
use tessera_shared::ids::JobId;
use tessera_shared::messages::{BlobReply, Request};
use tessera_transport::blobs::download::{DownloadError, Offer, download};
use tessera_transport::blobs::{BlobError, BlobStore};
use tessera_transport::frames::read_message;

use super::{Client, ClientError};

/// A blob whose bytes do not hash is asked for so many times.
const TRIES: usize = 3;

impl Client {
    /// Gets a blob of the package of a job of one's own, and its length, unless the store has it: nothing of it is in memory, and it is
    /// held to its name. What has come of one that breaks off stays in the store, and another call goes on from there.
    pub async fn package_blob(
        &self,
        job: JobId,
        (digest, bytes): (Digest, u64),
        store: &Arc<BlobStore>,
    ) -> Result<(), ClientError> {
        let ask = |offset| self.ask_for_blob(job, digest, offset);
        let mut tries = 1;
        while store.bytes_of(&digest).is_none() {
            match download(store, digest, bytes, &BTreeSet::new(), ask).await {
                Ok(()) => break,
                // Damaged on its way, or what was here was not its beginning.
                Err(DownloadError::Store(BlobError::Digest(_))) if tries < TRIES => tries += 1,
                Err(DownloadError::Store(BlobError::Digest(_))) => {
                    return Err(ClientError::Answer(format!("other bytes for the blob {digest}")));
                }
                Err(DownloadError::Store(error)) => return Err(ClientError::Store(error)),
                Err(DownloadError::Asking(error)) => return Err(error),
                Err(DownloadError::Absent) => return Err(ClientError::Absent(digest)),
                Err(DownloadError::Length { bytes: found, .. }) => {
                    let lengths = format!("{found} bytes for the blob {digest} of {bytes}");
                    return Err(ClientError::Answer(lengths));
                }
                Err(error @ (DownloadError::BrokeOff | DownloadError::Read(_))) => {
                    return Err(ClientError::Lost(error.to_string()));
                }
            }
        }
        Ok(())
    }

    async fn ask_for_blob(&self, job: JobId, digest: Digest, offset: u64) -> Result<Offer, ClientError> {
        let (_send, mut recv) = self.request(&Request::PackageBlob { job, digest, offset }).await?;
        match read_message(&mut recv).await? {
            BlobReply::Follows { bytes } => Ok(Some((recv, bytes))),
            BlobReply::Absent => Ok(None),
            BlobReply::Refused(refusal) => Err(ClientError::Job { job, refusal }),
            BlobReply::Unleased => Err(ClientError::Answer("a lease is asked of an artist".to_owned())),
        }
    }
}
