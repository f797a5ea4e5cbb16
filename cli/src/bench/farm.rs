//! `tessera bench --to LINK`: what the workers of a farm are worth in work that nobody has ready. The sample scene with a drawn seed is
//! submitted below every other job, so that idle workers take it, checked as any job is, and cancelled when the time is over. Knows
//! workers as `tessera workers` does.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tessera_benches::{Sample, View};
use tessera_scheduler::client::{Client, ClientError};
use tessera_shared::admission::Serves;
use tessera_shared::ids::WorkerId;
use tessera_shared::job_options::PRIORITY_MIN;
use tessera_shared::messages::{JobOptions, WorkerState, WorkerStatus};
use tessera_shared::package::Package;

use super::BenchArguments;
use crate::args::FarmArguments;
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::farm::lists::score;
use crate::progress::amount;

/// A worker whose rate is off its score by more than this share drifts.
const DRIFT_PERCENT: u64 = 30;
/// More samples than any farm renders in the longest time that may be asked for.
const VIEW: View = View { width_px: 960, height_px: 540, samples: 1 << 14, seed: 0, max_bounces: 8 };
/// Samples of a pass: tile-passes are short, so that a rate is known soon.
const PASS_SAMPLES: u32 = 4;

/// What a worker did in the time.
#[derive(Debug, PartialEq)]
struct Row {
    name: String,
    worker: WorkerId,
    devices: Vec<String>,
    /// Rays a second, measured over its leases.
    rays_per_second: u64,
    /// Of its devices' own benches; 0 where they have none.
    score: u64,
    accepted: u64,
    rejected: u64,
    note: Option<String>,
}

pub fn run(arguments: &BenchArguments, seed: u32) -> Result<Outcome, Failure> {
    let package = package(seed).or_exit(Exit::Scene)?;
    let (before, after, sent) =
        crate::farm::with_client(&FarmArguments { to: arguments.to.clone() }, async |client| {
            measure(client, &package, arguments.seconds).await.or_exit(Exit::Farm)
        })?;
    let rows = rows(&before, &after);
    if let Some(rate) = sent {
        console::note(format_args!("the scene went to the farm at {}B/s", amount(rate)));
    }
    for line in if arguments.json { json_lines(&rows, seed) } else { lines(&rows, seed) } {
        console::print(format_args!("{line}"));
    }
    let wrong = rows.iter().any(|row| row.rejected > 0);
    Ok(if wrong { Outcome::Negative } else { Outcome::Done })
}

fn package(seed: u32) -> anyhow::Result<Package> {
    let mut package = Sample::MOSAIC.package(&View { seed, ..VIEW })?;
    package.manifest.name = "bench".to_owned();
    package.manifest.settings.pass_samples = PASS_SAMPLES;
    Ok(package)
}

/// Workers before and after, and the rate at which blobs went to the farm if there were any to send.
async fn measure(
    client: &Client,
    package: &Package,
    seconds: u32,
) -> Result<(Vec<WorkerStatus>, Vec<WorkerStatus>, Option<f64>), ClientError> {
    let before = client.workers().await?;
    let options = JobOptions { priority: PRIORITY_MIN, ..JobOptions::default() };
    let (mut sent, start) = (0u64, Instant::now());
    let job = client.submit(package, options, |upload| sent = upload.bytes_sent).await?;
    let rate = (sent > 0).then(|| sent as f64 / start.elapsed().as_secs_f64().max(1e-6));
    console::note(format_args!("{job} runs for {seconds} s on the workers that have nothing else to do"));
    tokio::time::sleep(Duration::from_secs(u64::from(seconds))).await;
    let after = client.workers().await;
    client.cancel(job).await?;
    Ok((before, after?, rate))
}

fn rows(before: &[WorkerStatus], after: &[WorkerStatus]) -> Vec<Row> {
    let present = after.iter().filter(|worker| !matches!(worker.state, WorkerState::Left { .. }));
    present
        .map(|worker| {
            let earlier = before.iter().find(|earlier| earlier.worker == worker.worker);
            let (accepted, rejected) =
                earlier.map_or((0, 0), |earlier| (earlier.tiles_accepted, earlier.tiles_rejected));
            let mut row = Row {
                name: worker.name.clone(),
                worker: worker.worker,
                devices: worker.devices.iter().map(|device| device.name.clone()).collect(),
                rays_per_second: worker.rays_per_second,
                score: score(worker),
                accepted: worker.tiles_accepted.saturating_sub(accepted),
                rejected: worker.tiles_rejected.saturating_sub(rejected),
                note: None,
            };
            row.note = note(&row, worker);
            row
        })
        .collect()
}

