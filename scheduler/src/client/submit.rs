//! Submitting a package: only the blobs that the farm lacks travel.

use std::sync::{Mutex, PoisonError};

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
            let told = Mutex::new(|sent: u64| {
                progress.bytes_sent += sent;
                on_progress(progress);
            });
            let sent = |bytes: u64| (told.lock().unwrap_or_else(PoisonError::into_inner))(bytes);
            self.upload_all(&missing, blob, &sent).await?;
        }
        Err(ClientError::Stuck)
    }

    /// Uploads several blobs at once: a package may have thousands of little ones, each of which takes two answers of the farm.
    async fn upload_all<'a>(
        &self,
        missing: &[Digest],
        blob: impl Fn(&Digest) -> Option<&'a [u8]>,
        sent: &impl Fn(u64),
    ) -> Result<(), ClientError> {
        let queue = Mutex::new(missing.iter());
        let lane = async || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(digest) = next else { return Ok(()) };
                let bytes = blob(digest).ok_or(ClientError::Incomplete(*digest))?;
                self.upload(*digest, bytes, sent).await?;
            }
        };
        // As many as leave room for other requests among the streams that the farm grants.
        tokio::try_join!(lane(), lane(), lane(), lane(), lane(), lane(), lane(), lane()).map(drop)
    }

    async fn upload(&self, digest: Digest, bytes: &[u8], sent: &impl Fn(u64)) -> Result<(), ClientError> {
        let (mut send, mut recv) = self.session.connection.open_bi().await?;
        write_message(&mut send, &Request::Upload { digest, bytes: bytes.len() as u64 }).await?;
        let offset = match read_message(&mut recv).await? {
            UploadReply::From { offset } => offset,
            UploadReply::Stored => {
                sent(bytes.len() as u64);
                return Ok(());
            }
            UploadReply::Refused(refusal) => return Err(refusal.into()),
        };
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
        let rest = rest
            .ok_or_else(|| ClientError::Answer(format!("an offset of {offset} in {} bytes", bytes.len())))?;
        sent(offset);
        for chunk in rest.chunks(CHUNK_BYTES) {
            if send.write_all(chunk).await.is_err() {
                // The farm stopped reading: its answer says why.
                break;
            }
            sent(chunk.len() as u64);
        }
        let _ = send.finish();
        match read_message(&mut recv).await? {
            UploadReply::Stored => Ok(()),
            UploadReply::Refused(refusal) => Err(refusal.into()),
            UploadReply::From { .. } => Err(ClientError::Answer("a second offset".to_owned())),
        }
    }
}
