//! What the referee is asked, and who answers: a worker of an operator that the farm's owner trusts where one may judge and is
//! free, else the scheduler's own referee. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::film::Rays;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::lease::{BlockPass, Checked, Work};

use crate::accounting::OperatorId;
use crate::api::{Effect, Judge, RefereeDigests, RefereeId};
use crate::leases::{LeaseWork, LentWork};
use crate::machine::Core;
use crate::record::{Claim, LeaseEnd, Proof, Record, Term};
use crate::state::{RefereeWork, State};
use crate::tiles::{Checker, TileKey, TileLife};
use crate::verify::bounded;

/// Jobs that are looked through for one request.
const JOBS_SEARCHED: usize = 8;

/// Which requests trusted workers have. None of it is recorded: after a restart everything is asked anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk {
    /// Connected workers of trusted operators.
    workers: BTreeSet<WorkerId>,
    /// Those that did not answer a request: they get no more until they connect again.
    unfit: BTreeSet<WorkerId>,
    lent: BTreeMap<RefereeId, (LeaseId, WorkerId)>,
    /// Requests that came back without an answer.
    returned: BTreeSet<RefereeId>,
}

impl Desk {
    pub fn enter(&mut self, worker: WorkerId) {
        self.workers.insert(worker);
    }

    pub fn leave(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
        self.unfit.remove(&worker);
    }

    /// The request is not with the scheduler's own referee.
    pub fn holds(&self, id: RefereeId) -> bool {
        self.lent.contains_key(&id) || self.returned.contains(&id)
    }

    /// A request's lease is over without an answer, by the worker's fault or not.
    pub fn unanswered(&mut self, id: RefereeId, fault: bool) {
        let Some((_, worker)) = self.lent.remove(&id) else { return };
        self.returned.insert(id);
        if fault && self.workers.contains(&worker) {
            self.unfit.insert(worker);
        }
    }

    fn in_hand(&self, worker: WorkerId) -> usize {
        self.lent.values().filter(|(_, holder)| *holder == worker).count()
    }
}

/// A request for drawn blocks that is about to be made.
struct Asking {
    job: JobId,
    tiles: Vec<TileKey>,
    /// The scheduler's own referee if none.
    worker: Option<WorkerId>,
}

impl Core {
    /// Whether the farm's owner lets this operator's workers referee.
    pub(crate) fn trusts(&self, operator: OperatorId) -> bool {
        !self.config.trusted.is_empty() && self.config.trusted.contains(&self.state.operators.key(operator))
    }

    /// Who refereed where this is the proof.
    pub(crate) fn judge(&self, proof: Proof) -> Judge {
        match proof.operator() {
            None => Judge::Scheduler,
            Some(operator) => Judge::Trusted(self.state.operators.key(operator)),
        }
    }

    /// Whether more of the checks of this lease's deliveries may be drawn for the referee.
    pub(crate) fn referee_has_room(&self, lease: LeaseId) -> bool {
        let maker = self.state.leases.get(&lease).map(|lent| lent.operator);
        let other = |worker: &WorkerId| {
            self.sessions
                .get(worker)
                .is_some_and(|session| Some(session.operator) != maker && session.takes_leases(self.now_ms))
        };
        self.referee.affords() || self.desk.workers.difference(&self.desk.unfit).any(other)
    }

    /// The least busy worker of a trusted operator that may judge the work of these operators on a job.
    fn trusted_referee(&self, job: JobId, judged: &[OperatorId]) -> Option<WorkerId> {
        let may = |worker: &&WorkerId| {
            let Some(session) = self.sessions.get(worker) else { return false };
            let leaving = self.state.workers.get(worker).is_none_or(|entry| entry.leaving);
            !leaving
                && session.takes_leases(self.now_ms)
                && !judged.contains(&session.operator)
                && self.state.operators.operator(session.operator).overruled.is_none()
                && self.desk.in_hand(**worker) < self.config.referee_in_flight as usize
                && self.may_serve(session, job)
        };
        let fit = self.desk.workers.difference(&self.desk.unfit).filter(may);
        fit.min_by_key(|worker| (self.desk.in_hand(**worker), self.sessions[worker].queue_length())).copied()
    }

    /// The drawn blocks of delivered tile-passes, in order.
    fn drawn_blocks(&self, job: JobId, tiles: &[TileKey]) -> Vec<BlockPass> {
        let entry = &self.state.jobs[&job];
        let deliveries = tiles.iter().filter_map(|key| Some((key, entry.open.get(key)?.delivery()?)));
        deliveries
            .flat_map(|(key, delivery)| delivery.commit.drawn.iter().map(move |drawn| (key, drawn.at)))
            .map(|(key, at)| entry.shape.block(*key, at, entry.frame(*key)))
            .collect()
    }

