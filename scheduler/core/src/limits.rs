//! Who may serve a job: its limits against the workers that are connected, and whose leases open which packages. Lends nothing.

use std::collections::BTreeSet;

use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, WorkerId};
use tessera_shared::limits::JobLimits;

use crate::accounting::OperatorId;
use crate::failures::Failures;
use crate::jobs::Job;
use crate::leases::Hold;
use crate::machine::Core;
use crate::state::Turn;
use crate::workers::Session;

/// Jobs that are looked through for one lease, of those that the worker may serve.
pub(crate) const JOBS_SEARCHED: usize = 64;
/// Jobs that are looked at for one lease, those included that the worker may not serve.
pub(crate) const LIMITED_SEARCHED: usize = 1024;

impl Core {
    /// Whether a worker may get something of a job: it has not failed it too often, renders as the job wants, and the job's
    /// limits let it.
    pub(crate) fn may_serve(&self, session: &Session, job: JobId) -> bool {
        let options = &self.state.jobs[&job].spec.options;
        !self.blocked(session, job) && session.serves(options.mode) && self.admits(&options.limits, session)
    }

    /// The first jobs of an order of service that this worker may serve.
    pub(crate) fn turns<'a>(
        &'a self,
        order: &'a BTreeSet<Turn>,
        session: &'a Session,
    ) -> impl Iterator<Item = JobId> + 'a {
        let jobs = order.iter().take(LIMITED_SEARCHED).map(|(_, job)| *job);
        jobs.filter(move |job| self.may_serve(session, *job)).take(JOBS_SEARCHED)
    }

    pub(crate) fn admits(&self, limits: &JobLimits, session: &Session) -> bool {
        limits.tags.iter().all(|tag| session.tags.contains(tag))
            && self.admits_operator(limits, session.operator)
    }

    /// Whether a job's limits let an operator see its scene, whatever the tags of its workers.
    pub(crate) fn admits_operator(&self, limits: &JobLimits, operator: OperatorId) -> bool {
        if limits.is_open_to_operators() {
            return true;
        }
        let key = self.state.operators.key(operator);
        let in_pool = |name: &String| self.config.pools.get(name).is_some_and(|pool| pool.contains(&key));
        (limits.operators.is_empty() || limits.operators.contains(&key))
            && limits.pool.as_ref().is_none_or(in_pool)
    }

    /// The operators of connected workers that may check a job and that its limits let serve it, at most two: enough to know
    /// whether somebody is there to check another's work.
    pub(crate) fn two_checkers(&self, entry: &Job) -> Vec<OperatorId> {
        let limits = &entry.spec.options.limits;
        let admitted = |operator: &OperatorId| {
            let mut workers = self.connected.workers_of(*operator);
            workers
                .any(|worker| self.sessions.get(&worker).is_some_and(|session| self.admits(limits, session)))
        };
        let may = |operator: &OperatorId| self.may_check(*operator, entry) && admitted(operator);
        self.connected.proven().filter(may).take(2).collect()
    }

    /// Whether somebody who has not failed this tile-pass may serve the job.
    pub(crate) fn others_may_try(&self, job: JobId, failures: &Failures) -> bool {
        let failed: Vec<OperatorId> = failures.unforgiven(&self.config, self.now_ms).collect();
        let mut untried = self.sessions.values().filter(|session| !failed.contains(&session.operator));
        untried.any(|session| self.may_serve(session, job) && self.has_room(session, job))
    }

    /// Whether nothing waits for those who ask but jobs that may shut them out.
    pub(crate) fn only_limited_ready(&self) -> bool {
        let mut first = self.state.service.jobs().take(JOBS_SEARCHED);
        first.all(|job| !self.state.jobs[&job].spec.options.limits.is_open())
    }

    /// Why the farm takes no job with these limits; the reason is for people.
    pub(crate) fn acceptable_limits(&self, limits: &JobLimits) -> Result<(), String> {
        limits.check().map_err(|error| error.to_string())?;
        match limits.pool.as_ref().filter(|name| !self.config.pools.contains_key(*name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "the farm has no pool `{name}`; ask its owner, who keeps pools with `tessera scheduler --pool NAME=KEY,KEY`"
            )),
        }
    }

    /// A job that goes on and whose limits shut out every connected worker.
    pub(crate) fn unserved(&self, job: &Job) -> bool {
        let limits = &job.spec.options.limits;
        !job.ended()
            && !limits.is_open()
            && !self.sessions.values().any(|session| self.admits(limits, session))
    }

    /// The packages of the leases that a worker has in hand.
    pub fn packages_in_hand(&self, worker: WorkerId) -> BTreeSet<Digest> {
        let leases = self.sessions.get(&worker).into_iter().flat_map(Session::leases);
        let jobs = leases.filter_map(|lease| self.state.leases.get(&lease)).map(|lent| lent.job);
        jobs.filter_map(|job| self.state.jobs.get(&job)).map(|job| job.spec.package).collect()
    }

    /// The packages of all leases of a worker's operator, those included that ended a while ago and whose late answers may
    /// still be used. Looks at every lease of the farm.
    pub fn packages_lent(&self, now_ms: u64, worker: WorkerId) -> BTreeSet<Digest> {
        let Some(operator) = self.state.workers.get(&worker).map(|entry| entry.operator) else {
            return BTreeSet::new();
        };
        let mine = self.state.leases.values().filter(|lent| lent.operator == operator);
        let open = mine.filter(|lent| match lent.hold {
            Hold::Live => true,
            Hold::Late { until_ms } => now_ms < until_ms,
        });
        let jobs = open.filter_map(|lent| self.state.jobs.get(&lent.job));
        // Who has been taken out of a pool keeps no way in.
        let open = jobs.filter(|job| self.admits_operator(&job.spec.options.limits, operator));
        open.map(|job| job.spec.package).collect()
    }
}
