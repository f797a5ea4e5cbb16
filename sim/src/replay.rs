//! That the records tell the live state, by themselves and behind a snapshot.

use tessera_scheduler_core::state::State;

use crate::checkers::Checker;
use crate::world::World;

/// Steps between two comparisons of the live state with its records.
const EVERY: u64 = 64;
/// Of a thousand comparisons, so many are followed by a snapshot on which later records build.
const SNAPSHOTS_PERMILLE: u64 = 300;

impl World {
    /// Compares now and then; a snapshot takes the place of the records before it.
    pub(crate) fn check_replay(&mut self) {
        if !self.outcome.steps.is_multiple_of(EVERY) {
            return;
        }
        let same = self.shadow == *self.core.state();
        Checker::Replay.demand(same, || "the records do not tell the live state".to_owned());
        if self.random.permille(SNAPSHOTS_PERMILLE) {
            self.shadow = self.snapshot();
            let same = self.shadow == *self.core.state();
            Checker::Snapshot.demand(same, || "a snapshot differs from what it was taken of".to_owned());
        }
    }

    /// The state written and read again.
    fn snapshot(&self) -> State {
        let config = bincode::config::standard();
        let bytes = bincode::encode_to_vec(&self.shadow, config).expect("writing to memory cannot fail");
        let (mut state, used): (State, usize) =
            bincode::decode_from_slice(&bytes, config).unwrap_or_else(|error| Checker::Snapshot.fail(error));
        Checker::Snapshot.demand(used == bytes.len(), || "bytes follow a snapshot".to_owned());
        if self.stale_snapshot() {
            state.next_lease -= 1;
        }
        state
    }

    /// The state by the records that a crash has left, through a snapshot at some point among them.
    pub(crate) fn shadow_anew(&mut self) {
        let at = self.random.between(0, self.records.len() as u64 + 1) as usize;
        self.shadow = State::default();
        for (count, record) in self.records.iter().enumerate() {
            if count == at {
                self.shadow = self.snapshot();
            }
            self.shadow.apply(record);
        }
        let same = self.shadow == *self.core.state();
        Checker::Snapshot
            .demand(same, || "a snapshot and the records after it differ from replay".to_owned());
    }
}
