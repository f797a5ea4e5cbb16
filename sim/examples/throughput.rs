//! What the scheduler's core costs a tile-pass, with workers that do no work:
//! `cargo run --release -p tessera-sim --example throughput [WORKERS]`. Each row is the median of five runs.

use std::time::Instant;

use tessera_scheduler_core::api::{
    Answer, CommittedTile, DeliveredTile, Effect, JobSpec, RequestId, WorkerHello,
};
use tessera_scheduler_core::{Config, Core, Event, Output};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{FrameNumber, NodeKey, WorkerId};
use tessera_shared::lease::{Checked, Lease, Work};
use tessera_shared::messages::{JobOptions, ToWorker, Verify};
use tessera_sim::Shot;

struct Run {
    core: Core,
    now_ms: u64,
    core_ns: u64,
    leases: std::collections::VecDeque<(WorkerId, Lease)>,
    complete: bool,
    tiles: u64,
    records: u64,
}

impl Run {
    fn event(&mut self, event: Event) -> Vec<(RequestId, Answer)> {
        let start = Instant::now();
        let output = self.core.handle(self.now_ms, event);
        self.core_ns += start.elapsed().as_nanos() as u64;
        let Output { records, messages, replies, effects, .. } = output;
        self.records += records.len() as u64;
        for outbound in messages {
            if let ToWorker::Lease(lease) = outbound.message {
                self.leases.push_back((outbound.worker, lease));
            }
        }
        for effect in effects {
            match effect {
                Effect::JobComplete { tile_passes, .. } => {
                    self.complete = true;
                    self.tiles = tile_passes;
                }
                Effect::RefereeRequest { id, blocks, .. } => {
                    let blocks = vec![Digest([7; 32]); blocks.len()];
                    let found = tessera_scheduler_core::api::RefereeDigests { blocks, rays: Rays::default() };
                    self.event(Event::Refereed { id, outcome: Ok(found) });
                }
                _ => {}
            }
        }
        replies
    }

    fn answer(&mut self, worker: WorkerId, lease: Lease) {
        match lease.work {
            Work::Check(blocks) => {
                let blocks = vec![Digest([7; 32]); blocks.len()];
                let answer = Checked { lease: lease.id, blocks, rays: Rays::default() };
                self.event(Event::Checked { worker, answer });
            }
            Work::Render(passes) => {
                let (root, blocks) = (Digest([1; 32]), vec![Digest([7; 32]); 64]);
                let commit = passes.iter().map(|_| CommittedTile { root, blocks: blocks.clone() }).collect();
                self.event(Event::Committed { worker, lease: lease.id, tiles: commit });
                let rays = Rays { camera: 4096, bounce: 8192, shadow: 8192 };
                let tiles =
                    passes.iter().map(|_| DeliveredTile { root, blocks: blocks.clone(), rays }).collect();
                self.event(Event::Delivered { worker, lease: lease.id, tiles });
            }
        }
    }
}

/// Nanoseconds a tile-pass, and tile-passes a lease on average.
fn run(workers: u32, lease_tiles_max: u32, verify: Verify) -> (f64, f64) {
    let config = Config { lease_tiles_max, held_max: 1 << 20, ..Config::new([3; 32]) };
    let core = Core::new(config);
    let mut run = Run {
        core,
        now_ms: 0,
        core_ns: 0,
        leases: Default::default(),
        complete: false,
        tiles: 0,
        records: 0,
    };
    let shot = Shot { width_px: 4096, height_px: 4096, samples: 16, pass_samples: 16, ..Shot::default() };
    let spec = JobSpec {
        owner: NodeKey([1; 32]),
        package: Digest([2; 32]),
        name: "throughput".into(),
        settings: shot.settings(),
        frames: (0..24).map(FrameNumber).collect(),
        options: JobOptions { verify, ..JobOptions::default() },
    };
    let replies = run.event(Event::Submit { request: RequestId(0), spec: Box::new(spec) });
    let [(_, Answer::Submitted(job))] = replies[..] else { panic!("the job is refused") };
    for worker in 0..workers {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&worker.to_le_bytes());
        let hello = WorkerHello {
            operator: NodeKey(key),
            name: format!("worker {worker}"),
            kernel_version: tessera_shared::KERNEL_VERSION,
            devices: Vec::new(),
            tags: Vec::new(),
        };
        run.event(Event::WorkerConnected { request: RequestId(1), hello: Box::new(hello) });
    }
    run.core_ns = 0;
    run.event(Event::PackageComplete { job });
    let mut leases = 0;
    while !run.complete {
        run.now_ms += 1;
        match run.leases.pop_front() {
            Some((worker, lease)) => {
                leases += u64::from(matches!(lease.work, Work::Render(_)));
                run.answer(worker, lease);
            }
            None => drop(run.event(Event::Tick)),
        }
    }
    (run.core_ns as f64 / run.tiles as f64, run.tiles as f64 / leases as f64)
}

fn main() {
    println!("workers  lease max  verify      µs a tile-pass  tile-passes a lease");
    let asked = std::env::args().nth(1).map(|text| text.parse().expect("a number of workers"));
    for workers in asked.map_or(vec![2, 100, 1_000, 10_000], |workers| vec![workers]) {
        for (lease_tiles_max, verify) in [(8, Verify::None), (8, Verify::Blocks(1)), (64, Verify::Blocks(1))]
        {
            let mut runs: Vec<_> = (0..5).map(|_| run(workers, lease_tiles_max, verify)).collect();
            runs.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (ns, size) = runs[2];
            let policy = format!("{verify:?}");
            println!("{workers:7}  {lease_tiles_max:9}  {policy:10}  {:14.2}  {size:19.1}", ns / 1000.0);
        }
    }
}
