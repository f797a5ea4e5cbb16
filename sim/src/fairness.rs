//! A recount of whose turn it is, from leases granted and time: what each owner has received, and since when each job waits.
//! Takes from the books what a job is (owner, priority, queue, mean) and nothing of the order in which jobs are served.

use std::collections::BTreeMap;

use tessera_scheduler_core::jobs::Job;
use tessera_scheduler_core::record::Record;
use tessera_scheduler_core::state::State;
use tessera_scheduler_core::tiles::{TileKey, TileLife};
use tessera_shared::ids::{JobId, NodeKey, WorkerId};

use crate::checkers::Checker;

const TEN_MINUTES_MS: u64 = 600_000;
/// How much more an owner may have received by this count than one that was passed over: the core's decay is straight between
/// half-lives, up to 6.2 % off the exponential for either owner.
const MARGIN: f64 = 1.25;
/// Rays by which rounding may add to that.
const ROUNDING_RAYS: f64 = 100.0;

/// The recount.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    /// Rays, and when they were that many.
    received: BTreeMap<NodeKey, (f64, u64)>,
    waits_since_ms: BTreeMap<JobId, u64>,
    last_ms: u64,
}

impl Fairness {
    /// Enters a record; the books are those before it.
    pub fn record(&mut self, record: &Record, before: &State) {
        match record {
            Record::Submitted { job, at_ms, .. }
            | Record::Paused { job, at_ms, .. }
            | Record::FramesRequeued { job, at_ms, .. } => self.wait(*job, *at_ms),
            Record::JobCompleted { job, at_ms } | Record::JobEnded { job, at_ms, .. } => {
                let waiting = before.jobs.iter().filter(|(_, entry)| entry.waits_for.contains(job));
                waiting.for_each(|(waiting, _)| self.wait(*waiting, *at_ms));
            }
            Record::Granted { job, term, tiles, .. } => {
                self.wait(*job, term.granted_ms);
                let Some(entry) = before.jobs.get(job) else { return };
                let rays = tiles.iter().map(|tile| charge(entry, *tile)).sum::<f64>();
                let received = self.received(&entry.spec.owner, term.granted_ms) + rays;
                self.received.insert(entry.spec.owner, (received, term.granted_ms));
                self.last_ms = self.last_ms.max(term.granted_ms);
            }
            Record::Restarted => {
                let owners: Vec<NodeKey> = self.received.keys().copied().collect();
                for owner in owners {
                    let received = self.received(&owner, self.last_ms);
                    self.received.insert(owner, (received, 0));
                }
                self.waits_since_ms.values_mut().for_each(|since_ms| *since_ms = 0);
                self.last_ms = 0;
            }
            _ => {}
        }
    }

    /// A lease that was just granted went to a job whose turn it was; the books are those before it.
    pub fn check(&self, record: &Record, before: &State, probation_tiles: u64) {
        let Record::Granted { worker, job, term, tiles, .. } = record else { return };
        let Some(entry) = before.jobs.get(job) else { return };
        // Duplicates go by who is slow.
        if tiles.iter().any(|tile| matches!(entry.open.get(tile), Some(TileLife::Leased { .. }))) {
            return;
        }
        let now_ms = term.granted_ms;
        let risen =
            |job: JobId, entry: &Job| i64::from(entry.spec.options.priority) + self.steps(job, now_ms);
        let got = self.received(&entry.spec.owner, now_ms);
        for (other, passed) in &before.jobs {
            if other == job || !ready(passed) || !serves(before, *worker, entry, passed, probation_tiles) {
                continue;
            }
            let (mine, theirs) = (risen(*job, entry), risen(*other, passed));
            Checker::FairShares.demand(theirs <= mine, || {
                format!("{job} is lent of at priority {mine} with its age, {other} waits at {theirs}")
            });
            // What has risen by age goes by age.
            if self.steps(*job, now_ms) > 0 || passed.spec.options.priority != entry.spec.options.priority {
                continue;
            }
            if passed.spec.owner == entry.spec.owner {
                Checker::FairShares
                    .demand(job < other, || format!("{job} is lent of before the older {other}"));
                continue;
            }
            let less = self.received(&passed.spec.owner, now_ms);
            Checker::FairShares.demand(got <= less * MARGIN + ROUNDING_RAYS, || {
                format!("{job} is lent of, whose owner has {got:.0} rays, and {other}'s has {less:.0}")
            });
        }
    }

    fn wait(&mut self, job: JobId, at_ms: u64) {
        self.waits_since_ms.insert(job, at_ms);
    }

    fn steps(&self, job: JobId, now_ms: u64) -> i64 {
        let since_ms = self.waits_since_ms.get(&job).copied().unwrap_or(now_ms);
        (now_ms.saturating_sub(since_ms) / TEN_MINUTES_MS) as i64
    }

    fn received(&self, owner: &NodeKey, now_ms: u64) -> f64 {
        let (rays, at_ms) = self.received.get(owner).copied().unwrap_or((0.0, now_ms));
        rays * (-(now_ms.saturating_sub(at_ms) as f64) / TEN_MINUTES_MS as f64).exp2()
    }
}

/// Something of the job waits to be lent and may be.
fn ready(entry: &Job) -> bool {
    entry.running() && !entry.paused && entry.waits_for.is_empty() && entry.queue().next().is_some()
}

/// Whether a worker that serves one job certainly serves the other: it has no failures, which may block it, the limits are none
/// or the same, and it is not on probation, on the farm or in that job: those get only a part of a job.
fn serves(before: &State, worker: WorkerId, lent: &Job, other: &Job, probation_tiles: u64) -> bool {
    let (limits, same) = (&other.spec.options.limits, &lent.spec.options.limits);
    let Some(operator) = before.workers.get(&worker).map(|worker| worker.operator) else { return false };
    let failed = before.health.keys().any(|machine| machine.0 == operator);
    let clean = before.operators.conduct(operator).clean;
    let proven = clean >= probation_tiles && (clean >= other.tiles_overturned() || !other.on_guard());
    !failed && proven && (limits.is_open() || limits == same)
}

/// Rays of a tile-pass by the mean of what is accepted, eight a sample before.
fn charge(entry: &Job, tile: TileKey) -> f64 {
    let mean = match entry.samples_done {
        0 => 8.0,
        done => entry.rays.total() as f64 / done as f64,
    };
    entry.shape.pixel_samples(tile) as f64 * mean
}
