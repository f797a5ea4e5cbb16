//! What the scheduler's disk keeps of records and accepted pixels: what was synced, and of the rest as much as a crash leaves.

use tessera_shared::ids::{FrameNumber, JobId, TileIndex};
use tessera_shared::lease::TilePass;

use crate::random::Random;
use crate::shell::Delivered;

/// A change of a film that is kept with the records that decide it.
#[derive(Clone, Debug)]
pub(crate) enum FilmWrite {
    Add { pass: TilePass, delivered: Delivered },
    Reset { job: JobId, frame: FrameNumber, tile: TileIndex },
}

/// Batches of records, the count of records up to each, and the film's changes of each.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    batches: Vec<(usize, Vec<FilmWrite>)>,
    synced: usize,
}

impl Storage {
    /// Writes a batch; it is durable once it is synced.
    pub fn append(&mut self, records_end: usize, films: Vec<FilmWrite>) -> usize {
        self.batches.push((records_end, films));
        self.batches.len()
    }

    /// Everything up to this batch survives from here on.
    pub fn sync(&mut self, batches: usize) {
        self.synced = self.synced.max(batches);
    }

    /// The power fails: unsynced batches survive up to any one of them, as a torn one ends the log. Returns how many records
    /// are left.
    pub fn crash(&mut self, random: &mut Random) -> usize {
        let unsynced = (self.batches.len() - self.synced) as u64;
        let kept = self.synced + random.between(0, unsynced + 1) as usize;
        self.batches.truncate(kept);
        self.synced = kept;
        self.batches.last().map_or(0, |(records_end, _)| *records_end)
    }

    /// Loses the pixels of the last tile-pass that was added: a planted bug.
    pub fn lose_pixels(&mut self) {
        let adds = |write: &FilmWrite| matches!(write, FilmWrite::Add { .. });
        for (_, films) in self.batches.iter_mut().rev() {
            if let Some(at) = films.iter().rposition(adds) {
                films.remove(at);
                return;
            }
        }
    }

    /// All changes of films that are there, in order.
    pub fn films(&self) -> impl Iterator<Item = &FilmWrite> {
        self.batches.iter().flat_map(|(_, films)| films)
    }
}
