//! Messages on QUIC streams: one length-prefixed frame each, its length checked before anything is allocated.

use quinn::{RecvStream, SendStream};
use tessera_shared::codec::{self, DecodeError, EncodeError, Message, PREFIX_BYTES};

/// Why no message could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream ended where a message could have begun.
    #[error("the stream has ended")]
    Ended,
    #[error("the stream broke off inside a message")]
    Truncated,
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Stream(#[from] quinn::ReadError),
}

/// Why a message could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Stream(#[from] quinn::WriteError),
}

/// Reads one message. Not cancel safe: give it a task or a branch of its own.
pub async fn read_message<M: Message>(stream: &mut RecvStream) -> Result<M, ReadError> {
    let mut prefix = [0u8; PREFIX_BYTES];
    match stream.read_exact(&mut prefix).await {
        Ok(()) => {}
        Err(quinn::ReadExactError::FinishedEarly(0)) => return Err(ReadError::Ended),
        Err(error) => return Err(broken(error)),
    }
    let mut payload = vec![0u8; codec::payload_length::<M>(prefix)?];
    stream.read_exact(&mut payload).await.map_err(broken)?;
    Ok(codec::decode_payload(&payload)?)
}

/// Writes one message.
pub async fn write_message<M: Message>(stream: &mut SendStream, message: &M) -> Result<(), WriteError> {
    let frame = codec::encode_frame(message)?;
    Ok(stream.write_all(&frame).await?)
}

fn broken(error: quinn::ReadExactError) -> ReadError {
    match error {
        quinn::ReadExactError::FinishedEarly(_) => ReadError::Truncated,
        quinn::ReadExactError::ReadError(error) => ReadError::Stream(error),
    }
}