    /// Gives the referee what is its to check, and what no other operator is there for.
    pub(crate) fn ask_referee(&mut self) {
        let own = |(id, work): &(&RefereeId, &RefereeWork)| {
            matches!(work, RefereeWork::Check { .. }) && !self.desk.holds(**id)
        };
        let mut busy = self.state.referee.iter().filter(own).count();
        loop {
            let own = busy < self.config.referee_in_flight as usize && self.referee.affords();
            if !own && self.desk.workers.is_empty() {
                return;
            }
            let Some(asking) = self.referees_share(own).or_else(|| self.unclaimed(own)) else { return };
            let Asking { job, tiles, worker } = asking;
            let id = RefereeId(self.state.next_referee.max(1));
            let (blocks, package) = (self.drawn_blocks(job, &tiles), self.state.jobs[&job].spec.package);
            let rays = self.check_rays(job, &tiles);
            self.record(Record::RefereeAsked { id, job, tiles });
            match worker {
                Some(worker) => self.lend_request(worker, (id, job), blocks, rays),
                None => {
                    self.referee.asked(id, rays);
                    self.effect(Effect::RefereeRequest { id, job, package, blocks });
                    busy += 1;
                }
            }
        }
    }

    fn referees_share(&self, own: bool) -> Option<Asking> {
        self.state.owing_referee.iter().take(JOBS_SEARCHED).find_map(|(_, job)| {
            let owed = self.state.jobs[job].owed_referee.iter().copied();
            self.asking(*job, owed, own)
        })
    }

    /// Owed checks that no connected operator may do, or that have waited long enough for one.
    fn unclaimed(&self, own: bool) -> Option<Asking> {
        self.state.owing.iter().take(JOBS_SEARCHED).find_map(|(_, job)| {
            let entry = &self.state.jobs[job];
            let checkers = self.two_checkers(entry);
            let lonely = |(since_ms, key): &&(u64, TileKey)| {
                let waited = self.now_ms >= since_ms + u64::from(self.config.check_wait_max_ms);
                let owner = entry.open.get(key).and_then(TileLife::delivery).map(|held| held.operator);
                waited || checkers.iter().all(|operator| Some(*operator) == owner)
            };
            let owed = entry
                .owed
                .iter()
                .take(self.config.referee_blocks as usize)
                .filter(lonely)
                .map(|(_, key)| *key);
            self.asking(*job, owed, own)
        })
    }

    /// The first of these checks that somebody may do, with others that the same one may; `own` says that the scheduler's
    /// referee is free.
    fn asking(&self, job: JobId, owed: impl Iterator<Item = TileKey>, own: bool) -> Option<Asking> {
        let entry = &self.state.jobs[&job];
        let (mut tiles, mut blocks, mut chosen) = (Vec::new(), 0, None);
        for key in owed.take(self.config.referee_blocks.max(1) as usize) {
            let Some(delivery) = entry.open.get(&key).and_then(TileLife::delivery) else { continue };
            let (maker, drawn) = (delivery.operator, delivery.commit.drawn.len());
            let judges = |worker: WorkerId| self.sessions[&worker].operator != maker;
            match chosen {
                None => match self.trusted_referee(job, &[maker]) {
                    None if !own => continue,
                    found => chosen = Some(found),
                },
                Some(worker) if worker.is_none_or(judges) => {}
                Some(_) => continue,
            }
            if !tiles.is_empty() && blocks + drawn > self.config.referee_blocks as usize {
                break;
            }
            tiles.push(key);
            blocks += drawn;
        }
        chosen.map(|worker| Asking { job, tiles, worker })
    }

    /// Finds somebody for a dispute. It waits for no budget.
    pub(crate) fn place_dispute(&mut self, id: RefereeId) {
        let Some(RefereeWork::Dispute { job, tile }) = self.state.referee.get(&id).cloned() else { return };
        let Some((entry, ats)) = self.disputed_blocks(job, tile, id) else { return };
        let blocks = ats.iter().map(|at| entry.shape.block(tile, *at, entry.frame(tile))).collect();
        let (package, rays) = (entry.spec.package, entry.cost_of_blocks(tile, ats.len()));
        match self.trusted_referee(job, &self.parties(job, tile)) {
            Some(worker) => self.lend_request(worker, (id, job), blocks, rays),
            None => {
                self.referee.asked(id, rays);
                self.effect(Effect::RefereeRequest { id, job, package, blocks });
            }
        }
    }

    /// Whose word is in dispute.
    fn parties(&self, job: JobId, tile: TileKey) -> Vec<OperatorId> {
        match self.state.jobs.get(&job).and_then(|entry| entry.open.get(&tile)) {
            Some(TileLife::Disputed { delivery, claim, .. }) => {
                let other = match &**claim {
                    Claim::Check { operator, .. } => *operator,
                    Claim::Delivery(other) => other.operator,
                };
                vec![delivery.operator, other]
            }
            _ => Vec::new(),
        }
    }

