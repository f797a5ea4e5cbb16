//! Until when an accepted tile-pass can be overturned, and on whose word it rests. A completed job keeps its ledgers until
//! it is archived; whom to doubt is judged elsewhere.

use tessera_shared::ids::JobId;
use tessera_shared::lease::TilePass;

use crate::accounting::OperatorId;
use crate::api::Effect;
use crate::jobs::{Acceptance, Job, Phase};
use crate::machine::Core;
use crate::record::{Claim, Proof, Record};
use crate::state::{State, judged};
use crate::tiles::{TileKey, TileLife};

/// Most bytes of a ledger's entry in memory; times [`crate::Config::kept_entries_max`] it bounds what completed jobs keep.
pub const ENTRY_BYTES_MAX: usize = 64;

impl Acceptance {
    /// Whether it has to be rendered anew once the operator is convicted: it comes from the operator and nobody else has
    /// rendered all of it, or the operator vouched for it.
    pub fn rests_on(&self, operator: OperatorId) -> bool {
        self.proof.operator() == Some(operator) || (self.by == operator && !self.whole)
    }
}

/// Whether somebody other than its maker has rendered every one of the tile-pass's `blocks`. What cannot be told apart
/// counts as partly rendered.
pub(crate) fn proven_whole(life: &TileLife, proof: Proof, blocks: u32) -> bool {
    match life {
        TileLife::Pending | TileLife::Leased { .. } => false,
        // Accepted before a check began: by another operator's equal delivery, or unverified.
        TileLife::Delivered { .. } => matches!(proof, Proof::Operator(_)),
        TileLife::Checking { delivery, .. } => delivery.commit.drawn.len() == blocks as usize,
        TileLife::Disputed { claim, .. } => match &**claim {
            Claim::Delivery(_) => true,
            // The referee rendered those alone; for the rest stands a checker that it overruled.
            Claim::Check { blocks: disputed, .. } => disputed.len() == blocks as usize,
        },
    }
}

impl Job {
    /// The key of one of its tile-passes.
    pub fn key_of(&self, pass: &TilePass) -> Option<TileKey> {
        Some(TileKey { frame: self.frame_index(pass.frame)?, index: self.shape.index_of(pass) })
    }

    /// What its receipts say of the frames stays.
    pub(crate) fn drop_ledgers(&mut self) {
        self.keep_credits();
        self.ledgers.clear();
    }

    /// Whether accepted tile-passes of it can still be overturned.
    pub fn overturnable(&self) -> bool {
        self.running() || (matches!(self.phase, Phase::Completed { .. }) && !self.ledgers.is_empty())
    }
}

impl State {
    /// Enters a job that has just completed among those that keep their ledgers.
    pub(crate) fn keep(&mut self, job: JobId) {
        let Some(entry) = self.jobs.get(&job) else { return };
        if let Phase::Completed { at_ms } = entry.phase {
            self.unarchived.insert((at_ms, job));
            self.kept_entries += entry.tiles_total();
        }
    }

    /// Takes a job out of those that keep their ledgers. False if it is none of them.
    pub(crate) fn unkeep(&mut self, job: JobId) -> bool {
        let Some(entry) = self.jobs.get(&job) else { return false };
        let Phase::Completed { at_ms } = entry.phase else { return false };
        let kept = self.unarchived.remove(&(at_ms, job));
        if kept {
            self.kept_entries -= entry.tiles_total();
        }
        kept
    }

    /// A completed job drops its ledgers.
    pub(crate) fn archive(&mut self, job: JobId) {
        if self.unkeep(job)
            && let Some(entry) = self.jobs.get_mut(&job)
        {
            entry.drop_ledgers();
        }
    }

    /// Accepted tile-passes go back to the queue.
    pub(crate) fn overturn(&mut self, job: JobId, tiles: &[TileKey]) {
        self.reopen(job);
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        for key in tiles {
            let by = entry.overturn(*key).map(|was| was.worker);
            if let Some(worker) = by.and_then(|id| judged(&mut self.workers, &mut self.left, id)) {
                worker.tiles_accepted -= 1;
                worker.tiles_rejected += 1;
            }
        }
        self.hand_back(job, tiles);
        self.reorder(job);
    }

