//! `tessera jobs`, `workers` and `cancel`.

use serde_json::json;
use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::messages::{OperatorStanding, WorkerState, WorkerStatus};

use crate::args::{JobArguments, ListArguments};
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::progress::{amount, duration, sentence, status_json};

pub fn jobs(arguments: &ListArguments) -> Result<Outcome, Failure> {
    let jobs = super::with_client(&arguments.farm, async |client| client.jobs().await.or_exit(Exit::Farm))?;
    for job in &jobs {
        let line = match arguments.json {
            true => status_json(job).to_string(),
            false => format!("{}  {}", sentence(job), job.name),
        };
        console::print(format_args!("{line}"));
    }
    if jobs.is_empty() && !arguments.json {
        console::note(format_args!("the farm has no jobs; `tessera submit SHOT` adds one"));
    }
    Ok(Outcome::Done)
}

pub fn workers(arguments: &ListArguments) -> Result<Outcome, Failure> {
    let workers =
        super::with_client(&arguments.farm, async |client| client.workers().await.or_exit(Exit::Farm))?;
    for worker in &workers {
        let line = match arguments.json {
            true => worker_json(worker).to_string(),
            false => worker_line(worker),
        };
        console::print(format_args!("{line}"));
    }
    let connected =
        |worker: &WorkerStatus| !matches!(worker.state, WorkerState::Left { .. } | WorkerState::Refused(_));
    if !workers.iter().any(connected) && !arguments.json {
        console::note(format_args!(
            "the farm has no workers; run `tessera worker --join LINK` with the link of its owner"
        ));
    }
    Ok(Outcome::Done)
}

pub fn cancel(arguments: &JobArguments) -> Result<Outcome, Failure> {
    let job = arguments.job;
    super::with_client(&arguments.farm, async |client| client.cancel(job).await.or_exit(Exit::Farm))?;
    console::note(format_args!("{job} cancelled"));
    Ok(Outcome::Done)
}

/// Where it stands, and the reason if there is one.
fn state(worker: &WorkerStatus) -> (&'static str, Option<&str>) {
    match &worker.state {
        WorkerState::Idle => ("idle", None),
        WorkerState::Busy => ("busy", None),
        WorkerState::Leaving => ("leaving", None),
        WorkerState::Left { .. } => ("left", None),
        WorkerState::Quarantined(reason) => ("quarantined", Some(reason)),
        WorkerState::Banned(reason) => ("banned", Some(reason)),
        WorkerState::Refused(reason) => ("refused", Some(reason)),
        WorkerState::Drained => ("drained", None),
        WorkerState::Asleep { .. } => ("asleep", None),
        WorkerState::Resting { reason, .. } => ("resting", Some(reason)),
    }
}

fn worker_line(worker: &WorkerStatus) -> String {
    let devices: Vec<String> = match worker.reports.is_empty() {
        true => worker.devices.iter().map(|device| device.name.clone()).collect(),
        false => worker.reports.iter().map(named).collect(),
    };
    let (state, reason) = state(worker);
    let detail = match worker.state {
        WorkerState::Left { ago_ms } => format!(" {} ago", duration(ago_ms as f64 / 1000.0)),
        WorkerState::Asleep { for_ms } => format!(" for {}", duration(for_ms as f64 / 1000.0)),
        WorkerState::Resting { for_ms, ref reason } => {
            format!(" for {}: {reason}", duration(for_ms as f64 / 1000.0))
        }
        _ => reason.map_or_else(String::new, |reason| format!(": {reason}")),
    };
    let rate = amount(worker.rays_per_second as f64);
    let of_score =
        percent_of_score(worker).map_or_else(String::new, |percent| format!(" ({percent} % of its score)"));
    let tiles = format!("{} tiles accepted, {} rejected", worker.tiles_accepted, worker.tiles_rejected);
    let tiles = format!("{tiles}  {}", standing_line(&worker.standing));
    let tags: String = worker.tags.iter().map(|tag| format!(" #{tag}")).collect();
    format!(
        "{}  {}{tags}  {state}{detail}  {rate} rays/s{of_score}  {tiles}  {}  key {}",
        worker.worker,
        worker.name,
        devices.join(" + "),
        worker.operator
    )
}

