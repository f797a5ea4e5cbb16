//! The farm as a whole.

use serde::Serialize;

use crate::http::token::WebRole;

/// Workers by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct WorkerCounts {
    pub connected: u64,
    pub busy: u64,
    /// Operators in quarantine or banned.
    pub quarantined: u64,
}

/// Listed jobs by where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct JobCounts {
    pub queued: u64,
    pub running: u64,
    pub paused: u64,
    /// For another job.
    pub waiting: u64,
    pub completed: u64,
    pub failed: u64,
    pub cancelled: u64,
}

/// The farm.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Farm {
    pub version: &'static str,
    pub kernel_version: u32,
    pub uptime_ms: u64,
    /// What the token allows.
    pub role: WebRole,
    /// The token's key.
    #[schema(required)]
    pub key: Option<String>,
    /// When the token expires, since 1970, if it does.
    #[schema(required)]
    pub until_ms: Option<u64>,
    pub workers: WorkerCounts,
    pub jobs: JobCounts,
    /// Of all connected workers, as measured.
    pub rays_per_second: u64,
    /// Where the stream of events is now: ask it for what comes after, with the header Last-Event-ID.
    pub cursor: u64,
}
