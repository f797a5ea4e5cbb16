//! Everything that must survive, and how each record changes it. Only records change it, so replaying them rebuilds it.
//! Decides nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};

use crate::accounting::{OperatorId, Operators};
use crate::admission::Admissions;
use crate::api::{RefereeId, WorkerHello};
use crate::failures::{Health, Machine};
use crate::jobs::{Job, Phase, release};
use crate::leases::{CheckTile, Hold, LATE_MS, LeaseWork, LentWork};
use crate::record::{Claim, Delivery, Landing, LeaseEnd, Proof, Record, Term};
use crate::referee::RefereeTally;
use crate::service::Service;
use crate::tiles::{Checker, Shape, TileKey, TileLife};

/// Workers that have left and stay listed.
const LEFT_MAX: usize = 256;

/// A worker that joined.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Worker {
    pub hello: WorkerHello,
    pub operator: OperatorId,
    pub joined_ms: u64,
    pub leaving: bool,
    pub tiles_accepted: u64,
    pub tiles_rejected: u64,
}

/// A worker whose connection has ended. What it delivered before may still be judged.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct LeftWorker {
    pub worker: Worker,
    pub at_ms: u64,
}

/// What the referee was asked.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub enum RefereeWork {
    Check { job: JobId, tiles: Vec<CheckTile> },
    Dispute { job: JobId, tile: TileKey },
}

impl RefereeWork {
    pub fn job(&self) -> JobId {
        match self {
            RefereeWork::Check { job, .. } | RefereeWork::Dispute { job, .. } => *job,
        }
    }
}

/// A job's place in the order of checks: higher priority first, then older.
pub type Turn = (Reverse<i32>, JobId);

/// The durable state.
#[derive(Clone, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct State {
    pub next_job: u64,
    pub next_worker: u64,
    pub next_lease: u64,
    pub next_referee: u64,
    pub jobs: BTreeMap<JobId, Job>,
    pub leases: BTreeMap<LeaseId, LentWork>,
    /// Those that are connected.
    pub workers: BTreeMap<WorkerId, Worker>,
    /// The last [`LEFT_MAX`] to leave.
    pub left: BTreeMap<WorkerId, LeftWorker>,
    pub operators: Operators,
    pub admissions: Admissions,
    pub referee: BTreeMap<RefereeId, RefereeWork>,
    /// Running jobs with tile-passes to lend.
    pub service: Service,
    /// Running jobs with checks that another operator may do.
    pub owing: BTreeSet<Turn>,
    /// Running jobs with checks that are the referee's.
    pub owing_referee: BTreeSet<Turn>,
    /// Ended jobs in the order of their ending.
    pub ended: Vec<JobId>,
    /// Tile-passes whose pixels the shell holds.
    pub held: u64,
    pub referee_tally: RefereeTally,
    /// Completed jobs that keep their ledgers, by when they completed.
    pub unarchived: BTreeSet<(u64, JobId)>,
    /// Ledger entries of those.
    pub kept_entries: u64,
    /// The kernel whose jobs these are; 0 before it was recorded.
    pub kernel_version: u32,
    /// Workers that get nothing, by operator and name.
    pub drained: BTreeSet<(OperatorId, String)>,
    /// Jobs that are waited for, with those that wait.
    pub successors: BTreeSet<(JobId, JobId)>,
    /// Workers that failed something lately.
    pub health: BTreeMap<Machine, Health>,
    /// Results that came too fast, by operator.
    pub too_fast: BTreeMap<OperatorId, u64>,
}

impl State {
    /// A digest of all of it.
    pub fn digest(&self) -> Digest {
        let bytes =
            bincode::encode_to_vec(self, bincode::config::standard()).expect("writing to memory cannot fail");
        Digest::of(&bytes)
    }

