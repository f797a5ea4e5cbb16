//! Whose failures count against whom: tile-passes fail after different operators failed them, workers are blocked for a job
//! and rest when sick, and all is forgiven with time. Every failure keeps its log.

use std::collections::{BTreeMap, VecDeque};

use tessera_shared::control::{Failure, FailureClass, FailureEntry, LogReply};
use tessera_shared::ids::{JobId, LeaseId, WorkerId};

use crate::accounting::OperatorId;
use crate::api::Config;
use crate::jobs::Job;
use crate::leases::LentWork;
use crate::machine::Core;
use crate::orders::Asker;
use crate::record::{JobEnd, LeaseEnd, Record};
use crate::state::State;
use crate::tiles::TileKey;
use crate::workers::Session;

/// Failures whose logs are kept of a job that goes on, and of one that has ended.
const LOG_ENTRIES_MAX: usize = 64;
const LOG_ENTRIES_ENDED: usize = 8;
/// Failures of a worker that are remembered.
const RECENT_MAX: usize = 64;
/// Workers whose failures are remembered.
const SICK_MAX: usize = 4096;
/// Characters of a log in a job's end.
const REASON_CHARS: usize = 400;

/// A worker across its connections, by operator and name.
pub type Machine = (OperatorId, String);

/// Failures of one tile-pass: whose, and when they last failed it.
#[derive(Clone, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Failures {
    pub operators: BTreeMap<OperatorId, u64>,
}

impl Failures {
    /// Those that count still.
    pub fn unforgiven(&self, config: &Config, now_ms: u64) -> impl Iterator<Item = OperatorId> + '_ {
        let forgive_ms = config.forgive_ms;
        let counts = move |at_ms: u64| at_ms.saturating_add(forgive_ms) > now_ms;
        self.operators.iter().filter(move |(_, at_ms)| counts(**at_ms)).map(|(operator, _)| *operator)
    }
}

/// A failure and its log.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Logged {
    pub at_ms: u64,
    pub worker: WorkerId,
    pub operator: OperatorId,
    /// The first of the lease; none of a check.
    pub tile: Option<TileKey>,
    pub failure: Failure,
}

/// What a worker has lately failed.
#[derive(Clone, Debug, Default, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Health {
    recent: VecDeque<(u64, JobId, FailureClass)>,
    /// Rests since it last delivered something.
    rests: u32,
    pub rests_until_ms: u64,
    pub last: String,
}

impl Health {
    fn unforgiven(&self, config: &Config, now_ms: u64) -> impl Iterator<Item = (JobId, FailureClass)> + '_ {
        let forgive_ms = config.forgive_ms;
        let counts = move |at_ms: u64| at_ms.saturating_add(forgive_ms) > now_ms;
        self.recent.iter().filter(move |(at_ms, ..)| counts(*at_ms)).map(|(_, job, class)| (*job, *class))
    }

    /// Whether it has failed a job too often.
    fn blocked(&self, config: &Config, now_ms: u64, job: JobId) -> bool {
        let failed = self.unforgiven(config, now_ms).filter(|(of, class)| *of == job && charged(*class));
        failed.count() >= config.worker_failures_max as usize
    }

    /// Whether it fails wherever it is tried: over several jobs, or for want of disk, memory or network.
    fn sick(&self, config: &Config, now_ms: u64, class: FailureClass) -> bool {
        if !charged(class) {
            return true;
        }
        let node = self.unforgiven(config, now_ms).filter(|(_, class)| *class == FailureClass::Node);
        let jobs: Vec<JobId> = node.map(|(job, _)| job).collect();
        let several = jobs.iter().any(|job| Some(job) != jobs.first());
        class == FailureClass::Node && several && jobs.len() >= config.worker_failures_max as usize
    }
}

/// Whether a failure of the class counts against the tile-pass, and bars its worker from the job.
fn charged(class: FailureClass) -> bool {
    matches!(class, FailureClass::Node | FailureClass::Job)
}

/// How long a worker rests after so many rests without a delivery between them.
fn rest_ms(config: &Config, rests: u32) -> u64 {
    (config.rest_ms << rests.min(20)).min(config.rest_max_ms)
}

impl State {
    /// A lease was failed: its log is kept and what it counts against is charged.
    pub(crate) fn log_failure(&mut self, lent: &LentWork, worker: WorkerId, at_ms: u64, failure: &Failure) {
        if let Some(entry) = self.jobs.get_mut(&lent.job) {
            let (operator, tile) = (lent.operator, lent.rendered().first().copied());
            if entry.log.len() == LOG_ENTRIES_MAX {
                entry.log.pop_front();
            }
            entry.log.push_back(Logged { at_ms, worker, operator, tile, failure: failure.clone() });
            for key in lent.rendered().iter().filter(|_| charged(failure.class)) {
                entry.failures.entry(*key).or_default().operators.insert(lent.operator, at_ms);
            }
        }
        let Some(name) = self.workers.get(&worker).map(|entry| entry.hello.name.clone()) else { return };
        let machine = (lent.operator, name);
        if self.health.len() >= SICK_MAX && !self.health.contains_key(&machine) {
            let last = |health: &Health| health.recent.back().map_or(0, |(at_ms, ..)| *at_ms);
            let oldest =
                self.health.iter().min_by_key(|(_, health)| last(health)).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.health.remove(&oldest));
        }
        let health = self.health.entry(machine).or_default();
        if health.recent.len() == RECENT_MAX {
            health.recent.pop_front();
        }
        health.recent.push_back((at_ms, lent.job, failure.class));
        health.last = failure.log.chars().take(REASON_CHARS).collect();
    }

    pub(crate) fn rest(&mut self, machine: &Machine, until_ms: u64) {
        if let Some(health) = self.health.get_mut(machine) {
            health.rests += 1;
            health.rests_until_ms = until_ms;
        }
    }

    /// A worker delivered something: it is well.
    pub(crate) fn recovered(&mut self, worker: WorkerId) {
        if self.health.is_empty() {
            return;
        }
        let Some(entry) = self.workers.get(&worker) else { return };
        if let Some(health) = self.health.get_mut(&(entry.operator, entry.hello.name.clone())) {
            health.rests = 0;
        }
    }

    /// The clock is at zero again: times of failures begin anew.
    pub(crate) fn restart_failures(&mut self) {
        for health in self.health.values_mut() {
            health.recent.iter_mut().for_each(|(at_ms, ..)| *at_ms = 0);
            health.rests_until_ms = 0;
        }
        for entry in self.jobs.values_mut() {
            entry.log.iter_mut().for_each(|logged| logged.at_ms = 0);
            let failed = entry.failures.values_mut().flat_map(|failures| failures.operators.values_mut());
            failed.for_each(|at_ms| *at_ms = 0);
        }
    }
}