/// What its owner should know of a worker.
fn note(row: &Row, worker: &WorkerStatus) -> Option<String> {
    let fast =
        !worker.reports.is_empty() && worker.reports.iter().all(|report| report.serves != Serves::Every);
    match &worker.state {
        WorkerState::Refused(reason) | WorkerState::Quarantined(reason) => return Some(reason.clone()),
        WorkerState::Leaving => return Some("it is leaving".to_owned()),
        WorkerState::Drained => return Some("it is drained".to_owned()),
        WorkerState::Asleep { .. } => return Some("it is asleep".to_owned()),
        WorkerState::Resting { reason, .. } => return Some(format!("it rests: {reason}")),
        _ if fast => return Some("it serves fast jobs alone".to_owned()),
        _ if row.accepted == 0 => {
            return Some("it did no tile: busy, or slower than the time given".to_owned());
        }
        _ if row.score == 0 => return Some("no score; run `tessera bench` on it".to_owned()),
        _ => {}
    }
    let percent = percent(row)?;
    let drifts = percent < 100 - DRIFT_PERCENT || percent > 100 + DRIFT_PERCENT;
    drifts.then(|| format!("drifts: {percent} % of its score"))
}

fn percent(row: &Row) -> Option<u64> {
    let share = u128::from(row.rays_per_second) * 100 / u128::from(row.score.max(1));
    (row.score > 0).then(|| share.min(u128::from(u64::MAX)) as u64)
}

fn lines(rows: &[Row], seed: u32) -> Vec<String> {
    let mut lines = vec![
        "| worker | devices | Mrays/s | score Mrays/s | tiles accepted, rejected | note |".to_owned(),
        "| --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    let mrays = |rays: u64| if rays == 0 { "–".to_owned() } else { format!("{:.2}", rays as f64 / 1e6) };
    lines.extend(rows.iter().map(|row| {
        format!(
            "| {} {} | {} | {} | {} | {}, {} | {} |",
            row.worker,
            row.name,
            row.devices.join(" + "),
            mrays(row.rays_per_second),
            mrays(row.score),
            row.accepted,
            row.rejected,
            row.note.as_deref().unwrap_or("")
        )
    }));
    lines.push(format!("seed {seed}"));
    lines
}

fn json_lines(rows: &[Row], seed: u32) -> Vec<String> {
    let line = |row: &Row| -> Value {
        json!({
            "worker": row.worker.to_string(), "name": row.name, "devices": row.devices, "seed": seed,
            "rays_per_second": row.rays_per_second, "score_rays_per_second": row.score,
            "percent_of_score": percent(row), "tiles_accepted": row.accepted, "tiles_rejected": row.rejected,
            "note": row.note,
        })
    };
    rows.iter().map(|row| line(row).to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_shared::admission::DeviceReport;
    use tessera_shared::digest::Digest;
    use tessera_shared::ids::NodeKey;
    use tessera_shared::messages::{Device, DeviceKind};

    fn worker(id: u64, rays_per_second: u64, tiles_accepted: u64, state: WorkerState) -> WorkerStatus {
        let device = Device { name: "CPU".into(), kind: DeviceKind::Cpu, driver: "AVX2".into() };
        let report = DeviceReport {
            device: device.clone(),
            suite: Digest([0; 32]),
            failures: Vec::new(),
            serves: Serves::Every,
            score_rays_per_second: 1_000_000,
        };
        WorkerStatus {
            worker: WorkerId(id),
            name: format!("w{id}"),
            operator: NodeKey([id as u8; 32]),
            devices: vec![device],
            state,
            tiles_accepted,
            tiles_rejected: 0,
            rays_per_second,
            connected_ms: 1,
            standing: Default::default(),
            tags: Vec::new(),
            reports: vec![report],
        }
    }

    #[test]
    fn who_drifts_is_told_and_only_what_is_new_counts() {
        let before = [worker(1, 0, 10, WorkerState::Idle), worker(4, 900_000, 5, WorkerState::Busy)];
        let after = [
            worker(1, 1_100_000, 14, WorkerState::Busy),
            worker(2, 650_000, 3, WorkerState::Busy),
            worker(3, 1_000_000, 3, WorkerState::Left { ago_ms: 5 }),
            worker(4, 900_000, 5, WorkerState::Busy),
            worker(5, 0, 0, WorkerState::Refused("`div`".into())),
        ];
        let rows = rows(&before, &after);
        let told: Vec<_> = rows.iter().map(|row| (row.worker.0, row.accepted, row.note.as_deref())).collect();
        assert_eq!(
            told,
            [
                (1, 4, None),
                (2, 3, Some("drifts: 65 % of its score")),
                (4, 0, Some("it did no tile: busy, or slower than the time given")),
                (5, 0, Some("`div`")),
            ]
        );
        assert_eq!(lines(&rows, 7)[2], "| w1 w1 | CPU | 1.10 | 1.00 | 4, 0 |  |");
        assert!(json_lines(&rows, 7)[1].contains("\"percent_of_score\":65"));
    }
}
