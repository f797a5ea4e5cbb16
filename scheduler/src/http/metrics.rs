//! The farm's numbers for monitoring, in Prometheus' text format (version 0.0.4). Read from the core when they are asked for.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tessera_scheduler_core::Core;

use super::Site;
use super::farm;
use super::problem::Problem;

/// What is told.
struct Numbers {
    workers: super::json::WorkerCounts,
    jobs: super::json::JobCounts,
    rays_per_second: u64,
    leases: u64,
    tiles_accepted: u64,
    tiles_pending: u64,
    tiles_held: u64,
    rays_accepted: u64,
    rays_checked: u64,
    tiles_overturned: u64,
    inconclusive: u64,
}

pub(super) async fn metrics(State(site): State<Arc<Site>>) -> Result<Response, Problem> {
    let numbers = site.driver.question(|core, _| numbers(core)).await?;
    let text = text(&numbers, site.now_ms());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn numbers(core: &Core) -> Numbers {
    let state = core.state();
    let mut numbers = Numbers {
        workers: farm::workers(core),
        jobs: farm::jobs(core),
        rays_per_second: core.rays_per_second(),
        leases: state.leases.len() as u64,
        tiles_accepted: 0,
        tiles_pending: 0,
        tiles_held: state.held,
        rays_accepted: 0,
        rays_checked: 0,
        tiles_overturned: 0,
        inconclusive: core.referee().tally.inconclusive,
    };
    for job in state.jobs.values() {
        numbers.tiles_accepted += job.tiles_done;
        numbers.tiles_pending += if job.running() { job.pending() } else { 0 };
        numbers.rays_accepted += job.rays.total();
        numbers.rays_checked += job.rays_checked();
        numbers.tiles_overturned += job.tiles_overturned();
    }
    numbers
}

fn text(numbers: &Numbers, uptime_ms: u64) -> String {
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, values: &[(&str, f64)]| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP tessera_{name} {help}\n# TYPE tessera_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "tessera_{name}{labels} {value}");
        }
    };
    let one = |value: u64| [("", value as f64)];
    tell("uptime_seconds", "gauge", "Since the scheduler's start.", &[("", uptime_ms as f64 / 1000.0)]);
    tell("workers_connected", "gauge", "Connected workers.", &one(numbers.workers.connected));
    tell("workers_busy", "gauge", "Connected workers with a lease in hand.", &one(numbers.workers.busy));
    tell("operators_out", "gauge", "Operators in quarantine or banned.", &one(numbers.workers.quarantined));
    let jobs = [
        (r#"{state="queued"}"#, numbers.jobs.queued as f64),
        (r#"{state="running"}"#, numbers.jobs.running as f64),
        (r#"{state="paused"}"#, numbers.jobs.paused as f64),
        (r#"{state="waiting"}"#, numbers.jobs.waiting as f64),
        (r#"{state="completed"}"#, numbers.jobs.completed as f64),
        (r#"{state="failed"}"#, numbers.jobs.failed as f64),
        (r#"{state="cancelled"}"#, numbers.jobs.cancelled as f64),
    ];
    tell("jobs", "gauge", "Listed jobs by state.", &jobs);
    tell(
        "rays_per_second",
        "gauge",
        "Measured rate of all connected workers.",
        &one(numbers.rays_per_second),
    );
    tell("leases", "gauge", "Leases in hand or late.", &one(numbers.leases));
    tell(
        "tile_passes_accepted",
        "gauge",
        "Accepted tile-passes of listed jobs.",
        &one(numbers.tiles_accepted),
    );
    tell("tile_passes_pending", "gauge", "Tile-passes that wait to be lent.", &one(numbers.tiles_pending));
    tell(
        "tile_passes_held",
        "gauge",
        "Delivered tile-passes that wait for their proof.",
        &one(numbers.tiles_held),
    );
    tell(
        "rays_accepted",
        "gauge",
        "Rays of accepted tile-passes of listed jobs.",
        &one(numbers.rays_accepted),
    );
    tell("rays_checked", "gauge", "Rays of checks of listed jobs.", &one(numbers.rays_checked));
    tell(
        "tile_passes_overturned",
        "gauge",
        "Accepted, then doubted and rendered anew.",
        &one(numbers.tiles_overturned),
    );
    tell(
        "referee_inconclusive_total",
        "counter",
        "Requests to which the referee came to no answer.",
        &one(numbers.inconclusive),
    );
    text
}
