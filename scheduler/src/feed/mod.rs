//! What has changed on the farm since the watchers last looked, told by the records. Knows what changed, never what it is
//! now: who asks reads that from the core.

mod entry;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};

use tessera_scheduler_core::Core;
use tessera_scheduler_core::record::Record;
use tessera_scheduler_core::tiles::TileKey;
use tessera_shared::ids::{JobId, LeaseId, TileIndex, WorkerId};

pub(crate) use entry::{Entry, EntryKind, Subject};

/// Entries that wait to be read; of more the oldest go.
const ENTRIES_MAX: usize = 1024;
/// Tiles of a watched job that wait to be read; beyond them the watchers are told to load the job again.
const TILES_MAX: usize = 1 << 16;

/// Lines of the log that are kept.
const LINES_MAX: usize = 4096;

/// The records' echo, shared by the driver, which writes, the pump, which takes what changed, and whoever reads the log.
#[derive(Debug)]
pub(crate) struct Feed {
    pending: Mutex<Pending>,
    /// Somebody takes what changed.
    pumped: bool,
}

/// A line of the log and its number; they count from 1 since the scheduler started.
pub(crate) type Line = (u64, Entry);

/// A tile by the place of its frame among its job's.
pub(crate) type TileAt = (u32, TileIndex);

/// What has changed and was not read yet.
#[derive(Debug, Default)]
struct Pending {
    changes: Changes,
    /// How many watch a job's tiles.
    watchers: BTreeMap<JobId, u32>,
    /// Leases in hand: whose, of what, and the tiles where somebody watches.
    leases: BTreeMap<LeaseId, Lent>,
    /// The newest lines of the log.
    lines: VecDeque<Line>,
}

#[derive(Debug)]
struct Lent {
    job: JobId,
    worker: WorkerId,
    tiles: Vec<TileKey>,
}

/// What changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Jobs that came, went, or changed their state; they are shown before those that only went on.
    pub jobs_turned: BTreeSet<JobId>,
    pub jobs_went_on: BTreeSet<JobId>,
    pub workers_turned: BTreeSet<WorkerId>,
    pub workers_went_on: BTreeSet<WorkerId>,
    /// Of watched jobs.
    pub tiles: BTreeMap<JobId, BTreeSet<TileAt>>,
    /// Watched jobs of which more changed than is kept.
    pub jobs_blurred: BTreeSet<JobId>,
    /// Lines of the log.
    pub entries: Vec<Line>,
}

impl Feed {
    /// Without a pump, nothing but the log is kept.
    pub fn new(pumped: bool) -> Feed {
        Feed { pending: Mutex::default(), pumped }
    }

    /// Takes note of what the core has just recorded. The core has applied the records.
    pub fn note(&self, core: &Core, now_ms: u64, records: &[Record]) {
        let mut pending = self.pending();
        for record in records {
            pending.note(core, record);
            if let Some(entry) = entry::of(core, now_ms, record, |lease| pending.subject(lease)) {
                let line = pending.write(entry);
                pending.changes.entries.push(line);
            }
            pending.forget(record);
        }
        let extra = pending.changes.entries.len().saturating_sub(ENTRIES_MAX);
        pending.changes.entries.drain(..extra);
        if !self.pumped {
            pending.changes = Changes::default();
        }
    }

    /// The newest lines of the log behind the line `after`, at most `limit`, oldest first.
    pub fn lines(&self, after: u64, limit: usize) -> Vec<Line> {
        let pending = self.pending();
        let newest = pending.lines.back().map_or(0, |(number, _)| *number);
        // A number of an earlier scheduler may lie ahead of this one's.
        let after = if after > newest { 0 } else { after };
        let behind = newest.saturating_sub(after).min(limit as u64).min(pending.lines.len() as u64) as usize;
        pending.lines.range(pending.lines.len() - behind..).cloned().collect()
    }

    /// At most `limit` lines of the log older than the line `before`, or the newest, newest first.
    pub fn lines_before(&self, before: Option<u64>, limit: usize) -> Vec<Line> {
        let pending = self.pending();
        let older =
            pending.lines.iter().rev().filter(|(number, _)| before.is_none_or(|before| *number < before));
        older.take(limit).cloned().collect()
    }

    /// Everything since the last time.
    pub fn take(&self) -> Changes {
        std::mem::take(&mut self.pending().changes)
    }

