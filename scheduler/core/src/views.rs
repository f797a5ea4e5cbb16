//! What people see of the machine's state: jobs and workers, page by page. Changes nothing.

use std::collections::BTreeMap;
use std::ops::Bound;

use tessera_shared::ids::{JobId, NodeKey, WorkerId};
use tessera_shared::messages::{JobState, JobStatus, OperatorStanding, WorkerState, WorkerStatus};

use crate::accounting::{Account, OperatorId, Standing};
use crate::admission::refused_status;
use crate::jobs::{Job, Phase};
use crate::machine::Core;
use crate::record::JobEnd;
use crate::state::Worker;
use crate::workers::Session;

impl Core {
    /// Where a job stands.
    pub fn job(&self, now_ms: u64, job: JobId) -> Option<JobStatus> {
        self.state.jobs.get(&job).map(|entry| self.status(now_ms, job, entry))
    }

    fn status(&self, now_ms: u64, job: JobId, entry: &Job) -> JobStatus {
        JobStatus { unserved: self.unserved(entry), ..status(now_ms, job, entry) }
    }

    /// At most `limit` jobs older than `before`, newest first.
    pub fn jobs(&self, now_ms: u64, before: Option<JobId>, limit: usize) -> Vec<JobStatus> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let older = self.state.jobs.range((Bound::Unbounded, end)).rev();
        older.take(limit).map(|(job, entry)| self.status(now_ms, *job, entry)).collect()
    }

    /// At most `limit` workers behind `after`, connected or lately left, in the order they joined.
    pub fn workers(&self, now_ms: u64, after: Option<WorkerId>, limit: usize) -> Vec<WorkerStatus> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let connected = self.state.workers.range(behind).take(limit).map(|(id, worker)| (*id, worker, None));
        let left = self.state.left.range(behind).take(limit);
        let left = left.map(|(id, left)| (*id, &left.worker, Some(left.at_ms)));
        let mut page: Vec<_> = connected.chain(left).collect();
        page.sort_by_key(|(id, ..)| *id);
        let credits = self.credits();
        let shown = page.into_iter().map(|(id, worker, left_ms)| {
            let credit = credits.get(&worker.operator).copied().unwrap_or_default();
            self.worker(now_ms, id, worker, left_ms, credit)
        });
        let refused = self.state.admissions.refused(after).take(limit);
        let refused = refused.map(|(id, examined)| refused_status(id, examined));
        let mut page: Vec<WorkerStatus> = shown.chain(refused).collect();
        page.sort_by_key(|status| status.worker);
        page.truncate(limit);
        page
    }

    /// Rays by operator of listed jobs: of those that have ended, and of the rest.
    pub(crate) fn credits(&self) -> BTreeMap<OperatorId, (u64, u64)> {
        let mut credits: BTreeMap<OperatorId, (u64, u64)> = BTreeMap::new();
        for job in self.state.jobs.values() {
            for (operator, account) in &job.accounts {
                let (ended, running) = credits.entry(*operator).or_default();
                *(if job.ended() { ended } else { running }) += account.rendered.total();
            }
        }
        credits
    }

    /// One operator's part of [`Core::credits`].
    fn credit(&self, operator: OperatorId) -> (u64, u64) {
        let (mut ended, mut running) = (0, 0);
        for job in self.state.jobs.values() {
            let Some(account) = job.accounts.get(&operator) else { continue };
            *(if job.ended() { &mut ended } else { &mut running }) += account.rendered.total();
        }
        (ended, running)
    }

    /// What is known of an operator, with its rays of ended and of running jobs. All of it is held while it is on probation.
    fn standing(&self, id: OperatorId, (ended, running): (u64, u64)) -> OperatorStanding {
        let operator = self.state.operators.operator(id);
        let conduct = &operator.conduct;
        let probation_left = self.config.probation_tiles.saturating_sub(conduct.clean);
        let settled = operator.settled + ended;
        let (rays_settled, rays_held) = match probation_left {
            0 => (settled, running),
            _ => (0, settled + running),
        };
        OperatorStanding {
            probation_left,
            delivered: conduct.delivered,
            checked: conduct.checked,
            wrong: conduct.wrong,
            wrong_checks: conduct.wrong_checks,
            late: conduct.late,
            failed: conduct.failed,
            readmitted: conduct.readmitted,
            rays_settled,
            rays_held,
            too_fast: self.state.too_fast.get(&id).copied().unwrap_or(0),
        }
    }

    /// Rays a second of all connected workers, as measured and until then as assumed.
    pub fn rays_per_second(&self) -> u64 {
        self.rate_total
    }

    /// Connected workers with a lease in hand.
    pub fn workers_busy(&self) -> u64 {
        self.sessions.values().filter(|session| !session.idle()).count() as u64
    }

    /// Operators in quarantine or banned.
    pub fn operators_out(&self) -> u64 {
        self.state.operators.out()
    }

    /// Where every listed job is.
    pub fn job_states(&self) -> impl Iterator<Item = JobState> + '_ {
        self.state.jobs.iter().map(|(job, entry)| state_of(*job, entry))
    }

    /// A job of which the worker holds a lease.
    pub fn job_in_hand(&self, worker: WorkerId) -> Option<JobId> {
        let lease = self.sessions.get(&worker)?.leases().next()?;
        self.state.leases.get(&lease).map(|lent| lent.job)
    }

    /// One worker, connected or lately left.
    pub fn worker_status(&self, now_ms: u64, id: WorkerId) -> Option<WorkerStatus> {
        let connected = self.state.workers.get(&id).map(|worker| (worker, None));
        let known = connected.or_else(|| {
            let left = self.state.left.get(&id)?;
            Some((&left.worker, Some(left.at_ms)))
        });
        if let Some((worker, left_ms)) = known {
            let credit = self.credit(worker.operator);
            return Some(self.worker(now_ms, id, worker, left_ms, credit));
        }
        let mut refused = self.state.admissions.refused(None);
        refused.find(|(refused, _)| *refused == id).map(|(id, examined)| refused_status(id, examined))
    }

    /// `credit`: the operator's rays of jobs that have ended, and of the rest.
    fn worker(
        &self,
        now_ms: u64,
        id: WorkerId,
        worker: &Worker,
        left_ms: Option<u64>,
        credit: (u64, u64),
    ) -> WorkerStatus {
        let session = self.sessions.get(&id);
        let evidence = self.state.operators.evidence(worker.operator).map(ToString::to_string);
        let banned = matches!(self.state.operators.operator(worker.operator).standing, Standing::Banned(_));
        let state = match (evidence, left_ms, session) {
            (Some(evidence), _, _) if banned => WorkerState::Banned(evidence),
            (Some(evidence), _, _) => WorkerState::Quarantined(evidence),
            (None, Some(at_ms), _) => WorkerState::Left { ago_ms: now_ms.saturating_sub(at_ms) },
            (None, None, _) if worker.leaving => WorkerState::Leaving,
            (None, None, Some(session)) if session.drained => WorkerState::Drained,
            (None, None, Some(session)) if session.rests_until_ms > now_ms => WorkerState::Resting {
                for_ms: session.rests_until_ms - now_ms,
                reason: self
                    .state
                    .health
                    .get(&session.machine)
                    .map_or_else(String::new, |sick| sick.last.clone()),
            },
            (None, None, Some(Session { asleep_until_ms: Some(until_ms), .. })) => {
                WorkerState::Asleep { for_ms: until_ms.saturating_sub(now_ms) }
            }
            (None, None, Some(session)) if !session.idle() => WorkerState::Busy,
            (None, None, _) => WorkerState::Idle,
        };
        WorkerStatus {
            worker: id,
            name: worker.hello.name.clone(),
            operator: worker.hello.operator,
            devices: worker.hello.devices.clone(),
            state,
            tiles_accepted: worker.tiles_accepted,
            tiles_rejected: worker.tiles_rejected,
            rays_per_second: session.and_then(|session| session.measured_rate()).unwrap_or(0),
            connected_ms: left_ms.unwrap_or(now_ms).saturating_sub(worker.joined_ms),
            standing: self.standing(worker.operator, credit),
            reports: self.state.admissions.reports(id).to_vec(),
            tags: worker.hello.tags.clone(),
        }
    }

    /// How many of a thousand checks go to the referee even where strangers could do them.
    pub fn trusted_permille(&self) -> u32 {
        self.config.referee_permille.min(1000)
    }

    /// What each operator did for a job.
    pub fn accounts(&self, job: JobId) -> Vec<(NodeKey, Account)> {
        let entry = self.state.jobs.get(&job).into_iter();
        entry
            .flat_map(|job| &job.accounts)
            .map(|(id, account)| (self.state.operators.key(*id), *account))
            .collect()
    }
}

