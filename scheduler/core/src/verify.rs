//! Commits, deliveries and checks: what a lease's answers do to its tile-passes, which blocks are drawn, who renders them
//! again. Who was wrong is judged elsewhere.

use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::lease::Checked;

use crate::accounting::OperatorId;
use crate::api::{CommittedTile, DeliveredTile, Effect, Evidence, HeldTile};
use crate::known::{blocks_asked, sort_answers};
use crate::leases::{LeaseWork, LentWork};
use crate::machine::Core;
use crate::policy::{self, Extent};
use crate::record::{Claim, Delivery, DrawnBlock, Landing, Proof, Record, TileCommit};
use crate::state::State;
use crate::tiles::{Checker, TileKey, TileLife};

/// Most rays of a kind that are counted for one answer; more cannot be meant.
const RAYS_MAX: u64 = 1 << 36;

/// The digest that stands for all block digests of a tile-pass, in grid order. Equal roots mean equal pixels.
pub fn tile_root(blocks: &[Digest]) -> Digest {
    let label: &[u8] = b"tessera tile 1\0";
    Digest::of_parts(std::iter::once(label).chain(blocks.iter().map(|block| block.0.as_slice())))
}

/// Random words that only the holder of the secret can foretell.
pub(crate) struct Words<'a> {
    secret: &'a [u8; 32],
    input: [u8; 56],
    words: [u64; 4],
    used: u64,
}

impl<'a> Words<'a> {
    pub(crate) fn new(secret: &'a [u8; 32], lease: LeaseId, at: u32, root: &Digest) -> Words<'a> {
        let mut input = [0; 56];
        input[..8].copy_from_slice(&lease.0.to_le_bytes());
        input[8..12].copy_from_slice(&at.to_le_bytes());
        input[12..44].copy_from_slice(&root.0);
        Words { secret, input, words: [0; 4], used: 0 }
    }

    fn next(&mut self) -> u64 {
        if self.used.is_multiple_of(4) {
            self.input[44..52].copy_from_slice(&self.used.to_le_bytes());
            let digest = Digest::keyed(self.secret, &self.input);
            for (word, bytes) in self.words.iter_mut().zip(digest.0.chunks_exact(8)) {
                *word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            }
        }
        self.used += 1;
        self.words[(self.used - 1) as usize % 4]
    }

    /// A number below `end`, which is far below 2^32.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        (self.next() % u64::from(end)) as u32
    }
}

/// `wanted` different numbers below `count`, ascending (Floyd's sampling).
pub(crate) fn draw(words: &mut Words<'_>, wanted: u32, count: u32) -> Vec<u32> {
    if wanted >= count {
        return (0..count).collect();
    }
    let mut drawn: Vec<u32> = Vec::with_capacity(wanted as usize);
    for end in count - wanted + 1..=count {
        let at = words.below(end);
        let at = if drawn.binary_search(&at).is_ok() { end - 1 } else { at };
        if let Err(place) = drawn.binary_search(&at) {
            drawn.insert(place, at);
        }
    }
    drawn
}

impl Core {
    /// The lease, if this worker's operator may answer it.
    pub(crate) fn answered(&self, worker: WorkerId, lease: LeaseId) -> Option<&LentWork> {
        let operator = self.state.workers.get(&worker)?.operator;
        self.state.leases.get(&lease).filter(|lent| lent.operator == operator)
    }

    pub(crate) fn committed(&mut self, worker: WorkerId, lease: LeaseId, commits: Vec<CommittedTile>) {
        let Some(lent) = self.answered(worker, lease) else { return };
        let LeaseWork::Render { tiles, commit: None } = &lent.work else { return };
        let entry = &self.state.jobs[&lent.job];
        let fits = commits.len() == tiles.len()
            && commits
                .iter()
                .zip(tiles)
                .all(|(commit, key)| commit.blocks.len() == entry.shape.blocks(*key) as usize);
        if !fits {
            return self.fail_lease(
                worker,
                lease,
                contradicts("its commit has another shape than the lease"),
            );
        }
        let record = policy::Record {
            clean: self.state.operators.conduct(lent.operator).clean,
            on_probation: self.probation_left(lent.operator, entry) > 0,
        };
        let checkers = self.two_checkers(entry).iter().any(|checker| *checker != lent.operator);
        let extent = policy::extent(&self.config, entry.spec.options.verify, record, checkers);
        let commits =
            commits.iter().enumerate().map(|(at, commit)| self.keep(extent, lease, at as u32, commit));
        let tiles = commits.collect();
        let holder = lent.worker;
        self.record(Record::Committed { lease, tiles });
        self.freed(holder, |session, now_ms| session.rendered(lease, now_ms));
    }

