//! A farm at the machine's door: jobs of whole tiles that nobody checks unless asked, workers that answer when told to.

use std::collections::BTreeMap;

use tessera_scheduler_core::accounting::{Conduct, Operator, Standing};
use tessera_scheduler_core::api::{
    Answer, Asker, CommittedTile, DeliveredTile, Effect, JobSpec, RefereeDigests, RefereeId, RequestId,
    WorkerHello,
};
use tessera_scheduler_core::{Config, Core, Event, Output, Record, tile_root};
use tessera_shared::control::{Failure, FailureClass, JobOrder, OperatorOrder, OrderRefusal, WorkerOrder};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, WorkerId};
use tessera_shared::lease::{Checked, Lease, Work};
use tessera_shared::messages::{JobOptions, JobState, ToWorker, Verify, WorkerState};
use tessera_shared::package::manifest::Settings;

pub const ALICE: NodeKey = NodeKey([0xa1; 32]);
pub const BOB: NodeKey = NodeKey([0xb0; 32]);

/// What every block is.
pub const RIGHT: Digest = Digest([3; 32]);

/// Rays of every tile.
pub const TILE_RAYS: u64 = 64 * 64 * 8;

pub struct Farm {
    pub core: Core,
    config: Config,
    pub records: Vec<Record>,
    pub now_ms: u64,
    /// Leases in hand, oldest first.
    pub lent: BTreeMap<LeaseId, (WorkerId, Lease)>,
    pub effects: Vec<Effect>,
    pub asked: Vec<(RefereeId, usize)>,
}

