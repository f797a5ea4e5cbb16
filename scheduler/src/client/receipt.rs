//! Asking for the receipt of a finished frame: taken only with the signature of the farm that this connection is to.

use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::{ReceiptReply, Request};
use tessera_shared::receipt::{Origin, Receipt};
use tessera_transport::frames::read_message;
use tessera_transport::identity::is_signed;
use tessera_transport::tls::peer_key;

use super::{Client, ClientError};

/// Largest receipt of one frame that is taken: a hundred bytes or two for each operator that had a part in it.
const RECEIPT_BYTES_MAX: u64 = 32 << 20;

impl Client {
    /// The signed receipt of a finished frame of a job of one's own: one frame, without fault in itself.
    pub async fn receipt(&self, job: JobId, frame: FrameNumber) -> Result<Receipt, ClientError> {
        let (_send, mut recv) = self.request(&Request::Receipt { job, frame }).await?;
        let bytes = match read_message(&mut recv).await? {
            ReceiptReply::Follows { bytes } => bytes,
            ReceiptReply::Refused(refusal) => return Err(ClientError::Job { job, refusal }),
        };
        if bytes > RECEIPT_BYTES_MAX {
            return Err(ClientError::Answer(format!("a receipt of {bytes} bytes")));
        }
        let mut text = vec![0u8; bytes as usize];
        recv.read_exact(&mut text).await.map_err(|error| ClientError::Lost(error.to_string()))?;
        let receipt = Receipt::from_text(&text).map_err(|error| ClientError::Answer(error.to_string()))?;
        let asked = receipt.frames.iter().map(|signed| signed.facts.frame).eq([frame.0]);
        if peer_key(&self.session.connection) != Some(receipt.key)
            || receipt.job.origin != Origin::Farm(job)
            || !asked
        {
            return Err(ClientError::Answer("a receipt of something else".to_owned()));
        }
        match receipt.faults(is_signed).first() {
            None => Ok(receipt),
            Some(fault) => Err(ClientError::Answer(format!("a receipt in which {fault}"))),
        }
    }
}