    fn lend_request(
        &mut self,
        worker: WorkerId,
        (id, job): (RefereeId, JobId),
        blocks: Vec<BlockPass>,
        rays: u64,
    ) {
        let lease = LeaseId(self.state.next_lease.max(1));
        let term = self.term(worker, job, rays);
        let latest_ms = self.now_ms.saturating_add(u64::from(self.config.referee_timeout_ms));
        let term = Term { expires_ms: term.expires_ms.min(latest_ms), ..term };
        self.record(Record::RefereeLent { id, lease, worker, term, blocks: blocks.len() as u32 });
        self.desk.lent.insert(id, (lease, worker));
        self.send_lease(worker, job, lease, term, Work::Check(blocks));
    }

    /// A trusted worker has answered a request for so many blocks.
    pub(crate) fn request_answered(&mut self, worker: WorkerId, answer: Checked, id: RefereeId, blocks: u32) {
        let Checked { lease, blocks: said, rays } = answer;
        if said.len() != blocks as usize {
            let reason = "its answer to the referee's request has another number of blocks";
            return self.fail_lease(worker, lease, Failure::new(FailureClass::Node, reason));
        }
        let Some((holder, operator)) = self.state.leases.get(&lease).map(|lent| (lent.worker, lent.operator))
        else {
            return;
        };
        self.record(Record::Checked { lease, rays: bounded(rays) });
        self.freed(holder, |session, now_ms| {
            session.rendered(lease, now_ms);
            session.finish(lease, now_ms);
        });
        self.desk.lent.remove(&id);
        // Its rays are in its account already.
        let outcome = Ok(RefereeDigests { blocks: said, rays: Rays::default() });
        self.answered_by(Proof::Trusted(operator), id, outcome);
    }

    /// Nothing waits for a request any more.
    pub(crate) fn withdraw(&mut self, id: RefereeId) {
        self.desk.returned.remove(&id);
        match self.desk.lent.remove(&id) {
            Some((lease, _)) => self.end_lease(lease, LeaseEnd::Revoked),
            None => self.effect(Effect::RefereeCancel { id }),
        }
    }

    /// Finds somebody else for what trusted workers did not answer: disputes at once, checks as others that are owed.
    pub(crate) fn attend_desk(&mut self) {
        let state = &self.state;
        self.desk.lent.retain(|id, _| state.referee.contains_key(id));
        for id in std::mem::take(&mut self.desk.returned) {
            match self.state.referee.get(&id).cloned() {
                None => {}
                Some(RefereeWork::Dispute { .. }) => self.place_dispute(id),
                Some(RefereeWork::Check { job, tiles }) => {
                    let waiting = |key: &TileKey| self.under_check(job, *key, Checker::Referee(id)).is_some();
                    let tiles: Vec<TileKey> = tiles.iter().map(|check| check.tile).filter(waiting).collect();
                    self.record(Record::RefereeDone { id, rays: Rays::default() });
                    if !tiles.is_empty() {
                        self.record(Record::CheckReturned { job, at_ms: self.now_ms, tiles });
                    }
                }
            }
        }
    }

    /// Panics if a trusted operator has a request about its own work, or one that nothing waits for.
    pub(crate) fn check_request(&self, lease: LeaseId, operator: OperatorId, id: RefereeId) {
        let work = self.state.referee.get(&id);
        let work = work.unwrap_or_else(|| panic!("{lease} is of {id:?}, which is over"));
        let makers = match work {
            RefereeWork::Dispute { job, tile } => self.parties(*job, *tile),
            RefereeWork::Check { job, tiles } => {
                let by = Checker::Referee(id);
                let held = tiles.iter().filter_map(|check| self.under_check(*job, check.tile, by));
                held.map(|delivery| delivery.operator).collect()
            }
        };
        assert!(!makers.contains(&operator), "{lease} has an operator judge itself");
        assert_eq!(self.desk.lent.get(&id).map(|(lent, _)| *lent), Some(lease), "{id:?} is lent twice");
    }
}

impl State {
    /// A trusted worker has the request.
    pub(crate) fn lend_request(&mut self, record: &Record) {
        let &Record::RefereeLent { id, lease, worker, term, blocks } = record else { return };
        let Some(job) = self.referee.get(&id).map(RefereeWork::job) else { return };
        let Some(operator) = self.workers.get(&worker).map(|who| who.operator) else { return };
        let (work, hold) = (LeaseWork::Referee { id, blocks }, crate::leases::Hold::Live);
        self.hold_lease(lease, LentWork { worker, operator, job, term, work, hold });
    }
}
