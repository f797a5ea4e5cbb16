//! What is right and who was wrong: acceptance of tile-passes, disputes, the referee's verdicts, and what a quarantine
//! undoes.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};

use crate::accounting::OperatorId;
use crate::api::{Effect, Evidence, HeldTile, Recipe, RefereeDigests, RefereeId, WrongBlock};
use crate::jobs::Acceptance;
use crate::leases::LentWork;
use crate::machine::Core;
use crate::overturn::proven_whole;
use crate::record::{Claim, Delivery, DrawnBlock, JobEnd, LeaseEnd, Proof, Record};
use crate::state::RefereeWork;
use crate::tiles::{Checker, TileKey, TileLife};
use crate::verify::{differences, tile_root};

/// Referee's failures in a row after which a job fails.
const REFEREE_FAILURES_MAX: u32 = 5;

impl Core {
    /// Accepts delivered tile-passes, and completes their frames and the job.
    pub(crate) fn accept(&mut self, job: JobId, tiles: Vec<TileKey>, by: Proof) {
        let Some(entry) = self.state.jobs.get(&job).filter(|_| !tiles.is_empty()) else { return };
        let mut held: BTreeMap<LeaseId, Vec<HeldTile>> = BTreeMap::new();
        let mut right: BTreeMap<LeaseId, (WorkerId, bool)> = BTreeMap::new();
        let (mut spare, mut makers) = (Vec::new(), BTreeSet::new());
        let (mut duplicates, mut frames) = (BTreeSet::new(), BTreeSet::new());
        for key in &tiles {
            let Some(life) = entry.open.get(key) else { continue };
            let Some(delivery) = life.delivery() else { continue };
            let pass = entry.pass(*key);
            if let TileLife::Disputed { claim, .. } = life
                && let Claim::Delivery(other) = &**claim
            {
                spare.push((other.lease, HeldTile { at: other.at, pass: pass.clone() }));
            }
            held.entry(delivery.lease).or_default().push(HeldTile { at: delivery.at, pass });
            if by != Proof::Unverified {
                let (_, whole) = right.entry(delivery.lease).or_insert((delivery.worker, false));
                *whole |= proven_whole(life, by, entry.shape.blocks(*key));
            }
            makers.insert(delivery.operator);
            duplicates.extend(life.duplicate());
            frames.insert(key.frame);
        }
        self.record(Record::Accepted { job, tiles, by });
        makers.into_iter().for_each(|maker| self.note_record(maker));
        for (lease, (worker, whole)) in right {
            self.found_right(worker, lease, whole);
        }
        for (lease, tiles) in held {
            self.trials.settle(job, lease, tiles.len() as u64);
            self.effect(Effect::Accept { job, lease, tiles });
        }
        for (lease, tile) in spare {
            self.effect(Effect::Discard { lease, tiles: vec![tile] });
        }
        self.complete(job, frames);
        for lease in duplicates {
            self.revoke_if_settled(lease);
        }
    }

    fn complete(&mut self, job: JobId, frames: BTreeSet<u32>) {
        let entry = &self.state.jobs[&job];
        let (tile_passes, frames_total) = (entry.shape.tile_passes, entry.spec.frames.len() as u32);
        let whole = frames.into_iter().filter_map(|frame| {
            let ledger = entry.ledgers.get(&frame).filter(|ledger| ledger.accepted == tile_passes)?;
            Some((entry.spec.frames[frame as usize], ledger.rays))
        });
        let whole: Vec<_> = whole.collect();
        let complete = entry.tiles_done == entry.tiles_total() && entry.running();
        let (all, rays) = (entry.tiles_done, entry.rays);
        for (frame, rays) in whole {
            self.effect(Effect::FrameComplete { job, frame, tile_passes, rays });
        }
        if complete {
            self.revoke_job(job);
            self.record(Record::JobCompleted { job, at_ms: self.now_ms });
            self.effect(Effect::JobComplete { job, frames: frames_total, tile_passes: all, rays });
            self.forget_jobs();
        }
    }

    /// Takes a lease back when everything it renders is accepted.
    fn revoke_if_settled(&mut self, lease: LeaseId) {
        let Some(lent) = self.state.leases.get(&lease).filter(|lent| lent.live()) else { return };
        let Some(entry) = self.state.jobs.get(&lent.job) else { return };
        if !lent.rendered().iter().any(|key| entry.open.contains_key(key)) {
            self.end_lease(lease, LeaseEnd::Revoked);
        }
    }

