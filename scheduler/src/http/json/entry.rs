//! A line of the farm's log as the HTTP interface shows it.

use serde::Serialize;

use crate::feed::{self, EntryKind};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Entry {
    pub id: u64,
    /// Since 1970.
    at_ms: u64,
    kind: EntryKind,
    text: String,
    #[schema(required)]
    job: Option<u64>,
    #[schema(required)]
    worker: Option<u64>,
}

impl Entry {
    /// `start_unix_ms`: when the scheduler's clock was at zero.
    pub fn new((id, entry): feed::Line, start_unix_ms: u64) -> Entry {
        Entry {
            id,
            at_ms: start_unix_ms + entry.at_ms,
            kind: entry.kind,
            text: entry.text,
            job: entry.subject.job.map(|job| job.0),
            worker: entry.subject.worker.map(|worker| worker.0),
        }
    }
}

/// A page of the log, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct EntryList {
    pub entries: Vec<Entry>,
    /// Ask with `before` this for the next page.
    #[schema(required)]
    pub next: Option<u64>,
}
