//! A job's own books: its cursor over tile-passes never lent, the queue of returned ones, those in hand, and what each
//! frame has accepted. Knows no worker's pace and chooses nobody.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tessera_shared::film::Rays;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, WorkerId};
use tessera_shared::lease::TilePass;

use crate::accounting::{Account, OperatorId, rays_less};
use crate::api::JobSpec;
use crate::credits::Credits;
use crate::failures::{Failures, Logged};
use crate::known::KnownPool;
use crate::overturn::proven_whole;
use crate::record::{Delivery, JobEnd, Proof};
use crate::tiles::{Checker, Shape, TileKey, TileLife};

/// Where a job is.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub enum Phase {
    /// Its blobs are not all here.
    Uploading,
    Running,
    Completed {
        at_ms: u64,
    },
    Ended {
        at_ms: u64,
        end: JobEnd,
    },
}

/// Who an accepted tile-pass rests on, so that it can be overturned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Acceptance {
    pub by: OperatorId,
    pub worker: WorkerId,
    /// The lease whose delivery it is: the shell finds its pixels by it.
    pub lease: LeaseId,
    pub proof: Proof,
    pub rays: Rays,
    /// Somebody other than its maker has rendered all of its blocks to the same digests.
    pub whole: bool,
}

/// What a frame has accepted.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Ledger {
    pub accepted: u32,
    pub rays: Rays,
    /// By tile-pass index.
    pub entries: Vec<Option<Acceptance>>,
}

/// A job.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Job {
    pub spec: JobSpec,
    pub shape: Shape,
    pub submitted_ms: u64,
    pub phase: Phase,
    /// A lease of it was granted once.
    pub started: bool,
    /// Tile-passes lent at least once, as a count over all frames: the rest are pending.
    pub cursor: u64,
    pub returned: BTreeSet<TileKey>,
    /// Tile-passes before the cursor that are not accepted.
    pub open: BTreeMap<TileKey, TileLife>,
    /// Delivered tile-passes whose check another operator may do, oldest first.
    pub owed: BTreeSet<(u64, TileKey)>,
    /// Delivered tile-passes whose check is the referee's.
    pub owed_referee: BTreeSet<TileKey>,
    /// Blocks of `owed`.
    pub owed_blocks: u64,
    pub failures: BTreeMap<TileKey, Failures>,
    /// The last failures, oldest first.
    pub log: VecDeque<Logged>,
    /// By frame index; frames with nothing accepted have none.
    pub ledgers: BTreeMap<u32, Ledger>,
    /// By frame index: what is kept of finished frames' ledgers when the job has ended.
    pub credits: BTreeMap<u32, Credits>,
    /// By frame index: tile-passes that were accepted and overturned.
    pub overturned: BTreeMap<u32, u64>,
    pub frames_done: u32,
    pub tiles_done: u64,
    pub samples_done: u64,
    pub samples_total: u64,
    pub rays: Rays,
    pub accounts: BTreeMap<OperatorId, Account>,
    /// Leases in hand by worker.
    pub holders: BTreeMap<WorkerId, u32>,
    /// Rays of the referee's answers.
    pub rays_refereed: u64,
    pub known: KnownPool,
    /// How often it ran again after it had completed.
    pub reopened: u32,
    /// Nothing more of it is lent.
    pub paused: bool,
    /// Nothing of it is lent before these have completed.
    pub waits_for: BTreeSet<JobId>,
    /// When it last was lent of, or could be for the first time.
    pub waiting_since_ms: u64,
}

impl Job {
    /// The caller has checked that the specification has a shape.
    pub fn new(spec: JobSpec, shape: Shape, at_ms: u64) -> Job {
        let pixels = u64::from(shape.grid.width_px) * u64::from(shape.grid.height_px);
        let samples_of_frame = pixels * u64::from(shape.samples);
        Job {
            submitted_ms: at_ms,
            phase: Phase::Uploading,
            started: false,
            cursor: 0,
            returned: BTreeSet::new(),
            open: BTreeMap::new(),
            owed: BTreeSet::new(),
            owed_referee: BTreeSet::new(),
            owed_blocks: 0,
            failures: BTreeMap::new(),
            log: VecDeque::new(),
            ledgers: BTreeMap::new(),
            credits: BTreeMap::new(),
            overturned: BTreeMap::new(),
            frames_done: 0,
            tiles_done: 0,
            samples_done: 0,
            samples_total: samples_of_frame.saturating_mul(spec.frames.len() as u64),
            rays: Rays::default(),
            accounts: BTreeMap::new(),
            holders: BTreeMap::new(),
            rays_refereed: 0,
            known: KnownPool::default(),
            reopened: 0,
            paused: false,
            waits_for: BTreeSet::new(),
            waiting_since_ms: at_ms,
            spec,
            shape,
        }
    }

    pub fn running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether anything of it may be lent to be rendered.
    pub fn lendable(&self) -> bool {
        self.running() && !self.paused && self.waits_for.is_empty()
    }