    /// Asks the referee who is right.
    pub(crate) fn dispute(&mut self, job: JobId, tile: TileKey, claim: Claim) {
        let id = RefereeId(self.state.next_referee.max(1));
        self.record(Record::Disputed { id, job, tile, claim });
        self.place_dispute(id);
    }

    /// Which blocks of a tile-pass the referee renders for a dispute.
    pub(crate) fn disputed_blocks(
        &self,
        job: JobId,
        tile: TileKey,
        id: RefereeId,
    ) -> Option<(&crate::jobs::Job, Vec<u32>)> {
        let entry = self.state.jobs.get(&job)?;
        match entry.open.get(&tile)? {
            TileLife::Disputed { claim, by, .. } if *by == id => Some((
                entry,
                match &**claim {
                    Claim::Check { blocks, .. } => blocks.iter().map(|block| block.at).collect(),
                    Claim::Delivery(_) => (0..entry.shape.blocks(tile)).collect(),
                },
            )),
            _ => None,
        }
    }

    /// The scheduler's own referee has answered.
    pub(crate) fn refereed(&mut self, id: RefereeId, outcome: Result<RefereeDigests, String>) {
        if !self.desk.holds(id) {
            self.answered_by(Proof::Referee, id, outcome);
        }
    }

    /// A request of the referee's has an answer, and `proof` is whose.
    pub(crate) fn answered_by(
        &mut self,
        proof: Proof,
        id: RefereeId,
        outcome: Result<RefereeDigests, String>,
    ) {
        let Some(work) = self.state.referee.get(&id).cloned() else { return };
        let job = work.job();
        let wanted = match &work {
            RefereeWork::Check { tiles, .. } => tiles.iter().map(|check| check.blocks as usize).sum(),
            RefereeWork::Dispute { tile, .. } => {
                self.disputed_blocks(job, *tile, id).map_or(0, |(_, ats)| ats.len())
            }
        };
        let outcome = outcome.and_then(|found| match found.blocks.len() == wanted {
            true => Ok(found),
            false => Err(format!("it answered {} blocks of {wanted}", found.blocks.len())),
        });
        let found = match outcome {
            Ok(found) => RefereeDigests { rays: crate::verify::bounded(found.rays), ..found },
            Err(reason) => return self.referee_failed(id, work, &reason),
        };
        self.referee.answered(id, found.rays.total());
        self.record(Record::RefereeDone { id, rays: found.rays });
        self.referee_failures.remove(&job);
        match work {
            RefereeWork::Check { tiles, .. } => self.referee_checked(proof, (job, id), tiles, &found.blocks),
            RefereeWork::Dispute { tile, .. } => self.verdict(proof, (job, id), tile, &found.blocks),
        }
    }

    /// The referee has an error for an answer. A job whose scenes it cannot render fails.
    fn referee_failed(&mut self, id: RefereeId, work: RefereeWork, reason: &str) {
        let job = work.job();
        self.inconclusive(id, work, reason, false);
        let failures = self.referee_failures.entry(job).or_default();
        *failures += 1;
        if *failures >= REFEREE_FAILURES_MAX {
            let reason: String = reason.chars().take(400).collect();
            let why = format!("the scheduler's referee could not render what is to be verified: {reason}");
            self.end_job(job, JobEnd::Failed(why));
        }
    }

    /// The referee has no answer, for lack of time if `late`: the tile-passes are rendered anew.
    pub(crate) fn inconclusive(&mut self, id: RefereeId, work: RefereeWork, reason: &str, late: bool) {
        let job = work.job();
        let tiles: Vec<TileKey> = match work {
            RefereeWork::Check { tiles, .. } => {
                let ours = |key: &TileKey| self.under_check(job, *key, Checker::Referee(id)).is_some();
                tiles.iter().map(|check| check.tile).filter(ours).collect()
            }
            RefereeWork::Dispute { tile, .. } => {
                self.disputed_blocks(job, tile, id).map(|_| tile).into_iter().collect()
            }
        };
        let (discarded, tile_passes) = (self.deliveries_of(job, &tiles), tiles.len() as u32);
        self.record(Record::Inconclusive { id, job, tiles, late });
        self.discard(discarded);
        self.effect(Effect::Inconclusive {
            id,
            job,
            tile_passes,
            reason: reason.chars().take(400).collect(),
        });
    }

