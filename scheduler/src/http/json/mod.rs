//! The documents of the HTTP interface. Counters are numbers, times milliseconds, keys and digests hex.

mod entry;
mod farm;
mod frame;
mod job;
mod worker;

pub(crate) use entry::{Entry, EntryList};
pub(crate) use farm::{Farm, JobCounts, WorkerCounts};
pub(crate) use frame::{Frame, FrameList, Tile, TileList};
pub(crate) use job::{Job, JobList, JobStateName};
#[cfg(test)]
pub(crate) use worker::WorkerStateName;
pub(crate) use worker::{Worker, WorkerList};

use tessera_shared::ids::NodeKey;

pub(crate) fn hex(key: &NodeKey) -> String {
    tessera_shared::digest::Digest(key.0).hex()
}
