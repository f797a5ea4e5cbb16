//! Who gets which work next: renders sized to the worker's rate, checks gathered into bundles, and at the end of the work
//! duplicates of what is slow. Also when leases expire and when to wake.

use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::lease::{Lease, Work};
use tessera_shared::messages::ToWorker;

use crate::leases::{Hold, LeaseWork};
use crate::limits::JOBS_SEARCHED;
use crate::machine::Core;
use crate::record::{LeaseEnd, Record, Term};
use crate::tiles::{TileKey, TileLife};

/// Owed checks, or leases to duplicate, that are looked through for one lease.
const SEARCHED: usize = 256;
/// Blocks of one check lease.
const CHECK_BLOCKS_MAX: u64 = 1024;
/// How often duplicates are thought of.
pub(crate) const DUPLICATES_EVERY_MS: u64 = 100;

impl Core {
    pub(crate) fn grant_one(&mut self, worker: WorkerId, endgame: bool) -> bool {
        let idle = self.sessions.get(&worker).is_some_and(|session| session.idle());
        self.grant_check(worker, false)
            || self.grant_render(worker)
            || (idle && self.grant_check(worker, true))
            || (idle && endgame && self.grant_duplicate(worker))
    }

    fn grant_render(&mut self, worker: WorkerId) -> bool {
        if self.state.held >= self.config.held_max {
            return false;
        }
        let Some(session) = self.sessions.get(&worker) else { return false };
        let Some(job) = self.next_job(session) else { return false };
        let (entry, operator) = (&self.state.jobs[&job], session.operator);
        let measured = session.measured_rate().is_some();
        let budget = u128::from(session.rate()) * u128::from(self.config.lease_target_ms) / 1000;
        // A lease takes at most half of the worker's share of what is left, so that all end together.
        let share = u128::from(entry.pending()) * u128::from(session.rate_total())
            / (2 * u128::from(self.rate_total.max(1)) * u128::from(session.devices));
        let most = share.clamp(1, u128::from(self.config.lease_tiles_max)) as usize;
        // What is committed on probation is checked whole: no more of it than probation needs, and than all may cost.
        let most = self.trial_room(session, job).map_or(most, |room| most.min(room as usize));
        let (mut tiles, mut cost) = (Vec::new(), 0u64);
        for key in entry.queue() {
            let failures = entry.failures.get(&key);
            let suspect = failures.is_some();
            if failures.is_some_and(|failures| {
                failures.operators.contains_key(&operator) && self.others_may_try(job, failures)
            }) {
                continue;
            }
            if !tiles.is_empty() && (suspect || u128::from(cost + entry.cost(key)) > budget) {
                break;
            }
            tiles.push(key);
            cost += entry.cost(key);
            if suspect || !measured || tiles.len() >= most {
                break;
            }
        }
        !tiles.is_empty() && self.lend(worker, job, tiles, cost)
    }

    /// Lends tile-passes, pending ones or those of another lease.
    fn lend(&mut self, worker: WorkerId, job: JobId, tiles: Vec<TileKey>, cost: u64) -> bool {
        let entry = &self.state.jobs[&job];
        let work = Work::Render(tiles.iter().map(|key| entry.pass(*key)).collect());
        let (lease, term) = (LeaseId(self.state.next_lease.max(1)), self.term(worker, job, cost));
        self.note_trial(self.sessions[&worker].operator, job, lease, tiles.len() as u64);
        self.record(Record::Granted { lease, worker, job, term, tiles });
        self.send_lease(worker, job, lease, term, work);
        true
    }

    pub(crate) fn term(&self, worker: WorkerId, job: JobId, cost: u64) -> Term {
        let session = &self.sessions[&worker];
        let known = session.knows_package(&self.state.jobs[&job].spec.package);
        let work_ms = (u128::from(cost) * 1000 / u128::from(session.rate())).min(1 << 31) as u64;
        let estimate_ms = work_ms * (session.queue_length() + 1);
        let grace_ms = match known {
            true => self.config.lease_grace_ms,
            false => self.config.first_lease_grace_ms.max(self.config.lease_grace_ms),
        };
        Term {
            granted_ms: self.now_ms,
            expected_ms: self.now_ms + estimate_ms,
            expires_ms: self.now_ms + u64::from(grace_ms) + 4 * estimate_ms,
        }
    }

