//! What a restart of the scheduler leaves of work in hand: deliveries stay and are checked anew, leases are late, jobs of
//! another kernel end. Also what becomes of pixels that the shell has lost. Knows no disk.

use tessera_shared::ids::{JobId, LeaseId};
use tessera_shared::lease::TilePass;

use crate::jobs::{Job, Phase};
use crate::judgement::claimed_delivery;
use crate::machine::Core;
use crate::record::{Claim, Delivery, JobEnd, Record};
use crate::state::{State, judged};
use crate::tiles::{TileKey, TileLife};

impl Job {
    /// What was delivered waits for its check again, as whoever checked is gone; everything else in hand goes back to the queue.
    pub(crate) fn keep_delivered(&mut self) {
        let open: Vec<TileKey> = self.open.keys().copied().collect();
        for key in open {
            match self.open.get(&key).cloned() {
                Some(TileLife::Delivered { delivery, .. } | TileLife::Checking { delivery, .. }) => {
                    self.replace(key, TileLife::Delivered { delivery, duplicate: None, since_ms: 0 });
                }
                // The referee renders the drawn blocks, those in dispute among them.
                Some(TileLife::Disputed { mut delivery, claim, .. })
                    if matches!(*claim, Claim::Check { .. }) && !delivery.commit.drawn.is_empty() =>
                {
                    delivery.commit.referee = true;
                    self.replace(key, TileLife::Delivered { delivery, duplicate: None, since_ms: 0 });
                }
                // Two deliveries that may differ where no block is drawn: neither is taken.
                _ => drop(self.put_back(key)),
            }
        }
    }
}

impl State {
    /// The deliveries whose pixels the shell holds, those that contradict another among them, with their jobs and tile-passes.
    pub fn deliveries_held(&self) -> impl Iterator<Item = (JobId, TilePass, &Delivery)> {
        self.jobs.iter().flat_map(|(job, entry)| {
            entry.open.iter().flat_map(move |(key, life)| {
                let both = life.delivery().into_iter().chain(claimed_delivery(life));
                both.map(move |delivery| (*job, entry.pass(*key), delivery))
            })
        })
    }

    /// Whether pixels of a lease are part of a delivery that waits for its verdict, or of what can still be overturned.
    pub fn wants_pixels(&self, job: JobId, lease: LeaseId, pass: &TilePass) -> bool {
        let Some(entry) = self.jobs.get(&job) else { return false };
        let Some(key) = entry.key_of(pass).filter(|key| key.index < entry.shape.tile_passes) else {
            return false;
        };
        let open = entry.open.get(&key);
        let mut waiting =
            open.into_iter().flat_map(|life| life.delivery().into_iter().chain(claimed_delivery(life)));
        entry.accepted(key).is_some_and(|accepted| accepted.lease == lease)
            || waiting.any(|delivery| delivery.lease == lease)
    }

    pub(crate) fn lose_pixels(&mut self, job: JobId, tiles: &[TileKey]) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let (accepted, held): (Vec<TileKey>, Vec<TileKey>) =
            tiles.iter().partition(|key| entry.accepted(**key).is_some());
        self.requeue(job, &held, false);
        if accepted.is_empty() {
            return;
        }
        self.reopen(job);
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        for key in &accepted {
            let Some(was) = entry.overturn(*key) else { continue };
            // Its owner is told of tiles in doubt, and this one is none.
            if let Some(count) = entry.overturned.get_mut(&key.frame) {
                *count -= 1;
                if *count == 0 {
                    entry.overturned.remove(&key.frame);
                }
            }
            if let Some(worker) = judged(&mut self.workers, &mut self.left, was.worker) {
                worker.tiles_accepted -= 1;
            }
        }
        self.hand_back(job, &accepted);
        self.reorder(job);
    }
}

impl Core {
    /// Jobs of another kernel than the farm's would mix the bits of two: they end, and completed ones are settled.
    pub(crate) fn adopt_kernel(&mut self) {
        let (before, version) = (self.state.kernel_version, self.config.kernel_version);
        if before == version {
            return;
        }
        if before != 0 {
            let jobs: Vec<(JobId, bool)> =
                self.state.jobs.iter().map(|(job, entry)| (*job, entry.ended())).collect();
            let why = format!(
                "it was begun with kernel version {before} and the farm has version {version} now, which renders other bits; submit the shot again"
            );
            for (job, ended) in jobs {
                match ended {
                    false => self.end_job(job, JobEnd::Failed(why.clone())),
                    true if self.state.jobs.get(&job).is_some_and(completed_and_kept) => {
                        self.record(Record::Archived { job, at_ms: self.now_ms });
                    }
                    true => {}
                }
            }
        }
        self.record(Record::Kernel { version });
    }

    pub(crate) fn pixels_lost(&mut self, job: JobId, passes: &[TilePass]) {
        let Some(entry) = self.state.jobs.get(&job) else { return };
        let ours = |key: &TileKey| {
            let held = entry.open.get(key).is_some_and(|life| life.delivery().is_some());
            (key.index < entry.shape.tile_passes) && (held || entry.accepted(*key).is_some())
        };
        let tiles: Vec<TileKey> = passes.iter().filter_map(|pass| entry.key_of(pass)).filter(ours).collect();
        if tiles.is_empty() || !entry.overturnable() {
            return;
        }
        let discarded = self.deliveries_of(job, &tiles);
        self.record(Record::PixelsLost { job, tiles });
        self.discard(discarded);
    }
}

fn completed_and_kept(job: &Job) -> bool {
    matches!(job.phase, Phase::Completed { .. }) && job.overturnable()
}
