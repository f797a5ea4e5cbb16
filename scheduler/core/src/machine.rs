//! The machine: one event in, one output out. Sends each event to the concern that decides it, then lets freed capacity
//! find work and says when to wake.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::job_options::{PRIORITY_MAX, PRIORITY_MIN};
use tessera_shared::messages::{Mode, ToWorker, Verify};

use crate::api::{Answer, Config, Effect, Event, JobSpec, Outbound, Output, Record, RequestId, WorkerHello};
use crate::connected::Connected;
use crate::record::{JobEnd, LeaseEnd};
use crate::referee::RefereeClock;
use crate::requests::Desk;
use crate::rounds::Rounds;
use crate::state::State;
use crate::tiles::Shape;
use crate::trials::Trials;
use crate::workers::Session;

/// The scheduler's core.
pub struct Core {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) now_ms: u64,
    pub(crate) out: Output,
    pub(crate) sessions: BTreeMap<WorkerId, Session>,
    /// Workers that could take a lease.
    pub(crate) hungry: BTreeSet<WorkerId>,
    /// When leases expire or are forgotten; entries of leases that are over are skipped.
    pub(crate) deadlines: BTreeSet<(u64, LeaseId)>,
    /// Connected workers in good standing, by operator.
    pub(crate) connected: Connected,
    /// Rays a second of all connected workers.
    pub(crate) rate_total: u64,
    /// When workers have rested; entries of those that are gone are skipped.
    pub(crate) resting: BTreeSet<(u64, WorkerId)>,
    /// Jobs that are to be archived once their films are saved, with how often each had been complete before.
    pub(crate) settling: BTreeMap<JobId, u32>,
    /// Which workers with room are asked next.
    pub(crate) rounds: Rounds,
    /// When duplicates are next thought of.
    pub(crate) duplicates_ms: u64,
    /// Referee's failures in a row, by job.
    pub(crate) referee_failures: BTreeMap<JobId, u32>,
    pub(crate) referee: RefereeClock,
    /// Requests of the referee's that trusted workers have.
    pub(crate) desk: Desk,
    /// What operators on probation were lent.
    pub(crate) trials: Trials,
    /// The most rays a second of one device that was ever found right.
    pub(crate) fastest: u64,
    /// The clock stood still before: the time since then alone can be measured.
    pub(crate) steady_from_ms: u64,
}

impl Core {
    pub fn new(config: Config) -> Core {
        Core::with_state(config, State::default())
    }

