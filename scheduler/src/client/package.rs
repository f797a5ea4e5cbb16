//! Getting back the package of a job of one's own, chunk by chunk: nothing of it stays in memory, and every blob is held to its
//! name. Knows no file.

use std::collections::VecDeque;

use quinn::{RecvStream, SendStream};
use tessera_shared::digest::{Digest, Pieces};
use tessera_shared::ids::JobId;
use tessera_shared::messages::{ManifestReply, Request};
use tessera_shared::package::Manifest;
use tessera_shared::package::validate::validate_manifest;
use tessera_transport::frames::read_message;

use super::{Client, ClientError};

/// Most bytes of a chunk.
const CHUNK_BYTES: usize = 256 << 10;

/// The blobs of a package on their way, in the order of its manifest.
#[derive(Debug)]
pub struct PackageBytes {
    _send: SendStream,
    recv: RecvStream,
    /// Those to come; the first is under way.
    blobs: VecDeque<(Digest, u64)>,
    /// What has come of the blob that is under way.
    come: Pieces,
}

impl Client {
    /// Asks for the blobs of a job of one's own; the manifest is the job's, as [`Client::manifest`] gives it.
    pub async fn package(&self, job: JobId, manifest: &Manifest) -> Result<PackageBytes, ClientError> {
        validate_manifest(manifest).map_err(|error| ClientError::Answer(error.to_string()))?;
        let blobs: VecDeque<_> = manifest.blobs().into();
        let wanted = blobs.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let (send, mut recv) = self.request(&Request::Package { job }).await?;
        match read_message(&mut recv).await? {
            ManifestReply::Follows { bytes } if bytes == wanted => {}
            ManifestReply::Follows { bytes } => {
                return Err(ClientError::Answer(format!("blobs of {bytes} bytes for a package of {wanted}")));
            }
            ManifestReply::Refused(refusal) => return Err(ClientError::Job { job, refusal }),
        }
        Ok(PackageBytes { _send: send, recv, blobs, come: Pieces::default() })
    }
}

impl PackageBytes {
    /// The next bytes; none after the last. A blob whose bytes are not those of its name is an error at its end.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let Some((digest, left)) = self.blobs.front_mut() else { return Ok(None) };
        let length = usize::try_from(*left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        let mut chunk = vec![0u8; length];
        self.recv.read_exact(&mut chunk).await.map_err(|error| ClientError::Lost(error.to_string()))?;
        self.come.add(&chunk);
        *left -= chunk.len() as u64;
        if *left == 0 {
            if std::mem::take(&mut self.come).digest() != *digest {
                return Err(ClientError::Answer(format!("other bytes for the blob {digest}")));
            }
            self.blobs.pop_front();
        }
        Ok(Some(chunk))
    }
}