impl Job {
    /// An ended job keeps the last of its log.
    pub(crate) fn trim_log(&mut self) {
        let spare = self.log.len().saturating_sub(LOG_ENTRIES_ENDED);
        self.log.drain(..spare);
    }
}

impl Core {
    pub(crate) fn lease_failed(&mut self, worker: WorkerId, lease: LeaseId, failure: Failure) {
        if self.answered(worker, lease).is_some() {
            self.fail_lease(worker, lease, failure);
        }
    }

    /// A worker could not do a lease. Who is charged follows from the class; a job that nobody can render fails.
    pub(crate) fn fail_lease(&mut self, worker: WorkerId, lease: LeaseId, failure: Failure) {
        let Some(lent) = self.state.leases.get(&lease) else { return };
        let (job, tiles) = (lent.job, lent.rendered().to_vec());
        let (class, log) = (failure.class, failure.log.clone());
        self.end_lease(lease, LeaseEnd::FailedWith { worker, failure });
        self.let_rest(worker, class);
        let Some(entry) = self.state.jobs.get(&job).filter(|_| charged(class)) else { return };
        let nobody = !self.sessions.values().any(|session| self.may_serve(session, job));
        let most = self.config.tile_failures_max as usize;
        let count = |key: &TileKey| {
            let failures = entry.failures.get(key);
            failures.map_or(0, |failures| failures.unforgiven(&self.config, self.now_ms).count())
        };
        let hopeless = tiles.iter().find(|key| count(key) >= most || (nobody && count(key) > 0));
        if let Some(key) = hopeless {
            let (pass, operators) = (entry.pass(*key), count(key));
            let reason: String = log.chars().take(REASON_CHARS).collect();
            let why = format!(
                "tile {} of frame {} failed on workers of {operators} operators, last ({class}) with: {reason}",
                pass.tile.0, pass.frame.0
            );
            self.end_job(job, JobEnd::Failed(why));
        }
    }

    fn let_rest(&mut self, worker: WorkerId, class: FailureClass) {
        let Some(machine) = self.sessions.get(&worker).map(|session| session.machine.clone()) else { return };
        let Some(health) = self.state.health.get(&machine) else { return };
        if !health.sick(&self.config, self.now_ms, class) {
            return;
        }
        let until_ms = self.now_ms.saturating_add(rest_ms(&self.config, health.rests));
        self.record(Record::Rested { operator: machine.0, name: machine.1.clone(), until_ms });
        let same = self.sessions.iter().filter(|(_, session)| session.machine == machine);
        for worker in same.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.put_to_rest(worker, until_ms);
        }
    }

    pub(crate) fn put_to_rest(&mut self, worker: WorkerId, until_ms: u64) {
        if until_ms > self.now_ms {
            self.resting.insert((until_ms, worker));
            self.freed(worker, |session, _| session.rests_until_ms = until_ms);
        }
    }

    /// Those whose rest is over take leases again.
    pub(crate) fn end_rests(&mut self) {
        while let Some((until_ms, worker)) =
            self.resting.first().copied().filter(|(until, _)| *until <= self.now_ms)
        {
            self.resting.remove(&(until_ms, worker));
            self.freed(worker, |_, _| ());
        }
    }

    /// Whether a worker gets nothing of a job, as it failed too much of it.
    pub(crate) fn blocked(&self, session: &Session, job: JobId) -> bool {
        let health = &self.state.health;
        !health.is_empty()
            && health
                .get(&session.machine)
                .is_some_and(|health| health.blocked(&self.config, self.now_ms, job))
    }

    /// What failed of a job, oldest first.
    pub fn failure_log(&self, now_ms: u64, job: JobId, by: Asker) -> Vec<LogReply> {
        let entry = match self.ordered(job, by) {
            Ok(entry) => entry,
            Err(refusal) => return vec![LogReply::Refused(refusal)],
        };
        let shown = entry.log.iter().map(|logged| FailureEntry {
            ago_ms: now_ms.saturating_sub(logged.at_ms),
            worker: logged.worker,
            operator: self.state.operators.key(logged.operator),
            tile: logged.tile.map(|key| (entry.frame(key), entry.shape.tile(key).0)),
            failure: logged.failure.clone(),
        });
        shown.map(LogReply::Entry).collect()
    }
}
