//! Submitting a package: only the blobs that the farm lacks travel.

use tessera_shared::digest::Digest;
use tessera_shared::ids::JobId;
use tessera_shared::messages::{JobOptions, Request, SubmitReply, UploadReply};
use tessera_shared::package::Package;
use tessera_transport::frames::{read_message, write_message};

use super::{Client, ClientError};

/// Bytes handed to the connection at once.
const CHUNK_BYTES: usize = 256 << 10;

/// How far an upload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadProgress {
    /// Bytes that the farm lacks, as far as it has said.
    pub bytes_total: u64,
    /// Bytes of those that have been sent.
    pub bytes_sent: u64,
}

impl Client {
    /// Submits a job: uploads what the farm lacks, then waits until the farm has validated the package and accepted it.
    pub async fn submit(
        &self,
        package: &Package,
        options: JobOptions,
        mut on_progress: impl FnMut(UploadProgress),
    ) -> Result<JobId, ClientError> {
        let manifest = package.manifest.encode();
        let id = Digest::of(&manifest);
        let blob = |digest: &Digest| match digest == &id {
            true => Some(manifest.as_slice()),
            false => package.blobs.get(digest).map(|bytes| &bytes[..]),
        };
        let mut progress = UploadProgress::default();
        // The manifest first; then every round must name blobs that have not been uploaded yet.
        let rounds_max = 2 + package.manifest.blobs().len();
        for _ in 0..rounds_max {
            let (mut send, mut recv) =
                self.request(&Request::Submit { package: id, options: options.clone() }).await?;
            let _ = send.finish();
            let missing = match read_message(&mut recv).await? {
                SubmitReply::Accepted(job) => return Ok(job),
                SubmitReply::Refused(reason) => return Err(ClientError::Submit(reason)),
                SubmitReply::Missing(missing) => missing,
            };
            for digest in &missing {
                let bytes = blob(digest).ok_or(ClientError::Incomplete(*digest))?;
                progress.bytes_total += bytes.len() as u64;
            }
            on_progress(progress);
            for digest in &missing {
                let bytes = blob(digest).ok_or(ClientError::Incomplete(*digest))?;
                self.upload(*digest, bytes, &mut progress, &mut on_progress).await?;
            }
        }
        Err(ClientError::Stuck)
    }

    async fn upload(
        &self,
        digest: Digest,
        bytes: &[u8],
        progress: &mut UploadProgress,
        on_progress: &mut impl FnMut(UploadProgress),
    ) -> Result<(), ClientError> {
        let (mut send, mut recv) = self.session.connection.open_bi().await?;
        write_message(&mut send, &Request::Upload { digest, bytes: bytes.len() as u64 }).await?;
        let offset = match read_message(&mut recv).await? {
            UploadReply::From { offset } => offset,
            UploadReply::Stored => {
                progress.bytes_sent += bytes.len() as u64;
                on_progress(*progress);
                return Ok(());
            }
            UploadReply::Refused(refusal) => return Err(refusal.into()),
        };
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
        let rest = rest
            .ok_or_else(|| ClientError::Answer(format!("an offset of {offset} in {} bytes", bytes.len())))?;
        progress.bytes_sent += offset;
        for chunk in rest.chunks(CHUNK_BYTES) {
            if send.write_all(chunk).await.is_err() {
                // The farm stopped reading: its answer says why.
                break;
            }
            progress.bytes_sent += chunk.len() as u64;
            on_progress(*progress);
        }
        let _ = send.finish();
        match read_message(&mut recv).await? {
            UploadReply::Stored => Ok(()),
            UploadReply::Refused(refusal) => Err(refusal.into()),
            UploadReply::From { .. } => Err(ClientError::Answer("a second offset".to_owned())),
        }
    }
}
