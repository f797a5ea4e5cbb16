//! What a record says to people, as a line of the farm's log: who came, who went, who was wrong, what was rendered anew.

use tessera_scheduler_core::Core;
use tessera_scheduler_core::accounting::OperatorId;
use tessera_scheduler_core::haste::is_news;
use tessera_scheduler_core::record::{JobEnd, LeaseEnd, Record};
use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::messages::Verify;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntryKind {
    Job,
    Joined,
    Left,
    Failed,
    Verdict,
    Quarantine,
    Ban,
    Overruled,
    Overturned,
    Inconclusive,
    TooFast,
}

/// Whom and what a line names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    pub job: Option<JobId>,
    pub worker: Option<WorkerId>,
}

/// A line of the farm's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Milliseconds since the scheduler's start.
    pub at_ms: u64,
    pub kind: EntryKind,
    pub subject: Subject,
    pub text: String,
}

/// The line of a record, if it has one. `lent` tells whose and of what a lease is.
pub(super) fn of(
    core: &Core,
    now_ms: u64,
    record: &Record,
    lent: impl Fn(LeaseId) -> Subject,
) -> Option<Entry> {
    let of_job = |job: JobId| Subject { job: Some(job), worker: None };
    let of_worker = |worker: WorkerId| Subject { job: None, worker: Some(worker) };
    let apart = of_operator(core, now_ms, record).or_else(|| of_haste(core, now_ms, record, &lent));
    if apart.is_some() {
        return apart;
    }
    let (kind, subject, text) = match record {
        Record::Submitted { job, spec, .. } => {
            (EntryKind::Job, of_job(*job), format!("{job} `{}` is submitted", spec.name))
        }
        Record::JobCompleted { job, .. } => (EntryKind::Job, of_job(*job), format!("{job} is complete")),
        Record::JobEnded { job, end: JobEnd::Cancelled, .. } => {
            (EntryKind::Job, of_job(*job), format!("{job} is cancelled"))
        }
        Record::JobEnded { job, end: JobEnd::Failed(reason), .. } => {
            (EntryKind::Job, of_job(*job), format!("{job} has failed: {reason}"))
        }
        Record::Joined { worker, hello, .. } => {
            let devices: Vec<_> = hello.devices.iter().map(|device| device.name.as_str()).collect();
            let text = format!("{worker} `{}` joined with {}", hello.name, devices.join(", "));
            (EntryKind::Joined, of_worker(*worker), text)
        }
        Record::Left { worker, .. } => {
            let name = core.state().left.get(worker).map(|left| left.worker.hello.name.as_str());
            let text = format!("{worker} `{}` left", name.unwrap_or_default());
            (EntryKind::Left, of_worker(*worker), text)
        }
        Record::LeaseEnded { lease, end: LeaseEnd::Failed { worker }, .. } => {
            let subject = Subject { worker: Some(*worker), ..lent(*lease) };
            (EntryKind::Failed, subject, format!("{worker} could not do {lease}{}", job_of(subject)))
        }
        Record::LeaseEnded { lease, end: LeaseEnd::Expired, .. } => {
            let subject = lent(*lease);
            let who = subject.worker.map_or_else(|| "a worker".to_owned(), |worker| worker.to_string());
            (EntryKind::Failed, subject, format!("{who} is late with {lease}{}", job_of(subject)))
        }
        Record::Disputed { job, tile, .. } => {
            let entry = core.state().jobs.get(job)?;
            let (frame, tile) = (entry.frame(*tile), entry.shape.tile(*tile));
            let text = format!(
                "{job}: two workers disagree about tile {} of frame {}; the referee decides",
                tile.0, frame.0
            );
            (EntryKind::Verdict, of_job(*job), text)
        }
        Record::Overturned { job, tiles } => {
            let text = format!("{job}: {} accepted tile-passes are in doubt and rendered anew", tiles.len());
            (EntryKind::Overturned, of_job(*job), text)
        }
        Record::Inconclusive { job, tiles, late, .. } => {
            let why = if *late { "took too long" } else { "came to no answer" };
            let text = format!("{job}: the referee {why}; {} tile-passes are rendered anew", tiles.len());
            (EntryKind::Inconclusive, of_job(*job), text)
        }
        _ => return None,
    };
    Some(Entry { at_ms: now_ms, kind, subject, text })
}