    pub fn completed(&self) -> bool {
        matches!(self.phase, Phase::Completed { .. })
    }

    pub fn ended(&self) -> bool {
        matches!(self.phase, Phase::Completed { .. } | Phase::Ended { .. })
    }

    /// Tile-passes of the whole job.
    pub fn tiles_total(&self) -> u64 {
        u64::from(self.shape.tile_passes) * self.spec.frames.len() as u64
    }

    pub fn frame(&self, key: TileKey) -> FrameNumber {
        self.spec.frames[key.frame as usize]
    }

    pub fn pass(&self, key: TileKey) -> TilePass {
        self.shape.pass(key, self.frame(key))
    }

    /// The tile-pass at a count over all frames.
    pub fn key_at(&self, count: u64) -> TileKey {
        let of_frame = u64::from(self.shape.tile_passes);
        TileKey { frame: (count / of_frame) as u32, index: (count % of_frame) as u32 }
    }

    fn count_of(&self, key: TileKey) -> u64 {
        u64::from(key.frame) * u64::from(self.shape.tile_passes) + u64::from(key.index)
    }

    /// Tile-passes that wait to be lent.
    pub fn pending(&self) -> u64 {
        self.tiles_total() - self.cursor + self.returned.len() as u64
    }

    /// Tile-passes that were accepted, then doubted.
    pub fn tiles_overturned(&self) -> u64 {
        self.overturned.values().sum()
    }

    /// Rays of checks: of the referee's, and of the workers' as they say.
    pub fn rays_checked(&self) -> u64 {
        self.rays_refereed + self.accounts.values().map(|account| account.checked.total()).sum::<u64>()
    }

    pub fn accepted(&self, key: TileKey) -> Option<&Acceptance> {
        self.ledgers.get(&key.frame)?.entries.get(key.index as usize)?.as_ref()
    }

