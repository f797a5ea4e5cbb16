//! Known blocks: what the referee has rendered of a job is asked once more, of a checker and among the blocks that it owes
//! an answer for. Does not know what becomes of a checker that answers them wrongly.
//!
//! A checker is told no digest, so it cannot confirm without rendering or being told by the renderer. One that makes answers
//! up contradicts honest work, each time at the cost of the referee's rays and of a tile's delay; a known block convicts it
//! at once and for nothing. So they catch checkers that answer garbage, answer from another frame or from memory, or were
//! told by a colluding renderer and make up the rest. They do not catch a checker that renders honestly whatever its
//! accomplices did not deliver: against that stand the draws and the referee's share.
//!
//! Nothing in a lease tells them from the rest. The unit is a tile-pass with the blocks once drawn of it, as many as of the
//! others; all are in one order, that of frame, pass and tile; each is asked once, so that checkers cannot find one by
//! comparing what they were asked; and never of who rendered or checked the tile-pass. That a known one is older than the
//! rest remains, and is little: they come from the latest of the same job.

use std::collections::VecDeque;

use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::lease::BlockPass;

use crate::accounting::OperatorId;
use crate::api::Evidence;
use crate::jobs::Job;
use crate::leases::{CheckTile, LeaseWork};
use crate::machine::Core;
use crate::record::{Delivery, DrawnBlock, Proof, Record};
use crate::state::State;
use crate::tiles::{Checker, TileKey};
use crate::verify::Words;

/// Most tile-passes of a job's pool.
pub const KNOWN_TILES_MAX: usize = 64;
/// Most blocks of a job's pool, and of what is mixed into one lease. A tile-pass of more never becomes known.
pub const KNOWN_BLOCKS_MAX: usize = 1024;

/// A tile-pass and blocks of it with the digests that the referee found.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct KnownTile {
    pub tile: TileKey,
    /// Who delivered it.
    pub operator: OperatorId,
    /// In grid order.
    pub drawn: Vec<DrawnBlock>,
}

/// A job's known tile-passes, oldest first. They go when they are asked, and when the pool is full.
#[derive(Clone, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct KnownPool(VecDeque<KnownTile>);

impl KnownPool {
    /// Enters a delivery of which the referee found every drawn block right.
    pub fn add(&mut self, tile: TileKey, delivery: &Delivery) {
        let (operator, drawn) = (delivery.operator, &delivery.commit.drawn);
        if drawn.is_empty() || drawn.len() > KNOWN_BLOCKS_MAX {
            return;
        }
        self.0.retain(|known| known.tile != tile);
        self.0.push_back(KnownTile { tile, operator, drawn: drawn.clone() });
        while self.0.len() > KNOWN_TILES_MAX || self.blocks() > KNOWN_BLOCKS_MAX {
            self.0.pop_front();
        }
    }

    /// Oldest first.
    pub fn tiles(&self) -> impl Iterator<Item = &KnownTile> {
        self.0.iter()
    }

    /// Blocks of all of it.
    pub fn blocks(&self) -> usize {
        self.0.iter().map(|known| known.drawn.len()).sum()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn take(&mut self, tile: TileKey) -> Option<KnownTile> {
        let at = self.0.iter().position(|known| known.tile == tile)?;
        self.0.remove(at)
    }
}

/// Blocks that a check lease asks for.
pub fn blocks_asked(owed: &[CheckTile], known: &[KnownTile]) -> usize {
    let owed: usize = owed.iter().map(|check| check.blocks as usize).sum();
    owed + known.iter().map(|known| known.drawn.len()).sum::<usize>()
}

/// A known block that was answered wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongAnswer {
    pub tile: TileKey,
    pub right: DrawnBlock,
    pub said: Digest,
}

/// A check's answers, sorted by what they answer.
pub(crate) struct Answers<'a> {
    pub owed: Vec<(CheckTile, &'a [Digest])>,
    pub wrong: Vec<WrongAnswer>,
}