    /// A completed job runs again, if it is not archived.
    pub(crate) fn reopen(&mut self, job: JobId) {
        if self.unkeep(job)
            && let Some(entry) = self.jobs.get_mut(&job)
        {
            entry.phase = Phase::Running;
            entry.reopened += 1;
            self.ended.retain(|ended| *ended != job);
        }
    }

    /// The clock is at zero again: the time until a job is archived begins anew.
    pub(crate) fn restart_unarchived(&mut self) {
        self.unarchived = self.unarchived.iter().map(|(_, job)| (0, *job)).collect();
    }
}

impl Core {
    /// Settles completed jobs whose time is over, and the oldest while all keep more than the configuration allows: a job is
    /// archived when its films are saved, since its ledgers name the pixels that they could be made of again.
    pub(crate) fn archive_jobs(&mut self) {
        let mut kept = self.state.kept_entries;
        let mut settled = Vec::new();
        for (at_ms, job) in &self.state.unarchived {
            let due = at_ms.saturating_add(self.config.archive_after_ms) <= self.now_ms;
            if !due && kept <= self.config.kept_entries_max {
                break;
            }
            let entry = &self.state.jobs[job];
            kept -= entry.tiles_total();
            if !self.settles(*job, entry) {
                settled.push((*job, entry.reopened));
            }
        }
        for (job, reopened) in settled {
            self.settling.insert(job, reopened);
            self.effect(Effect::SettleFilms { job, reopened });
        }
    }

    /// Whether a job's films have been asked for since it was last complete.
    fn settles(&self, job: JobId, entry: &Job) -> bool {
        self.settling.get(&job) == Some(&entry.reopened)
    }

    /// Archives a job whose films of its last completion are on disk.
    pub(crate) fn films_saved(&mut self, job: JobId, reopened: u32) {
        let Some(entry) = self.state.jobs.get(&job) else { return };
        // A job that settles is complete: it would have been reopened once more.
        if entry.reopened == reopened && self.settles(job, entry) {
            self.settling.remove(&job);
            self.record(Record::Archived { job, at_ms: self.now_ms });
        }
    }

    /// When the next job is archived.
    pub(crate) fn archive_at_ms(&self) -> Option<u64> {
        let waiting = |(_, job): &&(u64, JobId)| !self.settles(*job, &self.state.jobs[job]);
        let (at_ms, _) = self.state.unarchived.iter().find(waiting)?;
        Some(at_ms.saturating_add(self.config.archive_after_ms))
    }

    /// Panics if the books of completed jobs that keep their ledgers are wrong, or if anything that can be overturned rests
    /// on a quarantined operator.
    pub(crate) fn check_overturnable(&self) {
        let (state, mut kept) = (&self.state, 0);
        for (job, entry) in &state.jobs {
            if let Phase::Completed { at_ms } = entry.phase {
                let unarchived = state.unarchived.contains(&(at_ms, *job));
                assert_eq!(unarchived, entry.overturnable(), "{job} is archived and keeps its ledgers");
                let entries = entry.ledgers.values().map(|ledger| ledger.entries.len() as u64).sum::<u64>();
                assert_eq!(entries, if unarchived { entry.tiles_done } else { 0 }, "{job} entries kept");
                kept += entries;
            }
            assert!(!matches!(entry.phase, Phase::Ended { .. }) || entry.ledgers.is_empty(), "{job} ledgers");
            let accepted = entry.ledgers.values().flat_map(|ledger| ledger.entries.iter().flatten());
            for accepted in accepted {
                for operator in [Some(accepted.by), accepted.proof.operator()].into_iter().flatten() {
                    let doubtful = state.operators.quarantined(operator) && accepted.rests_on(operator);
                    assert!(!doubtful, "{job} rests on a quarantined operator: {accepted:?}");
                }
                let overruled = accepted
                    .proof
                    .operator()
                    .is_some_and(|by| state.operators.operator(by).overruled.is_some());
                assert!(!overruled, "{job} rests on the word of an overruled checker: {accepted:?}");
            }
        }
        assert_eq!(kept, state.kept_entries, "ledger entries of completed jobs");
        let unsettled = state.unarchived.iter().map(|(_, job)| (job, &state.jobs[job]));
        let unsettled = unsettled.filter(|(job, entry)| !self.settles(**job, entry));
        let kept: u64 = unsettled.map(|(_, entry)| entry.tiles_total()).sum();
        assert!(kept <= self.config.kept_entries_max, "{kept} entries of completed jobs are kept");
        let completed = |job: &JobId| matches!(state.jobs[job].phase, Phase::Completed { .. });
        assert!(state.unarchived.iter().all(|(_, job)| completed(job)), "an unarchived job is not complete");
        let ended = state.jobs.values().filter(|entry| entry.ended()).count();
        assert_eq!(ended, state.ended.len(), "ended jobs");
        assert!(state.ended.iter().all(|job| state.jobs[job].ended()), "a running job is among the ended");
    }
}

