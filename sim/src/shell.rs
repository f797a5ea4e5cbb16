//! The scheduler's shell as the simulator has it: pixels held, films stitched, and the checks of what the core says about
//! them.

use std::collections::{BTreeMap, BTreeSet};

use tessera_scheduler_core::accounting::Standing;
use tessera_scheduler_core::api::{Effect, Evidence, HeldTile, JobSpec};
use tessera_scheduler_core::jobs::{Job, Phase};
use tessera_scheduler_core::state::State;
use tessera_scheduler_core::tiles::TileKey;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, TileIndex};
use tessera_shared::lease::{BlockPass, TilePass};

use crate::checkers::Checker;
use crate::picture;
use crate::storage::Storage;
use crate::tally::{rays, wrong_blocks};

/// One delivered tile-pass.
#[derive(Clone, Debug)]
pub struct Delivered {
    pub job: JobId,
    pub pixels: Vec<u64>,
    pub by: NodeKey,
    /// A planted bug: a bit flips when they are added to the film.
    pub flipped: bool,
}

/// A job's films.
#[derive(Debug)]
pub struct Films {
    spec: JobSpec,
    sums: BTreeMap<(FrameNumber, u16, u16), u64>,
    accepted: BTreeMap<TilePass, Acceptance>,
    frames_complete: BTreeSet<FrameNumber>,
    pub complete: bool,
    pub ended: bool,
}

#[derive(Clone, Copy, Debug)]
struct Acceptance {
    by: NodeKey,
    wrong: u64,
}

/// What the shell holds.
#[derive(Debug, Default)]
pub struct Shell {
    pub held: BTreeMap<LeaseId, BTreeMap<u32, Delivered>>,
    pub films: BTreeMap<JobId, Films>,
    pub quarantined: BTreeSet<NodeKey>,
    /// Those that lost the right to check.
    pub overruled: BTreeSet<NodeKey>,
    /// How often a complete job had a tile reset.
    pub jobs_reopened: u64,
    pub tiles_reset: u64,
    /// Wrong tile-passes ever accepted, those rendered anew later included; and their wrong blocks.
    pub wrong_accepted: u64,
    pub blocks_wrong_accepted: u64,
}

/// The blocks of a tile-pass in grid order.
pub fn blocks(spec: &JobSpec, pass: &TilePass) -> Vec<BlockPass> {
    let blocks = spec.settings.grid.tile_blocks(pass.tile).map(|block| BlockPass {
        frame: pass.frame,
        block,
        sample_start: pass.sample_start,
        sample_end: pass.sample_end,
    });
    blocks.collect()
}

impl Shell {
    pub fn open(&mut self, job: JobId, spec: JobSpec) {
        let films = Films {
            spec,
            sums: BTreeMap::new(),
            accepted: BTreeMap::new(),
            frames_complete: BTreeSet::new(),
            complete: false,
            ended: false,
        };
        self.films.insert(job, films);
    }

    /// Tile-passes whose pixels are here.
    pub fn held_count(&self) -> u64 {
        self.held.values().map(|lease| lease.len() as u64).sum()
    }

    /// A new process: what is held and what is in films, as the state names it and the disk has it. Returns what the disk has
    /// not. Pixels that nobody needs go.
    pub fn recover(&mut self, state: &State, storage: &Storage) -> Vec<(JobId, TilePass)> {
        self.held.clear();
        let (mut lost, mut wanted) = (Vec::new(), BTreeSet::new());
        for (job, pass, delivery) in state.deliveries_held() {
            let by = state.operators.key(delivery.operator);
            match storage.pixels(delivery.lease, &pass) {
                Some(pixels) => {
                    let held = self.held.entry(delivery.lease).or_default();
                    held.insert(delivery.at, Delivered { job, pixels, by, flipped: false });
                }
                None => lost.push((job, pass.clone())),
            }
            wanted.insert((delivery.lease, pass));
        }
        // A job whose artist got no answer before the crash is one all the same.
        for (job, entry) in &state.jobs {
            if !self.films.contains_key(job) {
                self.open(*job, entry.spec.clone());
            }
        }
        for (job, films) in &mut self.films {
            let entry = state.jobs.get(job);
            Checker::Durability.demand(entry.is_some(), || format!("{job} was submitted and is not known"));
            let Some(entry) = entry else { continue };
            for (lease, pass, by) in films.begin_anew(*job, entry, state) {
                match storage.pixels(lease, &pass) {
                    Some(pixels) => {
                        films.add(&pass, Delivered { job: *job, pixels, by, flipped: false });
                    }
                    None => lost.push((*job, pass.clone())),
                }
                wanted.insert((lease, pass));
            }
            if lost.is_empty() {
                films.finish(*job, entry);
            }
        }
        storage.keep(|held| wanted.contains(&(held.lease, held.pass.clone())));
        // Who is out by order was not caught.
        let caught = |standing: &Standing| {
            !matches!(standing, Standing::Good | Standing::Banned(Evidence::Ordered { .. }))
        };
        let out = state.operators.all().iter().filter(|operator| caught(&operator.standing));
        self.quarantined.extend(out.map(|operator| operator.key));
        let overruled = state.operators.all().iter().filter(|operator| operator.overruled.is_some());
        self.overruled.extend(overruled.map(|operator| operator.key));
        lost
    }

