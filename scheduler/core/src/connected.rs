//! Which operators have workers connected, and which of those have ended their probation: asked for every lease, on farms of
//! thousands where hardly any has, or hardly any has not. Knows no job.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::ids::WorkerId;

use crate::accounting::OperatorId;

/// Operators in good standing with their connected workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connected {
    workers: BTreeMap<OperatorId, BTreeSet<WorkerId>>,
    proven: BTreeSet<OperatorId>,
    longest_record: u64,
}

impl Connected {
    pub fn join(&mut self, operator: OperatorId, worker: WorkerId) {
        self.workers.entry(operator).or_default().insert(worker);
    }

    /// A worker is gone; `clean` tells an operator's record.
    pub fn leave(&mut self, operator: OperatorId, worker: WorkerId, clean: impl Fn(OperatorId) -> u64) {
        let Some(workers) = self.workers.get_mut(&operator) else { return };
        workers.remove(&worker);
        if workers.is_empty() {
            self.workers.remove(&operator);
            self.proven.remove(&operator);
            // Whose record it was cannot be asked: a conviction has wiped it. Where nobody has one there is nothing to find.
            if self.longest_record > 0 {
                self.longest_record = self.workers.keys().map(|operator| clean(*operator)).max().unwrap_or(0);
            }
        }
    }

    /// An operator's record is so long now; `proven`: it has ended its probation, or the farm's owner trusts it.
    pub fn note(&mut self, operator: OperatorId, clean: u64, proven: bool) {
        if self.workers.contains_key(&operator) {
            self.longest_record = self.longest_record.max(clean);
            if proven {
                self.proven.insert(operator);
            }
        }
    }

    pub fn contains(&self, operator: OperatorId) -> bool {
        self.workers.contains_key(&operator)
    }

    /// How many operators are connected.
    pub fn len(&self) -> usize {
        self.workers.len()
    }

    /// Those that have ended their probation or are trusted, whatever became of their right to check.
    pub fn proven(&self) -> impl Iterator<Item = OperatorId> + '_ {
        self.proven.iter().copied()
    }

    /// The connected workers of an operator.
    pub fn workers_of(&self, operator: OperatorId) -> impl Iterator<Item = WorkerId> + '_ {
        self.workers.get(&operator).into_iter().flatten().copied()
    }

    /// The longest clean record of those that are connected.
    pub fn longest_record(&self) -> u64 {
        self.longest_record
    }
}