    /// Tiles of the job are noted as long as what is returned lives.
    pub fn watch(self: &std::sync::Arc<Self>, job: JobId) -> Watching {
        *self.pending().watchers.entry(job).or_default() += 1;
        Watching { feed: self.clone(), job }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Somebody watches a job's tiles.
#[derive(Debug)]
pub(crate) struct Watching {
    feed: std::sync::Arc<Feed>,
    job: JobId,
}

impl Watching {
    pub fn job(&self) -> JobId {
        self.job
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut pending = self.feed.pending();
        if let Some(watchers) = pending.watchers.get_mut(&self.job) {
            *watchers -= 1;
            if *watchers == 0 {
                pending.watchers.remove(&self.job);
                pending.changes.tiles.remove(&self.job);
                pending.changes.jobs_blurred.remove(&self.job);
            }
        }
    }
}

impl Pending {
    fn note(&mut self, core: &Core, record: &Record) {
        match record {
            Record::Submitted { job, .. }
            | Record::PackageComplete { job }
            | Record::JobForgotten { job }
            | Record::Archived { job, .. }
            | Record::Paused { job, .. }
            | Record::Prioritised { job, .. } => drop(self.changes.jobs_turned.insert(*job)),
            Record::JobEnded { job, .. } | Record::JobCompleted { job, .. } => self.over(*job),
            Record::Joined { worker, .. }
            | Record::Left { worker, .. }
            | Record::Leaving { worker }
            | Record::Examined { worker, .. } => drop(self.changes.workers_turned.insert(*worker)),
            Record::Granted { lease, worker, job, tiles, .. }
            | Record::CheckGranted { lease, worker, job, tiles, .. } => {
                self.tiles(core, *job, tiles);
                self.changes.workers_went_on.insert(*worker);
                let tiles = if self.watchers.contains_key(job) { tiles.clone() } else { Vec::new() };
                self.leases.insert(*lease, Lent { job: *job, worker: *worker, tiles });
            }
            Record::Delivered { lease, .. }
            | Record::Checked { lease, .. }
            | Record::LeaseEnded { lease, .. }
            | Record::CheckVoid { lease, .. } => self.lease_moved(core, *lease),
            Record::RefereeLent { worker, .. } => drop(self.changes.workers_went_on.insert(*worker)),
            Record::TooFast { lease, .. } => {
                let worker = self.leases.get(lease).map(|lent| lent.worker);
                self.changes.workers_turned.extend(worker);
            }
            Record::Overturned { job, tiles } => {
                self.changes.jobs_turned.insert(*job);
                self.tiles(core, *job, tiles);
            }
            Record::RefereeAsked { job, tiles, .. }
            | Record::Accepted { job, tiles, .. }
            | Record::Requeued { job, tiles }
            | Record::CheckReturned { job, tiles, .. }
            | Record::Inconclusive { job, tiles, .. } => self.tiles(core, *job, tiles),
            Record::Disputed { job, tile, .. } => self.tiles(core, *job, &[*tile]),
            Record::FramesRequeued { job, .. } => {
                self.changes.jobs_turned.insert(*job);
                self.changes.jobs_blurred.extend(self.watchers.contains_key(job).then_some(*job));
            }
            Record::PixelsLost { job, tiles } => self.tiles(core, *job, tiles),
            Record::Quarantined { operator, .. }
            | Record::Banned { operator, .. }
            | Record::Drained { operator, .. }
            | Record::Rested { operator, .. }
            | Record::Readmitted { operator }
            | Record::Overruled { operator, .. } => {
                let connected = core.state().workers.iter().map(|(id, worker)| (*id, worker.operator));
                // Who is let in again has none connected yet.
                let left = core.state().left.iter().map(|(id, left)| (*id, left.worker.operator));
                let theirs = connected.chain(left).filter(|(_, of)| of == operator);
                self.changes.workers_turned.extend(theirs.map(|(id, _)| id));
            }
            Record::Restarted
            | Record::Kernel { .. }
            | Record::Committed { .. }
            | Record::LeaseForgotten { .. }
            | Record::RefereeDone { .. }
            | Record::KnownMixed { .. }
            | Record::Remembered { .. } => {}
        }
    }

    /// What was lent of a job that is over is taken back without a word more: its workers do something else now.
    fn over(&mut self, job: JobId) {
        self.changes.jobs_turned.insert(job);
        let freed = &mut self.changes.workers_turned;
        self.leases.retain(|_, lent| {
            let kept = lent.job != job;
            if !kept {
                freed.insert(lent.worker);
            }
            kept
        });
    }

    fn lease_moved(&mut self, core: &Core, lease: LeaseId) {
        let Some(lent) = self.leases.get_mut(&lease) else { return };
        let (job, worker, tiles) = (lent.job, lent.worker, std::mem::take(&mut lent.tiles));
        self.changes.workers_went_on.insert(worker);
        self.tiles(core, job, &tiles);
    }

    fn tiles(&mut self, core: &Core, job: JobId, tiles: &[TileKey]) {
        self.changes.jobs_went_on.insert(job);
        if !self.watchers.contains_key(&job) || self.changes.jobs_blurred.contains(&job) {
            return;
        }
        let Some(entry) = core.state().jobs.get(&job) else { return };
        let waiting = self.changes.tiles.entry(job).or_default();
        waiting.extend(tiles.iter().map(|key| (key.frame, entry.shape.tile(*key))));
        if waiting.len() > TILES_MAX {
            self.changes.tiles.remove(&job);
            self.changes.jobs_blurred.insert(job);
        }
    }

    fn write(&mut self, entry: Entry) -> Line {
        let line = (self.lines.back().map_or(0, |(number, _)| *number) + 1, entry);
        self.lines.push_back(line.clone());
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
        line
    }

    fn subject(&self, lease: LeaseId) -> Subject {
        let lent = self.leases.get(&lease);
        Subject { job: lent.map(|lent| lent.job), worker: lent.map(|lent| lent.worker) }
    }

    fn forget(&mut self, record: &Record) {
        match record {
            Record::Delivered { lease, .. }
            | Record::Checked { lease, .. }
            | Record::LeaseEnded { lease, .. }
            | Record::CheckVoid { lease, .. } => drop(self.leases.remove(lease)),
            Record::Restarted => self.leases.clear(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
