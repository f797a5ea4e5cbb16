//! Newtypes for everything that is counted or named in the farm. Ids come from counters of the scheduler's core.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A job, as an artist submitted it. Displays as `j7`; `j7` and `7` both parse.
    JobId(u64), "j"
);
id!(
    /// A worker process for as long as the scheduler knows it. Displays as `w3`; `w3` and `3` both parse.
    WorkerId(u64), "w"
);
id!(
    /// One lending of tile-passes. Fresh for every lending, so that an answer names which one it answers.
    LeaseId(u64), "l"
);
id!(
    /// The artist's frame number.
    FrameNumber(u32), "f"
);
id!(
    /// Index of a tile in its frame, row-major from the top left.
    TileIndex(u32), "t"
);

impl std::str::FromStr for JobId {
    type Err = ParseJobIdError;

    fn from_str(text: &str) -> Result<JobId, ParseJobIdError> {
        let digits = text.strip_prefix('j').unwrap_or(text);
        digits.parse().map(JobId).map_err(|_| ParseJobIdError(text.chars().take(40).collect()))
    }
}

/// The text is not a job id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a job id; `tessera submit` prints one such as j7, and `tessera jobs` lists them")]
pub struct ParseJobIdError(String);

impl std::str::FromStr for WorkerId {
    type Err = ParseWorkerIdError;

    fn from_str(text: &str) -> Result<WorkerId, ParseWorkerIdError> {
        let digits = text.strip_prefix('w').unwrap_or(text);
        digits.parse().map(WorkerId).map_err(|_| ParseWorkerIdError(text.chars().take(40).collect()))
    }
}

/// The text is not a worker's id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a worker's id; `tessera workers` lists them, such as w3")]
pub struct ParseWorkerIdError(String);

/// The ed25519 public key of a process: the operator of a worker, or the owner of a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode)]
pub struct NodeKey(pub [u8; 32]);

impl NodeKey {
    /// All of it as 64 hexadecimal digits, which parse again. `Display` shows the first 16, for people.
    pub fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

impl std::str::FromStr for NodeKey {
    type Err = ParseNodeKeyError;

    fn from_str(text: &str) -> Result<NodeKey, ParseNodeKeyError> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
        let key = bytes.and_then(|bytes| bytes.try_into().ok()).map(NodeKey);
        key.ok_or_else(|| ParseNodeKeyError(text.chars().take(70).collect()))
    }
}

/// The text is not an operator's key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no operator's key; a key is 64 hexadecimal digits, as `tessera worker` and `tessera workers --json` print it"
)]
pub struct ParseNodeKeyError(String);

impl std::fmt::Display for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0[..8]))
    }
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "key:{self}")
    }
}
