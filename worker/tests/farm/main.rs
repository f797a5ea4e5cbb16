//! A farm in one process over real QUIC: whatever its workers do, the image is the one that `render` makes.

mod admission;
mod blobs;
mod confidential;
mod hostile;
mod hours;
mod network;
mod overload;
mod relay;
mod shot;
mod stand;
mod versions;

use std::sync::Arc;

use shot::{Forger, Gate, Gated, Honest, Shot};
use stand::{Stand, ended, local_digests, prompt};
use tessera_journal::{Journal, JournalOptions};
use tessera_scheduler::client::ClientError;
use tessera_scheduler::{Config, JobOptions, JobState, Verify, WorkerState, WorkerStatus};
use tessera_scheduler_core::Core;
use tessera_shared::messages::JobRefusal;
use tessera_worker::WorkerError;

#[test]
fn an_image_does_not_depend_on_tiles_passes_or_workers() {
    let whole = local_digests(Shot::default().package(), 1);
    for (tile_px, pass_samples, workers) in [(8, 8, 1), (64, 3, 1), (32, 1, 3), (96, 5, 2)] {
        let shot = Shot { tile_px, pass_samples, ..Shot::default() };
        assert_eq!(local_digests(shot.package(), workers), whole, "{tile_px} {pass_samples} {workers}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_workers_make_the_image_of_one_process() {
    let stand = Stand::new().await;
    let workers = ["one", "two", "three"].map(|name| stand.worker(name, Honest));
    let package = Shot { frames: 3, pass_samples: 4, ..Shot::default() }.package();
    let (job, status) = stand.completes(&package).await;
    assert_eq!((status.state, status.frames_done), (JobState::Completed, 3));
    assert_eq!((status.tiles_done, status.samples_done), (status.tiles_total, status.samples_total));
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    for worker in workers {
        worker.leave().await.unwrap();
    }
    stand.scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_vanishes_mid_frame_costs_no_pixel() {
    let stand = Stand::new().await;
    let gate = Arc::new(Gate::default());
    let doomed = stand.worker("doomed", Gated(gate.clone()));
    let artist = stand.artist().await;
    let package = Shot::default().package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    gate.reached.notified().await;
    doomed.kill().await;
    let _late = stand.worker("late", Honest);
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    gate.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_after_the_lease_ended_changes_nothing_and_its_worker_goes_on() {
    // Long enough for the second worker to come before the first gives the lease up, which is the last who could do the job.
    let hasty = |secret| Config {
        lease_grace_ms: 1,
        first_lease_grace_ms: 4_000,
        lease_target_ms: 1,
        ..prompt(secret)
    };
    let stand = Stand::with(hasty).await;
    let gate = Arc::new(Gate::default());
    let slow = stand.worker("slow", Gated(gate.clone()));
    let artist = stand.artist().await;
    let package = Shot::default().package();
    // Verified: a check that the slow worker holds when its lease ends goes to the referee.
    let options = JobOptions::default();
    let job = artist.submit(&package, options, |_| {}).await.unwrap();
    gate.reached.notified().await;
    let quick = stand.worker("quick", Honest);
    let status = ended(&artist, job).await;
    assert_eq!((status.state, status.tiles_done), (JobState::Completed, status.tiles_total));
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    quick.leave().await.unwrap();
    gate.open();
    let second = Shot { samples: 5, pass_samples: 5, ..Shot::default() }.package();
    let (job, status) = stand.completes(&second).await;
    assert_eq!(status.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(second, 1));
    slow.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forger_is_caught_and_the_image_is_right() {
    let stand = Stand::new().await;
    let forger = stand.worker("forger", Forger);
    let artist = stand.artist().await;
    let package = Shot { frames: 2, ..Shot::default() }.package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    let caught = forger.task.await.unwrap().unwrap_err();
    assert!(matches!(caught, WorkerError::Quarantined(_)), "{caught}");
    let _honest = stand.worker("honest", Honest);
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    // Its key stays locked out.
    let again = stand.worker("forger", Honest).task.await.unwrap().unwrap_err();
    assert!(again.to_string().contains("refuses this worker"), "{again}");
    let workers = artist.workers().await.unwrap();
    assert!(workers.iter().any(|worker| worker.name == "honest" && worker.tiles_accepted > 0));
    assert!(
        workers
            .iter()
            .all(|worker| { worker.name == "honest" || matches!(worker.state, WorkerState::Quarantined(_)) })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduler_that_starts_anew_forgives_nobody_and_forgets_no_work() {
    let stand = Stand::new().await;
    let honest = stand.worker("honest", Honest);
    let (_, status) = stand.completes(&Shot { frames: 4, ..Shot::default() }.package()).await;
    let forger = stand.worker("forger", Forger);
    let artist = stand.artist().await;
    let another = Shot { frames: 2, samples: 5, pass_samples: 5, ..Shot::default() }.package();
    let job = artist.submit(&another, JobOptions::default(), |_| {}).await.unwrap();
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    let caught = forger.task.await.unwrap();
    assert!(matches!(caught, Err(WorkerError::Quarantined(_))), "{caught:?}");
    let standing = |workers: Vec<WorkerStatus>| {
        workers.into_iter().find(|worker| worker.name == "honest").unwrap().standing
    };
    let before = standing(artist.workers().await.unwrap());
    assert!(before.checked > 0 && before.rays_settled + before.rays_held >= status.rays.total());
    drop(artist);
    honest.leave().await.unwrap();

    let stand = stand.restarted().await;
    let again = stand.worker("forger", Honest).task.await.unwrap().unwrap_err();
    assert!(again.to_string().contains("quarantined"), "{again}");
    let _honest = stand.worker("honest", Honest);
    let (_, status) = stand.completes(&Shot::default().package()).await;
    assert_eq!(status.state, JobState::Completed);
    let after = standing(stand.artist().await.workers().await.unwrap());
    assert!(after.checked > before.checked && after.delivered > before.delivered, "{before:?} {after:?}");
    assert!(after.rays_settled + after.rays_held > before.rays_settled + before.rays_held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completed_job_is_put_right_when_its_forger_is_caught_later() {
    let stand = Stand::new().await;
    let forger = stand.worker("forger", Forger);
    let artist = stand.artist().await;
    let package = Shot { frames: 2, ..Shot::default() }.package();
    let trusting = JobOptions { verify: Verify::None, ..JobOptions::default() };
    let job = artist.submit(&package, trusting, |_| {}).await.unwrap();
    let status = ended(&artist, job).await;
    assert_eq!((status.state, status.tiles_overturned), (JobState::Completed, 0));
    let honest = local_digests(package, 1);
    let forged = stand.digests(job).await;
    assert!(forged.iter().zip(&honest).all(|(forged, honest)| forged != honest));
    // Another job of the same farm catches it.
    let other = Shot { frames: 1, ..Shot::default() }.package();
    let trap = artist.submit(&other, JobOptions::default(), |_| {}).await.unwrap();
    let caught = forger.task.await.unwrap().unwrap_err();
    assert!(matches!(caught, WorkerError::Quarantined(_)), "{caught}");
    let frame = tessera_shared::ids::FrameNumber(1);
    let refused = artist.fetch_frame(job, frame).await.unwrap_err();
    assert!(matches!(refused, ClientError::Job { refusal: JobRefusal::Unfinished, .. }), "{refused}");
    let _honest = stand.worker("honest", Honest);
    let status = ended(&artist, job).await;
    assert_eq!((status.state, status.tiles_overturned), (JobState::Completed, status.tiles_total));
    assert_eq!(stand.digests(job).await, honest);
    assert_eq!(ended(&artist, trap).await.state, JobState::Completed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_rebuild_what_people_see() {
    let stand = Stand::new().await;
    let _worker = stand.worker("one", Honest);
    let (job, status) = stand.completes(&Shot::default().package()).await;
    let opened = Journal::open(&stand.storage.journal, JournalOptions::default()).unwrap();
    let replayed = Core::resume(prompt([0; 32]), opened.state).job(0, job).unwrap();
    assert_eq!(
        (replayed.state, replayed.tiles_done, replayed.rays),
        (status.state, status.tiles_done, status.rays)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_move_once_and_damage_in_the_cache_is_repaired() {
    let stand = Stand::new().await;
    let package = Shot::default().package();
    stand.worker("one", Honest).leave().await.unwrap();
    let first = stand.worker("one", Honest);
    let (_, status) = stand.completes(&package).await;
    assert_eq!(status.state, JobState::Completed);
    first.leave().await.unwrap();
    let cache = stand.directory.path().join("one/blobs");
    let names = || {
        let entries = std::fs::read_dir(&cache).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    assert_eq!(before.len(), 1 + package.blobs.len());
    let ballast = package.manifest.scenes[0].sections[2].blob;
    std::fs::write(cache.join(ballast.hex()), b"damaged").unwrap();
    let _second = stand.worker("one", Honest);
    let (job, status) = stand.completes(&package).await;
    assert_eq!(status.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    assert_eq!(names(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_fetches_a_scene_when_it_renders_it() {
    let stand = Stand::new().await;
    let gate = Arc::new(Gate::default());
    let worker = stand.worker("one", Gated(gate.clone()));
    let artist = stand.artist().await;
    let package = Shot { frames: 7, scenes: 7, ..Shot::default() }.package();
    let job = artist.submit(&package, JobOptions::default(), |_| {}).await.unwrap();
    gate.reached.notified().await;
    let cached = || std::fs::read_dir(stand.directory.path().join("one/blobs")).unwrap().count();
    // The manifest, what all scenes share, and the ballast of the first scene.
    assert_eq!((cached(), package.blobs.len()), (1 + 2 + 1, 2 + 7));
    gate.open();
    assert_eq!(ended(&artist, job).await.state, JobState::Completed);
    assert_eq!(stand.digests(job).await, local_digests(package, 1));
    worker.leave().await.unwrap();
}
