//! A worker that keeps hours.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tessera_scheduler::client::Client;
use tessera_scheduler::{JobOptions, JobState, WorkerState};
use tessera_scheduler_core::Record;
use tessera_worker::Schedule;

use crate::shot::{Honest, Shot};
use crate::stand::{Stand, ended};

const HOUR_MS: u64 = 3_600_000;
/// Before an end of its hours; so soon the worker looks at its clock again.
const SOON_MS: u64 = 50;

async fn wait_for(artist: &Client, wanted: impl Fn(&WorkerState) -> bool) {
    while !artist.workers().await.unwrap().iter().any(|worker| wanted(&worker.state)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_takes_leases_at_its_hours_alone() {
    let stand = Stand::new().await;
    let day_ms = Arc::new(AtomicU64::new(8 * HOUR_MS - SOON_MS));
    let shown = day_ms.clone();
    let clock = Arc::new(move || shown.load(Ordering::Relaxed));
    let mut options = stand.options("early");
    options.schedule = Some(Schedule { hours: "8-9".parse().unwrap(), clock });
    let worker = Stand::start(options, Honest);
    let artist = stand.artist().await;
    let asleep = |state: &WorkerState| matches!(state, WorkerState::Asleep { .. });
    wait_for(&artist, asleep).await;
    let package = Shot::default().package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let reasons = artist.why(job).await.unwrap();
    assert!(
        reasons.iter().any(|reason| reason.sentence.contains("sleep by their own schedule")),
        "{reasons:?}"
    );
    let granted = |record: &Record| matches!(record, Record::Granted { .. });
    assert_eq!(stand.records.count(granted), 0, "a worker that sleeps was lent something");
    day_ms.store(9 * HOUR_MS - SOON_MS, Ordering::Relaxed);
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    day_ms.store(9 * HOUR_MS, Ordering::Relaxed);
    wait_for(&artist, asleep).await;
    worker.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_comes_outside_its_hours_is_lent_nothing_of_what_waits() {
    let stand = Stand::new().await;
    let artist = stand.artist().await;
    let job = artist.submit(&Shot::default().package(), JobOptions::default(), |_| {}).await.unwrap();
    let day_ms = Arc::new(AtomicU64::new(7 * HOUR_MS));
    let shown = day_ms.clone();
    let clock = Arc::new(move || shown.load(Ordering::Relaxed));
    let mut options = stand.options("early");
    options.schedule = Some(Schedule { hours: "8-9".parse().unwrap(), clock });
    let worker = Stand::start(options.clone(), Honest);
    wait_for(&artist, |state| matches!(state, WorkerState::Asleep { .. })).await;
    worker.leave().await.unwrap();
    let granted = |record: &Record| matches!(record, Record::Granted { .. });
    assert_eq!(stand.records.count(granted), 0, "it was lent something before it slept");
    // It comes again a moment before its hours begin, and works when they do.
    day_ms.store(8 * HOUR_MS - SOON_MS, Ordering::Relaxed);
    let worker = Stand::start(options, Honest);
    wait_for(&artist, |state| matches!(state, WorkerState::Asleep { .. })).await;
    day_ms.store(8 * HOUR_MS, Ordering::Relaxed);
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    worker.leave().await.unwrap();
}