    pub(crate) fn send_lease(&mut self, worker: WorkerId, job: JobId, id: LeaseId, term: Term, work: Work) {
        let package = self.state.jobs[&job].spec.package;
        let duration_ms = (term.expires_ms - self.now_ms).min(u64::from(u32::MAX)) as u32;
        self.deadlines.insert((term.expires_ms, id));
        self.freed(worker, |session, now_ms| session.start(id, package, now_ms));
        self.send(worker, ToWorker::Lease(Lease { id, job, package, duration_ms, work }));
    }

    /// Lends checks of other operators' deliveries, once enough have gathered or waited, or at once if `urgent`.
    fn grant_check(&mut self, worker: WorkerId, urgent: bool) -> bool {
        let Some(session) = self.sessions.get(&worker) else { return false };
        let mine = session.operator;
        if !self.may_check_somewhere(mine) {
            return false;
        }
        if self.connected.len() < 2 && self.connected.contains(mine) && !self.foreign_deliveries(mine) {
            return false;
        }
        let budget = u128::from(session.rate()) * u128::from(self.config.lease_target_ms) / 1000;
        let mut found = None;
        for job in self.turns(&self.state.owing, session) {
            let entry = &self.state.jobs[&job];
            if !self.may_check(mine, entry) {
                continue;
            }
            let oldest_ms = entry.owed.first().map_or(u64::MAX, |(since_ms, _)| *since_ms);
            let waited = self.now_ms >= oldest_ms.saturating_add(u64::from(self.config.check_wait_ms));
            let ripe = urgent || waited || entry.owed_blocks >= u64::from(self.config.check_blocks);
            if !ripe {
                continue;
            }
            let (mut tiles, mut cost, mut blocks) = (Vec::new(), 0u64, 0u64);
            for (_, key) in entry.owed.iter().take(SEARCHED) {
                let Some(delivery) = entry.open.get(key).and_then(TileLife::delivery) else { continue };
                if delivery.operator == mine {
                    continue;
                }
                let drawn = delivery.commit.drawn.len() as u64;
                let more = entry.cost(*key) * drawn / u64::from(entry.shape.blocks(*key));
                if !tiles.is_empty()
                    && (u128::from(cost + more) > budget || blocks + drawn > CHECK_BLOCKS_MAX)
                {
                    break;
                }
                tiles.push(*key);
                cost += more;
                blocks += drawn;
            }
            if !tiles.is_empty() {
                found = Some((job, tiles, cost));
                break;
            }
        }
        match found {
            Some((job, tiles, cost)) => self.lend_check(worker, job, tiles, cost),
            None => false,
        }
    }

    /// Whether an operator that left has deliveries which this one may check.
    fn foreign_deliveries(&self, mine: crate::accounting::OperatorId) -> bool {
        let oldest = self.state.owing.iter().take(JOBS_SEARCHED).filter_map(|(_, job)| {
            let entry = &self.state.jobs[job];
            entry.owed.first().and_then(|(_, key)| entry.open.get(key)).and_then(TileLife::delivery)
        });
        oldest.into_iter().any(|delivery| delivery.operator != mine)
    }

    fn lend_check(&mut self, worker: WorkerId, job: JobId, tiles: Vec<TileKey>, cost: u64) -> bool {
        let lease = LeaseId(self.state.next_lease.max(1));
        let known = self.draw_known(worker, job, lease, tiles.len());
        let term = self.term(worker, job, cost + self.known_rays(job, &known));
        self.record(Record::CheckGranted { lease, worker, job, term, tiles });
        if !known.is_empty() {
            self.record(Record::KnownMixed { lease, tiles: known });
        }
        let work = Work::Check(self.blocks_to_check(lease));
        self.send_lease(worker, job, lease, term, work);
        true
    }

