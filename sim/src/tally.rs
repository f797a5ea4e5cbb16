//! Counts what cheats got away with and what checking cost, beside the machine: nothing here reaches it.

use tessera_scheduler_core::Config;
use tessera_scheduler_core::api::JobSpec;
use tessera_scheduler_core::odds::{Checkers, Sampling};
use tessera_shared::ids::{LeaseId, NodeKey};
use tessera_shared::lease::{BlockPass, TilePass, Work};
use tessera_shared::messages::Verify;

use crate::cheats::Cheat;
use crate::farm::Farm;
use crate::picture;
use crate::shell::blocks;
use crate::world::{Happening, World};

/// Distance of a sybil's keys.
const SYBILS: u64 = 1 << 16;

/// Sums over one simulation, or over many.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub farms: u64,
    /// Farms whose jobs all completed.
    pub complete: u64,
    /// Wrong blocks that arrived as committed, that were accepted at any time, and that the finished images have.
    pub forged: u64,
    pub accepted: u64,
    pub survived: u64,
    /// Tile-passes with wrong blocks that arrived as committed.
    pub tiles_forged: u64,
    /// Wrong blocks expected to be accepted at most: each tile-pass's, times the probability that its check does not expose it.
    pub bound: f64,
    /// Variance of the number that the bound expects, as if tile-passes were independent.
    pub variance: f64,
    /// Keys that were convicted; those of honest workers among them.
    pub convicted: u64,
    pub honest_convicted: u64,
    /// Rays of the images, of everything that arrived, of checks by workers, of the referee.
    pub rays_needed: u64,
    pub rays_delivered: u64,
    pub rays_checked: u64,
    pub rays_refereed: u64,
    /// Rays that workers claimed for checks.
    pub rays_claimed: u64,
    /// Blocks of checks by workers, and those that fell to workers that vouch for forgers.
    pub checks: u64,
    pub checks_vouched: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.farms += other.farms;
        self.complete += other.complete;
        self.forged += other.forged;
        self.accepted += other.accepted;
        self.survived += other.survived;
        self.tiles_forged += other.tiles_forged;
        self.bound += other.bound;
        self.variance += other.variance;
        self.convicted += other.convicted;
        self.honest_convicted += other.honest_convicted;
        self.rays_needed += other.rays_needed;
        self.rays_delivered += other.rays_delivered;
        self.rays_checked += other.rays_checked;
        self.rays_refereed += other.rays_refereed;
        self.rays_claimed += other.rays_claimed;
        self.checks += other.checks;
        self.checks_vouched += other.checks_vouched;
    }
}

impl Tally {
    /// Rays of checks over rays of the images.
    pub fn overhead(&self) -> f64 {
        (self.rays_checked + self.rays_refereed) as f64 / self.rays_needed.max(1) as f64
    }

    /// Rays of the referee over rays of the images.
    pub fn refereed(&self) -> f64 {
        self.rays_refereed as f64 / self.rays_needed.max(1) as f64
    }

    /// Rays delivered beyond those of the images, over those: forgeries, duplicates, late answers.
    pub fn wasted(&self) -> f64 {
        self.rays_delivered.saturating_sub(self.rays_needed) as f64 / self.rays_needed.max(1) as f64
    }

    /// Tile-passes of a delivery that was taken, by the worker at this place.
    pub(crate) fn delivered<'a>(
        &mut self,
        farm: &Farm,
        node: usize,
        spec: &JobSpec,
        tiles: impl Iterator<Item = (TilePass, &'a Vec<u64>)>,
    ) {
        let honest = farm.checkers(node).honest();
        for (pass, pixels) in tiles {
            let items = blocks(spec, &pass);
            self.rays_delivered += rays(&items);
            let wrong = wrong_blocks(&items, pixels);
            if wrong > 0 {
                let drawn = sampling(spec.options.verify).draws(items.len() as u32, wrong as u32);
                let unexposed = 1.0 - honest * drawn;
                self.forged += wrong;
                self.tiles_forged += 1;
                self.bound += unexposed * wrong as f64;
                self.variance += unexposed * (1.0 - unexposed) * (wrong * wrong) as f64;
            }
        }
    }
}

/// Rays of these blocks.
pub(crate) fn rays(items: &[BlockPass]) -> u64 {
    items.iter().map(|item| picture::rays(item).total()).sum()
}

