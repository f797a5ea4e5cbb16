//! What the scheduler has decided and may not do before it is durable: records in groups, snapshots beside them, pixels
//! before the event that tells of them. A full disk is asked again until it is not.

use tessera_scheduler_core::api::{DeliveredTile, Effect};
use tessera_scheduler_core::record::Record;
use tessera_scheduler_core::{Event, Output};
use tessera_shared::ids::{JobId, LeaseId, NodeKey, WorkerId};
use tessera_shared::lease::TilePass;

use crate::checkers::Checker;
use crate::deaths::Moment;
use crate::scheduler::Pending;
use crate::shell::Delivered;
use crate::tally::Tally;
use crate::world::{Happening, World};

/// How long a disk that failed is left alone.
const RETRY_MS: u64 = 500;
/// Changes of a disk among which a process may die in a write, or in a snapshot.
const WRITE_CHANGES: u64 = 7;
const FOLD_CHANGES: u64 = 14;

/// A delivery whose pixels are on their way to the disk.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub worker: WorkerId,
    pub lease: LeaseId,
    pub job: JobId,
    pub by: NodeKey,
    pub passes: Vec<TilePass>,
    pub pixels: Vec<Vec<u64>>,
    pub tiles: Vec<DeliveredTile>,
    pub counted: Tally,
}

impl World {
    fn sync_ms(&mut self) -> u64 {
        let (least, most) = self.farm.sync_ms;
        self.random.between(least, most + 1)
    }

    /// Whether the process dies at this moment of what it does.
    fn doomed(&self, moment: Moment) -> bool {
        self.process.doom.is_some_and(|doom| doom.moment == moment)
    }

    /// Gives an output's records to the disk; what follows from them waits until they are durable.
    pub(crate) fn commit(&mut self, output: Output) {
        if output.records.is_empty()
            && output.messages.is_empty()
            && output.replies.is_empty()
            && output.effects.is_empty()
        {
            return;
        }
        if !output.records.is_empty() && self.doomed(Moment::BeforeAppend) {
            return self.die();
        }
        let records_end = self.records.len();
        self.process.pending.push_back(Pending { output, records_end });
        self.write();
    }

    /// Writes what waits, unless the disk is at work.
    fn write(&mut self) {
        let Some(first) = self.process.pending.front() else { return };
        if self.process.writing {
            return;
        }
        self.process.writing = true;
        let sync_ms = if first.output.records.is_empty() { 0 } else { self.sync_ms() };
        match sync_ms {
            0 => self.synced(),
            _ => {
                let epoch = self.epoch;
                self.at(self.now_ms + sync_ms, Happening::Synced { epoch });
            }
        }
    }

    /// The oldest outputs' records become durable as one batch, and everything that follows from them happens.
    pub(crate) fn synced(&mut self) {
        let waiting = self.process.pending.len();
        let chosen = self.process.group.take();
        let group = chosen.unwrap_or_else(|| self.random.between(1, waiting as u64 + 1) as usize);
        if !self.hasty() && !self.append(group) {
            return;
        }
        self.process.writing = false;
        for _ in 0..group {
            let Some(pending) = self.process.pending.pop_front() else { return };
            self.perform(pending);
            if !self.process.up {
                return;
            }
        }
        self.fold_later();
        self.write();
    }

    /// False if the process has died, or the disk is to be asked again.
    fn append(&mut self, group: usize) -> bool {
        let outputs = self.process.pending.iter().take(group);
        let records: Vec<Record> =
            outputs.flat_map(|pending| pending.output.records.iter().cloned()).collect();
        if records.is_empty() {
            return true;
        }
        let end = self.process.pending[group - 1].records_end;
        let dies = self.doomed(Moment::BeforeSync);
        if dies {
            let changes = self.random.between(0, WRITE_CHANGES);
            self.storage.records.burn(changes);
        }
        let written = self.storage.append(&records, end);
        if dies {
            self.die();
            return false;
        }
        if written.is_err() {
            self.outcome.disk_waits += 1;
            self.process.group = Some(group);
            let epoch = self.epoch;
            self.at(self.now_ms + RETRY_MS, Happening::Synced { epoch });
            return false;
        }
        true
    }