    /// Adds a held tile-pass to its film and keeps it held: a planted bug.
    pub fn accept_twice(&mut self, job: JobId, lease: LeaseId, tile: &HeldTile) {
        let delivered = self.held[&lease][&tile.at].clone();
        self.films.get_mut(&job).expect("a known job").add(&tile.pass, delivered);
    }

    /// Flips a bit of a held tile-pass that is right: a planted bug.
    pub fn flip_bit(&mut self, lease: LeaseId, tile: &HeldTile) {
        if let Some(delivered) = self.held.get_mut(&lease).and_then(|held| held.get_mut(&tile.at)) {
            delivered.flipped = true;
        }
    }

    /// Carries out what concerns pixels and checks that it may be so.
    pub fn carry_out(&mut self, effect: &Effect) {
        match effect {
            Effect::Accept { job, lease, tiles } => {
                for tile in tiles {
                    let delivered = self.take(*lease, tile);
                    let films = self.films.get_mut(job).expect("an accepted tile of a known job");
                    let wrong = films.add(&tile.pass, delivered);
                    self.wrong_accepted += u64::from(wrong > 0);
                    self.blocks_wrong_accepted += wrong;
                }
            }
            Effect::Discard { lease, tiles } => tiles.iter().for_each(|tile| drop(self.take(*lease, tile))),
            Effect::ResetTile { job, frame, tile } => {
                self.tiles_reset += 1;
                let films = self.films.get_mut(job).expect("a known job");
                assert!(!films.ended, "{job} was cancelled or failed and is rendered anew");
                self.jobs_reopened += u64::from(std::mem::take(&mut films.complete));
                films.reset(*frame, *tile);
            }
            Effect::FrameComplete { job, frame, tile_passes, .. } => {
                let films = self.films.get_mut(job).expect("a known job");
                let accepted = films.accepted.keys().filter(|pass| pass.frame == *frame).count();
                assert_eq!(accepted, *tile_passes as usize, "{job} {frame} is said to be complete");
                films.frames_complete.insert(*frame);
            }
            Effect::JobComplete { job, frames, tile_passes, .. } => {
                self.complete(*job, *frames, *tile_passes)
            }
            Effect::JobEnded { job } => {
                let films = self.films.get_mut(job).expect("a known job");
                assert!(!films.complete && !films.ended, "{job} ends twice");
                films.ended = true;
                self.held.values_mut().for_each(|lease| lease.retain(|_, delivered| delivered.job != *job));
                self.held.retain(|_, lease| !lease.is_empty());
            }
            Effect::Quarantined { operator, .. } => drop(self.quarantined.insert(*operator)),
            Effect::Overruled { operator, .. } => drop(self.overruled.insert(*operator)),
            Effect::DeliveryIgnored { .. }
            | Effect::Banned { .. }
            | Effect::SettleFilms { .. }
            | Effect::RefereeRequest { .. }
            | Effect::RefereeCancel { .. }
            | Effect::TooFast { .. }
            | Effect::Inconclusive { .. } => {}
        }
    }

    /// Tile-passes of complete jobs that are wrong, and who made them.
    pub fn wrong(&self) -> impl Iterator<Item = (JobId, &TilePass, NodeKey)> {
        let complete = self.films.iter().filter(|(_, films)| films.complete);
        complete.flat_map(|(job, films)| {
            let wrong = films.accepted.iter().filter(|(_, accepted)| accepted.wrong > 0);
            wrong.map(|(pass, accepted)| (*job, pass, accepted.by))
        })
    }

    /// Wrong blocks of the complete jobs' images.
    pub fn blocks_wrong_survived(&self) -> u64 {
        let complete = self.films.values().filter(|films| films.complete);
        complete.flat_map(|films| films.accepted.values()).map(|accepted| accepted.wrong).sum()
    }

    /// Rays of everything that is accepted.
    pub fn rays_accepted(&self) -> u64 {
        let of =
            |films: &Films| films.accepted.keys().map(|pass| rays(&blocks(&films.spec, pass))).sum::<u64>();
        self.films.values().map(of).sum()
    }