    fn referee_checked(
        &mut self,
        proof: Proof,
        (job, id): (JobId, RefereeId),
        tiles: Vec<crate::leases::CheckTile>,
        blocks: &[Digest],
    ) {
        let (mut agreed, mut wrong, mut rest) = (Vec::new(), Vec::new(), blocks);
        for check in tiles {
            let (found, after) = rest.split_at(check.blocks as usize);
            rest = after;
            let Some(delivery) = self.under_check(job, check.tile, Checker::Referee(id)) else { continue };
            let differing = differences(&delivery.commit.drawn, found);
            match differing.is_empty() {
                true => agreed.push(check.tile),
                false => {
                    let evidence = self.wrong_pixels(proof, (job, check.tile), delivery, &differing, &[]);
                    wrong.push((delivery.operator, evidence));
                }
            }
        }
        for (operator, evidence) in wrong {
            self.convict(operator, evidence);
        }
        agreed.retain(|key| self.under_check(job, *key, Checker::Referee(id)).is_some());
        self.accept(job, agreed, proof);
    }

    /// What fixes the bits of a job's blocks.
    pub(crate) fn recipe(&self, job: JobId) -> Recipe {
        Recipe { package: self.state.jobs[&job].spec.package, kernel_version: self.config.kernel_version }
    }

    /// `checker`: what a worker that checked said of the same blocks, if one did.
    fn wrong_pixels(
        &self,
        proof: Proof,
        (job, tile): (JobId, TileKey),
        delivery: &Delivery,
        found: &[DrawnBlock],
        checker: &[DrawnBlock],
    ) -> Evidence {
        let wrong = found.iter().filter_map(|found| {
            let said = digest_at(&delivery.commit.drawn, found.at)?;
            Some(self.wrong_block(job, tile, found, said, digest_at(checker, found.at)))
        });
        let (lease, recipe, blocks) = (delivery.lease, self.recipe(job), wrong.collect());
        Evidence::WrongPixels { job, lease, recipe, blocks, judge: self.judge(proof) }
    }

    /// `right` is the block with the referee's digest.
    pub(crate) fn wrong_block(
        &self,
        job: JobId,
        tile: TileKey,
        right: &DrawnBlock,
        said: Digest,
        other: Option<Digest>,
    ) -> WrongBlock {
        let entry = &self.state.jobs[&job];
        let block = entry.shape.block(tile, right.at, entry.frame(tile));
        WrongBlock { block, said, other, referee: right.digest }
    }

    /// The referee has rendered what is in dispute: the right delivery is accepted, whoever was wrong is quarantined.
    fn verdict(&mut self, proof: Proof, (job, id): (JobId, RefereeId), tile: TileKey, found: &[Digest]) {
        let Some(entry) = self.state.jobs.get(&job) else { return };
        let Some(TileLife::Disputed { delivery, claim, by }) = entry.open.get(&tile) else { return };
        if *by != id {
            return;
        }
        let (delivery, claim, judge) = (delivery.clone(), claim.clone(), self.judge(proof));
        let (first_wrong, second_wrong) = match *claim {
            Claim::Check { lease, operator, blocks } => {
                let found: Vec<DrawnBlock> = blocks
                    .iter()
                    .zip(found)
                    .map(|(block, digest)| DrawnBlock { at: block.at, digest: *digest })
                    .collect();
                let committed = |at: u32| delivery.commit.drawn.iter().find(|drawn| drawn.at == at);
                let first = found.iter().filter(|block| committed(block.at) != Some(*block)).copied();
                let first: Vec<DrawnBlock> = first.collect();
                let second = blocks.iter().zip(&found).filter(|(said, found)| said.digest != found.digest);
                let second = second.map(|(said, found)| {
                    let other = digest_at(&delivery.commit.drawn, said.at);
                    self.wrong_block(job, tile, found, said.digest, other)
                });
                let second: Vec<WrongBlock> = second.collect();
                let first_wrong = (!first.is_empty())
                    .then(|| self.wrong_pixels(proof, (job, tile), &delivery, &first, &blocks));
                let recipe = self.recipe(job);
                let second_wrong = (!second.is_empty()).then_some((
                    operator,
                    Evidence::WrongCheck { job, lease, recipe, blocks: second, judge },
                ));
                (first_wrong, second_wrong)
            }
            Claim::Delivery(other) => {
                let referee = tile_root(found);
                let recipe = self.recipe(job);
                let wrong = |held: &Delivery, beside: &Delivery| {
                    let (lease, pass, said) = (held.lease, entry.pass(tile), held.commit.root);
                    let other = beside.commit.root;
                    let evidence =
                        Evidence::WrongTile { job, lease, recipe, pass, said, other, referee, judge };
                    (said != referee).then_some(evidence)
                };
                let second_wrong = wrong(&other, &delivery).map(|evidence| (other.operator, evidence));
                (wrong(&delivery, &other), second_wrong)
            }
        };
        // Judged before accepted: the job may complete with this tile-pass, and would be reopened at once.
        let right = first_wrong.is_none();
        let wrong = first_wrong.map(|evidence| (delivery.operator, evidence)).into_iter().chain(second_wrong);
        for (operator, evidence) in wrong {
            self.convict(operator, evidence);
        }
        if right && self.holds(job, tile, &delivery) {
            self.accept(job, vec![tile], proof);
        }
    }