impl Farm {
    /// Workers hold one lease of one tile at a time, and nobody is on probation.
    pub fn new() -> Farm {
        Farm::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Farm {
        let pools = [("night".to_owned(), [NodeKey([77; 32])].into())].into();
        let mut config =
            Config { pipeline: 1, lease_tiles_max: 1, probation_tiles: 0, pools, ..Config::new([7; 32]) };
        change(&mut config);
        Farm {
            core: Core::new(config.clone()),
            config,
            records: Vec::new(),
            now_ms: 0,
            lent: BTreeMap::new(),
            effects: Vec::new(),
            asked: Vec::new(),
        }
    }

    pub fn handle(&mut self, event: Event) -> Output {
        let mut output = self.core.handle(self.now_ms, event);
        self.core.sanity_check();
        self.records.extend(output.records.iter().cloned());
        for outbound in output.messages.drain(..) {
            match outbound.message {
                ToWorker::Lease(lease) => drop(self.lent.insert(lease.id, (outbound.worker, lease))),
                ToWorker::Revoke(lease) => drop(self.lent.remove(&lease)),
            }
        }
        for effect in output.effects.drain(..) {
            if let Effect::RefereeRequest { id, blocks, .. } = &effect {
                self.asked.push((*id, blocks.len()));
            }
            self.effects.push(effect);
        }
        output
    }

    /// Replays what was recorded and goes on from there, as after a crash.
    pub fn restart(&mut self) {
        let replayed = Core::replay(self.config.clone(), &self.records);
        assert_eq!(replayed.state(), self.core.state(), "replay differs from the live state");
        self.core = replayed;
        self.lent.clear();
        self.now_ms = 0;
        self.handle(Event::Restarted);
    }

    pub fn at(&mut self, now_ms: u64) -> &mut Farm {
        self.now_ms = now_ms;
        self.handle(Event::Tick);
        self
    }

    pub fn try_submit(&mut self, owner: NodeKey, frames: u32, options: JobOptions) -> Result<JobId, String> {
        let settings = Settings {
            grid: Grid { width_px: 128, height_px: 64, tile_px: 64 },
            samples: 1,
            pass_samples: 1,
            seed: 0,
            max_bounces: 8,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 10.0,
        };
        let spec = Box::new(JobSpec {
            owner,
            package: Digest([6; 32]),
            name: "shot".into(),
            settings,
            frames: (1..=frames).map(FrameNumber).collect(),
            options,
        });
        match self.handle(Event::Submit { request: RequestId(1), spec }).replies.remove(0).1 {
            Answer::Submitted(job) => Ok(job),
            Answer::Refused(reason) => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    /// A job of two tiles a frame whose package is not here yet.
    pub fn upload(&mut self, owner: NodeKey, frames: u32, options: JobOptions) -> JobId {
        self.try_submit(owner, frames, options).unwrap()
    }

    pub fn submit_with(&mut self, owner: NodeKey, frames: u32, options: JobOptions) -> JobId {
        let job = self.upload(owner, frames, options);
        self.handle(Event::PackageComplete { job });
        job
    }

    pub fn submit(&mut self, owner: NodeKey, frames: u32) -> JobId {
        self.submit_with(owner, frames, unchecked())
    }

    /// A worker of this operator's.
    pub fn connect(&mut self, operator: u8, name: &str) -> WorkerId {
        self.connect_tagged(operator, name, &[])
    }

    pub fn connect_tagged(&mut self, operator: u8, name: &str, tags: &[&str]) -> WorkerId {
        self.try_connect(operator, name, tags).unwrap()
    }

    /// A worker that sleeps for so long.
    pub fn connect_asleep(&mut self, operator: u8, name: &str, for_ms: u64) -> WorkerId {
        let (request, hello) = (RequestId(2), hello(operator, name, &[]));
        self.welcomed(Event::WorkerConnectedAsleep { request, hello, for_ms }).unwrap()
    }

    /// The error is what who may not join is told.
    pub fn try_connect(&mut self, operator: u8, name: &str, tags: &[&str]) -> Result<WorkerId, String> {
        let (request, hello) = (RequestId(2), hello(operator, name, tags));
        self.welcomed(Event::WorkerConnected { request, hello })
    }

    fn welcomed(&mut self, connects: Event) -> Result<WorkerId, String> {
        match self.handle(connects).replies.remove(0).1 {
            Answer::Welcome(worker) => Ok(worker),
            Answer::Refused(reason) => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    /// The lease that a worker holds.
    pub fn held_by(&self, worker: WorkerId) -> Option<&Lease> {
        self.lent.values().find(|(holder, _)| *holder == worker).map(|(_, lease)| lease)
    }

    /// Every lease in hand is answered, the oldest first; returns the job of each.
    pub fn work(&mut self) -> Vec<JobId> {
        let held: Vec<LeaseId> = self.lent.keys().copied().collect();
        held.into_iter().filter_map(|lease| self.finish(lease)).collect()
    }

    /// Commits and delivers a lease.
    pub fn finish(&mut self, lease: LeaseId) -> Option<JobId> {
        self.deliver(lease, RIGHT)
    }

    /// The same with blocks of this digest.
    pub fn deliver(&mut self, lease: LeaseId, digest: Digest) -> Option<JobId> {
        self.answer(lease, vec![digest; 64], Rays { camera: TILE_RAYS, bounce: 0, shadow: 0 })
    }

    /// The same with these blocks and rays for every tile.
    pub fn answer(&mut self, lease: LeaseId, blocks: Vec<Digest>, rays: Rays) -> Option<JobId> {
        let (worker, lease) = self.lent.remove(&lease)?;
        let Work::Render(passes) = &lease.work else { panic!("a check of {}", lease.job) };
        let root = tile_root(&blocks);
        let commit = passes.iter().map(|_| CommittedTile { root, blocks: blocks.clone() }).collect();
        self.handle(Event::Committed { worker, lease: lease.id, tiles: commit });
        let tiles = passes.iter().map(|_| DeliveredTile { root, blocks: blocks.clone(), rays }).collect();
        self.handle(Event::Delivered { worker, lease: lease.id, tiles });
        Some(lease.job)
    }

    /// Answers a check rightly.
    pub fn check(&mut self, lease: LeaseId) {
        let Some((worker, lease)) = self.lent.remove(&lease) else { return };
        let Work::Check(blocks) = &lease.work else { panic!("no check of {}", lease.job) };
        let answer = Checked { lease: lease.id, blocks: vec![RIGHT; blocks.len()], rays: Rays::default() };
        self.handle(Event::Checked { worker, answer });
    }

    /// The referee answers everything that it was asked.
    pub fn referee(&mut self) {
        for (id, blocks) in std::mem::take(&mut self.asked) {
            let found = RefereeDigests { blocks: vec![RIGHT; blocks], rays: Rays::default() };
            self.handle(Event::Refereed { id, outcome: Ok(found) });
        }
    }

    /// Operators with so many tiles found right are known from before.
    pub fn remember(&mut self, records: &[(u8, u64)]) {
        let operators = records.iter().map(|(operator, clean)| Operator {
            key: NodeKey([*operator; 32]),
            standing: Standing::Good,
            conduct: Conduct { delivered: *clean, checked: *clean, clean: *clean, ..Conduct::default() },
            overruled: None,
            settled: 0,
        });
        let operators = operators.collect();
        self.handle(Event::Remembered { operators });
    }

    /// The worker fails the lease that it holds.
    pub fn fail(&mut self, worker: WorkerId, class: FailureClass, log: &str) {
        let lease = self.held_by(worker).unwrap_or_else(|| panic!("{worker} holds nothing")).id;
        self.lent.remove(&lease);
        self.handle(Event::LeaseFailed { worker, lease, failure: Failure::new(class, log) });
    }

    pub fn order(&mut self, job: JobId, by: Asker, order: JobOrder) -> Result<(), OrderRefusal> {
        match self.handle(Event::Order { request: RequestId(3), job, by, order }).replies.remove(0).1 {
            Answer::Done => Ok(()),
            Answer::OrderRefused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub fn order_worker(
        &mut self,
        worker: WorkerId,
        by: Asker,
        order: WorkerOrder,
    ) -> Result<(), OrderRefusal> {
        let event = Event::OrderWorker { request: RequestId(4), worker, by, order };
        match self.handle(event).replies.remove(0).1 {
            Answer::Done => Ok(()),
            Answer::OrderRefused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub fn order_operator(
        &mut self,
        operator: u8,
        by: Asker,
        order: OperatorOrder,
    ) -> Result<(), OrderRefusal> {
        let (request, operator) = (RequestId(6), NodeKey([operator; 32]));
        let event = Event::OrderOperator { request, operator, by, order };
        match self.handle(event).replies.remove(0).1 {
            Answer::Done => Ok(()),
            Answer::OrderRefused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    pub fn cancel(&mut self, job: JobId, by: Asker) -> Answer {
        self.handle(Event::Cancel { request: RequestId(5), job, by }).replies.remove(0).1
    }

    pub fn state(&self, job: JobId) -> JobState {
        self.core.job(self.now_ms, job).unwrap().state
    }

    pub fn worker(&self, worker: WorkerId) -> WorkerState {
        let listed = self.core.workers(self.now_ms, None, 999);
        listed.into_iter().find(|status| status.worker == worker).unwrap().state
    }
}

/// Nobody checks.
pub fn unchecked() -> JobOptions {
    JobOptions { verify: Verify::None, ..JobOptions::default() }
}

fn hello(operator: u8, name: &str, tags: &[&str]) -> Box<WorkerHello> {
    Box::new(WorkerHello {
        operator: NodeKey([operator; 32]),
        name: name.into(),
        kernel_version: tessera_shared::KERNEL_VERSION,
        devices: Vec::new(),
        tags: tags.iter().map(|tag| tag.to_string()).collect(),
    })
}
