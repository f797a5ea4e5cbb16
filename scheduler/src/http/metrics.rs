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
use crate::webhooks::Tally;

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
    too_fast: u64,
}

pub(super) async fn metrics(State(site): State<Arc<Site>>) -> Result<Response, Problem> {
    let numbers = site.driver.question(|core, _| numbers(core)).await?;
    let text = text(&numbers, site.webhooks.tally(), site.now_ms());
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
        too_fast: state.too_fast.values().sum(),
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

fn text(numbers: &Numbers, webhooks: Tally, uptime_ms: u64) -> String {
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
    tell("jobs", "gauge", "Listed jobs by state.", &by_state(&numbers.jobs));
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
    tell("webhooks_delivered_total", "counter", "Events that a receiver took.", &one(webhooks.delivered));
    tell("webhooks_dropped_total", "counter", "Events that a receiver did not take.", &one(webhooks.dropped));
    tell("webhooks_failed_attempts_total", "counter", "Attempts that failed.", &one(webhooks.failed));
    tell("webhooks_waiting", "gauge", "Events that are not told yet.", &one(webhooks.waiting));
    tell(
        "results_too_fast_total",
        "counter",
        "Results that came faster than is believed, and were checked more.",
        &one(numbers.too_fast),
    );
    text
}

/// With the labels that name the states.
fn by_state(jobs: &super::json::JobCounts) -> [(&'static str, f64); 7] {
    [
        (r#"{state="queued"}"#, jobs.queued as f64),
        (r#"{state="running"}"#, jobs.running as f64),
        (r#"{state="paused"}"#, jobs.paused as f64),
        (r#"{state="waiting"}"#, jobs.waiting as f64),
        (r#"{state="completed"}"#, jobs.completed as f64),
        (r#"{state="failed"}"#, jobs.failed as f64),
        (r#"{state="cancelled"}"#, jobs.cancelled as f64),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    const DASHBOARD: &str = include_str!("../../../docs/grafana.json");

    /// What `/metrics` says of a farm where nothing happens.
    fn exported() -> String {
        let numbers = Numbers {
            workers: Default::default(),
            jobs: Default::default(),
            rays_per_second: 0,
            leases: 0,
            tiles_accepted: 0,
            tiles_pending: 0,
            tiles_held: 0,
            rays_accepted: 0,
            rays_checked: 0,
            tiles_overturned: 0,
            inconclusive: 0,
            too_fast: 0,
        };
        text(&numbers, Tally::default(), 0)
    }

    /// Names and kinds, as the `# TYPE` lines say.
    fn kinds(exported: &str) -> Vec<(&str, &str)> {
        exported
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|line| line.split_once(' '))
            .collect()
    }

    fn dashboard() -> Value {
        serde_json::from_str(DASHBOARD).unwrap()
    }

    /// Every text of the dashboard that Prometheus is asked with.
    fn queries(of: &Value, found: &mut Vec<String>) {
        match of {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if ["expr", "query", "definition"].contains(&name.as_str()) => {
                            found.push(text.clone());
                        }
                        other => queries(other, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
            _ => {}
        }
    }

    /// The metrics that a query names, each with what stands before it.
    fn named(query: &str) -> Vec<(&str, &str)> {
        let starts = query.match_indices("tessera_").map(|(at, _)| at);
        starts
            .map(|at| {
                let rest = &query[at..];
                let letter = |c: char| c.is_ascii_lowercase() || c == '_';
                (&query[..at], &rest[..rest.find(|c| !letter(c)).unwrap_or(rest.len())])
            })
            .collect()
    }

    #[test]
    fn the_dashboard_shows_what_is_exported_and_nothing_else() {
        let exported = exported();
        let kinds = kinds(&exported);
        let mut asked = Vec::new();
        queries(&dashboard(), &mut asked);
        let mut shown = BTreeSet::new();
        for query in &asked {
            for (before, name) in named(query) {
                let kind = kinds.iter().find(|(exported, _)| *exported == name);
                let (_, kind) = kind.unwrap_or_else(|| panic!("{name} is not exported: {query}"));
                // What may fall has no rate, and what only grows says nothing by itself.
                let grows = ["rate(", "increase("].iter().any(|function| before.ends_with(function));
                assert_eq!(*kind == "counter", grows, "{name} is a {kind}: {query}");
                shown.insert(name);
            }
        }
        let all: BTreeSet<_> = kinds.iter().map(|(name, _)| *name).collect();
        assert_eq!(shown, all);
    }

    #[test]
    fn the_dashboard_knows_every_state_of_a_job() {
        let exported = exported();
        let states = |text: &str, start: &str| -> BTreeSet<String> {
            let lists = text.split(start).skip(1).filter_map(|rest| rest.split('"').next());
            lists.flat_map(|list| list.split('|')).map(str::to_owned).collect()
        };
        let mut asked = Vec::new();
        queries(&dashboard(), &mut asked);
        let asked = asked.join("\n");
        let shown: BTreeSet<_> =
            states(&asked, "{state=\"").union(&states(&asked, "{state=~\"")).cloned().collect();
        assert_eq!(shown, states(&exported, "{state=\""));
    }

    #[test]
    fn the_dashboards_panels_lie_beside_each_other() {
        let dashboard = dashboard();
        let panels = dashboard["panels"].as_array().unwrap();
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in panels {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            assert!(x + w <= 24, "Grafana has 24 columns: {panel}");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "on top of another: {panel}");
            }
        }
        assert!(!ids.is_empty());
    }
}