    /// Whether the tile-pass still rests on this delivery.
    fn holds(&self, job: JobId, tile: TileKey, delivery: &Delivery) -> bool {
        let life = self.state.jobs.get(&job).and_then(|entry| entry.open.get(&tile));
        life.and_then(TileLife::delivery) == Some(delivery)
    }

    /// Puts delivered tile-passes back into the queue and drops their pixels.
    fn requeue(&mut self, job: JobId, tiles: Vec<TileKey>) {
        if tiles.is_empty() || !self.state.jobs.contains_key(&job) {
            return;
        }
        let discarded = self.deliveries_of(job, &tiles);
        self.record(Record::Requeued { job, tiles });
        self.discard(discarded);
    }

    /// The pixels that the shell holds of tile-passes.
    pub(crate) fn deliveries_of(&self, job: JobId, tiles: &[TileKey]) -> Vec<(LeaseId, HeldTile)> {
        let Some(entry) = self.state.jobs.get(&job) else { return Vec::new() };
        let mut held = Vec::new();
        for key in tiles {
            let Some(life) = entry.open.get(key) else { continue };
            let claimed = claimed_delivery(life);
            for delivery in life.delivery().into_iter().chain(claimed) {
                held.push((delivery.lease, HeldTile { at: delivery.at, pass: entry.pass(*key) }));
            }
        }
        held
    }

    pub(crate) fn discard(&mut self, held: Vec<(LeaseId, HeldTile)>) {
        for (lease, tile) in held {
            self.effect(Effect::Discard { lease, tiles: vec![tile] });
        }
    }

    /// An operator was wrong, as a renderer or as a checker.
    pub(crate) fn convict(&mut self, operator: OperatorId, evidence: Evidence) {
        match evidence {
            Evidence::WrongCheck { .. } | Evidence::WrongKnown { .. } => self.overrule(operator, evidence),
            _ => self.quarantine(operator, evidence),
        }
    }

    /// A checker was wrong: it checks nothing more, and nothing rests on its word any longer. What it rendered stays: that is
    /// judged by others' checks.
    fn overrule(&mut self, operator: OperatorId, evidence: Evidence) {
        if self.state.operators.operator(operator).overruled.is_some() {
            return;
        }
        self.record(Record::Overruled { operator, evidence: evidence.clone() });
        let checks = |(id, lease): (&LeaseId, &LentWork)| {
            (lease.operator == operator && lease.rendered().is_empty()).then_some(*id)
        };
        let leases: Vec<_> = self.state.leases.iter().filter_map(checks).collect();
        for lease in leases {
            self.end_lease(lease, LeaseEnd::Revoked);
        }
        for job in self.overturnable_jobs() {
            self.overturn(job, |accepted| accepted.proof.operator() == Some(operator));
        }
        let operator = self.state.operators.key(operator);
        self.effect(Effect::Overruled { operator, evidence });
    }

    pub(crate) fn overturnable_jobs(&self) -> Vec<JobId> {
        self.state.jobs.iter().filter(|(_, job)| job.overturnable()).map(|(id, _)| *id).collect()
    }