    /// Lends an idle worker what another one is slow to finish: the oldest lease that is overdue, or that would take its
    /// holder more than twice as long as this worker.
    fn grant_duplicate(&mut self, worker: WorkerId) -> bool {
        let Some(session) = self.sessions.get(&worker) else { return false };
        let mut found = None;
        for lease in self.state.leases.values().filter(|lease| lease.live()).take(SEARCHED) {
            if lease.worker == worker
                || lease.committed()
                || !self.state.jobs[&lease.job].lendable()
                || !self.may_serve(session, lease.job)
            {
                continue;
            }
            let entry = &self.state.jobs[&lease.job];
            let alone = |key: &&TileKey| {
                matches!(entry.open.get(key), Some(TileLife::Leased { duplicate: None, .. }))
            };
            let most = self.trial_room(session, lease.job).map_or(usize::MAX, |room| room as usize);
            let tiles: Vec<TileKey> = lease.rendered().iter().filter(alone).take(most).copied().collect();
            let cost: u64 = tiles.iter().map(|key| entry.cost(*key)).sum();
            let mine_ms = u128::from(cost) * 1000 / u128::from(session.rate());
            let theirs_ms = u128::from(lease.term.expected_ms.saturating_sub(self.now_ms));
            let overdue = theirs_ms == 0 && self.now_ms > lease.term.granted_ms + DUPLICATES_EVERY_MS;
            if !tiles.is_empty() && (overdue || theirs_ms > 2 * mine_ms) {
                found = Some((lease.job, tiles, cost));
                break;
            }
        }
        match found {
            Some((job, tiles, cost)) => self.lend(worker, job, tiles, cost),
            None => false,
        }
    }

    /// Ends leases whose deadline has passed and forgets late ones.
    pub(crate) fn expire(&mut self) {
        while let Some((due_ms, lease)) =
            self.deadlines.first().copied().filter(|(due, _)| *due <= self.now_ms)
        {
            self.deadlines.remove(&(due_ms, lease));
            let Some(lent) = self.state.leases.get(&lease).filter(|lent| lent.due_ms() <= self.now_ms) else {
                continue;
            };
            match lent.hold {
                Hold::Live => self.end_lease(lease, LeaseEnd::Expired),
                Hold::Late { .. } => self.record(Record::LeaseForgotten { lease }),
            }
        }
    }

    /// Ends a lease without an answer.
    pub(crate) fn end_lease(&mut self, lease: LeaseId, end: LeaseEnd) {
        let Some(lent) = self.state.leases.get(&lease) else { return };
        let (worker, job, live, work) = (lent.worker, lent.job, lent.live(), lent.work.clone());
        let (revoked, lost) = (end == LeaseEnd::Revoked, end == LeaseEnd::Lost);
        if let LeaseWork::Referee { id, .. } = work {
            self.desk.unanswered(id, !revoked && !lost);
        }
        if revoked {
            self.trials.take_back(job, lease);
        }
        self.record(Record::LeaseEnded { lease, at_ms: self.now_ms, end });
        if let Some(late) = self.state.leases.get(&lease) {
            self.deadlines.insert((late.due_ms(), lease));
        }
        if live && !lost {
            if revoked && self.sessions.contains_key(&worker) {
                self.send(worker, ToWorker::Revoke(lease));
            }
            self.freed(worker, |session, now_ms| session.finish(lease, now_ms));
        }
    }

    pub(crate) fn wake_at(&self) -> Option<u64> {
        let mut wake = self.deadlines.first().map(|(due_ms, _)| *due_ms);
        let mut sooner = |at_ms: u64| {
            if at_ms > self.now_ms {
                wake = Some(wake.map_or(at_ms, |wake| wake.min(at_ms)));
            }
        };
        self.rounds.wake_at(self.now_ms).into_iter().for_each(&mut sooner);
        for (_, job) in self.state.owing.iter().take(JOBS_SEARCHED) {
            if let Some((since_ms, _)) = self.state.jobs[job].owed.first() {
                sooner(since_ms + u64::from(self.config.check_wait_ms));
                sooner(since_ms + u64::from(self.config.check_wait_max_ms));
            }
        }
        for at_ms in
            [self.referee_due_ms(), self.archive_at_ms(), self.resting.first().map(|(until_ms, _)| *until_ms)]
                .into_iter()
                .flatten()
        {
            sooner(at_ms);
        }
        if !self.hungry.is_empty() && self.state.leases.values().any(|lease| lease.live()) {
            sooner(self.duplicates_ms.max(self.now_ms + DUPLICATES_EVERY_MS));
        }
        wake
    }
}