    /// The machine whose records these are. The next event should be [`Event::Restarted`].
    pub fn replay<'a>(config: Config, records: impl IntoIterator<Item = &'a Record>) -> Core {
        let mut state = State::default();
        records.into_iter().for_each(|record| state.apply(record));
        Core::with_state(config, state)
    }

    /// The machine that goes on from a state that was kept. The next event should be [`Event::Restarted`].
    pub fn resume(config: Config, state: State) -> Core {
        Core::with_state(config, state)
    }

    fn with_state(config: Config, state: State) -> Core {
        let deadlines = state.leases.iter().map(|(id, lease)| (lease.due_ms(), *id)).collect();
        let referee = RefereeClock::new(config.referee_rays_per_minute);
        Core {
            config,
            state,
            now_ms: 0,
            out: Output::default(),
            sessions: BTreeMap::new(),
            hungry: BTreeSet::new(),
            deadlines,
            connected: Connected::default(),
            rate_total: 0,
            resting: BTreeSet::new(),
            settling: BTreeMap::new(),
            rounds: Rounds::default(),
            duplicates_ms: 0,
            referee_failures: BTreeMap::new(),
            referee,
            desk: Desk::default(),
            trials: Trials::default(),
            fastest: 0,
            steady_from_ms: 0,
        }
    }

    /// The durable state, for comparisons and checks.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes an event that happened at `now_ms`, milliseconds since the scheduler's start. Time never runs backwards: an
    /// earlier one counts as the latest seen.
    pub fn handle(&mut self, now_ms: u64, event: Event) -> Output {
        self.now_ms = match event {
            Event::Restarted => now_ms,
            _ => self.now_ms.max(now_ms),
        };
        if now_ms < self.now_ms {
            self.steady_from_ms = self.now_ms + 1;
        }
        self.restart_round(matches!(event, Event::Tick));
        self.referee.pass(self.now_ms);
        match event {
            Event::Restarted => self.restarted(),
            Event::Remembered { operators } => {
                self.remember(operators);
                self.adopt_kernel();
            }
            Event::PixelsLost { job, passes } => self.pixels_lost(job, &passes),
            Event::FilmsSaved { job, reopened } => self.films_saved(job, reopened),
            Event::Tick => self.duplicates_ms = self.duplicates_ms.min(self.now_ms),
            Event::Submit { request, spec } => self.submit(request, *spec),
            Event::PackageComplete { job } => self.package_complete(job),
            Event::Cancel { request, job, by } => self.cancel(request, job, by),
            Event::Order { request, job, by, order } => self.order(request, job, by, order),
            Event::OrderWorker { request, worker, by, order } => {
                self.order_worker(request, worker, by, order)
            }
            Event::OrderOperator { request, operator, by, order } => {
                self.order_operator(request, operator, by, order)
            }
            Event::WorkerConnected { request, hello } => self.connect(request, *hello, None),
            Event::WorkerConnectedAsleep { request, hello, for_ms } => {
                self.connect(request, *hello, Some(for_ms))
            }
            Event::WorkerExamined { request, hello } => self.examine(request, *hello),
            Event::WorkerDisconnected { worker } => self.disconnect(worker),
            Event::WorkerLeaving { worker } => self.leave(worker),
            Event::WorkerAsleep { worker, for_ms } => {
                self.freed(worker, |session, now_ms| {
                    session.asleep_until_ms = Some(now_ms.saturating_add(for_ms))
                });
            }
            Event::WorkerAwake { worker } => self.freed(worker, |session, _| session.asleep_until_ms = None),
            Event::Committed { worker, lease, tiles } => self.committed(worker, lease, tiles),
            Event::Delivered { worker, lease, tiles } => self.delivered(worker, lease, tiles),
            Event::Checked { worker, answer } => self.checked(worker, answer),
            Event::LeaseFailed { worker, lease, failure } => self.lease_failed(worker, lease, failure),
            Event::Refereed { id, outcome } => self.refereed(id, outcome),
        }
        self.expire();
        self.end_rests();
        self.archive_jobs();
        self.attend_referee();
        self.fill();
        let mut out = std::mem::take(&mut self.out);
        out.wake_at = self.wake_at();
        out
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.state.apply(&record);
        self.out.records.push(record);
    }

    pub(crate) fn reply(&mut self, request: RequestId, answer: Answer) {
        self.out.replies.push((request, answer));
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    pub(crate) fn send(&mut self, worker: WorkerId, message: ToWorker) {
        self.out.messages.push(Outbound { worker, message });
    }

    fn restarted(&mut self) {
        self.sessions.clear();
        self.hungry.clear();
        self.connected = Connected::default();
        self.resting.clear();
        self.rate_total = 0;
        self.referee = RefereeClock::new(self.config.referee_rays_per_minute);
        self.desk = Desk::default();
        self.trials = Trials::default();
        (self.fastest, self.steady_from_ms) = (0, 0);
        self.record(Record::Restarted);
        self.adopt_kernel();
        self.deadlines = self.state.leases.iter().map(|(id, lease)| (lease.due_ms(), *id)).collect();
    }

    fn submit(&mut self, request: RequestId, spec: JobSpec) {
        let limited = self.acceptable_limits(&spec.options.limits);
        let waits = self.acceptable_dependencies(&spec.options);
        if let Err(reason) = acceptable(&spec).and(limited).and(waits) {
            return self.reply(request, Answer::Refused(reason));
        }
        let job = JobId(self.state.next_job.max(1));
        self.record(Record::Submitted { job, at_ms: self.now_ms, spec });
        self.reply(request, Answer::Submitted(job));
    }

    fn package_complete(&mut self, job: JobId) {
        if self.state.jobs.get(&job).is_some_and(|entry| entry.phase == crate::jobs::Phase::Uploading) {
            self.record(Record::PackageComplete { job });
        }
    }

    /// Ends a job that did not complete, and with it those that wait for it.
    pub(crate) fn end_job(&mut self, job: JobId, end: JobEnd) {
        let mut ends = vec![(job, end)];
        while let Some((job, end)) = ends.pop() {
            if self.state.jobs.get(&job).is_none_or(|entry| entry.ended()) {
                continue;
            }
            ends.extend(self.bereft(job, &end));
            self.revoke_job(job);
            self.record(Record::JobEnded { job, at_ms: self.now_ms, end });
            self.effect(Effect::JobEnded { job });
        }
        self.forget_jobs();
    }

    /// Takes back what is lent and asked of a job that ends.
    pub(crate) fn revoke_job(&mut self, job: JobId) {
        self.referee_failures.remove(&job);
        self.trials.forget(job);
        let of_job = |(id, lease): (&LeaseId, &crate::leases::LentWork)| {
            (lease.job == job && lease.live()).then_some((*id, lease.worker))
        };
        let leases: Vec<_> = self.state.leases.iter().filter_map(of_job).collect();
        for (lease, worker) in leases {
            self.send(worker, ToWorker::Revoke(lease));
            self.freed(worker, |session, now_ms| session.finish(lease, now_ms));
        }
        let asked = self.state.referee.iter().filter(|(_, work)| work.job() == job).map(|(id, _)| *id);
        for id in asked.collect::<Vec<_>>() {
            self.effect(Effect::RefereeCancel { id });
        }
    }

    pub(crate) fn forget_jobs(&mut self) {
        while self.state.ended.len() > self.config.ended_jobs_max as usize {
            let job = self.state.ended[0];
            self.record(Record::JobForgotten { job });
        }
    }

    pub(crate) fn connect(&mut self, request: RequestId, hello: WorkerHello, asleep_for_ms: Option<u64>) {
        if hello.kernel_version != self.config.kernel_version {
            let (theirs, ours) = (hello.kernel_version, self.config.kernel_version);
            let reason = format!(
                "kernel version {theirs} renders other bits than the farm's version {ours}; install the farm's version"
            );
            return self.reply(request, Answer::Refused(reason));
        }
        let known = self.state.operators.find(&hello.operator);
        if let Some(reason) = known.and_then(|operator| self.kept_out(operator)) {
            return self.reply(request, Answer::Refused(reason));
        }
        let worker = WorkerId(self.state.next_worker.max(1));
        let (devices, tags) = (hello.devices.len() as u32, hello.tags.clone());
        self.record(Record::Joined { worker, at_ms: self.now_ms, hello });
        let operator = self.state.workers[&worker].operator;
        let mut session = Session::new(operator, devices, self.config.first_rate).tagged(&tags);
        session.machine = (operator, self.state.workers[&worker].hello.name.clone());
        session.drained = self.state.is_drained(operator, &session.machine.1);
        session.asleep_until_ms = asleep_for_ms.map(|for_ms| self.now_ms.saturating_add(for_ms));
        let rests_until_ms =
            self.state.health.get(&session.machine).map_or(0, |health| health.rests_until_ms);
        self.rate_total += session.rate_total();
        self.connected.join(operator, worker);
        self.note_record(operator);
        if self.trusts(operator) {
            self.desk.enter(worker);
        }
        self.sessions.insert(worker, session);
        self.freed(worker, |_, _| ());
        self.put_to_rest(worker, rests_until_ms);
        self.reply(request, Answer::Welcome(worker));
    }

    fn disconnect(&mut self, worker: WorkerId) {
        let held = self.state.leases.iter().filter(|(_, lease)| lease.worker == worker && lease.live());
        for lease in held.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end_lease(lease, LeaseEnd::Lost);
        }
        self.drop_session(worker);
        if self.state.workers.contains_key(&worker) {
            self.record(Record::Left { worker, at_ms: self.now_ms });
        }
    }

    /// The worker gets no more leases and its rate does not count.
    pub(crate) fn drop_session(&mut self, worker: WorkerId) {
        let Some(session) = self.sessions.remove(&worker) else { return };
        self.desk.leave(worker);
        self.hungry.remove(&worker);
        self.rate_total -= session.rate_total();
        let operators = &self.state.operators;
        self.connected.leave(session.operator, worker, |operator| operators.conduct(operator).clean);
    }

    fn leave(&mut self, worker: WorkerId) {
        if self.state.workers.get(&worker).is_some_and(|entry| !entry.leaving) {
            self.hungry.remove(&worker);
            self.record(Record::Leaving { worker });
        }
    }

    /// Changes a session and notes whether it can take more.
    pub(crate) fn freed(&mut self, worker: WorkerId, change: impl FnOnce(&mut Session, u64)) {
        let Some(session) = self.sessions.get_mut(&worker) else { return };
        let before = session.rate_total();
        change(session, self.now_ms);
        self.rate_total = self.rate_total - before + session.rate_total();
        let leaving = self.state.workers.get(&worker).is_none_or(|entry| entry.leaving);
        match session.room(self.config.pipeline) && session.takes_leases(self.now_ms) && !leaving {
            true => {
                self.hungry.insert(worker);
                self.rounds.freed(worker);
            }
            false => drop(self.hungry.remove(&worker)),
        }
    }
}