    fn take(&mut self, lease: LeaseId, tile: &HeldTile) -> Delivered {
        let fail = || Checker::HeldPixels.fail(format!("tile {} of {lease} is not held", tile.at));
        let Some(held) = self.held.get_mut(&lease) else { fail() };
        let Some(taken) = held.remove(&tile.at) else { fail() };
        if held.is_empty() {
            self.held.remove(&lease);
        }
        taken
    }

    fn complete(&mut self, job: JobId, frames: u32, tile_passes: u64) {
        let films = self.films.get_mut(&job).expect("a known job");
        assert!(!films.complete && !films.ended, "{job} ends twice");
        assert_eq!(films.frames_complete.len(), frames as usize, "{job} is complete, its frames are not");
        assert_eq!(films.accepted.len() as u64, tile_passes, "{job} is complete, its tile-passes are not");
        films.complete = true;
        if films.accepted.values().all(|accepted| accepted.wrong == 0) {
            films.check_image(job);
        }
    }
}

impl Films {
    /// Returns how many blocks are wrong.
    fn add(&mut self, pass: &TilePass, delivered: Delivered) -> u64 {
        let items = blocks(&self.spec, pass);
        assert_eq!(items.len(), delivered.pixels.len(), "{pass:?} has another number of blocks");
        let wrong = wrong_blocks(&items, &delivered.pixels);
        let before = self.accepted.insert(pass.clone(), Acceptance { by: delivered.by, wrong });
        Checker::AcceptedTwice.demand(before.is_none(), || format!("{pass:?} by its pixels"));
        for (item, pixels) in items.iter().zip(delivered.pixels) {
            let sum = self.sums.entry((item.frame, item.block.x, item.block.y)).or_default();
            *sum = sum.wrapping_add(pixels ^ u64::from(delivered.flipped));
        }
        wrong
    }

    /// Forgets what a crash takes, and names what is accepted: lease, tile-pass and maker. The films of an archived job are
    /// final once they were complete.
    fn begin_anew(&mut self, job: JobId, entry: &Job, state: &State) -> Vec<(LeaseId, TilePass, NodeKey)> {
        let archived = matches!(entry.phase, Phase::Completed { .. }) && !entry.overturnable();
        if archived {
            Checker::LostTile
                .demand(self.complete, || format!("{job} is archived and its films are not saved"));
            return Vec::new();
        }
        self.sums.clear();
        self.accepted.clear();
        self.frames_complete.clear();
        let mut accepted = Vec::new();
        for (frame, ledger) in entry.ledgers.iter().filter(|_| entry.overturnable()) {
            for (index, made) in (0..).zip(&ledger.entries) {
                let Some(made) = made else { continue };
                let pass = entry.pass(TileKey { frame: *frame, index });
                accepted.push((made.lease, pass, state.operators.key(made.by)));
            }
        }
        accepted
    }

    /// What follows from the pixels that are there again.
    fn finish(&mut self, job: JobId, entry: &Job) {
        let passes = entry.shape.tile_passes as usize;
        for frame in &entry.spec.frames {
            if self.accepted.keys().filter(|pass| pass.frame == *frame).count() == passes {
                self.frames_complete.insert(*frame);
            }
        }
        self.complete = matches!(entry.phase, Phase::Completed { .. });
        self.ended = matches!(entry.phase, Phase::Ended { .. });
        if self.complete {
            let (here, all) = (self.accepted.len() as u64, entry.tiles_total());
            Checker::LostTile
                .demand(here == all, || format!("{job} is complete with {here} of {all} tile-passes"));
        }
        if self.complete && self.accepted.values().all(|accepted| accepted.wrong == 0) {
            self.check_image(job);
        }
    }

    fn reset(&mut self, frame: FrameNumber, tile: TileIndex) {
        for block in self.spec.settings.grid.tile_blocks(tile) {
            self.sums.remove(&(frame, block.x, block.y));
        }
        self.accepted.retain(|pass, _| pass.frame != frame || pass.tile != tile);
        self.frames_complete.remove(&frame);
    }

    /// Every block's sum equals that of all its samples at once.
    fn check_image(&self, job: JobId) {
        let (across, down) = self.spec.settings.grid.blocks();
        for frame in &self.spec.frames {
            for (x, y) in (0..down).flat_map(|y| (0..across).map(move |x| (x as u16, y as u16))) {
                let block = tessera_shared::grid::BlockAt { x, y };
                let whole = BlockPass {
                    frame: *frame,
                    block,
                    sample_start: 0,
                    sample_end: self.spec.settings.samples,
                };
                let right = self.sums.get(&(*frame, x, y)) == Some(&picture::pixels(&whole));
                Checker::Image.demand(right, || format!("{job} {frame} ({x}, {y})"));
            }
        }
    }
}