/// `said` has as many digests as [`blocks_asked`], in the lease's order: by tile-pass.
pub(crate) fn sort_answers<'a>(owed: &[CheckTile], known: &[KnownTile], said: &'a [Digest]) -> Answers<'a> {
    let owed = owed.iter().map(|check| (check.tile, check.blocks as usize, Err(*check)));
    let known = known.iter().map(|known| (known.tile, known.drawn.len(), Ok(known)));
    let mut asked: Vec<_> = owed.chain(known).collect();
    asked.sort_by_key(|(tile, ..)| *tile);
    let (mut answers, mut rest) = (Answers { owed: Vec::new(), wrong: Vec::new() }, said);
    for (tile, blocks, known) in asked {
        let (said, after) = rest.split_at(blocks);
        rest = after;
        match known {
            Err(check) => answers.owed.push((check, said)),
            Ok(known) => {
                let wrong = known.drawn.iter().zip(said).filter(|(right, said)| right.digest != **said);
                let wrong = wrong.map(|(right, said)| WrongAnswer { tile, right: *right, said: *said });
                answers.wrong.extend(wrong);
            }
        }
    }
    answers
}

/// Whether the operator has not seen the tile-pass: it neither rendered nor checked what is accepted of it.
fn is_new_to(entry: &Job, known: &KnownTile, operator: OperatorId) -> bool {
    let elsewhere = entry
        .accepted(known.tile)
        .is_some_and(|accepted| accepted.by != operator && accepted.proof.operator() != Some(operator));
    elsewhere && known.operator != operator
}

impl Core {
    /// What is mixed into a check lease of so many owed tile-passes.
    pub(crate) fn draw_known(
        &self,
        worker: WorkerId,
        job: JobId,
        lease: LeaseId,
        owed: usize,
    ) -> Vec<TileKey> {
        let (entry, operator) = (&self.state.jobs[&job], self.sessions[&worker].operator);
        // No commit has this place, so that the words are not those of a draw.
        let mut words = Words::new(&self.config.secret, lease, u32::MAX, &entry.spec.package);
        let wanted = (0..owed).filter(|_| words.below(1000) < self.config.known_permille).count();
        let mut left: Vec<_> =
            entry.known.tiles().filter(|known| is_new_to(entry, known, operator)).collect();
        let (mut drawn, mut blocks) = (Vec::new(), 0);
        while drawn.len() < wanted && !left.is_empty() {
            let known = left.swap_remove(words.below(left.len() as u32) as usize);
            blocks += known.drawn.len();
            if blocks > KNOWN_BLOCKS_MAX {
                break;
            }
            drawn.push(known.tile);
        }
        drawn
    }

    /// Rays that known tile-passes are expected to take.
    pub(crate) fn known_rays(&self, job: JobId, tiles: &[TileKey]) -> u64 {
        let entry = &self.state.jobs[&job];
        let known = entry.known.tiles().filter(|known| tiles.contains(&known.tile));
        known.map(|known| entry.cost_of_blocks(known.tile, known.drawn.len())).sum()
    }

    /// The blocks of a check that was just lent, known ones among them.
    pub(crate) fn blocks_to_check(&self, lease: LeaseId) -> Vec<BlockPass> {
        let Some(lent) = self.state.leases.get(&lease) else { return Vec::new() };
        let LeaseWork::Check { tiles, known } = &lent.work else { return Vec::new() };
        let entry = &self.state.jobs[&lent.job];
        let owed = tiles.iter().filter_map(|check| {
            let delivery = entry.open.get(&check.tile)?.delivery()?;
            Some((check.tile, delivery.commit.drawn.as_slice()))
        });
        let known = known.iter().map(|known| (known.tile, known.drawn.as_slice()));
        let mut asked: Vec<_> = owed.chain(known).collect();
        asked.sort_by_key(|(tile, _)| *tile);
        let blocks =
            asked.into_iter().flat_map(|(tile, drawn)| drawn.iter().map(move |drawn| (tile, drawn.at)));
        blocks.map(|(tile, at)| entry.shape.block(tile, at, entry.frame(tile))).collect()
    }