/// How many of the blocks are wrong.
pub(crate) fn wrong_blocks(items: &[BlockPass], pixels: &[u64]) -> u64 {
    items.iter().zip(pixels).filter(|(item, pixels)| picture::pixels(item) != **pixels).count() as u64
}

/// What a policy draws of a tile-pass past probation, at least.
pub fn sampling(verify: Verify) -> Sampling {
    Sampling::of(verify, &Config::new([0; 32]))
}

impl Farm {
    /// Who checks what this worker delivers: those of other operators that vouch for it, by their share of the others'
    /// capacity, and the referee.
    pub fn checkers(&self, node: usize) -> Checkers {
        let forger = &self.nodes[node];
        let others = || self.nodes.iter().filter(|other| other.operator != forger.operator);
        let capacity = |nodes: &mut dyn Iterator<Item = &crate::node::NodeSpec>| -> f64 {
            nodes.map(|node| (node.speed * u64::from(node.devices)) as f64).sum()
        };
        let all = capacity(&mut others());
        let vouching = capacity(&mut others().filter(|other| other.cheat.vouches_for(forger.cheat)));
        let colluding = if all > 0.0 { vouching / all } else { 0.0 };
        Checkers { colluding, trusted: f64::from(self.config.referee_permille) / 1000.0 }
    }
}

impl World {
    /// What is wrong at the end, and that whoever was caught has no part in it.
    pub(crate) fn count_wrong(&mut self) {
        let state = self.core.state();
        for (job, pass, by) in self.shell.wrong() {
            let out = |operator| state.operators.quarantined(operator);
            let caught = |key: &NodeKey| state.operators.find(key).is_some_and(out);
            match state.jobs.get(&job).filter(|entry| entry.overturnable()) {
                None if caught(&by) => self.outcome.wrong_archived += 1,
                None => self.outcome.wrong_survived += 1,
                Some(entry) => {
                    let accepted = entry.key_of(pass).and_then(|key| entry.accepted(key));
                    let accepted = accepted.expect("it is in the film");
                    let voucher = accepted.proof.operator().map(|operator| state.operators.key(operator));
                    let vouched = accepted.whole && voucher.is_some_and(|key| !caught(&key));
                    assert!(vouched || !caught(&by), "{job} {pass:?} is wrong and its maker was caught");
                    self.outcome.wrong_survived += 1;
                }
            }
        }
    }

    /// What a delivery adds if it is taken.
    pub(crate) fn counted_delivery(&self, node: usize, lease: LeaseId, tiles: &[Vec<u64>]) -> Tally {
        let mut counted = Tally::default();
        if let Some(lent) = self.core.state().leases.get(&lease)
            && let Some(job) = self.core.state().jobs.get(&lent.job)
        {
            let passes = lent.rendered().iter().map(|key| job.pass(*key)).zip(tiles);
            counted.delivered(&self.farm, node, &job.spec, passes);
        }
        counted
    }

    /// A check that a worker is given.
    pub(crate) fn count_check(&mut self, node: usize, work: &Work) {
        let Work::Check(items) = work else { return };
        let tally = &mut self.outcome.tally;
        let cheat = self.nodes[node].spec.cheat;
        tally.checks += items.len() as u64;
        tally.rays_checked += rays(items);
        if cheat.colludes() || cheat == Cheat::Copier {
            tally.checks_vouched += items.len() as u64;
        }
    }

    /// What is known only at the end.
    pub(crate) fn close_tally(&mut self) {
        let tally = &mut self.outcome.tally;
        tally.farms = 1;
        tally.complete = u64::from(self.outcome.jobs_ended == 0);
        tally.accepted = self.shell.blocks_wrong_accepted;
        tally.survived = self.shell.blocks_wrong_survived();
        tally.rays_needed = self.shell.rays_accepted();
        let honest = |node: &&crate::node::Node| node.spec.cheat == Cheat::Honest;
        let convicted = |node: &&crate::node::Node| self.shell.quarantined.contains(&node.key());
        tally.honest_convicted = self.nodes.iter().filter(honest).filter(convicted).count() as u64;
    }

    /// A sybil's next key; it dials again a little later.
    pub(crate) fn new_key(&mut self, node: usize) {
        let worker = &mut self.nodes[node];
        if !worker.spec.new_keys {
            return;
        }
        worker.spec.operator += SYBILS;
        worker.reborn();
        let life = worker.life;
        let delay_ms = self.random.between(200, 2_000);
        self.at(self.now_ms + delay_ms, Happening::Dial { node, life });
    }
}