    /// Enters a fact. Facts about what is not there change nothing.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Submitted { job, at_ms, spec } => {
                self.next_job = self.next_job.max(job.0 + 1);
                if let Some(shape) = Shape::new(&spec.settings) {
                    self.jobs.insert(*job, Job::new(spec.clone(), shape, *at_ms));
                    self.await_predecessors(*job);
                }
            }
            Record::PackageComplete { job } => {
                if let Some(entry) = self.jobs.get_mut(job) {
                    entry.phase = Phase::Running;
                    self.reorder(*job);
                }
            }
            Record::JobEnded { job, at_ms, end } => {
                self.end_job(*job, *at_ms, Phase::Ended { at_ms: *at_ms, end: end.clone() });
            }
            Record::JobCompleted { job, at_ms } => {
                self.end_job(*job, *at_ms, Phase::Completed { at_ms: *at_ms })
            }
            Record::JobForgotten { job } => self.forget(*job),
            Record::Joined { worker, at_ms, hello } => self.join(*worker, *at_ms, hello),
            Record::Left { worker, at_ms } => self.leave(*worker, *at_ms),
            Record::Leaving { worker } => self.begin_leaving(*worker),
            Record::Restarted => self.restart(),
            Record::Granted { lease, worker, job, term, tiles } => {
                self.grant(*lease, *worker, *job, *term, tiles)
            }
            Record::CheckGranted { lease, worker, job, term, tiles } => {
                self.grant_check(*lease, *worker, *job, *term, tiles);
            }
            Record::Committed { lease, tiles } => self.commit(*lease, tiles),
            Record::Delivered { lease, at_ms, tiles } => self.deliver(*lease, *at_ms, tiles),
            Record::Checked { lease, rays } => self.checked(*lease, *rays),
            Record::LeaseEnded { lease, at_ms, end } => self.end_lease(*lease, *at_ms, end),
            Record::LeaseForgotten { lease } => drop(self.leases.remove(lease)),
            Record::RefereeAsked { id, job, tiles } => self.ask_referee(*id, *job, tiles),
            Record::Disputed { id, job, tile, claim } => self.dispute(*id, *job, *tile, claim),
            Record::RefereeDone { id, rays } => self.referee_done(*id, *rays),
            Record::Accepted { job, tiles, by } => self.accept(*job, tiles, *by),
            Record::Requeued { job, tiles } => self.requeue(*job, tiles, true),
            Record::CheckReturned { job, at_ms, tiles } => self.return_checks(*job, *at_ms, tiles),
            Record::Quarantined { .. }
            | Record::Banned { .. }
            | Record::Readmitted { .. }
            | Record::Overruled { .. } => self.operators.apply(record),
            Record::Overturned { job, tiles } => self.overturn(*job, tiles),
            Record::Examined { worker, examined } => self.examined(*worker, examined),
            Record::KnownMixed { lease, tiles } => self.mix_known(*lease, tiles),
            Record::CheckVoid { lease, at_ms } => self.void_check(*lease, *at_ms),
            Record::Inconclusive { id, job, tiles, late } => self.inconclusive(*id, *job, tiles, *late),
            Record::Archived { job, .. } => self.archive(*job),
            Record::Remembered { operators } => self.operators.remember(operators),
            Record::Kernel { version } => self.kernel_version = *version,
            Record::PixelsLost { job, tiles } => self.lose_pixels(*job, tiles),
            Record::Paused { .. }
            | Record::Prioritised { .. }
            | Record::FramesRequeued { .. }
            | Record::Drained { .. }
            | Record::Rested { .. } => self.apply_order(record),
            Record::RefereeLent { .. } => self.lend_request(record),
            Record::TooFast { lease, whole, .. } => self.too_fast(*lease, whole),
        }
    }

    fn begin_leaving(&mut self, worker: WorkerId) {
        if let Some(entry) = self.workers.get_mut(&worker) {
            entry.leaving = true;
        }
    }

    fn forget(&mut self, job: JobId) {
        self.unkeep(job);
        let accounts = self.jobs.remove(&job).into_iter().flat_map(|entry| entry.accounts);
        accounts.for_each(|(id, account)| self.operators.settle(id, account.rendered.total()));
        self.ended.retain(|ended| *ended != job);
    }

    fn join(&mut self, worker: WorkerId, at_ms: u64, hello: &WorkerHello) {
        self.next_worker = self.next_worker.max(worker.0 + 1);
        let operator = self.operators.enter(hello.operator);
        let entry = Worker {
            hello: hello.clone(),
            operator,
            joined_ms: at_ms,
            leaving: false,
            tiles_accepted: 0,
            tiles_rejected: 0,
        };
        self.workers.insert(worker, entry);
    }

    fn leave(&mut self, id: WorkerId, at_ms: u64) {
        let Some(worker) = self.workers.remove(&id) else { return };
        self.left.insert(id, LeftWorker { worker, at_ms });
        if self.left.len() > LEFT_MAX {
            let oldest = self.left.iter().min_by_key(|(id, left)| (left.at_ms, **id)).map(|(id, _)| *id);
            oldest.and_then(|id| self.left.remove(&id));
        }
    }

    fn restart(&mut self) {
        self.workers.clear();
        self.left.clear();
        self.admissions = Admissions::default();
        self.referee.clear();
        self.operators.restart();
        self.leases.retain(|_, lease| matches!(lease.work, LeaseWork::Render { .. }));
        for lease in self.leases.values_mut() {
            lease.hold = Hold::Late { until_ms: LATE_MS };
        }
        for entry in self.jobs.values_mut() {
            entry.submitted_ms = 0;
            entry.waiting_since_ms = 0;
            entry.holders.clear();
            // The kernel may be another from here on.
            entry.known.clear();
            entry.keep_delivered();
            if let Phase::Completed { at_ms } | Phase::Ended { at_ms, .. } = &mut entry.phase {
                *at_ms = 0;
            }
        }
        self.held = self.jobs.values().flat_map(|entry| entry.open.values()).map(held_by).sum();
        self.restart_unarchived();
        self.service.restart();
        self.restart_failures();
        let jobs: Vec<_> = self.jobs.keys().copied().collect();
        jobs.into_iter().for_each(|job| self.reorder(job));
    }

    pub(crate) fn hold_lease(&mut self, lease: LeaseId, lent: LentWork) {
        self.next_lease = self.next_lease.max(lease.0 + 1);
        if let Some(entry) = self.jobs.get_mut(&lent.job) {
            *entry.holders.entry(lent.worker).or_default() += 1;
            entry.started = true;
        }
        self.leases.insert(lease, lent);
    }

    pub(crate) fn drop_holder(&mut self, job: JobId, worker: WorkerId) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        if let Some(count) = entry.holders.get_mut(&worker) {
            *count -= 1;
            if *count == 0 {
                entry.holders.remove(&worker);
            }
        }
    }

    fn grant(&mut self, lease: LeaseId, worker: WorkerId, job: JobId, term: Term, tiles: &[TileKey]) {
        let (Some(entry), Some(who)) = (self.jobs.get_mut(&job), self.workers.get(&worker)) else { return };
        for key in tiles {
            let life = match entry.open.get(key) {
                Some(TileLife::Leased { lease: first, duplicate: None }) => {
                    TileLife::Leased { lease: *first, duplicate: Some(lease) }
                }
                _ => {
                    entry.take(*key);
                    TileLife::Leased { lease, duplicate: None }
                }
            };
            entry.replace(*key, life);
        }
        let rays = tiles.iter().map(|key| entry.cost(*key)).fold(0, u64::saturating_add);
        let work = LeaseWork::Render { tiles: tiles.to_vec(), commit: None };
        let operator = who.operator;
        self.serve(job, rays, term.granted_ms);
        self.hold_lease(lease, LentWork { worker, operator, job, term, work, hold: Hold::Live });
        self.reorder(job);
    }

    fn grant_check(&mut self, lease: LeaseId, worker: WorkerId, job: JobId, term: Term, tiles: &[TileKey]) {
        let Some(operator) = self.workers.get(&worker).map(|who| who.operator) else { return };
        let tiles = self.start_checks(job, tiles, Checker::Worker(lease));
        let work = LeaseWork::Check { tiles, known: Vec::new() };
        self.hold_lease(lease, LentWork { worker, operator, job, term, work, hold: Hold::Live });
        self.reorder(job);
    }

    fn start_checks(&mut self, job: JobId, tiles: &[TileKey], by: Checker) -> Vec<CheckTile> {
        let Some(entry) = self.jobs.get_mut(&job) else { return Vec::new() };
        let mut started = Vec::with_capacity(tiles.len());
        for key in tiles {
            if let Some(TileLife::Delivered { delivery, duplicate, .. }) = entry.open.get(key).cloned() {
                started.push(CheckTile { tile: *key, blocks: delivery.commit.drawn.len() as u32 });
                entry.replace(*key, TileLife::Checking { delivery, duplicate, by });
            }
        }
        started
    }

    fn deliver(&mut self, lease: LeaseId, at_ms: u64, landings: &[Landing]) {
        let Some(lent) = self.leases.remove(&lease) else { return };
        let LeaseWork::Render { tiles, commit: Some(commit) } = lent.work else { return };
        if let Hold::Live = lent.hold {
            self.drop_holder(lent.job, lent.worker);
        }
        self.operators.conduct_mut(lent.operator).delivered += tiles.len() as u64;
        self.recovered(lent.worker);
        let Some(entry) = self.jobs.get_mut(&lent.job) else { return };
        for (at, ((key, commit), landing)) in tiles.into_iter().zip(commit).zip(landings).enumerate() {
            match landing {
                Landing::Held { rays } => {
                    let duplicate = match entry.open.get(&key) {
                        Some(TileLife::Leased { lease: first, duplicate }) if *first == lease => *duplicate,
                        Some(TileLife::Leased { lease: first, .. }) => Some(*first),
                        _ => None,
                    };
                    let (worker, operator) = (lent.worker, lent.operator);
                    let delivery = Delivery { lease, at: at as u32, worker, operator, commit, rays: *rays };
                    let delivery = Box::new(delivery);
                    entry.replace(key, TileLife::Delivered { delivery, duplicate, since_ms: at_ms });
                    self.held += 1;
                }
                Landing::Contests { .. } => self.held += 1,
                Landing::Spare | Landing::Confirms { .. } => {}
            }
        }
        self.reorder(lent.job);
    }

    fn end_lease(&mut self, lease: LeaseId, at_ms: u64, end: &LeaseEnd) {
        let Some(lent) = self.leases.get_mut(&lease) else { return };
        let was_live = lent.live();
        lent.hold = Hold::Late { until_ms: at_ms + LATE_MS };
        let (job, worker, work) = (lent.job, lent.worker, lent.work.clone());
        let lent = lent.clone();
        match end {
            LeaseEnd::Expired => self.operators.conduct_mut(lent.operator).late += 1,
            LeaseEnd::Failed { .. } | LeaseEnd::FailedWith { .. } => {
                self.operators.conduct_mut(lent.operator).failed += 1
            }
            LeaseEnd::Lost | LeaseEnd::Revoked => {}
        }
        let stays =
            matches!(end, LeaseEnd::Expired | LeaseEnd::Lost) && matches!(work, LeaseWork::Render { .. });
        if !stays {
            self.leases.remove(&lease);
        }
        if was_live {
            self.drop_holder(job, worker);
        }
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        match work {
            LeaseWork::Render { tiles, .. } => {
                for key in tiles {
                    release(entry, key, lease);
                }
            }
            LeaseWork::Check { tiles, .. } => {
                // A worker that hangs would be lent the check over and over and the job never end; one that is out is not.
                let to_referee = *end != LeaseEnd::Revoked;
                for check in tiles {
                    entry.return_check(check.tile, Checker::Worker(lease), at_ms, to_referee);
                }
            }
            LeaseWork::Referee { .. } => {}
        }
        match end {
            LeaseEnd::Failed { worker } => {
                let unknown = Failure::new(FailureClass::Node, "");
                self.log_failure(&lent, *worker, at_ms, &unknown);
            }
            LeaseEnd::FailedWith { worker, failure } => self.log_failure(&lent, *worker, at_ms, failure),
            _ => {}
        }
        self.reorder(job);
    }

    fn ask_referee(&mut self, id: RefereeId, job: JobId, tiles: &[TileKey]) {
        self.next_referee = self.next_referee.max(id.0 + 1);
        let tiles = self.start_checks(job, tiles, Checker::Referee(id));
        self.referee.insert(id, RefereeWork::Check { job, tiles });
        self.reorder(job);
    }

    fn dispute(&mut self, id: RefereeId, job: JobId, tile: TileKey, claim: &Claim) {
        self.next_referee = self.next_referee.max(id.0 + 1);
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let Some(delivery) = entry.open.get(&tile).and_then(TileLife::delivery).cloned() else { return };
        let (delivery, claim) = (Box::new(delivery), Box::new(claim.clone()));
        entry.replace(tile, TileLife::Disputed { delivery, claim, by: id });
        self.referee.insert(id, RefereeWork::Dispute { job, tile });
        self.reorder(job);
    }

    fn accept(&mut self, job: JobId, tiles: &[TileKey], by: Proof) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        for key in tiles {
            if let Some(life) = entry.open.get(key) {
                self.held -= held_by(life);
                if by != Proof::Unverified
                    && let Some(delivery) = life.delivery()
                {
                    let conduct = self.operators.conduct_mut(delivery.operator);
                    conduct.checked += 1;
                    conduct.clean += 1;
                }
                let by = life.delivery().map(|held| held.worker);
                if let Some(worker) = by.and_then(|id| judged(&mut self.workers, &mut self.left, id)) {
                    worker.tiles_accepted += 1;
                }
            }
            entry.accept(*key, by);
        }
        self.reorder(job);
    }

    /// `blame`: it counts against who delivered them.
    pub(crate) fn requeue(&mut self, job: JobId, tiles: &[TileKey], blame: bool) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        for key in tiles {
            if let Some(life) = entry.open.get(key) {
                self.held -= held_by(life);
                let by = life.delivery().map(|held| held.worker).filter(|_| blame);
                if let Some(worker) = by.and_then(|id| judged(&mut self.workers, &mut self.left, id)) {
                    worker.tiles_rejected += 1;
                }
                entry.put_back(*key);
            }
        }
        self.hand_back(job, tiles);
        self.reorder(job);
    }

    fn return_checks(&mut self, job: JobId, at_ms: u64, tiles: &[TileKey]) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        for key in tiles {
            let Some(life) = entry.open.get(key) else { continue };
            let Some(delivery) = life.delivery().cloned().map(Box::new) else { continue };
            self.held -= held_by(life) - 1;
            let duplicate = life.duplicate();
            entry.replace(*key, TileLife::Delivered { delivery, duplicate, since_ms: at_ms });
        }
        self.reorder(job);
    }

    fn end_job(&mut self, job: JobId, at_ms: u64, phase: Phase) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        self.held -= entry.open.values().map(held_by).sum::<u64>();
        entry.end(phase);
        self.ended.push(job);
        self.keep(job);
        self.release_successors(job, at_ms);
        self.leases.retain(|_, lease| lease.job != job);
        self.referee.retain(|_, work| work.job() != job);
        self.reorder(job);
    }
}

/// The worker whose result is judged, connected or not.
pub(crate) fn judged<'a>(
    workers: &'a mut BTreeMap<WorkerId, Worker>,
    left: &'a mut BTreeMap<WorkerId, LeftWorker>,
    id: WorkerId,
) -> Option<&'a mut Worker> {
    workers.get_mut(&id).or_else(|| left.get_mut(&id).map(|left| &mut left.worker))
}

/// Deliveries of a tile-pass whose pixels the shell holds.
fn held_by(life: &TileLife) -> u64 {
    match life {
        TileLife::Pending | TileLife::Leased { .. } => 0,
        TileLife::Delivered { .. } | TileLife::Checking { .. } => 1,
        TileLife::Disputed { claim, .. } => 1 + u64::from(matches!(**claim, Claim::Delivery(_))),
    }
}
