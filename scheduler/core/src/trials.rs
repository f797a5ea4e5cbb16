//! Who has to prove itself in a job, and how much of the job those may have at once. Keys are free, so what is bounded is what
//! all new ones together can cost. Draws no block and judges nobody.

use std::collections::BTreeMap;

use tessera_shared::ids::{JobId, LeaseId};
use tessera_shared::messages::Verify;

use crate::accounting::OperatorId;
use crate::jobs::Job;
use crate::machine::Core;
use crate::policy;
use crate::workers::Session;

/// Tile-passes of a job that operators on probation together may have beyond those found right, when nothing is accepted yet.
pub const TRIAL_TILES: u64 = 32;
/// For so many accepted tile-passes of the job they may have another one.
pub const TRIAL_SHARE: u64 = 8;
/// A record is short, where that matters, if it is less than the longest one over this.
pub const RECORD_SHARE: u64 = 8;

/// What was lent on probation and not found right yet, or never. None of it is recorded: after a restart it is counted anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trials {
    jobs: BTreeMap<JobId, Trial>,
}

#[derive(Clone, Debug, Default)]
struct Trial {
    leases: BTreeMap<LeaseId, u64>,
    open: u64,
}

impl Trials {
    /// So many tile-passes of a job go to an operator on probation.
    fn lent(&mut self, job: JobId, lease: LeaseId, tiles: u64) {
        let trial = self.jobs.entry(job).or_default();
        trial.leases.insert(lease, tiles);
        trial.open += tiles;
    }

    /// So many of a lease's tile-passes are right, or cost nobody anything.
    pub fn settle(&mut self, job: JobId, lease: LeaseId, tiles: u64) {
        let Some(trial) = self.jobs.get_mut(&job) else { return };
        let Some(left) = trial.leases.get_mut(&lease) else { return };
        let settled = tiles.min(*left);
        *left -= settled;
        trial.open -= settled;
        if *left == 0 {
            trial.leases.remove(&lease);
        }
    }

    /// A lease was taken back before anything of it arrived.
    pub fn take_back(&mut self, job: JobId, lease: LeaseId) {
        self.settle(job, lease, u64::MAX);
    }

    pub fn forget(&mut self, job: JobId) {
        self.jobs.remove(&job);
    }

    fn open(&self, job: JobId) -> u64 {
        self.jobs.get(&job).map_or(0, |trial| trial.open)
    }

    /// Panics if the sums are wrong.
    pub fn check(&self) {
        for (job, trial) in &self.jobs {
            assert_eq!(trial.leases.values().sum::<u64>(), trial.open, "{job} lent on probation");
        }
    }
}

impl Job {
    /// Convictions have undone more of it than is accepted.
    pub fn on_guard(&self) -> bool {
        // Summed only as far as it matters: a job may have very many frames.
        let mut undone = 0;
        self.overturned.values().any(|tiles| {
            undone += tiles;
            undone > self.tiles_done
        })
    }
}

impl Core {
    /// The clean record that an operator needs in a job before its word and its unchecked work count there.
    fn record_needed(&self, entry: &Job) -> u64 {
        let least = self.config.probation_tiles;
        match entry.on_guard() {
            true => least.max(entry.tiles_overturned().min(self.connected.longest_record() / RECORD_SHARE)),
            false => least,
        }
    }

    /// Tile-passes that an operator must still be found right in before it has ended its probation in a job.
    pub(crate) fn probation_left(&self, operator: OperatorId, entry: &Job) -> u64 {
        self.record_needed(entry).saturating_sub(self.state.operators.conduct(operator).clean)
    }

    /// Whether an operator's word counts as a check in some job at least: it was never overruled, and it has ended its
    /// probation or the farm's owner trusts it.
    pub(crate) fn may_check_somewhere(&self, operator: OperatorId) -> bool {
        self.state.operators.operator(operator).overruled.is_none() && self.proven(operator)
    }

    /// Whether an operator's word counts as a check in a job.
    pub(crate) fn may_check(&self, operator: OperatorId, entry: &Job) -> bool {
        self.may_check_somewhere(operator)
            && (self.probation_left(operator, entry) == 0 || self.trusts(operator))
    }

    /// How many tile-passes of a job a worker may be lent at once because of its operator's record there; `None` if that is
    /// no limit.
    pub(crate) fn trial_room(&self, session: &Session, job: JobId) -> Option<u64> {
        let entry = &self.state.jobs[&job];
        let left = match entry.spec.options.verify {
            Verify::None => 0,
            _ => self.probation_left(session.operator, entry),
        };
        if left == 0 {
            return None;
        }
        let all = TRIAL_TILES + entry.tiles_done / TRIAL_SHARE;
        let room = all.saturating_sub(self.trials.open(job));
        let unlimited = room >= left || self.trusts(session.operator) || !self.others_go_on(job);
        Some(if unlimited { left } else { room })
    }

    /// Whether a worker's operator may be lent anything of a job now.
    pub(crate) fn has_room(&self, session: &Session, job: JobId) -> bool {
        self.trial_room(session, job) != Some(0)
    }

    /// Whether a job goes on without those on probation.
    fn others_go_on(&self, job: JobId) -> bool {
        let entry = &self.state.jobs[&job];
        let needed = self.record_needed(entry);
        // Nobody need be asked on a farm where all are new.
        if self.connected.longest_record() < needed && self.config.trusted.is_empty() {
            return false;
        }
        let clean = |operator| self.state.operators.conduct(operator).clean;
        let proven = |operator: &OperatorId| clean(*operator) >= needed || self.trusts(*operator);
        let mut workers =
            self.connected.proven().filter(proven).flat_map(|operator| self.connected.workers_of(operator));
        workers.any(|worker| {
            self.sessions
                .get(&worker)
                .is_some_and(|session| session.takes_leases(self.now_ms) && self.may_serve(session, job))
                && self.state.workers.get(&worker).is_some_and(|entry| !entry.leaving)
        })
    }

    /// Notes a lease that goes to an operator on probation.
    pub(crate) fn note_trial(&mut self, operator: OperatorId, job: JobId, lease: LeaseId, tiles: u64) {
        let entry = &self.state.jobs[&job];
        if entry.spec.options.verify != Verify::None && self.probation_left(operator, entry) > 0 {
            self.trials.lent(job, lease, tiles);
        }
    }

    /// An operator's record may have ended its probation, or be the longest of those connected now.
    pub(crate) fn note_record(&mut self, operator: OperatorId) {
        let clean = self.state.operators.conduct(operator).clean;
        self.connected.note(operator, clean, self.proven(operator));
    }

    /// Whether an operator has ended its probation or is trusted.
    pub(crate) fn proven(&self, operator: OperatorId) -> bool {
        let clean = self.state.operators.conduct(operator).clean;
        !policy::on_probation(&self.config, clean) || self.trusts(operator)
    }
}
