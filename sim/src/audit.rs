//! Books of its own over the core's records and messages: who holds which tile-pass, what is accepted, what was sent. Trusts
//! nothing that the core says of itself.

use std::collections::{BTreeMap, BTreeSet};

use tessera_scheduler_core::record::Record;
use tessera_scheduler_core::state::State;
use tessera_scheduler_core::tiles::{TileKey, TileLife};
use tessera_shared::ids::{JobId, LeaseId, WorkerId};

use crate::checkers::Checker;
use crate::fairness::Fairness;
use crate::obedience::Obedience;

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    accepted: BTreeMap<JobId, BTreeSet<TileKey>>,
    /// Render leases in hand.
    leases: BTreeMap<LeaseId, (JobId, Vec<TileKey>)>,
    hands: BTreeMap<(JobId, TileKey), BTreeSet<LeaseId>>,
    /// What has left the scheduler, whichever process of it: this no crash takes back.
    sent: BTreeMap<LeaseId, WorkerId>,
    welcomed: BTreeSet<WorkerId>,
    fairness: Fairness,
    pub obedience: Obedience,
}

impl Audit {
    /// Enters a record.
    pub fn record(&mut self, record: &Record) {
        match record {
            Record::Granted { lease, job, tiles, .. } => self.grant(*lease, *job, tiles),
            Record::Delivered { lease, .. }
            | Record::LeaseEnded { lease, .. }
            | Record::LeaseForgotten { lease } => self.release(*lease),
            Record::Accepted { job, tiles, .. } => {
                let accepted = self.accepted.entry(*job).or_default();
                for tile in tiles {
                    let first = accepted.insert(*tile);
                    Checker::AcceptedTwice.demand(first, || format!("{job} {tile:?} by its records"));
                }
            }
            Record::Overturned { job, tiles } => {
                let accepted = self.accepted.entry(*job).or_default();
                for tile in tiles {
                    let was = accepted.remove(tile);
                    Checker::LostTile.demand(was, || format!("{job} {tile:?} is overturned, not accepted"));
                }
            }
            Record::FramesRequeued { job, frames, .. } => {
                let accepted = self.accepted.entry(*job).or_default();
                accepted.retain(|tile| !frames.contains(&tile.frame));
            }
            Record::PixelsLost { job, tiles } => {
                let accepted = self.accepted.entry(*job).or_default();
                accepted.retain(|tile| !tiles.contains(tile));
            }
            Record::JobCompleted { job, .. } => self.release_job(*job),
            Record::JobEnded { job, .. } => {
                self.release_job(*job);
                self.accepted.remove(job);
            }
            Record::Archived { job, .. } | Record::JobForgotten { job } => drop(self.accepted.remove(job)),
            Record::Restarted => {
                self.leases.clear();
                self.hands.clear();
            }
            _ => {}
        }
    }

    fn grant(&mut self, lease: LeaseId, job: JobId, tiles: &[TileKey]) {
        let accepted = self.accepted.entry(job).or_default();
        for tile in tiles {
            let done = accepted.contains(tile);
            Checker::LostTile
                .demand(!done, || format!("{job} {tile:?} is accepted, {lease} renders it again"));
            self.hands.entry((job, *tile)).or_default().insert(lease);
        }
        let before = self.leases.insert(lease, (job, tiles.to_vec()));
        Checker::TwoHands.demand(before.is_none(), || format!("{lease} is granted twice"));
    }

    fn release(&mut self, lease: LeaseId) {
        let Some((job, tiles)) = self.leases.remove(&lease) else { return };
        for tile in tiles {
            if let Some(hands) = self.hands.get_mut(&(job, tile)) {
                hands.remove(&lease);
                if hands.is_empty() {
                    self.hands.remove(&(job, tile));
                }
            }
        }
    }

    fn release_job(&mut self, job: JobId) {
        let of_job = self.leases.iter().filter(|(_, (of, _))| *of == job).map(|(lease, _)| *lease);
        of_job.collect::<Vec<_>>().into_iter().for_each(|lease| self.release(lease));
    }

    /// Whoever holds a tile-pass that was just lent is known to the core, as its holder or as a duplicate.
    pub fn known(&self, records: &[Record], state: &State) {
        for record in records {
            let Record::Granted { job, tiles, .. } = record else { continue };
            for tile in tiles {
                let Some(hands) = self.hands.get(&(*job, *tile)) else { continue };
                let life = state.jobs.get(job).and_then(|entry| entry.open.get(tile));
                let known = |lease: &LeaseId| match life {
                    Some(TileLife::Leased { lease: first, duplicate }) => {
                        first == lease || *duplicate == Some(*lease)
                    }
                    Some(other) => other.duplicate() == Some(*lease),
                    None => true,
                };
                let all = hands.iter().all(known);
                Checker::TwoHands
                    .demand(all, || format!("{job} {tile:?} is held by {hands:?}, the core knows {life:?}"));
            }
        }
    }

    /// A lease's message leaves for a worker.
    pub fn sent(&mut self, lease: LeaseId, worker: WorkerId) {
        let before = self.sent.insert(lease, worker);
        Checker::TwoHands
            .demand(before.is_none(), || format!("{lease} is sent to {before:?} and to {worker}"));
    }

    /// A welcome leaves.
    pub fn welcomed(&mut self, worker: WorkerId) {
        let first = self.welcomed.insert(worker);
        Checker::Durability.demand(first, || format!("two connections are welcomed as {worker}"));
    }

    /// Every lease is one that may be granted, of a job whose turn it is. The books are those before the record.
    pub fn granted(&mut self, record: &Record, before: &State, probation_tiles: u64) {
        self.obedience.check(record, before);
        self.obedience.record(record, before);
        self.fairness.check(record, before, probation_tiles);
        self.fairness.record(record, before);
    }

    /// A process starts with these records. No number that was seen outside is given again.
    pub fn begin_anew(&mut self, records: &[Record], state: &State) {
        let (sent, welcomed) = (std::mem::take(&mut self.sent), std::mem::take(&mut self.welcomed));
        *self = Audit { sent, welcomed, ..Audit::default() };
        let mut before = State::default();
        for record in records {
            self.record(record);
            self.fairness.record(record, &before);
            self.obedience.record(record, &before);
            before.apply(record);
        }
        if let Some((lease, _)) = self.sent.last_key_value() {
            let later = lease.0 < state.next_lease;
            Checker::Durability.demand(later, || format!("{lease} was sent and its number is given again"));
        }
        if let Some(worker) = self.welcomed.last() {
            let later = worker.0 < state.next_worker;
            Checker::Durability
                .demand(later, || format!("{worker} was welcomed and its number is given again"));
        }
    }
}