/// The line of a record about an operator.
fn of_operator(core: &Core, now_ms: u64, record: &Record) -> Option<Entry> {
    let (kind, subject, text) = match record {
        Record::Quarantined { operator, evidence, fraud, .. } => {
            let (kind, what) = match fraud {
                true => (EntryKind::Ban, "banned for fraud"),
                false => (EntryKind::Quarantine, "quarantined for a fault"),
            };
            (kind, worker_of(core, *operator), format!("{} is {what}: {evidence}", name(core, *operator)))
        }
        Record::Banned { operator, reason } => {
            let text =
                format!("{} is banned by order of the farm's wrangler: {reason}", name(core, *operator));
            (EntryKind::Ban, worker_of(core, *operator), text)
        }
        Record::Readmitted { operator } => {
            let text = format!("{} is let in again, on probation", name(core, *operator));
            (EntryKind::Quarantine, worker_of(core, *operator), text)
        }
        Record::Overruled { operator, evidence } => {
            let text = format!("{} checks no more: {evidence}", name(core, *operator));
            (EntryKind::Overruled, worker_of(core, *operator), text)
        }
        _ => return None,
    };
    Some(Entry { at_ms: now_ms, kind, subject, text })
}

/// The line of a result that came too fast, unless enough of its worker's are being checked.
fn of_haste(core: &Core, now_ms: u64, record: &Record, lent: impl Fn(LeaseId) -> Subject) -> Option<Entry> {
    let Record::TooFast { lease, rate, limit, whole, .. } = record else { return None };
    let subject = lent(*lease);
    let verify = core.state().jobs.get(&subject.job?)?.spec.options.verify;
    is_news(verify, whole).then(|| {
        let text = too_fast(*lease, subject, (*rate, *limit), (verify, whole.len()));
        Entry { at_ms: now_ms, kind: EntryKind::TooFast, subject, text }
    })
}

/// What is said of a result that came too fast, of so many tile-passes that are checked whole for it.
fn too_fast(lease: LeaseId, subject: Subject, (rate, limit): (u64, u64), checks: (Verify, usize)) -> String {
    let who = subject.worker.map_or_else(|| "a worker".to_owned(), |worker| worker.to_string());
    let what = match checks {
        (Verify::None, _) => "nothing of the job is checked".to_owned(),
        (Verify::Double, _) => "all of it is checked, as the job asks".to_owned(),
        (_, count) => format!("{count} tile-passes of it are checked whole"),
    };
    format!(
        "{who} answered {lease}{} at {rate} rays/s, where at most {limit} are believed: {what}",
        job_of(subject)
    )
}

fn job_of(subject: Subject) -> String {
    subject.job.map_or_else(String::new, |job| format!(" of {job}"))
}

/// One of the operator's workers, for a link to it.
fn worker_of(core: &Core, operator: OperatorId) -> Subject {
    let worker = core.state().workers.iter().find(|(_, worker)| worker.operator == operator);
    Subject { job: None, worker: worker.map(|(id, _)| *id) }
}

/// The operator's workers by their names, or its key where none is connected.
fn name(core: &Core, operator: OperatorId) -> String {
    let workers = core.state().workers.iter().filter(|(_, worker)| worker.operator == operator);
    let names: Vec<_> = workers.take(3).map(|(id, worker)| format!("{id} `{}`", worker.hello.name)).collect();
    match names.is_empty() {
        true => format!("operator {}", core.state().operators.key(operator)),
        false => names.join(", "),
    }
}