    /// The accepted tile-passes of a frame.
    pub fn accepted_of(&self, frame: u32) -> impl Iterator<Item = TileKey> + '_ {
        let entries = self.ledgers.get(&frame).into_iter().flat_map(|ledger| &ledger.entries);
        (0..)
            .zip(entries)
            .filter(|(_, entry)| entry.is_some())
            .map(move |(index, _)| TileKey { frame, index })
    }

    /// The next tile-passes to lend, in order, returned ones of earlier frames first.
    pub fn queue(&self) -> impl Iterator<Item = TileKey> + '_ {
        let fresh = (self.cursor..self.tiles_total()).map(|count| self.key_at(count));
        self.returned.iter().copied().chain(fresh)
    }

    /// Rays that a tile-pass is expected to take: the job's own mean, and before there is one, eight a sample.
    pub fn cost(&self, key: TileKey) -> u64 {
        let samples = self.shape.pixel_samples(key);
        match self.samples_done {
            0 => samples * 8,
            done => (u128::from(samples) * u128::from(self.rays.total()) / u128::from(done)).max(1) as u64,
        }
    }

    /// Rays that so many blocks of a tile-pass are expected to take.
    pub fn cost_of_blocks(&self, key: TileKey, blocks: usize) -> u64 {
        (u128::from(self.cost(key)) * blocks as u128 / u128::from(self.shape.blocks(key))) as u64
    }

    /// Takes the tile-pass out of the pending ones, whichever they are in.
    pub fn take(&mut self, key: TileKey) {
        let fresh = self.count_of(key) >= self.cursor;
        match fresh {
            true => self.cursor = self.count_of(key) + 1,
            false => drop(self.returned.remove(&key)),
        }
    }

    /// Puts a tile-pass in hand back into the queue. Returns the delivery it had.
    pub fn put_back(&mut self, key: TileKey) -> Option<Delivery> {
        let life = self.replace(key, TileLife::Pending)?;
        self.returned.insert(key);
        life.delivery().cloned()
    }

    /// A check that came to nothing is owed again, if it is still this one, by the referee alone if `to_referee`.
    pub fn return_check(&mut self, key: TileKey, checker: Checker, since_ms: u64, to_referee: bool) {
        if let Some(TileLife::Checking { mut delivery, duplicate, by }) = self.open.get(&key).cloned()
            && by == checker
        {
            delivery.commit.referee |= to_referee;
            self.replace(key, TileLife::Delivered { delivery, duplicate, since_ms });
        }
    }

    /// Sets a tile-pass's life and keeps the lists of owed checks in step. Returns the life before.
    pub fn replace(&mut self, key: TileKey, life: TileLife) -> Option<TileLife> {
        let owed = match &life {
            TileLife::Delivered { delivery, since_ms, .. } => {
                Some((*since_ms, delivery.commit.referee, delivery.commit.drawn.len() as u64))
            }
            _ => None,
        };
        let before = self.open.insert(key, life);
        if before == Some(TileLife::Pending) {
            self.returned.remove(&key);
        }
        self.settle_owed(key, before.as_ref());
        match owed {
            Some((_, true, _)) => drop(self.owed_referee.insert(key)),
            Some((since_ms, false, blocks)) => {
                self.owed.insert((since_ms, key));
                self.owed_blocks += blocks;
            }
            None => {}
        }
        before
    }

    fn settle_owed(&mut self, key: TileKey, before: Option<&TileLife>) {
        if let Some(TileLife::Delivered { delivery, since_ms, .. }) = before {
            match delivery.commit.referee {
                true => drop(self.owed_referee.remove(&key)),
                false => {
                    self.owed.remove(&(*since_ms, key));
                    self.owed_blocks -= delivery.commit.drawn.len() as u64;
                }
            }
        }
    }

    /// Moves a delivered tile-pass to its frame's ledger.
    pub fn accept(&mut self, key: TileKey, proof: Proof) {
        let Some(life) = self.open.remove(&key) else { return };
        self.settle_owed(key, Some(&life));
        let Some(delivery) = life.delivery() else { return };
        self.failures.remove(&key);
        if proof.refereed() && matches!(life, TileLife::Checking { by: Checker::Referee(_), .. }) {
            self.known.add(key, delivery);
        }
        let whole = proven_whole(&life, proof, self.shape.blocks(key));
        let entry = Acceptance {
            by: delivery.operator,
            worker: delivery.worker,
            lease: delivery.lease,
            proof,
            rays: delivery.rays,
            whole,
        };
        let size = self.shape.tile_passes as usize;
        let ledger = self.ledgers.entry(key.frame).or_insert_with(|| Ledger {
            accepted: 0,
            rays: Rays::default(),
            entries: vec![None; size],
        });
        ledger.entries[key.index as usize] = Some(entry);
        ledger.accepted += 1;
        ledger.rays += entry.rays;
        if ledger.accepted == self.shape.tile_passes {
            self.frames_done += 1;
        }
        self.tiles_done += 1;
        self.samples_done += self.shape.pixel_samples(key);
        self.rays += entry.rays;
        let account = self.accounts.entry(entry.by).or_default();
        account.tiles += 1;
        account.rendered += entry.rays;
    }

    /// Moves an accepted tile-pass that is in doubt back to the queue.
    pub fn overturn(&mut self, key: TileKey) -> Option<Acceptance> {
        let entry = self.take_back(key)?;
        *self.overturned.entry(key.frame).or_default() += 1;
        Some(entry)
    }

    /// Moves an accepted tile-pass back to the queue.
    pub fn take_back(&mut self, key: TileKey) -> Option<Acceptance> {
        let ledger = self.ledgers.get_mut(&key.frame)?;
        let entry = ledger.entries.get_mut(key.index as usize)?.take()?;
        if ledger.accepted == self.shape.tile_passes {
            self.frames_done -= 1;
        }
        ledger.accepted -= 1;
        rays_less(&mut ledger.rays, entry.rays);
        self.tiles_done -= 1;
        self.samples_done -= self.shape.pixel_samples(key);
        rays_less(&mut self.rays, entry.rays);
        let account = self.accounts.entry(entry.by).or_default();
        account.tiles -= 1;
        rays_less(&mut account.rendered, entry.rays);
        self.open.insert(key, TileLife::Pending);
        self.returned.insert(key);
        Some(entry)
    }

    /// Drops everything that only a running job needs. A completed job keeps its ledgers until it is archived.
    pub fn end(&mut self, phase: Phase) {
        // What is taken up again later, as a conviction does, is not held back by an order that was about its first life.
        self.paused = false;
        self.phase = phase;
        self.returned.clear();
        self.open.clear();
        self.owed.clear();
        self.owed_referee.clear();
        self.owed_blocks = 0;
        self.failures.clear();
        self.trim_log();
        if !matches!(self.phase, Phase::Completed { .. }) {
            self.drop_ledgers();
        }
        self.holders.clear();
        self.known.clear();
    }
}

/// A lease no longer holds the tile-pass.
pub(crate) fn release(entry: &mut Job, key: TileKey, lease: LeaseId) {
    let life = match entry.open.get(&key).cloned() {
        Some(TileLife::Leased { lease: first, duplicate }) if first == lease => match duplicate {
            Some(other) => TileLife::Leased { lease: other, duplicate: None },
            None => return drop(entry.put_back(key)),
        },
        Some(TileLife::Leased { lease: first, duplicate }) if duplicate == Some(lease) => {
            TileLife::Leased { lease: first, duplicate: None }
        }
        Some(TileLife::Delivered { delivery, duplicate, since_ms }) if duplicate == Some(lease) => {
            TileLife::Delivered { delivery, duplicate: None, since_ms }
        }
        Some(TileLife::Checking { delivery, duplicate, by }) if duplicate == Some(lease) => {
            TileLife::Checking { delivery, duplicate: None, by }
        }
        _ => return,
    };
    entry.replace(key, life);
}
