//! That what people order is done: a second set of books over the records, of who may be lent to and which jobs lend. Trusts
//! nothing that the core says of itself.

use std::collections::{BTreeMap, BTreeSet};

use tessera_scheduler_core::accounting::OperatorId;
use tessera_scheduler_core::record::Record;
use tessera_scheduler_core::state::State;
use tessera_shared::ids::{JobId, WorkerId};

use crate::checkers::Checker;

/// The books.
#[derive(Debug, Default)]
pub(crate) struct Obedience {
    workers: BTreeMap<WorkerId, (OperatorId, String)>,
    drained: BTreeSet<(OperatorId, String)>,
    asleep: BTreeSet<WorkerId>,
    paused: BTreeSet<JobId>,
    /// Cancelled or failed.
    over: BTreeSet<JobId>,
    /// What each waits for still.
    waits_for: BTreeMap<JobId, BTreeSet<JobId>>,
}

impl Obedience {
    /// A worker says that it sleeps.
    pub fn sleeps(&mut self, worker: WorkerId) {
        self.asleep.insert(worker);
    }

    pub fn wakes(&mut self, worker: WorkerId) {
        self.asleep.remove(&worker);
    }

    /// Enters a record; the state is that before it.
    pub fn record(&mut self, record: &Record, before: &State) {
        match record {
            Record::Submitted { job, spec, .. } => {
                let open =
                    |earlier: &&JobId| before.jobs.get(*earlier).is_some_and(|entry| !entry.completed());
                let waits_for = spec.options.after.iter().filter(open).copied().collect();
                self.waits_for.insert(*job, waits_for);
            }
            Record::JobCompleted { job, .. } => {
                self.paused.remove(job);
                for waits_for in self.waits_for.values_mut() {
                    waits_for.remove(job);
                }
            }
            Record::JobEnded { job, .. } => drop(self.over.insert(*job)),
            Record::Paused { job, paused: true, .. } => drop(self.paused.insert(*job)),
            Record::Paused { job, paused: false, .. } => drop(self.paused.remove(job)),
            Record::Joined { worker, hello, .. } => {
                // The operator is entered with its first worker.
                let operator = before.operators.find(&hello.operator);
                let operator = operator.unwrap_or(OperatorId(before.operators.all().len() as u32));
                self.workers.insert(*worker, (operator, hello.name.clone()));
            }
            Record::Drained { operator, name, drained: true } => {
                self.drained.insert((*operator, name.clone()));
            }
            Record::Drained { operator, name, drained: false } => {
                self.drained.remove(&(*operator, name.clone()));
            }
            Record::Restarted => {
                self.workers.clear();
                self.asleep.clear();
            }
            _ => {}
        }
    }

    /// Nothing is lent against an order.
    pub fn check(&self, record: &Record, before: &State) {
        match record {
            Record::Granted { worker, job, .. } => {
                let paused = self.paused.contains(job);
                Checker::Obedience.demand(!paused, || format!("{job} is paused and lent of to {worker}"));
                let waits_for = self.waits_for.get(job).filter(|waits_for| !waits_for.is_empty());
                Checker::Obedience.demand(waits_for.is_none(), || {
                    format!("{job} waits for {waits_for:?} and is lent of to {worker}")
                });
                self.check_lease(*worker, *job);
            }
            Record::CheckGranted { worker, job, .. } => self.check_lease(*worker, *job),
            Record::RefereeLent { id, worker, .. } => {
                if let Some(work) = before.referee.get(id) {
                    self.check_lease(*worker, work.job());
                }
            }
            _ => {}
        }
    }

    fn check_lease(&self, worker: WorkerId, job: JobId) {
        let over = self.over.contains(&job);
        Checker::Obedience.demand(!over, || format!("{job} is over and lent of to {worker}"));
        let asleep = self.asleep.contains(&worker);
        Checker::Obedience.demand(!asleep, || format!("{worker} sleeps and is lent something of {job}"));
        let machine = self.workers.get(&worker);
        let drained = machine.is_some_and(|machine| self.drained.contains(machine));
        Checker::Obedience.demand(!drained, || format!("{worker} is drained and is lent something of {job}"));
    }
}