    /// Draws what is to be checked of a commit and keeps that and the root.
    fn keep(&self, extent: Extent, lease: LeaseId, at: u32, commit: &CommittedTile) -> TileCommit {
        let count = commit.blocks.len() as u32;
        let mut words = Words::new(&self.config.secret, lease, at, &commit.root);
        let wanted = match extent {
            Extent::Blocks(wanted) => wanted,
            Extent::Whole => count,
            Extent::Chance { ppm } => u32::from(words.below(1_000_000) < ppm),
        };
        let drawn = draw(&mut words, wanted, count);
        let drawn =
            drawn.into_iter().map(|at| DrawnBlock { at, digest: commit.blocks[at as usize] }).collect();
        let referee = words.below(1000) < self.config.referee_permille && self.referee_has_room(lease);
        TileCommit { root: commit.root, drawn, referee }
    }

    pub(crate) fn delivered(&mut self, worker: WorkerId, lease: LeaseId, arrived: Vec<DeliveredTile>) {
        let Some(lent) = self.answered(worker, lease) else {
            return self.effect(Effect::DeliveryIgnored { lease });
        };
        let LeaseWork::Render { tiles, commit: Some(commits) } = &lent.work else {
            return self.effect(Effect::DeliveryIgnored { lease });
        };
        let (job, holder, operator) = (lent.job, lent.worker, lent.operator);
        if arrived.len() != tiles.len() {
            self.effect(Effect::DeliveryIgnored { lease });
            return self.fail_lease(
                worker,
                lease,
                contradicts("it delivered another number of tiles than the lease has"),
            );
        }
        let unlike = commits.iter().zip(&arrived).position(|(commit, tile)| commit.root != tile.root);
        if let Some(at) = unlike {
            let pass = self.state.jobs[&job].pass(tiles[at]);
            self.effect(Effect::DeliveryIgnored { lease });
            return self.convict(operator, Evidence::PixelsUnlikeCommit { job, lease, pass });
        }
        let (tiles, mut commits) = (tiles.clone(), commits.clone());
        let rays: Vec<Rays> = arrived.iter().map(|tile| bounded(tile.rays)).collect();
        let suspect = self.time_delivery(job, lease, holder, &arrived, &mut commits).is_some();
        let landings = tiles.iter().zip(&commits).zip(&rays).map(|((key, commit), rays)| {
            match self.landing(job, *key, commit, operator, *rays) {
                // It vouches for nobody.
                Landing::Confirms { .. } if suspect => Landing::Spare,
                landing => landing,
            }
        });
        let landings: Vec<Landing> = landings.collect();
        let total = rays.iter().map(Rays::total).sum();
        self.freed(holder, |session, _| session.delivered(lease, total));
        self.record(Record::Delivered { lease, at_ms: self.now_ms, tiles: landings.clone() });
        self.land(job, lease, (holder, operator), tiles, commits, landings);
    }

    fn landing(
        &self,
        job: JobId,
        key: TileKey,
        commit: &TileCommit,
        operator: OperatorId,
        rays: Rays,
    ) -> Landing {
        let entry = &self.state.jobs[&job];
        match entry.open.get(&key) {
            Some(TileLife::Pending | TileLife::Leased { .. }) => Landing::Held { rays },
            Some(TileLife::Delivered { delivery, .. } | TileLife::Checking { delivery, .. }) => {
                match (delivery.commit.root == commit.root, delivery.operator == operator) {
                    (true, true) => Landing::Spare,
                    (true, false) if self.may_check(operator, entry) => Landing::Confirms { rays },
                    (true, false) => Landing::Spare,
                    (false, _) => Landing::Contests { rays },
                }
            }
            Some(TileLife::Disputed { .. }) | None => Landing::Spare,
        }
    }

    fn land(
        &mut self,
        job: JobId,
        lease: LeaseId,
        (worker, operator): (WorkerId, OperatorId),
        tiles: Vec<TileKey>,
        commits: Vec<TileCommit>,
        landings: Vec<Landing>,
    ) {
        let (mut unverified, mut confirmed, mut spare) = (Vec::new(), Vec::new(), Vec::new());
        let mut contests = Vec::new();
        for (at, ((key, commit), landing)) in tiles.into_iter().zip(commits).zip(landings).enumerate() {
            let at = at as u32;
            match landing {
                Landing::Held { .. } if commit.drawn.is_empty() => unverified.push(key),
                Landing::Held { .. } => {}
                Landing::Confirms { .. } => {
                    confirmed.push(key);
                    spare.push(HeldTile { at, pass: self.state.jobs[&job].pass(key) });
                }
                Landing::Spare => spare.push(HeldTile { at, pass: self.state.jobs[&job].pass(key) }),
                Landing::Contests { rays } => {
                    contests.push((key, Delivery { lease, at, worker, operator, commit, rays }));
                }
            }
        }
        if !spare.is_empty() {
            self.trials.settle(job, lease, spare.len() as u64);
            self.effect(Effect::Discard { lease, tiles: spare });
        }
        for (tile, delivery) in contests {
            self.dispute(job, tile, Claim::Delivery(delivery));
        }
        self.accept(job, unverified, Proof::Unverified);
        self.accept(job, confirmed, Proof::Operator(operator));
    }

