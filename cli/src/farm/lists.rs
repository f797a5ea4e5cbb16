//! `tessera jobs`, `workers` and `cancel`.

use serde_json::json;
use tessera_shared::messages::{WorkerState, WorkerStatus};

use crate::args::{CancelArguments, ListArguments};
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
    let connected = |worker: &WorkerStatus| !matches!(worker.state, WorkerState::Left { .. });
    if !workers.iter().any(connected) && !arguments.json {
        console::note(format_args!(
            "the farm has no workers; run `tessera worker --join LINK` with the link of its owner"
        ));
    }
    Ok(Outcome::Done)
}

pub fn cancel(arguments: &CancelArguments) -> Result<Outcome, Failure> {
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
    }
}

fn worker_line(worker: &WorkerStatus) -> String {
    let devices: Vec<&str> = worker.devices.iter().map(|device| device.name.as_str()).collect();
    let (state, reason) = state(worker);
    let detail = match worker.state {
        WorkerState::Left { ago_ms } => format!(" {} ago", duration(ago_ms as f64 / 1000.0)),
        _ => reason.map_or_else(String::new, |reason| format!(": {reason}")),
    };
    let rate = amount(worker.rays_per_second as f64);
    let tiles = format!("{} tiles accepted, {} rejected", worker.tiles_accepted, worker.tiles_rejected);
    let tags: String = worker.tags.iter().map(|tag| format!(" #{tag}")).collect();
    format!(
        "{}  {}{tags}  {state}{detail}  {rate} rays/s  {tiles}  {}  key {}",
        worker.worker,
        worker.name,
        devices.join(" + "),
        worker.operator
    )
}

fn worker_json(worker: &WorkerStatus) -> serde_json::Value {
    let devices: Vec<_> =
        worker.devices.iter().map(|device| json!({"name": device.name, "driver": device.driver})).collect();
    let (state, reason) = state(worker);
    let left_ms_ago = match worker.state {
        WorkerState::Left { ago_ms } => Some(ago_ms),
        _ => None,
    };
    json!({
        "worker": worker.worker.to_string(), "name": worker.name, "operator": worker.operator.to_string(),
        "operator_key": worker.operator.hex(), "tags": worker.tags,
        "devices": devices, "state": state, "reason": reason, "left_ms_ago": left_ms_ago,
        "tiles_accepted": worker.tiles_accepted, "tiles_rejected": worker.tiles_rejected,
        "rays_per_second": worker.rays_per_second, "connected_ms": worker.connected_ms,
    })
}
