//! Bugs to plant between the core and the checkers, so that each checker is shown to fail. A scenario without one is
//! untouched.

use tessera_scheduler_core::api::{DeliveredTile, Effect};
use tessera_scheduler_core::jobs::Phase;
use tessera_scheduler_core::record::{Record, Term};
use tessera_scheduler_core::tiles::TileKey;
use tessera_scheduler_core::{Core, Output};
use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, LeaseId};
use tessera_shared::messages::ToWorker;

use crate::world::World;

/// A bug, each of which one checker must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An accepted tile-pass is added to its film again.
    AcceptsTwice,
    /// An accepted tile-pass is lent again.
    RendersAgain,
    /// A crash takes the pixels of an accepted tile-pass that was durable.
    LosesPixels,
    /// A lease goes to another worker as well.
    LendsTwice,
    /// A lease goes to a job whose owner has received far more than the one whose turn it is.
    PassesOver,
    /// Leases are granted and never sent.
    NeverLends,
    /// A process that starts takes a running job for complete.
    CompletesEarly,
    /// A record is left out.
    OmitsRecord,
    /// A snapshot lacks what happened last.
    StaleSnapshot,
    /// What is to be dropped is kept.
    KeepsDiscarded,
    /// A bit of an accepted pixel flips in the film.
    FlipsBit,
    /// Messages leave before the records are durable.
    ActsEarly,
    /// Pixels that arrive are taken for others.
    MistakesPixels,
    /// A lease goes to a worker that is drained.
    LendsToDrained,
    /// A lease goes to a job that is paused.
    LendsPaused,
    /// A lease goes to a job that was cancelled.
    LendsCancelled,
}

impl World {
    fn planted(&self, bug: Bug) -> bool {
        self.farm.bug == Some(bug)
    }

    /// Changes what the core decides, as a bug in it would.
    pub(crate) fn tamper(&mut self, output: &mut Output) {
        match self.farm.bug {
            Some(Bug::OmitsRecord) => {
                let accepted =
                    output.records.iter().position(|record| matches!(record, Record::Accepted { .. }));
                accepted.map(|at| output.records.remove(at));
            }
            Some(Bug::RendersAgain) => {
                let accepted = output.records.iter().find_map(|record| match record {
                    Record::Accepted { job, tiles, .. } => Some((*job, tiles.clone())),
                    _ => None,
                });
                let worker = self.process.lines.keys().next().copied();
                if let (Some((job, tiles)), Some(worker)) = (accepted, worker) {
                    let term = Term { granted_ms: 0, expected_ms: 1, expires_ms: 1 };
                    let lease = LeaseId(1 << 40);
                    output.records.push(Record::Granted { lease, worker, job, term, tiles });
                }
            }
            Some(Bug::LendsTwice) => {
                let lent =
                    output.messages.iter().find(|sent| matches!(sent.message, ToWorker::Lease(_))).cloned();
                let other = |lent: &tessera_scheduler_core::api::Outbound| {
                    self.process.lines.keys().find(|worker| **worker != lent.worker).copied()
                };
                if let Some(mut lent) = lent
                    && let Some(worker) = other(&lent)
                {
                    lent.worker = worker;
                    output.messages.push(lent);
                }
            }
            Some(Bug::PassesOver) => self.pass_over(output),
            Some(Bug::LendsToDrained | Bug::LendsPaused | Bug::LendsCancelled) => self.disobey(output),
            _ => {}
        }
    }