    /// A result of an operator was wrong: it gets nothing more, and nothing rests on it any longer. The first time that is
    /// taken for a fault, again within [`crate::Config::fraud_tiles`] for fraud.
    fn quarantine(&mut self, operator: OperatorId, evidence: Evidence) {
        if self.state.operators.quarantined(operator) {
            return;
        }
        let conduct = self.state.operators.conduct(operator);
        let since = conduct.delivered - conduct.delivered_when_wrong;
        let fraud = conduct.wrong > 0 && since <= self.config.fraud_tiles;
        let at_ms = self.now_ms;
        self.record(Record::Quarantined { operator, evidence: evidence.clone(), at_ms, fraud });
        let workers = self.cast_out(operator);
        let key = self.state.operators.key(operator);
        self.effect(Effect::Quarantined { operator: key, workers, evidence, fraud });
    }

    /// What the operator delivered is rendered anew; what it contradicted waits for another check.
    pub(crate) fn undo_deliveries(&mut self, job: JobId, operator: OperatorId) {
        let entry = &self.state.jobs[&job];
        let (mut requeued, mut returned, mut discarded) = (Vec::new(), Vec::new(), Vec::new());
        for (key, life) in &entry.open {
            let Some(delivery) = life.delivery() else { continue };
            if delivery.operator == operator {
                requeued.push(*key);
            } else if let TileLife::Disputed { claim, .. } = life {
                match &**claim {
                    Claim::Check { operator: checker, .. } if *checker == operator => returned.push(*key),
                    Claim::Delivery(other) if other.operator == operator => {
                        returned.push(*key);
                        discarded.push((other.lease, HeldTile { at: other.at, pass: entry.pass(*key) }));
                    }
                    _ => {}
                }
            }
        }
        self.requeue(job, requeued);
        if !returned.is_empty() {
            self.record(Record::CheckReturned { job, at_ms: self.now_ms, tiles: returned });
        }
        for (lease, tile) in discarded {
            self.effect(Effect::Discard { lease, tiles: vec![tile] });
        }
    }

    /// Tiles of which a pass is in doubt are rendered anew with all their passes; a completed job runs again.
    pub(crate) fn overturn(&mut self, job: JobId, doubtful_pass: impl Fn(&Acceptance) -> bool) {
        let entry = &self.state.jobs[&job];
        let mut doubtful = BTreeSet::new();
        for (frame, ledger) in &entry.ledgers {
            for (index, accepted) in ledger.entries.iter().enumerate() {
                if accepted.as_ref().is_some_and(&doubtful_pass) {
                    doubtful.insert((*frame, index as u32 % entry.shape.tiles));
                }
            }
        }
        let (mut tiles, mut resets) = (Vec::new(), Vec::new());
        for (frame, index) in doubtful {
            let key = TileKey { frame, index };
            tiles.extend(entry.shape.passes_of(key).filter(|pass| entry.accepted(*pass).is_some()));
            resets.push((entry.frame(key), entry.shape.tile(key)));
        }
        if tiles.is_empty() {
            return;
        }
        self.record(Record::Overturned { job, tiles });
        for (frame, tile) in resets {
            self.effect(Effect::ResetTile { job, frame, tile });
        }
    }

    /// Requests of which no tile-pass waits any more are withdrawn.
    pub(crate) fn drop_idle_referee_work(&mut self) {
        let idle = |(id, work): (&RefereeId, &RefereeWork)| {
            let wanted = match work {
                RefereeWork::Check { job, tiles } => tiles
                    .iter()
                    .any(|check| self.under_check(*job, check.tile, Checker::Referee(*id)).is_some()),
                RefereeWork::Dispute { job, tile } => self.disputed_blocks(*job, *tile, *id).is_some(),
            };
            (!wanted).then_some(*id)
        };
        let ids: Vec<_> = self.state.referee.iter().filter_map(idle).collect();
        for id in ids {
            self.record(Record::RefereeDone { id, rays: Rays::default() });
            self.withdraw(id);
        }
    }
}

fn digest_at(blocks: &[DrawnBlock], at: u32) -> Option<Digest> {
    blocks.iter().find(|block| block.at == at).map(|block| block.digest)
}

pub(crate) fn claimed_delivery(life: &TileLife) -> Option<&Delivery> {
    match life {
        TileLife::Disputed { claim, .. } => match &**claim {
            Claim::Delivery(delivery) => Some(delivery),
            Claim::Check { .. } => None,
        },
        _ => None,
    }
}
