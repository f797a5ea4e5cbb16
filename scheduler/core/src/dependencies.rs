//! Jobs that wait for others: nothing of a job is lent before all that it waits for have completed, and it fails with the
//! first that does not complete. A job names earlier ones alone, so that none waits for itself.

use tessera_shared::ids::JobId;
use tessera_shared::job_options::AFTER_MAX;
use tessera_shared::messages::JobOptions;

use crate::jobs::Phase;
use crate::machine::Core;
use crate::record::JobEnd;
use crate::state::State;

impl Core {
    /// Why the farm takes no job that waits for these; the reason is for people.
    pub(crate) fn acceptable_dependencies(&self, options: &JobOptions) -> Result<(), String> {
        if options.after.len() > AFTER_MAX {
            return Err(format!("it waits for {} jobs; give at most {AFTER_MAX}", options.after.len()));
        }
        for job in &options.after {
            match self.state.jobs.get(job).map(|entry| &entry.phase) {
                Some(Phase::Uploading | Phase::Running | Phase::Completed { .. }) => {}
                None => {
                    return Err(format!(
                        "it waits for {job}, which the farm does not know; `tessera jobs` lists those it knows"
                    ));
                }
                Some(Phase::Ended { end, .. }) => {
                    return Err(format!(
                        "it waits for {job}, which {}; submit that one again first",
                        ended(end)
                    ));
                }
            }
        }
        Ok(())
    }

    /// The jobs that waited for one that ended like this, with the reason why they fail.
    pub(crate) fn bereft(&self, job: JobId, end: &JobEnd) -> Vec<(JobId, JobEnd)> {
        let reason = format!("it waited for {job}, which {}", ended(end));
        let waiting = self.state.waiting_for(job).into_iter();
        waiting.map(|waiting| (waiting, JobEnd::Failed(reason.clone()))).collect()
    }
}

fn ended(end: &JobEnd) -> &'static str {
    match end {
        JobEnd::Cancelled => "was cancelled",
        JobEnd::Failed(_) => "failed",
    }
}

impl State {
    /// Enters what a new job waits for: those of its predecessors that have not completed.
    pub(crate) fn await_predecessors(&mut self, job: JobId) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let after = entry.spec.options.after.iter().copied();
        let open = |earlier: &JobId| self.jobs.get(earlier).is_some_and(|earlier| !earlier.completed());
        let waits_for: std::collections::BTreeSet<JobId> = after.filter(open).collect();
        self.successors.extend(waits_for.iter().map(|earlier| (*earlier, job)));
        if let Some(entry) = self.jobs.get_mut(&job) {
            entry.waits_for = waits_for;
        }
    }

    fn waiting_for(&self, job: JobId) -> Vec<JobId> {
        let first = (job, JobId(0));
        self.successors
            .range(first..)
            .take_while(|(earlier, _)| *earlier == job)
            .map(|(_, job)| *job)
            .collect()
    }

    /// The job has ended, completed or not: nobody waits for it any longer, and it for nobody.
    pub(crate) fn release_successors(&mut self, job: JobId, at_ms: u64) {
        for waiting in self.waiting_for(job) {
            self.successors.remove(&(job, waiting));
            if let Some(entry) = self.jobs.get_mut(&waiting) {
                entry.waits_for.remove(&job);
                entry.waiting_since_ms = at_ms;
            }
            self.reorder(waiting);
        }
        let waits_for = self.jobs.get_mut(&job).map(|entry| std::mem::take(&mut entry.waits_for));
        for earlier in waits_for.unwrap_or_default() {
            self.successors.remove(&(earlier, job));
        }
    }
}
