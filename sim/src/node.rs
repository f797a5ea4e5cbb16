//! A simulated worker process: the real worker core inside a shell of make-believe devices and pixels, honest or not.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::film::Rays;
use tessera_shared::ids::{LeaseId, NodeKey};
use tessera_shared::lease::{BlockPass, Work};
use tessera_worker_core::{Config, Core};

use crate::cheats::Cheat;
use crate::picture;
use crate::random::scatter;
use crate::world::Message;

/// The operator who is the owner of job n has this number plus n.
pub const REQUESTER: u64 = 1 << 32;

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
    /// After a conviction it comes back with a new key.
    pub new_keys: bool,
    /// It is honest until it is given a check to do: then it has ended its probation.
    pub patient: bool,
    pub tags: Vec<String>,
    /// It never comes, whatever starts it.
    pub absent: bool,
    /// What its clock counts while a thousand milliseconds pass.
    pub clock_permille: u64,
}

/// A worker process, alive or not.
pub struct Node {
    pub spec: NodeSpec,
    pub core: Core,
    pub alive: bool,
    /// Counts processes; what an earlier one scheduled is void.
    pub life: u32,
    /// The connection whose end it has open.
    pub link: Option<u32>,
    pub banned: bool,
    /// By its own schedule it wants nothing.
    pub asleep: bool,
    /// It handles nothing before.
    pub stopped_until_ms: u64,
    /// So long its clock stood still.
    pub stood_ms: u64,
    /// Nothing that it sends, and nothing that is sent to it, arrives before.
    pub cut_up_until_ms: u64,
    pub cut_down_until_ms: u64,
    /// Its messages take so much longer until then.
    pub slow_ms: u64,
    pub slow_until_ms: u64,
    /// The process dies after so many more of its actions.
    pub dies_after: Option<u32>,
    pub pixels: BTreeMap<LeaseId, Vec<u64>>,
    pub checks: BTreeSet<LeaseId>,
    pub tick_ms: Option<u64>,
    /// Tile-passes rendered for delivery.
    pub tiles_rendered: u32,
    /// Pixels of the lease rendered last for delivery.
    pub last_pixels: Vec<u64>,
    /// The messages of the lease before, of a worker that sends them again.
    pub(crate) sent: Vec<Message>,
}

/// The key of an operator by its number.
pub fn operator_key(operator: u64) -> NodeKey {
    // An artist's key, as jobs have it.
    if let Some(job) = operator.checked_sub(REQUESTER) {
        return NodeKey([job as u8 + 1; 32]);
    }
    let mut key = [0; 32];
    key[..8].copy_from_slice(&scatter(operator + 1).to_le_bytes());
    NodeKey(key)
}

impl Node {
    pub fn new(spec: NodeSpec) -> Node {
        let core = Core::new(Config { slots: spec.devices, ..Config::default() });
        Node {
            spec,
            core,
            alive: true,
            life: 0,
            link: None,
            banned: false,
            asleep: false,
            stopped_until_ms: 0,
            stood_ms: 0,
            cut_up_until_ms: 0,
            cut_down_until_ms: 0,
            slow_ms: 0,
            slow_until_ms: 0,
            dies_after: None,
            pixels: BTreeMap::new(),
            checks: BTreeSet::new(),
            tick_ms: None,
            tiles_rendered: 0,
            last_pixels: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub fn key(&self) -> NodeKey {
        operator_key(self.spec.operator)
    }

    /// The process starts anew with nothing in memory.
    pub fn reborn(&mut self) {
        let born = Node::new(self.spec.clone());
        *self = Node {
            life: self.life + 1,
            asleep: self.asleep,
            cut_up_until_ms: self.cut_up_until_ms,
            cut_down_until_ms: self.cut_down_until_ms,
            slow_ms: self.slow_ms,
            slow_until_ms: self.slow_until_ms,
            ..born
        };
    }

    /// What its clock shows.
    pub fn clock_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.stood_ms) * self.spec.clock_permille / 1000
    }

    /// When its clock will show that.
    pub fn when_ms(&self, clock_ms: u64) -> u64 {
        (clock_ms.saturating_mul(1000) / self.spec.clock_permille).saturating_add(self.stood_ms + 1)
    }

    /// Remembers what it has rendered for delivery.
    pub fn rendered(&mut self, items: &[BlockPass], pixels: &[u64]) {
        self.tiles_rendered += tile_runs(items).len() as u32;
        self.last_pixels = pixels.to_vec();
    }

    /// Remembers what kind of lease it is given.
    pub fn note(&mut self, lease: LeaseId, work: &Work) {
        if let Work::Check(_) = work {
            self.checks.insert(lease);
        }
    }

    /// Milliseconds that a device takes for the blocks.
    pub fn render_ms(&self, items: &[BlockPass], check: bool) -> u64 {
        if !check && self.spec.cheat.rushes(self.tiles_rendered) {
            return 1;
        }
        let rays: u64 = items.iter().map(|block| picture::rays(block).total()).sum();
        rays / self.spec.speed.max(1) + 1
    }

    /// What the worker says that a check's blocks cost.
    pub fn rays_claimed(&self, items: &[BlockPass]) -> Rays {
        let claim = |count| self.spec.cheat.rays_claimed(count);
        let Rays { camera, bounce, shadow } = self.rays(items);
        Rays { camera: claim(camera), bounce: claim(bounce), shadow: claim(shadow) }
    }

    /// What its blocks cost.
    pub fn rays(&self, items: &[BlockPass]) -> Rays {
        let mut rays = Rays::default();
        items.iter().for_each(|block| rays += picture::rays(block));
        rays
    }
}

/// Where each tile-pass of a list of blocks begins and ends, for tiles of [`crate::farm::TILE_BLOCKS`] blocks' edge. Tile-passes
/// of a lease follow each other, blocks in grid order, so a new one starts where the frame, the samples or the tile changes.
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
