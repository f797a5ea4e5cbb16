//! What holds a job back: one sentence a dimension, from the state as it is. Changes nothing.

use tessera_shared::control::{Dimension, FailureClass, Reason, WhyReply};
use tessera_shared::ids::JobId;
use tessera_shared::limits::JobLimits;

use crate::jobs::{Job, Phase};
use crate::machine::Core;
use crate::orders::Asker;
use crate::record::JobEnd;
use crate::workers::Session;

/// Workers or jobs that a sentence names.
const NAMED_MAX: usize = 3;

impl Core {
    /// What holds a job back, for whoever may order it.
    pub fn why(&self, now_ms: u64, job: JobId, by: Asker) -> WhyReply {
        match self.ordered(job, by) {
            Err(refusal) => WhyReply::Refused(refusal),
            Ok(entry) => WhyReply::Reasons(self.reasons(now_ms, job, entry)),
        }
    }

    fn reasons(&self, now_ms: u64, job: JobId, entry: &Job) -> Vec<Reason> {
        if let Some(sentence) = ended(entry) {
            return vec![reason(Dimension::Ended, sentence)];
        }
        let mut reasons = Vec::new();
        if entry.phase == Phase::Uploading {
            reasons.push(reason(
                Dimension::Upload,
                "its upload is not complete; run `tessera submit` again".into(),
            ));
        }
        if entry.paused {
            reasons.push(reason(
                Dimension::Paused,
                format!("it is paused; `tessera resume {job}` lets it go on"),
            ));
        }
        if !entry.waits_for.is_empty() {
            let jobs = listed(entry.waits_for.iter().map(JobId::to_string).collect());
            reasons.push(reason(Dimension::Dependency, format!("it waits until {jobs} completed")));
        }
        if self.state.service.contains(job) {
            let before = reasons.len();
            reasons.extend(self.workers_lacking(now_ms, job, entry));
            if reasons.len() == before && entry.holders.is_empty() {
                reasons.extend(self.others_first(now_ms, job, entry));
            }
        }
        reasons.extend(self.checks_lacking(entry));
        if reasons.is_empty() {
            let share = 100 * u128::from(entry.samples_done) / u128::from(entry.samples_total.max(1));
            let (done, all, workers) = (entry.tiles_done, entry.tiles_total(), entry.holders.len());
            let progress = format!("{share} % done, {done} of {all} tiles, {workers} workers at it");
            reasons.push(reason(Dimension::Nothing, progress));
        }
        reasons
    }

    /// Why no connected worker takes anything of a job.
    fn workers_lacking(&self, now_ms: u64, job: JobId, entry: &Job) -> Vec<Reason> {
        if self.sessions.is_empty() {
            return vec![reason(Dimension::Workers, "no worker is connected".into())];
        }
        let options = &entry.spec.options;
        let fits = |session: &&Session| self.admits(&options.limits, session) && session.serves(options.mode);
        let able: Vec<&Session> = self.sessions.values().filter(fits).collect();
        if able.is_empty() {
            return self.shut_out(entry);
        }
        let mut held_up = Vec::new();
        for session in able {
            let Some(dimension) = self.held_up(now_ms, session, job) else { return Vec::new() };
            held_up.push((dimension, session));
        }
        let dimensions = [Dimension::Blocked, Dimension::Resting, Dimension::Asleep, Dimension::Drained];
        let sentences = dimensions.into_iter().filter_map(|dimension| {
            let of = held_up.iter().filter(|(of, _)| *of == dimension);
            let names: Vec<String> = of.map(|(_, session)| self.named(now_ms, session, dimension)).collect();
            let what = match dimension {
                Dimension::Blocked => "failed too much of it and get nothing more of it for a while",
                Dimension::Resting => "rest after failures",
                Dimension::Asleep => "sleep by their own schedule",
                _ => "are drained; `tessera undrain` lets them work again",
            };
            (!names.is_empty()).then(|| reason(dimension, format!("workers {}: {what}", listed(names))))
        });
        let mut reasons: Vec<Reason> = sentences.collect();
        reasons.extend(last_failure(entry, |dimension| held_up.iter().any(|(of, _)| *of == dimension)));
        reasons
    }

    fn held_up(&self, now_ms: u64, session: &Session, job: JobId) -> Option<Dimension> {
        let states = [
            (self.blocked(session, job), Dimension::Blocked),
            (session.rests_until_ms > now_ms, Dimension::Resting),
            (session.asleep_until_ms.is_some(), Dimension::Asleep),
            (session.drained, Dimension::Drained),
        ];
        states.into_iter().find(|(is, _)| *is).map(|(_, dimension)| dimension)
    }

    fn named(&self, now_ms: u64, session: &Session, dimension: Dimension) -> String {
        let name = &session.machine.1;
        let until_ms = match dimension {
            Dimension::Resting => Some(session.rests_until_ms),
            Dimension::Asleep => session.asleep_until_ms,
            _ => None,
        };
        match until_ms {
            Some(until_ms) => format!("{name} (for {} s)", until_ms.saturating_sub(now_ms).div_ceil(1000)),
            None => name.clone(),
        }
    }