    /// Gives a lease to whom, or of what, nothing is to be lent.
    fn disobey(&self, output: &mut Output) {
        let state = self.core.state();
        let mut drained = state.workers.iter();
        let drained = drained.find(|(_, worker)| state.is_drained(worker.operator, &worker.hello.name));
        let paused = state.jobs.iter().find(|(_, entry)| entry.paused && entry.queue().next().is_some());
        let ended = state.jobs.iter().find(|(_, entry)| matches!(entry.phase, Phase::Ended { .. }));
        for record in &mut output.records {
            let Record::Granted { worker, job, tiles, .. } = record else { continue };
            if let Some((drained, _)) = drained.filter(|_| self.planted(Bug::LendsToDrained)) {
                *worker = *drained;
            }
            if let Some((paused, entry)) = paused.filter(|_| self.planted(Bug::LendsPaused)) {
                (*job, *tiles) = (*paused, entry.queue().take(1).collect());
            }
            if let Some((ended, _)) = ended.filter(|_| self.planted(Bug::LendsCancelled)) {
                (*job, *tiles) = (*ended, vec![TileKey { frame: 0, index: 0 }]);
            }
        }
    }

    /// Gives a lease of one job to one whose owner has twice as much.
    fn pass_over(&self, output: &mut Output) {
        let (state, now_ms) = (self.core.state(), self.clock_ms());
        let shares = &state.service.shares;
        let received = |job: &JobId| {
            let owner = state.jobs.get(job).and_then(|entry| shares.find(&entry.spec.owner));
            owner.map_or(0, |owner| shares.received(owner, now_ms))
        };
        for record in &mut output.records {
            let Record::Granted { job, tiles, .. } = record else { continue };
            let richer = state.service.jobs().find(|other| received(other) > 2 * received(job));
            if let Some((richer, tile)) = richer.and_then(|job| Some((job, state.jobs[&job].queue().next()?)))
            {
                (*job, *tiles) = (richer, vec![tile]);
                return;
            }
        }
    }

    /// Whether an effect is left out, or done in another way.
    pub(crate) fn tampered_effect(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Discard { .. } => self.planted(Bug::KeepsDiscarded),
            Effect::Accept { job, lease, tiles } if self.planted(Bug::AcceptsTwice) => {
                self.shell.accept_twice(*job, *lease, &tiles[0]);
                false
            }
            Effect::Accept { lease, tiles, .. } if self.planted(Bug::FlipsBit) => {
                self.shell.flip_bit(*lease, &tiles[0]);
                false
            }
            _ => false,
        }
    }

    pub(crate) fn tamper_with_delivery(&mut self, tiles: &mut [DeliveredTile]) {
        if self.planted(Bug::MistakesPixels)
            && let Some(tile) = tiles.first_mut()
        {
            tile.root = Digest::of(b"other pixels");
        }
    }

    /// Nobody waits for the disk.
    pub(crate) fn hasty(&self) -> bool {
        self.planted(Bug::ActsEarly)
    }

    pub(crate) fn never_lends(&self) -> bool {
        self.planted(Bug::NeverLends)
    }

    /// Changes the state that a process starts with.
    pub(crate) fn tamper_with_state(&mut self) {
        let running = self.core.state().jobs.iter().find(|(_, entry)| entry.running()).map(|(job, _)| *job);
        if let Some(job) = running.filter(|_| self.planted(Bug::CompletesEarly)) {
            let early = Record::JobCompleted { job, at_ms: 0 };
            self.core = Core::replay(self.farm.config.clone(), self.records.iter().chain([&early]));
        }
    }

    pub(crate) fn stale_snapshot(&self) -> bool {
        self.planted(Bug::StaleSnapshot)
    }

    pub(crate) fn loses_pixels(&self) -> bool {
        self.planted(Bug::LosesPixels)
    }

    /// Takes the pixels of an accepted tile-pass off the disk.
    pub(crate) fn lose_pixels(&self) {
        for entry in self.core.state().jobs.values() {
            for (frame, ledger) in &entry.ledgers {
                let accepted =
                    (0..).zip(&ledger.entries).find_map(|(index, entry)| Some((index, entry.as_ref()?)));
                if let Some((index, accepted)) = accepted {
                    let pass = entry.pass(TileKey { frame: *frame, index });
                    return self.storage.remove(accepted.lease, std::iter::once(&pass));
                }
            }
        }
    }
}
