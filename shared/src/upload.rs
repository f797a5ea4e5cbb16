//! What a scheduler answers to who offers a blob. Knows no stream and no store.

use crate::digest::Digest;

/// Answer to [`crate::messages::Request::Upload`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum UploadReply {
    /// Send the bytes from this offset on.
    From {
        offset: u64,
    },
    /// The blob is stored and its digest is right.
    Stored,
    Refused(UploadRefusal),
}

/// Why a blob is not stored.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode, thiserror::Error)]
pub enum UploadRefusal {
    #[error("the bytes that arrived do not have the digest that was announced; submit again")]
    Digest,
    #[error("a blob of {bytes} bytes; the farm takes at most {bytes_max}")]
    TooLarge { bytes: u64, bytes_max: u64 },
    #[error("the farm's disk quota of {bytes_max} bytes is used up; ask its owner to make room")]
    Quota { bytes_max: u64 },
    #[error("the farm could not write the blob; ask its owner to look at the scheduler's log")]
    Storage,
    #[error("the farm's disk is too full for the blob {0}; ask its owner to make room, then submit again")]
    DiskFull(Digest),
    #[error(
        "this key may announce {bytes_max} bytes of uploads at once and within a day; wait, or ask the farm's owner to raise --key-upload-gib"
    )]
    Key { bytes_max: u64 },
}
