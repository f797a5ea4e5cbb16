//! Any order of events, sound and unsound, into the scheduler's core: it stays sane, and its records rebuild its state.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tessera_scheduler_core::api::{
    Answer, Asker, CommittedTile, DeliveredTile, Effect, ExaminedHello, JobSpec, RefereeDigests, RefereeId, RequestId,
    WorkerHello,
};
use tessera_scheduler_core::{Config, Core, Event, Record, tile_root};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::control::{Failure, FailureClass, FrameRange, JobOrder, OperatorOrder, WorkerOrder};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, WorkerId};
use tessera_shared::lease::{BlockPass, Checked, Lease, Work};
use tessera_shared::limits::JobLimits;
use tessera_shared::messages::{Device, DeviceKind, JobOptions, Mode, ToWorker, Verify};
use tessera_shared::package::Settings;

/// Events of one input: later ones add little but time.
const EVENTS_MAX: usize = 400;

/// The input as a source of choices; zeroes behind its end.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    fn one_in(&mut self, n: u8) -> bool {
        self.byte() % n == 1
    }

    fn number(&mut self) -> u64 {
        match self.byte() {
            0xff => u64::MAX,
            0xfe => u64::from(self.byte()) << 48,
            small => u64::from(small),
        }
    }
}

fn config() -> Config {
    Config {
        lease_tiles_max: 4,
        probation_tiles: 2,
        probation_blocks: 2,
        known_permille: 400,
        check_blocks: 4,
        check_wait_ms: 3,
        check_wait_max_ms: 50,
        held_max: 8,
        ended_jobs_max: 3,
        quarantine_ms: 100,
        fraud_tiles: 16,
        referee_timeout_ms: 200,
        referee_permille: 300,
        lease_grace_ms: 50,
        first_lease_grace_ms: 100,
        archive_after_ms: 500,
        kept_entries_max: 64,
        ..Config::new([5; 32])
    }
}

struct Farm<'a> {
    choices: Choices<'a>,
    core: Core,
    now_ms: u64,
    records: Vec<Record>,
    leases: BTreeMap<LeaseId, (WorkerId, Lease)>,
    questions: BTreeMap<RefereeId, (Digest, Vec<BlockPass>)>,
    grids: BTreeMap<JobId, Grid>,
    jobs: u64,
    workers: u64,
}

/// What every honest device finds for a block.
fn honest(package: Digest, block: &BlockPass) -> Digest {
    Digest::of(format!("{package:?} {block:?}").as_bytes())
}

fn key(number: usize) -> NodeKey {
    NodeKey([number as u8; 32])
}

