//! Detection by the real core alone: one node that forges and a referee that does not, thousands of small jobs a second. No
//! network, no clock to speak of, no pixels: a block's digest is right or made up.

use std::collections::VecDeque;

use tessera_scheduler_core::api::{
    Answer, CommittedTile, DeliveredTile, Effect, RefereeDigests, RequestId, WorkerHello,
};
use tessera_scheduler_core::odds::{Checkers, Forgery};
use tessera_scheduler_core::policy::confidence_ppm;
use tessera_scheduler_core::{Config, Core, Event, tile_root};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{JobId, NodeKey, WorkerId};
use tessera_shared::lease::{BlockPass, TilePass, Work};
use tessera_shared::messages::{ToWorker, Verify};

use crate::farm::Shot;
use crate::random::{Random, scatter};
use crate::tally::sampling;

/// Blocks of every tile of these jobs.
pub const TILE_BLOCKS: u32 = 64;

/// A node's job: so many tiles, a share of whose blocks it forges, each independently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forger {
    pub verify: Verify,
    pub tiles: u32,
    pub share: f64,
}

impl Forger {
    /// The probability that it is caught: of the odds.
    pub fn expected(&self) -> f64 {
        let survives = match self.verify {
            Verify::Confidence { wrong_ppm } => confidence_survives(wrong_ppm, self.share, self.tiles),
            verify => {
                let checkers = Checkers { colluding: 0.0, trusted: 1.0 };
                let forgery = Forgery::Scattered(self.share);
                checkers.survives(sampling(verify), TILE_BLOCKS, forgery, self.tiles)
            }
        };
        1.0 - survives
    }

    /// Whether the core convicts the node in the job of this seed.
    pub fn is_caught(&self, seed: u64) -> bool {
        let mut random = Random::new(seed ^ 0xc0_7e5);
        let config = Config {
            referee_permille: 0,
            // Every tile's check is over before the next commit, so that the record that it goes by is known.
            probation_tiles: 0,
            lease_tiles_max: 1,
            pipeline: 1,
            ..Config::new(random.secret())
        };
        let mut job = Job { core: Core::new(config), forger: *self, random, now_ms: 0, caught: false };
        job.run();
        job.caught
    }
}

/// A job under way.
struct Job {
    core: Core,
    forger: Forger,
    random: Random,
    now_ms: u64,
    caught: bool,
}

impl Job {
    fn run(&mut self) {
        let spec = Box::new(Shot::tiles(self.forger.tiles).verify(self.forger.verify).spec(0));
        let hello = WorkerHello {
            operator: NodeKey([9; 32]),
            name: "forger".into(),
            kernel_version: tessera_shared::KERNEL_VERSION,
            devices: Vec::new(),
            tags: Vec::new(),
        };
        let mut events = VecDeque::from([
            Event::Submit { request: RequestId(0), spec },
            Event::WorkerConnected { request: RequestId(1), hello: Box::new(hello) },
        ]);
        while let Some(event) = events.pop_front() {
            self.now_ms += 10;
            let output = self.core.handle(self.now_ms, event);
            for (_, answer) in output.replies {
                if let Answer::Submitted(job) = answer {
                    events.push_back(Event::PackageComplete { job });
                }
            }
            for outbound in output.messages {
                if let ToWorker::Lease(lease) = outbound.message
                    && let Work::Render(passes) = lease.work
                {
                    self.answer(outbound.worker, lease.id, lease.job, &passes, &mut events);
                }
            }
            for effect in output.effects {
                match effect {
                    Effect::RefereeRequest { id, blocks, .. } => {
                        let blocks = blocks.iter().map(right).collect();
                        let outcome = Ok(RefereeDigests { blocks, rays: Rays::default() });
                        events.push_front(Event::Refereed { id, outcome });
                    }
                    Effect::Quarantined { .. } => return self.caught = true,
                    Effect::JobComplete { .. } => return,
                    _ => {}
                }
            }
        }
        panic!("nothing happens any more, and the job is not done: {:?}", self.forger);
    }

    /// The node's commit and delivery of a lease.
    fn answer(
        &mut self,
        worker: WorkerId,
        lease: tessera_shared::ids::LeaseId,
        job: JobId,
        passes: &[TilePass],
        events: &mut VecDeque<Event>,
    ) {
        let grid = self.core.state().jobs[&job].spec.settings.grid;
        let mut tiles = Vec::with_capacity(passes.len());
        for pass in passes {
            let digest = |block| {
                let block = BlockPass {
                    frame: pass.frame,
                    block,
                    sample_start: pass.sample_start,
                    sample_end: pass.sample_end,
                };
                let forged = (self.random.word() >> 11) as f64 / ((1u64 << 53) as f64) < self.forger.share;
                if forged { Digest([0xf0; 32]) } else { right(&block) }
            };
            let blocks: Vec<Digest> = grid.tile_blocks(pass.tile).map(digest).collect();
            tiles.push(CommittedTile { root: tile_root(&blocks), blocks });
        }
        let rays = Rays { camera: 4096, bounce: 0, shadow: 0 };
        let delivered =
            |tile: &CommittedTile| DeliveredTile { root: tile.root, blocks: tile.blocks.clone(), rays };
        let delivered = tiles.iter().map(delivered).collect();
        events.push_back(Event::Committed { worker, lease, tiles });
        events.push_back(Event::Delivered { worker, lease, tiles: delivered });
    }
}

/// The right digest of a block.
fn right(block: &BlockPass) -> Digest {
    let mut bytes = [1; 32];
    let word =
        scatter(u64::from(block.frame.0) << 32 | u64::from(block.block.x) << 16 | u64::from(block.block.y));
    bytes[..8].copy_from_slice(&word.to_le_bytes());
    Digest(bytes)
}

/// The probability that a node which forges each block with probability `share` is not caught in so many tiles under
/// [`Verify::Confidence`]: over the lengths of its clean record, each with its rate of checks.
pub fn confidence_survives(wrong_ppm: u32, share: f64, tiles: u32) -> f64 {
    let config = Config::new([0; 32]);
    let mut by_clean = vec![1.0];
    for _ in 0..tiles {
        let mut next = vec![0.0; by_clean.len() + 1];
        for (clean, probability) in by_clean.iter().enumerate() {
            let checked = f64::from(confidence_ppm(&config, wrong_ppm, clean as u64)) / 1e6;
            next[clean] += probability * (1.0 - checked);
            next[clean + 1] += probability * checked * (1.0 - share);
        }
        by_clean = next;
    }
    by_clean.iter().sum()
}