/// An operator's record, without what is zero.
fn standing_line(standing: &OperatorStanding) -> String {
    let mut parts = match standing.probation_left {
        0 => vec![format!("{} checked", standing.checked)],
        left => vec![format!("on probation, {left} tiles to be checked")],
    };
    let counts = [
        (standing.wrong, "wrong"),
        (standing.wrong_checks, "wrong checks"),
        (standing.late, "late"),
        (standing.failed, "failed"),
        (standing.too_fast, "too fast"),
        (standing.readmitted, "returns from quarantine"),
    ];
    parts
        .extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    parts.push(format!("{} rays credited", amount(standing.rays_settled as f64)));
    if standing.rays_held > 0 {
        parts.push(format!("{} held", amount(standing.rays_held as f64)));
    }
    parts.join(", ")
}

/// A device, and what bars it from what.
fn named(report: &DeviceReport) -> String {
    let name = &report.device.name;
    match report.serves {
        Serves::Every => name.clone(),
        Serves::Fast => format!("{name} (fast jobs only)"),
        Serves::None => format!("{name} (not exact, lends nothing)"),
    }
}

fn report_json(report: &DeviceReport) -> serde_json::Value {
    let serves = match report.serves {
        Serves::Every => "every job",
        Serves::Fast => "fast jobs",
        Serves::None => "none",
    };
    json!({
        "name": report.device.name, "driver": report.device.driver, "serves": serves, "failures": report.failures,
        "score_rays_per_second": report.score_rays_per_second,
    })
}

/// Rays a second that the worker's serving devices scored in `tessera bench`; 0 before they did.
pub fn score(worker: &WorkerStatus) -> u64 {
    let serving = worker.reports.iter().filter(|report| report.serves != Serves::None);
    serving.fold(0u64, |sum, report| sum.saturating_add(report.score_rays_per_second))
}

/// Rays a second in real work of a hundred that the worker scored; `None` without the two.
fn percent_of_score(worker: &WorkerStatus) -> Option<u64> {
    let score = score(worker);
    let percent = u128::from(worker.rays_per_second) * 100 / u128::from(score.max(1));
    (score > 0 && worker.rays_per_second > 0).then_some(percent.min(u128::from(u64::MAX)) as u64)
}

fn worker_json(worker: &WorkerStatus) -> serde_json::Value {
    let devices: Vec<_> =
        worker.devices.iter().map(|device| json!({"name": device.name, "driver": device.driver})).collect();
    let reports: Vec<_> = worker.reports.iter().map(report_json).collect();
    let (state, reason) = state(worker);
    let standing = &worker.standing;
    let left_ms_ago = match worker.state {
        WorkerState::Left { ago_ms } => Some(ago_ms),
        _ => None,
    };
    json!({
        "worker": worker.worker.to_string(), "name": worker.name, "operator": worker.operator.to_string(),
        "operator_key": worker.operator.hex(), "tags": worker.tags,
        "devices": devices, "state": state, "reason": reason, "left_ms_ago": left_ms_ago,
        "tiles_accepted": worker.tiles_accepted, "tiles_rejected": worker.tiles_rejected,
        "standing": {
            "probation_left": standing.probation_left, "delivered": standing.delivered, "checked": standing.checked,
            "wrong": standing.wrong, "wrong_checks": standing.wrong_checks, "late": standing.late,
            "failed": standing.failed, "readmitted": standing.readmitted,
            "rays_settled": standing.rays_settled, "rays_held": standing.rays_held,
            "too_fast": standing.too_fast,
        },
        "rays_per_second": worker.rays_per_second, "percent_of_score": percent_of_score(worker),
        "connected_ms": worker.connected_ms, "reports": reports,
    })
}