impl Farm<'_> {
    fn event(&mut self, event: Event) {
        let output = self.core.handle(self.now_ms, event);
        self.core.sanity_check();
        self.records.extend(output.records);
        for outbound in output.messages {
            match outbound.message {
                ToWorker::Lease(lease) => drop(self.leases.insert(lease.id, (outbound.worker, lease))),
                ToWorker::Revoke(lease) => drop(self.leases.remove(&lease)),
            }
        }
        for (_, answer) in output.replies {
            match answer {
                Answer::Submitted(job) => self.jobs = job.0,
                Answer::Welcome(worker) => self.workers = worker.0,
                _ => {}
            }
        }
        for effect in output.effects {
            match effect {
                Effect::RefereeRequest { id, package, blocks, .. } => {
                    self.questions.insert(id, (package, blocks));
                }
                Effect::RefereeCancel { id } => drop(self.questions.remove(&id)),
                _ => {}
            }
        }
    }

    fn step(&mut self) {
        // A year is as long as a scheduler runs.
        self.now_ms += (self.choices.number() >> 4).min(1 << 35);
        match self.choices.below(20) {
            0 => self.submit(),
            1 => {
                let job = self.job();
                self.event(Event::PackageComplete { job });
            }
            2 => {
                let (job, by) = (self.job(), Asker::Artist(key(self.choices.below(2))));
                self.event(Event::Cancel { request: RequestId(1), job, by });
            }
            3 | 4 => self.connect(),
            5 => {
                let worker = self.worker();
                self.event(Event::WorkerDisconnected { worker });
            }
            6 => {
                let worker = self.worker();
                self.event(Event::WorkerLeaving { worker });
            }
            7..=9 => self.answer(),
            10 => self.fail(),
            11 | 12 => self.referee(),
            13 => self.restart(),
            14 | 15 => self.order(),
            16 => self.lose(),
            _ => self.event(Event::Tick),
        }
    }

    fn job(&mut self) -> JobId {
        JobId(self.choices.below(self.jobs as usize + 2) as u64)
    }

    fn worker(&mut self) -> WorkerId {
        WorkerId(self.choices.below(self.workers as usize + 2) as u64)
    }

    fn submit(&mut self) {
        let choices = &mut self.choices;
        let grid = Grid {
            width_px: choices.below(40) as u32,
            height_px: choices.below(40) as u32,
            tile_px: 8 << choices.below(3),
        };
        let verify = match choices.below(6) {
            0 => Verify::None,
            1 => Verify::Double,
            2 => Verify::Confidence { wrong_ppm: choices.number() as u32 },
            _ => Verify::Blocks(choices.number() as u32),
        };
        let settings = Settings {
            grid,
            samples: choices.below(9) as u32,
            pass_samples: choices.below(5) as u32,
            seed: 0,
            max_bounces: 4,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 16.0,
        };
        let tags = if choices.one_in(8) { vec!["gpu".to_owned()] } else { Vec::new() };
        let operators = if choices.one_in(8) { vec![key(2), key(3)] } else { Vec::new() };
        let after = if choices.one_in(8) { vec![JobId(choices.below(4) as u64)] } else { Vec::new() };
        let mode = if choices.one_in(8) { Mode::Fast } else { Mode::Exact };
        let spec = JobSpec {
            owner: key(0),
            package: Digest([choices.below(3) as u8; 32]),
            name: "fuzz".into(),
            settings,
            frames: (0..choices.below(4) as u32).map(FrameNumber).collect(),
            options: JobOptions {
                priority: choices.byte() as i8 as i32,
                verify,
                mode,
                limits: JobLimits { tags, operators, pool: None },
                after,
            },
        };
        self.grids.insert(JobId(self.jobs + 1), grid);
        self.event(Event::Submit { request: RequestId(0), spec: Box::new(spec) });
        let job = JobId(self.jobs);
        if !self.choices.one_in(8) {
            self.event(Event::PackageComplete { job });
        }
    }

    fn connect(&mut self) {
        let choices = &mut self.choices;
        let (operator, name) = (key(1 + choices.below(4)), "fuzz".to_owned());
        let kernel_version = KERNEL_VERSION - u32::from(choices.one_in(32));
        let tags = if choices.one_in(2) { vec!["gpu".to_owned()] } else { Vec::new() };
        let device = Device { name: "d".into(), kind: DeviceKind::Cpu, driver: "1".into() };
        let count = choices.below(3);
        let asleep_for_ms = choices.one_in(8).then_some(5_000);
        if choices.one_in(4) {
            let serves = [Serves::Every, Serves::Fast, Serves::None][choices.below(3)];
            let failures = if serves == Serves::Every { Vec::new() } else { vec!["`div`".to_owned()] };
            let suite = Digest([9; 32]);
            let report = DeviceReport { device, suite, failures, serves, score_rays_per_second: 7 };
            let reports = vec![report; count];
            let hello = ExaminedHello { operator, name, kernel_version, reports, tags, asleep_for_ms };
            return self.event(Event::WorkerExamined { request: RequestId(2), hello: Box::new(hello) });
        }
        let devices = vec![device; count];
        let hello = Box::new(WorkerHello { operator, name, kernel_version, devices, tags });
        let request = RequestId(2);
        self.event(match asleep_for_ms {
            Some(for_ms) => Event::WorkerConnectedAsleep { request, hello, for_ms },
            None => Event::WorkerConnected { request, hello },
        });
    }

    fn lent(&mut self) -> Option<(WorkerId, Lease)> {
        let at = self.choices.below(self.leases.len());
        let (_, (worker, lease)) = self.leases.iter().nth(at)?;
        let (worker, lease) = (*worker, lease.clone());
        // Now and then somebody else's.
        Some(if self.choices.one_in(32) { (self.worker(), lease) } else { (worker, lease) })
    }

    /// A digest: right, but for one in 16.
    fn said(&mut self, package: Digest, block: &BlockPass) -> Digest {
        if self.choices.one_in(16) { Digest([self.choices.byte(); 32]) } else { honest(package, block) }
    }

    fn rays(&mut self) -> Rays {
        Rays { camera: self.choices.number(), bounce: self.choices.number(), shadow: 1 }
    }

    fn answer(&mut self) {
        let Some((worker, Lease { id: lease, job, package, work, .. })) = self.lent() else { return };
        let passes = match work {
            Work::Check(blocks) => {
                let mut said: Vec<Digest> = blocks.iter().map(|block| self.said(package, block)).collect();
                if self.choices.one_in(32) {
                    said.pop();
                }
                let answer = Checked { lease, blocks: said, rays: self.rays() };
                self.forget(lease);
                return self.event(Event::Checked { worker, answer });
            }
            Work::Render(passes) => passes,
        };
        let Some(grid) = self.grids.get(&job).copied() else { return };
        let mut tiles = Vec::new();
        for pass in &passes {
            let block = |block| BlockPass {
                frame: pass.frame,
                block,
                sample_start: pass.sample_start,
                sample_end: pass.sample_end,
            };
            let blocks: Vec<BlockPass> = grid.tile_blocks(pass.tile).map(block).collect();
            let said: Vec<Digest> = blocks.iter().map(|block| self.said(package, block)).collect();
            tiles.push(CommittedTile { root: tile_root(&said), blocks: said });
        }
        let mut roots: Vec<(Digest, Vec<Digest>)> =
            tiles.iter().map(|tile| (tile.root, tile.blocks.clone())).collect();
        if self.choices.one_in(32) {
            tiles.pop();
        }
        if !self.choices.one_in(32) {
            self.event(Event::Committed { worker, lease, tiles });
        }
        if self.choices.one_in(8) {
            return;
        }
        if self.choices.one_in(32) {
            roots.pop();
        }
        let mut delivered = Vec::new();
        for (root, blocks) in roots {
            let root = if self.choices.one_in(32) { Digest([3; 32]) } else { root };
            delivered.push(DeliveredTile { root, blocks, rays: self.rays() });
        }
        self.forget(lease);
        self.event(Event::Delivered { worker, lease, tiles: delivered });
    }

    /// Most leases are answered once.
    fn forget(&mut self, lease: LeaseId) {
        if !self.choices.one_in(8) {
            self.leases.remove(&lease);
        }
    }

    fn order(&mut self) {
        let request = RequestId(3);
        let by = if self.choices.one_in(4) { Asker::Artist(key(1)) } else { Asker::Wrangler };
        let (job, worker) = (self.job(), self.worker());
        let order = match self.choices.below(10) {
            0 => JobOrder::Pause,
            1 => JobOrder::Resume,
            2 => JobOrder::Prioritise(self.choices.byte() as i8 as i32),
            3 => {
                let first = FrameNumber(self.choices.below(4) as u32);
                let last = FrameNumber(self.choices.below(4) as u32);
                JobOrder::Requeue(vec![FrameRange { first, last }])
            }
            4 => {
                let for_ms = self.choices.number();
                return self.event(Event::WorkerAsleep { worker, for_ms });
            }
            5 => return self.event(Event::WorkerAwake { worker }),
            6 | 7 => {
                let ban = OperatorOrder::Ban { reason: "x".repeat(self.choices.below(500)) };
                let order = if self.choices.one_in(2) { ban } else { OperatorOrder::Readmit };
                let operator = key(self.choices.below(8));
                return self.event(Event::OrderOperator { request, operator, by, order });
            }
            8 => {
                let order = WorkerOrder::Drain;
                return self.event(Event::OrderWorker { request, worker, by, order });
            }
            _ => {
                let order = WorkerOrder::Undrain;
                return self.event(Event::OrderWorker { request, worker, by, order });
            }
        };
        self.event(Event::Order { request, job, by, order });
    }

    /// Pixels of some tile-passes cannot be read any more.
    fn lose(&mut self) {
        let job = self.job();
        let Some(entry) = self.core.state().jobs.get(&job) else { return };
        let open: Vec<_> = entry.open.keys().map(|key| entry.pass(*key)).collect();
        let passes = open.into_iter().filter(|_| self.choices.one_in(3)).collect();
        self.event(Event::PixelsLost { job, passes });
    }

    fn fail(&mut self) {
        let Some((worker, lease)) = self.lent() else { return };
        self.forget(lease.id);
        let class = match self.choices.below(4) {
            0 => FailureClass::Job,
            1 => FailureClass::Shortage,
            2 => FailureClass::Network,
            _ => FailureClass::Node,
        };
        self.event(Event::LeaseFailed { worker, lease: lease.id, failure: Failure::new(class, "fuzz") });
    }

    fn referee(&mut self) {
        let Some((id, (package, blocks))) = self.questions.pop_first() else { return };
        if self.choices.one_in(8) {
            return self.event(Event::Refereed { id, outcome: Err("fuzz".to_owned()) });
        }
        let mut found: Vec<Digest> = blocks.iter().map(|block| honest(package, block)).collect();
        if self.choices.one_in(16) {
            found.pop();
        }
        let outcome = Ok(RefereeDigests { blocks: found, rays: self.rays() });
        self.event(Event::Refereed { id, outcome });
    }

    fn restart(&mut self) {
        let replayed = Core::replay(config(), &self.records);
        assert_eq!(replayed.state().digest(), self.core.state().digest(), "the records rebuild another state");
        if self.choices.one_in(2) {
            self.core = replayed;
            self.now_ms = 0;
            self.questions.clear();
            self.event(Event::Restarted);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut farm = Farm {
        choices: Choices(bytes),
        core: Core::new(config()),
        now_ms: 0,
        records: Vec::new(),
        leases: BTreeMap::new(),
        questions: BTreeMap::new(),
        grids: BTreeMap::new(),
        jobs: 0,
        workers: 0,
    };
    for _ in 0..EVENTS_MAX {
        if farm.choices.0.is_empty() {
            break;
        }
        farm.step();
    }
    assert_eq!(Core::replay(config(), &farm.records).state().digest(), farm.core.state().digest());
});
