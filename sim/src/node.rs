//! A simulated worker process: the real worker core inside a shell of make-believe devices and pixels, honest or not.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::film::Rays;
use tessera_shared::ids::{LeaseId, NodeKey, WorkerId};
use tessera_shared::lease::{BlockPass, Work};
use tessera_worker_core::{Config, Core};

use crate::picture;
use crate::random::scatter;

/// What is wrong with a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cheat {
    Honest,
    /// Every block it delivers is made up.
    ForgeAll,
    /// One bit of one block of every tile-pass is wrong.
    FlipOne,
    /// Commits to the right pixels and sends others.
    SwapPixels,
    /// Renders honestly and makes its checks up.
    LazyChecker,
    /// Says that every check it does found something else, on a block of each.
    Denier,
    /// Forges what it delivers and vouches for the forgeries of the other colluders.
    Colluder,
}

/// How a worker is.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Rays a millisecond and device.
    pub speed: u64,
    pub devices: u32,
    pub cheat: Cheat,
    /// How many of a thousand leases it fails.
    pub fail_permille: u64,
    /// Whose worker it is; equal numbers share a key.
    pub operator: u64,
    pub tags: Vec<String>,
}

/// A worker process, alive or not.
pub struct Node {
    pub spec: NodeSpec,
    pub core: Core,
    pub alive: bool,
    /// Counts processes; what an earlier one scheduled is void.
    pub life: u32,
    /// Counts connections; what travelled on an earlier one is lost.
    pub connection: u32,
    pub worker: Option<WorkerId>,
    pub banned: bool,
    /// It handles nothing before.
    pub stopped_until_ms: u64,
    pub pixels: BTreeMap<LeaseId, Vec<u64>>,
    pub checks: BTreeSet<LeaseId>,
    pub tick_ms: Option<u64>,
}

/// The key of an operator by its number.
pub fn operator_key(operator: u64) -> NodeKey {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&scatter(operator + 1).to_le_bytes());
    NodeKey(key)
}

/// What colluders tell each other: the forged pixels of a block.
pub type Plot = BTreeMap<BlockPass, u64>;

impl Node {
    pub fn new(spec: NodeSpec) -> Node {
        let core = Core::new(Config { slots: spec.devices, ..Config::default() });
        Node {
            spec,
            core,
            alive: true,
            life: 0,
            connection: 0,
            worker: None,
            banned: false,
            stopped_until_ms: 0,
            pixels: BTreeMap::new(),
            checks: BTreeSet::new(),
            tick_ms: None,
        }
    }

    pub fn key(&self) -> NodeKey {
        operator_key(self.spec.operator)
    }

    /// The process starts anew with nothing in memory.
    pub fn reborn(&mut self) {
        let (life, connection) = (self.life + 1, self.connection + 1);
        *self = Node { life, connection, ..Node::new(self.spec.clone()) };
    }

    /// Remembers what kind of lease it is given.
    pub fn note(&mut self, lease: LeaseId, work: &Work) {
        if let Work::Check(_) = work {
            self.checks.insert(lease);
        }
    }

    /// Milliseconds that a device needs for the blocks.
    pub fn render_ms(&self, items: &[BlockPass]) -> u64 {
        let rays: u64 = items.iter().map(|block| picture::rays(block).total()).sum();
        rays / self.spec.speed.max(1) + 1
    }

    /// The pixels that this worker makes of a lease's blocks.
    pub fn render(&self, lease: LeaseId, items: &[BlockPass], plot: &mut Plot) -> Vec<u64> {
        let check = self.checks.contains(&lease);
        let honest: Vec<u64> = items.iter().map(picture::pixels).collect();
        let forge = |at: usize, word: u64| scatter(word ^ self.spec.operator ^ at as u64);
        match self.spec.cheat {
            Cheat::LazyChecker if check => {
                honest.iter().enumerate().map(|(at, word)| forge(at, *word)).collect()
            }
            Cheat::Denier if check => {
                let mut said = honest;
                said[0] ^= 1;
                said
            }
            Cheat::ForgeAll if !check => {
                honest.iter().enumerate().map(|(at, word)| forge(at, *word)).collect()
            }
            Cheat::FlipOne if !check => flip_one(lease, items, honest),
            Cheat::Colluder if !check => {
                let forged: Vec<u64> = honest.iter().map(|word| scatter(*word)).collect();
                plot.extend(items.iter().cloned().zip(forged.iter().copied()));
                forged
            }
            Cheat::Colluder => {
                items.iter().zip(honest).map(|(item, word)| plot.get(item).copied().unwrap_or(word)).collect()
            }
            _ => honest,
        }
    }

    /// What the worker says that its blocks cost.
    pub fn rays(&self, items: &[BlockPass]) -> Rays {
        let mut rays = Rays::default();
        items.iter().for_each(|block| rays += picture::rays(block));
        rays
    }
}

/// Flips one bit in one block of every tile-pass. Tile-passes of a lease follow each other, blocks in grid order, so a new
/// one starts where the frame, the samples or the reading order jump back.
fn flip_one(lease: LeaseId, items: &[BlockPass], mut pixels: Vec<u64>) -> Vec<u64> {
    for (start, end) in tile_runs(items) {
        let at = start + (scatter(lease.0 ^ (start as u64) << 32) % (end - start) as u64) as usize;
        pixels[at] ^= 1 << (lease.0 % 64);
    }
    pixels
}

/// Where each tile-pass of a list of blocks begins and ends, for tiles of [`TILE_BLOCKS`] blocks' edge.
pub fn tile_runs(items: &[BlockPass]) -> Vec<(usize, usize)> {
    let tile = |item: &BlockPass| {
        let edge = crate::farm::TILE_BLOCKS;
        (item.frame, item.sample_start, item.block.x / edge, item.block.y / edge)
    };
    let mut runs = Vec::new();
    let mut start = 0;
    for at in 1..=items.len() {
        if at == items.len() || tile(&items[at]) != tile(&items[start]) {
            runs.push((start, at));
            start = at;
        }
    }
    runs
}
