//! A farm whose datagrams get lost, late, doubled or cut off: the image is the same, and little is rendered twice.

use std::sync::Arc;
use std::time::Duration;

use tessera_scheduler::{JobOptions, JobState};
use tessera_scheduler_core::Record;
use tessera_scheduler_core::record::{Landing, LeaseEnd};
use tessera_shared::ids::LeaseId;
use tessera_worker::Timing;

use crate::relay::{Relay, Weather};
use crate::shot::{Gate, Gated, Honest, Shot};
use crate::stand::{BRISK, Records, Stand, ended, local_digests};

/// Tile-passes that were lent, each as often as it was.
fn lent(records: &Records) -> usize {
    let records = records.0.lock().unwrap();
    let tiles = |record: &Record| match record {
        Record::Granted { tiles, .. } => tiles.len(),
        _ => 0,
    };
    records.iter().map(tiles).sum()
}

/// Leases that ended when their worker's connection did.
fn lost(records: &Records) -> Vec<LeaseId> {
    let records = records.0.lock().unwrap();
    let lost = |record: &Record| match record {
        Record::LeaseEnded { lease, end: LeaseEnd::Lost, .. } => Some(*lease),
        _ => None,
    };
    records.iter().filter_map(lost).collect()
}

/// Tile-passes of these leases that were taken when they came late.
fn taken(records: &Records, leases: &[LeaseId]) -> usize {
    let records = records.0.lock().unwrap();
    let held = |landing: &&Landing| matches!(landing, Landing::Held { .. });
    let taken = |record: &Record| match record {
        Record::Delivered { lease, tiles, .. } if leases.contains(lease) => tiles.iter().filter(held).count(),
        _ => 0,
    };
    records.iter().map(taken).sum()
}

/// Tile-passes of these leases.
fn tiles_of(records: &Records, leases: &[LeaseId]) -> usize {
    let records = records.0.lock().unwrap();
    let tiles = |record: &Record| match record {
        Record::Granted { lease, tiles, .. } if leases.contains(lease) => tiles.len(),
        _ => 0,
    };
    records.iter().map(tiles).sum()
}

fn left(record: &Record) -> bool {
    matches!(record, Record::Left { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_network_finishes_what_it_holds_and_delivers_it_when_it_is_back() {
    let stand = Stand::brisk(|_| {}).await;
    let relay = Relay::to(stand.scheduler.address());
    let gate = Arc::new(Gate::default());
    let far = stand.worker_behind(&relay, BRISK, "far", Gated(gate.clone()));
    let artist = stand.artist().await;
    let package = Shot { frames: 2, tile_px: 16, ..Shot::default() }.package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    gate.reached.notified().await;
    relay.close();
    stand.records.hold(1, left).await;
    // It renders on while nobody hears it.
    gate.open();
    gate.passed.notified().await;
    relay.open();
    let status = ended(&artist, job).await;
    assert_eq!((status.state, status.tiles_done), (JobState::Completed, status.tiles_total));
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    far.leave().await.unwrap();
    let lost = lost(&stand.records);
    assert!(!lost.is_empty() && taken(&stand.records, &lost) > 0, "no result came late");
    let rework = lent(&stand.records) - status.tiles_total as usize;
    let in_flight = tiles_of(&stand.records, &lost);
    assert!(rework <= in_flight, "{rework} tile-passes lent again, {in_flight} were in flight");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_worker_takes_over_and_each_tile_counts_once() {
    let stand = Stand::brisk(|_| {}).await;
    let relay = Relay::to(stand.scheduler.address());
    let gate = Arc::new(Gate::default());
    let far = stand.worker_behind(&relay, BRISK, "far", Gated(gate.clone()));
    let artist = stand.artist().await;
    let package = Shot { frames: 2, ..Shot::default() }.package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    gate.reached.notified().await;
    relay.close();
    stand.records.hold(1, left).await;
    let near = stand.worker("near", Honest);
    let status = ended(&artist, job).await;
    assert_eq!((status.state, status.tiles_done), (JobState::Completed, status.tiles_total));
    // What it brings now is nobody's: it forgets that and works on.
    near.leave().await.unwrap();
    gate.open();
    relay.open();
    let next = Shot { samples: 5, pass_samples: 5, ..Shot::default() }.package();
    let (again, status) = stand.completes(&next).await;
    assert_eq!(status.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    assert_eq!(stand.digests(again).await, local_digests(next, 1));
    far.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_that_get_lost_doubled_and_overtaken_cost_time_alone() {
    let stand = Stand::new().await;
    let relay = Relay::to(stand.scheduler.address());
    relay.weather(Weather {
        lost_permille: 50,
        doubled_permille: 50,
        delayed_permille: 200,
        delay_max: Duration::from_millis(20),
    });
    let workers = ["one", "two"].map(|name| stand.worker_behind(&relay, Timing::default(), name, Honest));
    let package = Shot { frames: 4, pass_samples: 4, ballast: 1 << 17, ..Shot::default() }.package();
    let (job, status) = stand.completes(&package).await;
    assert_eq!((status.state, status.tiles_done), (JobState::Completed, status.tiles_total));
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    assert!(relay.traffic().lost > 0);
    for worker in workers {
        worker.leave().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_outlives_the_address_that_it_was_made_from() {
    let stand = Stand::new().await;
    let relay = Relay::to(stand.scheduler.address());
    let gate = Arc::new(Gate::default());
    let roaming = stand.worker_behind(&relay, Timing::default(), "roaming", Gated(gate.clone()));
    let artist = stand.artist().await;
    let package = Shot { frames: 2, pass_samples: 4, ..Shot::default() }.package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    gate.reached.notified().await;
    relay.rebind();
    gate.open();
    let status = ended(&artist, job).await;
    assert_eq!((status.state, status.tiles_done), (JobState::Completed, status.tiles_total));
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    let joined = |record: &Record| matches!(record, Record::Joined { .. });
    assert_eq!((stand.records.count(joined), stand.records.count(left)), (1, 0));
    assert_eq!(lent(&stand.records), status.tiles_total as usize);
    roaming.leave().await.unwrap();
}