    /// A checker was wrong about known blocks: nothing that it says in the lease counts.
    pub(crate) fn caught_by_known(&mut self, lease: LeaseId, wrong: Vec<WrongAnswer>) {
        let Some(lent) = self.state.leases.get(&lease) else { return };
        let (job, holder, operator) = (lent.job, lent.worker, lent.operator);
        let blocks =
            wrong.iter().map(|wrong| self.wrong_block(job, wrong.tile, &wrong.right, wrong.said, None));
        let (recipe, blocks) = (self.recipe(job), blocks.collect());
        let proof = wrong.first().and_then(|wrong| self.state.jobs[&job].accepted(wrong.tile));
        let judge = self.judge(proof.map_or(Proof::Referee, |accepted| accepted.proof));
        self.record(Record::CheckVoid { lease, at_ms: self.now_ms });
        self.freed(holder, |session, now_ms| {
            session.rendered(lease, now_ms);
            session.finish(lease, now_ms);
        });
        self.convict(operator, Evidence::WrongKnown { job, lease, recipe, blocks, judge });
    }
}

impl State {
    pub(crate) fn mix_known(&mut self, lease: LeaseId, tiles: &[TileKey]) {
        let Some(lent) = self.leases.get_mut(&lease) else { return };
        let Some(entry) = self.jobs.get_mut(&lent.job) else { return };
        if let LeaseWork::Check { known, .. } = &mut lent.work {
            known.extend(tiles.iter().filter_map(|tile| entry.known.take(*tile)));
        }
    }

    pub(crate) fn void_check(&mut self, lease: LeaseId, at_ms: u64) {
        let Some(lent) = self.leases.remove(&lease) else { return };
        self.drop_holder(lent.job, lent.worker);
        let LeaseWork::Check { tiles, .. } = lent.work else { return };
        let Some(entry) = self.jobs.get_mut(&lent.job) else { return };
        for check in tiles {
            entry.return_check(check.tile, Checker::Worker(lease), at_ms, false);
        }
        self.reorder(lent.job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TileCommit;
    use tessera_shared::film::Rays;

    fn drawn(at: u32, byte: u8) -> DrawnBlock {
        DrawnBlock { at, digest: Digest([byte; 32]) }
    }

    fn delivery(drawn: Vec<DrawnBlock>) -> Delivery {
        let commit = TileCommit { root: Digest([0; 32]), drawn, referee: true };
        let (lease, worker, operator) = (LeaseId(1), WorkerId(1), OperatorId(3));
        Delivery { lease, at: 0, worker, operator, commit, rays: Rays::default() }
    }

    fn key(index: u32) -> TileKey {
        TileKey { frame: 0, index }
    }

    #[test]
    fn the_pool_keeps_the_latest_and_each_tile_pass_once() {
        let mut pool = KnownPool::default();
        for index in 0..KNOWN_TILES_MAX as u32 + 5 {
            pool.add(key(index), &delivery(vec![drawn(0, 1)]));
        }
        pool.add(key(5), &delivery(vec![drawn(7, 2)]));
        pool.add(key(900), &delivery(Vec::new()));
        let tiles: Vec<u32> = pool.tiles().map(|known| known.tile.index).collect();
        assert_eq!((tiles.len(), tiles[0], tiles[63]), (KNOWN_TILES_MAX, 6, 5));
        assert_eq!(pool.take(key(5)).map(|known| known.drawn), Some(vec![drawn(7, 2)]));
        assert_eq!(pool.take(key(5)), None);
        let half = (0..KNOWN_BLOCKS_MAX as u32 / 2 + 1).map(|at| drawn(at, 1)).collect::<Vec<_>>();
        pool.add(key(1), &delivery(half.clone()));
        pool.add(key(2), &delivery(half));
        assert_eq!(pool.tiles().map(|known| known.tile).collect::<Vec<_>>(), [key(2)]);
    }

    #[test]
    fn answers_are_in_the_order_of_tile_passes() {
        let owed = [CheckTile { tile: key(4), blocks: 1 }, CheckTile { tile: key(2), blocks: 2 }];
        let known =
            [KnownTile { tile: key(3), operator: OperatorId(0), drawn: vec![drawn(5, 30), drawn(6, 31)] }];
        assert_eq!(blocks_asked(&owed, &known), 5);
        let said = [20, 21, 30, 99, 40].map(|byte| Digest([byte; 32]));
        let answers = sort_answers(&owed, &known, &said);
        assert_eq!(answers.owed, [(owed[1], &said[..2]), (owed[0], &said[4..])]);
        assert_eq!(answers.wrong, [WrongAnswer { tile: key(3), right: drawn(6, 31), said: said[3] }]);
    }
}