    /// Everything that follows from one event, in order, unless the process dies before it or in the middle.
    fn perform(&mut self, pending: Pending) {
        let Pending { output, records_end } = pending;
        let moment = self.process.doom.map(|doom| doom.moment).filter(|_| !output.records.is_empty());
        if moment == Some(Moment::BeforeEffects) {
            return self.die();
        }
        let mut left = match moment {
            Some(Moment::AmongEffects { after }) => u64::from(after),
            _ => u64::MAX,
        };
        let mut dies = || match left.checked_sub(1) {
            Some(less) => {
                left = less;
                false
            }
            None => true,
        };
        self.process.seen = records_end;
        // Replies first: a welcome comes before the worker's first leases.
        for (request, answer) in output.replies {
            if dies() {
                return self.die();
            }
            self.answered(request, answer);
        }
        for outbound in output.messages {
            if dies() {
                return self.die();
            }
            self.deliver_message(outbound.worker, outbound.message);
        }
        for effect in output.effects {
            if dies() {
                return self.die();
            }
            self.effect(effect);
        }
        for record in output.records {
            if let Record::Archived { job, .. } | Record::JobForgotten { job } = record {
                self.storage.remove_job(job);
            }
        }
    }

    /// Begins a snapshot if one is due.
    fn fold_later(&mut self) {
        if self.process.fold.is_none() {
            self.process.fold = self.storage.fold_due();
            if self.process.fold.is_some() {
                let (epoch, for_ms) = (self.epoch, self.random.between(0, 40));
                self.at(self.now_ms + for_ms, Happening::Folds { epoch });
            }
        }
    }

    /// A snapshot takes the place of sealed segments, with the records that were written since.
    pub(crate) fn fold(&mut self) {
        let Some(fold) = self.process.fold.take() else { return };
        let dies = self.doomed(Moment::InSnapshot);
        if dies {
            let changes = self.random.between(0, FOLD_CHANGES);
            self.storage.records.burn(changes);
        }
        match fold.run(&self.storage.records) {
            Ok(folded) if !dies => {
                self.outcome.snapshots += 1;
                self.storage.folded(&folded);
            }
            // A full disk takes no snapshot; the log goes on.
            _ => {}
        }
        if dies {
            self.die();
        }
    }

    /// A delivery's pixels are on the disk before the core hears of it.
    pub(crate) fn arrived(&mut self, arrival: Arrival) {
        self.process.claimed.insert(arrival.lease);
        match self.sync_ms() {
            0 => self.keep(arrival),
            sync_ms => {
                let epoch = self.epoch;
                self.at(self.now_ms + sync_ms, Happening::Keeps { arrival: Box::new(arrival), epoch });
            }
        }
    }

    pub(crate) fn keep(&mut self, arrival: Arrival) {
        let Arrival { lease, job, ref passes, ref pixels, ref tiles, .. } = arrival;
        let parts = passes.iter().zip(tiles).zip(pixels);
        let parts: Vec<_> =
            parts.map(|((pass, tile), pixels)| (pass.clone(), tile.root, &pixels[..])).collect();
        let dies = self.doomed(Moment::InPixels);
        if dies {
            let changes = self.random.between(0, WRITE_CHANGES);
            self.storage.pixels.burn(changes);
        }
        let kept = self.storage.put(job, lease, &parts);
        if dies {
            return self.die();
        }
        if kept.is_err() {
            self.outcome.disk_waits += 1;
            let epoch = self.epoch;
            return self.at(self.now_ms + RETRY_MS, Happening::Keeps { arrival: Box::new(arrival), epoch });
        }
        self.process.claimed.remove(&lease);
        let Arrival { worker, by, passes, pixels, mut tiles, counted, .. } = arrival;
        self.tamper_with_delivery(&mut tiles);
        let taken = self.scheduled(Event::Delivered { worker, lease, tiles }, |world| {
            let held = pixels.into_iter().map(|pixels| Delivered { job, pixels, by, flipped: false });
            let before = world.shell.held.insert(lease, (0..).zip(held).collect());
            Checker::AcceptedTwice
                .demand(before.is_none(), || format!("{lease} is delivered twice and taken twice"));
            world.outcome.tally += counted;
        });
        if !taken && self.process.up {
            self.storage.remove(lease, passes.iter());
        }
    }

    /// What an effect does to the pixels on the disk.
    pub(crate) fn stored(&mut self, effect: &Effect) {
        match effect {
            Effect::Accept { lease, tiles, .. } => {
                for tile in tiles {
                    let stored = self.storage.pixels(*lease, &tile.pass);
                    let held = self.shell.held.get(lease).and_then(|held| held.get(&tile.at));
                    let same = stored.as_ref() == held.map(|held| &held.pixels);
                    Checker::LostTile
                        .demand(same, || format!("the disk has other pixels of {lease} {:?}", tile.pass));
                }
            }
            Effect::Discard { lease, tiles } => {
                self.storage.remove(*lease, tiles.iter().map(|tile| &tile.pass));
            }
            Effect::JobEnded { job } => self.storage.remove_job(*job),
            _ => {}
        }
    }
}