#[cfg(test)]
mod tests {
    use tessera_shared::digest::Digest;
    use tessera_shared::film::Rays;
    use tessera_shared::ids::{LeaseId, WorkerId};

    use super::*;
    use crate::api::RefereeId;
    use crate::record::{Delivery, DrawnBlock, TileCommit};
    use crate::tiles::Checker;

    const BLOCKS: u32 = 4;
    const MAKER: OperatorId = OperatorId(1);
    const OTHER: OperatorId = OperatorId(2);

    fn delivery(drawn: u32) -> Box<Delivery> {
        let drawn = (0..drawn).map(|at| DrawnBlock { at, digest: Digest([1; 32]) }).collect();
        let commit = TileCommit { root: Digest([2; 32]), drawn, referee: false };
        let (lease, worker) = (LeaseId(1), WorkerId(1));
        Box::new(Delivery { lease, at: 0, worker, operator: MAKER, commit, rays: Rays::default() })
    }

    fn accepted(life: &TileLife, proof: Proof) -> Acceptance {
        let whole = proven_whole(life, proof, BLOCKS);
        Acceptance { by: MAKER, worker: WorkerId(1), lease: LeaseId(1), proof, rays: Rays::default(), whole }
    }

    fn checking(drawn: u32) -> TileLife {
        let by = Checker::Worker(LeaseId(2));
        TileLife::Checking { delivery: delivery(drawn), duplicate: None, by }
    }

    fn disputed(claim: Claim) -> TileLife {
        TileLife::Disputed { delivery: delivery(1), claim: Box::new(claim), by: RefereeId(1) }
    }

    #[test]
    fn what_others_rendered_in_part_rests_on_its_maker() {
        let check =
            |count| Claim::Check { lease: LeaseId(2), operator: OTHER, blocks: delivery(count).commit.drawn };
        let unchecked = TileLife::Delivered { delivery: delivery(0), duplicate: None, since_ms: 0 };
        let rests = [
            accepted(&unchecked, Proof::Unverified),
            accepted(&checking(1), Proof::Operator(OTHER)),
            accepted(&checking(3), Proof::Referee),
            accepted(&disputed(check(1)), Proof::Referee),
        ];
        assert!(rests.iter().all(|accepted| accepted.rests_on(MAKER)), "{rests:?}");
        let proven = [
            accepted(&unchecked, Proof::Operator(OTHER)),
            accepted(&checking(BLOCKS), Proof::Operator(OTHER)),
            accepted(&checking(BLOCKS), Proof::Referee),
            accepted(&disputed(check(BLOCKS)), Proof::Referee),
            accepted(&disputed(Claim::Delivery(*delivery(1))), Proof::Referee),
        ];
        assert!(proven.iter().all(|accepted| !accepted.rests_on(MAKER)), "{proven:?}");
    }

    #[test]
    fn what_an_operator_vouched_for_rests_on_it() {
        for drawn in [1, BLOCKS] {
            let accepted = accepted(&checking(drawn), Proof::Operator(OTHER));
            assert!(accepted.rests_on(OTHER) && !accepted.rests_on(OperatorId(3)));
        }
    }

    #[test]
    fn an_entry_has_the_size_that_the_bound_counts_with() {
        assert!(size_of::<Option<Acceptance>>() <= ENTRY_BYTES_MAX);
    }
}