/// Whether the farm can take a job at all; the error is for people.
fn acceptable(spec: &JobSpec) -> Result<(), String> {
    let settings = &spec.settings;
    if spec.frames.is_empty() {
        return Err("the job has no frames; give `frames` a range such as 1-24".into());
    }
    if spec.frames.len() > tessera_shared::package::manifest::FRAMES_MAX {
        return Err(format!("the job has {} frames; split it into smaller ones", spec.frames.len()));
    }
    let priority = spec.options.priority;
    if !(PRIORITY_MIN..=PRIORITY_MAX).contains(&priority) {
        return Err(format!("{priority} is no priority; give `priority` {PRIORITY_MIN} to {PRIORITY_MAX}"));
    }
    let grid = settings.grid;
    if let Err(error) = tessera_shared::grid::Grid::new(grid.width_px, grid.height_px, grid.tile_px) {
        return Err(error.to_string());
    }
    if settings.samples == 0 || settings.samples > tessera_shared::package::manifest::SAMPLES_MAX {
        return Err(format!("the job asks for {} samples; give `spp` 1 to 1048576", settings.samples));
    }
    if spec.options.mode == Mode::Fast && spec.options.verify != Verify::None {
        return Err("nobody can check a job of mode fast; give `verify` none, or `mode` exact".into());
    }
    match Shape::new(settings) {
        Some(_) => Ok(()),
        None => Err("a frame has more than 16777216 tile-passes; use larger tiles or longer passes".into()),
    }
}