    pub(crate) fn checked(&mut self, worker: WorkerId, answer: Checked) {
        let Some(lent) = self.answered(worker, answer.lease) else { return };
        if let LeaseWork::Referee { id, blocks } = lent.work {
            return self.request_answered(worker, answer, id, blocks);
        }
        let LeaseWork::Check { tiles, known } = &lent.work else { return };
        let (job, holder, operator) = (lent.job, lent.worker, lent.operator);
        let (tiles, known) = (tiles.clone(), known.clone());
        if answer.blocks.len() != blocks_asked(&tiles, &known) {
            return self.fail_lease(
                worker,
                answer.lease,
                contradicts("its check has another number of blocks than the lease"),
            );
        }
        let sorted = sort_answers(&tiles, &known, &answer.blocks);
        if !sorted.wrong.is_empty() {
            return self.caught_by_known(answer.lease, sorted.wrong);
        }
        let by = Checker::Worker(answer.lease);
        let (mut agreed, mut differing) = (Vec::new(), Vec::new());
        for (check, said) in sorted.owed {
            let Some(delivery) = self.under_check(job, check.tile, by) else { continue };
            let wrong = differences(&delivery.commit.drawn, said);
            match wrong.is_empty() {
                true => agreed.push(check.tile),
                false => differing.push((check.tile, wrong)),
            }
        }
        self.record(Record::Checked { lease: answer.lease, rays: bounded(answer.rays) });
        self.freed(holder, |session, now_ms| {
            session.rendered(answer.lease, now_ms);
            session.finish(answer.lease, now_ms);
        });
        for (tile, blocks) in differing {
            self.dispute(job, tile, Claim::Check { lease: answer.lease, operator, blocks });
        }
        self.accept(job, agreed, Proof::Operator(operator));
    }

    /// The delivery that this checker is checking still.
    pub(crate) fn under_check(&self, job: JobId, key: TileKey, checker: Checker) -> Option<&Delivery> {
        match self.state.jobs.get(&job)?.open.get(&key)? {
            TileLife::Checking { delivery, by, .. } if *by == checker => Some(delivery),
            _ => None,
        }
    }
}

impl State {
    pub(crate) fn commit(&mut self, lease: LeaseId, tiles: &[TileCommit]) {
        if let Some(LentWork { work: LeaseWork::Render { commit, .. }, .. }) = self.leases.get_mut(&lease) {
            *commit = Some(tiles.to_vec());
        }
    }

    pub(crate) fn checked(&mut self, lease: LeaseId, rays: Rays) {
        let Some(lent) = self.leases.remove(&lease) else { return };
        self.drop_holder(lent.job, lent.worker);
        let blocks = match &lent.work {
            LeaseWork::Render { .. } => return,
            LeaseWork::Check { tiles, known } => blocks_asked(tiles, known) as u64,
            LeaseWork::Referee { blocks, .. } => u64::from(*blocks),
        };
        if let Some(entry) = self.jobs.get_mut(&lent.job) {
            let account = entry.accounts.entry(lent.operator).or_default();
            account.checked += rays;
            account.blocks_checked += blocks;
        }
    }
}

/// The drawn blocks for which somebody says another digest, with what is said.
pub(crate) fn differences(drawn: &[DrawnBlock], said: &[Digest]) -> Vec<DrawnBlock> {
    let pairs = drawn.iter().zip(said).filter(|(drawn, said)| drawn.digest != **said);
    pairs.map(|(drawn, said)| DrawnBlock { at: drawn.at, digest: *said }).collect()
}

/// An answer that does not fit its lease is the worker's fault.
fn contradicts(reason: &str) -> Failure {
    Failure::new(FailureClass::Node, reason)
}

/// What somebody says of its rays, as far as it can be meant.
pub(crate) fn bounded(rays: Rays) -> Rays {
    let [camera, bounce, shadow] = [rays.camera, rays.bounce, rays.shadow].map(|count| count.min(RAYS_MAX));
    Rays { camera, bounce, shadow }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_different_blocks_and_all_alike_likely() {
        let secret = [7; 32];
        let mut counts = [0u32; 12];
        for lease in 0..3000 {
            let mut words = Words::new(&secret, LeaseId(lease), 3, &Digest([1; 32]));
            let drawn = draw(&mut words, 4, 12);
            assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]) && drawn.len() == 4 && drawn[3] < 12);
            drawn.iter().for_each(|at| counts[*at as usize] += 1);
        }
        // Binomial(3000, 1/3): 1000 with a standard deviation of 25.8; five of them either way.
        assert!(counts.iter().all(|count| (871..1130).contains(count)), "{counts:?}");
    }

    #[test]
    fn draws_depend_on_secret_lease_place_and_commit() {
        let words = |secret: u8, lease, at, root: u8| {
            Words::new(&[secret; 32], LeaseId(lease), at, &Digest([root; 32])).next()
        };
        let base = words(1, 2, 3, 4);
        assert_eq!(base, words(1, 2, 3, 4));
        for other in [words(9, 2, 3, 4), words(1, 9, 3, 4), words(1, 2, 9, 4), words(1, 2, 3, 9)] {
            assert_ne!(base, other);
        }
    }
}