    /// Which of its limits no connected worker meets.
    fn shut_out(&self, entry: &Job) -> Vec<Reason> {
        let options = &entry.spec.options;
        let JobLimits { tags, operators, pool } = &options.limits;
        let nobody = |limits: JobLimits| !self.sessions.values().any(|session| self.admits(&limits, session));
        let mut reasons = Vec::new();
        if nobody(JobLimits { tags: tags.clone(), ..JobLimits::default() }) {
            reasons.push(reason(
                Dimension::Tags,
                format!("no connected worker has the tags {}", tags.join(" and ")),
            ));
        }
        if nobody(JobLimits { operators: operators.clone(), ..JobLimits::default() }) {
            let sentence = "no worker of the operators that it names is connected".to_owned();
            reasons.push(reason(Dimension::Operators, sentence));
        }
        if let Some(name) = pool
            && nobody(JobLimits { pool: Some(name.clone()), ..JobLimits::default() })
        {
            reasons.push(reason(Dimension::Pool, format!("no worker of the pool `{name}` is connected")));
        }
        if !self.sessions.values().any(|session| session.serves(options.mode)) {
            let sentence = "every connected worker serves jobs of mode fast alone".to_owned();
            reasons.push(reason(Dimension::Mode, sentence));
        }
        if reasons.is_empty() {
            let sentence = "no connected worker meets all of its limits at once; compare its tags, operators, pool and mode with `tessera workers`";
            reasons.push(reason(Dimension::Workers, sentence.into()));
        }
        reasons
    }

    /// What comes before a job that workers could take.
    fn others_first(&self, now_ms: u64, job: JobId, entry: &Job) -> Option<Reason> {
        if self.state.held >= self.config.held_max {
            let held = self.state.held;
            let sentence =
                format!("{held} tiles wait for their checks, and no more are lent before some are done");
            return Some(reason(Dimension::Held, sentence));
        }
        let earlier: Vec<JobId> = self.state.service.jobs().take_while(|other| *other != job).collect();
        let first = earlier.first().and_then(|first| self.state.jobs.get(first))?;
        let (mine, theirs) = (entry.spec.options.priority, first.spec.options.priority);
        let names = listed(earlier.iter().map(JobId::to_string).collect());
        let why = match mine == theirs {
            false => format!("their priority is up to {theirs}, its own {mine}"),
            true if first.spec.owner == entry.spec.owner => {
                "they are older jobs of the same owner".to_owned()
            }
            true => {
                let shares = &self.state.service.shares;
                let received = |job: &Job| {
                    shares.find(&job.spec.owner).map_or(0, |owner| shares.received(owner, now_ms))
                };
                let (own, other) = (received(entry), received(first));
                format!("its owner has lately received {own} rays, theirs {other}")
            }
        };
        Some(reason(Dimension::Share, format!("{names} go first: {why}")))
    }

    /// Which checks its deliveries wait for.
    fn checks_lacking(&self, entry: &Job) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let owed = entry.owed.len();
        if owed > 0 {
            let checkers = self.two_checkers(entry).len();
            let by = match checkers {
                0 => "no operator that may check is connected, so the scheduler's referee does it",
                1 => "one operator that may check is connected, and none checks its own",
                _ => "operators that may check are connected",
            };
            reasons.push(reason(Dimension::Checks, format!("{owed} tiles wait for a check: {by}")));
        }
        let referee = self.referee();
        let waits = entry.owed_referee.len();
        if waits > 0 {
            let state = match referee.rays_left > 0 {
                true => format!("it is busy with {} requests", referee.requests),
                false => "its budget of rays is used up for the moment".to_owned(),
            };
            reasons.push(reason(
                Dimension::Referee,
                format!("{waits} tiles wait for the scheduler's referee: {state}"),
            ));
        }
        reasons
    }
}

/// The job's last failure, where it is why workers get nothing of it: they are blocked for it, or rest for want of memory or disk.
fn last_failure(entry: &Job, held_up_by: impl Fn(Dimension) -> bool) -> Option<Reason> {
    let failure = &entry.log.back()?.failure;
    let log: String = failure.log.chars().take(400).collect();
    if failure.class == FailureClass::Shortage && held_up_by(Dimension::Resting) {
        let sentence = format!("they lack the memory or the disk that it needs: {log}");
        return Some(reason(Dimension::Shortage, sentence));
    }
    let sentence = format!("the last failure ({}): {log}", failure.class);
    held_up_by(Dimension::Blocked).then(|| reason(Dimension::Blocked, sentence))
}

fn ended(entry: &Job) -> Option<String> {
    match &entry.phase {
        Phase::Completed { .. } => Some("it is complete".into()),
        Phase::Ended { end: JobEnd::Cancelled, .. } => Some("it was cancelled".into()),
        Phase::Ended { end: JobEnd::Failed(why), .. } => Some(format!("it failed: {why}")),
        Phase::Uploading | Phase::Running => None,
    }
}

fn reason(dimension: Dimension, sentence: String) -> Reason {
    Reason { dimension, sentence }
}

/// The first of them by name, and how many more.
fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
