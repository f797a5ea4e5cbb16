//! Messages as bytes: bincode 2 (little-endian, variable-length integers) behind a four-byte length. This file alone names
//! the library for messages, so that another encoder of the same bytes can take over. Knows no stream.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};

/// Bytes of the length before every message: a little-endian `u32`.
pub const PREFIX_BYTES: usize = 4;

/// A type that travels between processes.
pub trait Message: bincode::Encode + bincode::Decode<()> {
    /// Name in error messages.
    const NAME: &'static str;
    /// Most bytes of an encoded message.
    const BYTES_MAX: usize;

    /// Reads a payload with the type's own memory limit. Returns the message and the bytes used.
    fn decode_limited(payload: &[u8]) -> Result<(Self, usize), bincode::error::DecodeError>;
}

/// Declares a type a [`Message`] of at most so many bytes, which may claim four times as much memory while it decodes.
#[macro_export]
macro_rules! message {
    ($type:ty, $bytes_max:expr) => {
        impl $crate::codec::Message for $type {
            const NAME: &'static str = stringify!($type);
            const BYTES_MAX: usize = $bytes_max;

            fn decode_limited(payload: &[u8]) -> Result<(Self, usize), bincode::error::DecodeError> {
                $crate::codec::decode_with::<Self, { 4 * $bytes_max }>(payload)
            }
        }
    };
}

/// The bytes are not the message they should be.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("a {name} of {bytes} bytes; at most {bytes_max} are read")]
    TooLarge { name: &'static str, bytes: usize, bytes_max: usize },
    #[error("a {name} does not decode: {source}")]
    Malformed { name: &'static str, source: bincode::error::DecodeError },
    #[error("{bytes} bytes follow a {name}")]
    Trailing { name: &'static str, bytes: usize },
}

/// The message is larger than its type allows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a {name} of {bytes} bytes; at most {bytes_max} may be sent")]
pub struct EncodeError {
    pub name: &'static str,
    pub bytes: usize,
    pub bytes_max: usize,
}

/// The length that a prefix announces, checked against the type's limit before anything is allocated.
pub fn payload_length<M: Message>(prefix: [u8; PREFIX_BYTES]) -> Result<usize, DecodeError> {
    let bytes = u32::from_le_bytes(prefix) as usize;
    match bytes <= M::BYTES_MAX {
        true => Ok(bytes),
        false => Err(DecodeError::TooLarge { name: M::NAME, bytes, bytes_max: M::BYTES_MAX }),
    }
}

/// A message with its length in front.
pub fn encode_frame<M: Message>(message: &M) -> Result<Vec<u8>, EncodeError> {
    let mut frame = vec![0u8; PREFIX_BYTES];
    bincode::encode_into_std_write(message, &mut frame, bincode::config::standard())
        .expect("writing to memory cannot fail");
    let bytes = frame.len() - PREFIX_BYTES;
    if bytes > M::BYTES_MAX {
        return Err(EncodeError { name: M::NAME, bytes, bytes_max: M::BYTES_MAX });
    }
    frame[..PREFIX_BYTES].copy_from_slice(&(bytes as u32).to_le_bytes());
    Ok(frame)
}

/// A message from the bytes behind its length; all of them must be used.
pub fn decode_payload<M: Message>(payload: &[u8]) -> Result<M, DecodeError> {
    if payload.len() > M::BYTES_MAX {
        return Err(DecodeError::TooLarge { name: M::NAME, bytes: payload.len(), bytes_max: M::BYTES_MAX });
    }
    let decoded = M::decode_limited(payload);
    let (message, used) = decoded.map_err(|source| DecodeError::Malformed { name: M::NAME, source })?;
    match payload.len() - used {
        0 => Ok(message),
        bytes => Err(DecodeError::Trailing { name: M::NAME, bytes }),
    }
}

/// Decodes with a memory limit of `LIMIT` bytes: what containers claim is checked before they allocate.
pub fn decode_with<T: bincode::Decode<()>, const LIMIT: usize>(
    payload: &[u8],
) -> Result<(T, usize), bincode::error::DecodeError> {
    const fn config<const LIMIT: usize>() -> Configuration<LittleEndian, Varint, Limit<LIMIT>> {
        bincode::config::standard().with_limit::<LIMIT>()
    }
    bincode::decode_from_slice(payload, config::<LIMIT>())
}
