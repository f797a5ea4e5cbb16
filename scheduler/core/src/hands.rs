//! Tile-passes that come back while somebody still renders them: they are in those hands, and not in the queue, from which
//! they would be lent once more without anybody knowing of it.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::ids::{JobId, LeaseId};

use crate::state::State;
use crate::tiles::{TileKey, TileLife};

impl State {
    /// Gives those of the tile-passes that wait in the queue to the live leases that render them. The caller puts the job's
    /// turn in order.
    pub(crate) fn hand_back(&mut self, job: JobId, tiles: &[TileKey]) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let waits = |key: &&TileKey| entry.open.get(key) == Some(&TileLife::Pending);
        let waiting: BTreeSet<TileKey> = tiles.iter().filter(waits).copied().collect();
        if waiting.is_empty() {
            return;
        }
        let mut hands: BTreeMap<TileKey, Vec<LeaseId>> = BTreeMap::new();
        for (id, lent) in self.leases.iter().filter(|(_, lent)| lent.job == job && lent.live()) {
            for key in lent.rendered().iter().filter(|key| waiting.contains(key)) {
                hands.entry(*key).or_default().push(*id);
            }
        }
        for (key, leases) in hands {
            let (lease, duplicate) = (leases[0], leases.get(1).copied());
            entry.replace(key, TileLife::Leased { lease, duplicate });
        }
    }
}