fn state_of(job: JobId, entry: &Job) -> JobState {
    match &entry.phase {
        Phase::Uploading | Phase::Running if entry.paused => JobState::Paused,
        Phase::Uploading | Phase::Running if !entry.waits_for.is_empty() => {
            JobState::Waiting { after: entry.waits_for.first().copied().unwrap_or(job) }
        }
        Phase::Uploading => JobState::Queued,
        Phase::Running if !entry.started => JobState::Queued,
        Phase::Running => JobState::Running,
        Phase::Completed { .. } => JobState::Completed,
        Phase::Ended { end: JobEnd::Cancelled, .. } => JobState::Cancelled,
        Phase::Ended { end: JobEnd::Failed(reason), .. } => JobState::Failed(reason.clone()),
    }
}

fn status(now_ms: u64, job: JobId, entry: &Job) -> JobStatus {
    let end_ms = match &entry.phase {
        Phase::Uploading | Phase::Running => now_ms,
        Phase::Completed { at_ms } | Phase::Ended { at_ms, .. } => *at_ms,
    };
    JobStatus {
        job,
        name: entry.spec.name.clone(),
        owner: entry.spec.owner,
        package: entry.spec.package,
        priority: entry.spec.options.priority,
        state: state_of(job, entry),
        frames_total: entry.spec.frames.len() as u32,
        frames_done: entry.frames_done,
        tiles_total: entry.tiles_total(),
        tiles_done: entry.tiles_done,
        samples_total: entry.samples_total,
        samples_done: entry.samples_done,
        rays: entry.rays,
        workers: entry.holders.len() as u32,
        elapsed_ms: end_ms.saturating_sub(entry.submitted_ms),
        unserved: false,
        tiles_overturned: entry.tiles_overturned(),
        rays_checked: entry.rays_checked(),
    }
}
