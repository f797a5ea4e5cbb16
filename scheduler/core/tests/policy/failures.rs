//! Whose failures count against whom, and for how long.

use tessera_scheduler_core::Event;
use tessera_scheduler_core::api::Asker;
use tessera_shared::control::{FailureClass, LogReply};
use tessera_shared::ids::{FrameNumber, WorkerId};
use tessera_shared::messages::{JobRefusal, JobState, WorkerState};

use crate::farm::{ALICE, BOB, Farm};

const HOUR_MS: u64 = 3_600_000;

fn rests(farm: &Farm, worker: WorkerId) -> Option<u64> {
    match farm.worker(worker) {
        WorkerState::Resting { for_ms, .. } => Some(for_ms),
        _ => None,
    }
}

/// All workers but this one answer what they hold.
fn others_work(farm: &mut Farm, sick: WorkerId) {
    let others = farm.lent.iter().filter(|(_, (worker, _))| *worker != sick).map(|(lease, _)| *lease);
    for lease in others.collect::<Vec<_>>() {
        farm.finish(lease);
    }
}

#[test]
fn a_tile_fails_after_three_operators_failed_it() {
    for class in [FailureClass::Node, FailureClass::Job] {
        let mut farm = Farm::new();
        let job = farm.submit(ALICE, 1);
        for operator in 1..=3 {
            assert!(!matches!(farm.state(job), JobState::Failed(_)));
            let worker = farm.connect(operator, "w");
            farm.fail(worker, class, "the device was lost");
            farm.handle(Event::WorkerDisconnected { worker });
            if let Some(other) = farm.lent.keys().next().copied() {
                farm.finish(other);
            }
        }
        let JobState::Failed(why) = farm.state(job) else { panic!("{class}: {:?}", farm.state(job)) };
        let expected = format!("({class}) with: the device was lost");
        assert!(why.contains(&expected), "{why}");
        farm.restart();
    }
}

#[test]
fn one_bad_machine_is_blocked_and_fails_no_job_whatever_its_connections_are_called() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 9);
    let good = farm.connect(1, "good");
    let mut failures = 0;
    for connection in 0..9 {
        let name = format!("bad {}", connection / 3);
        let bad = farm.connect(2, &name);
        while farm.held_by(bad).is_some() {
            failures += 1;
            farm.fail(bad, FailureClass::Node, "panicked");
        }
        farm.handle(Event::WorkerDisconnected { worker: bad });
    }
    assert_eq!(failures, 9, "three for each of its names");
    while farm.held_by(good).is_some() {
        farm.work();
    }
    assert_eq!(farm.state(job), JobState::Completed);
}

#[test]
fn shortage_and_network_charge_no_job_and_their_worker_rests_ever_longer() {
    for class in [FailureClass::Shortage, FailureClass::Network] {
        let mut farm = Farm::new();
        let job = farm.submit(ALICE, 4);
        let worker = farm.connect(1, "full");
        let mut pauses = Vec::new();
        for _ in 0..9 {
            farm.fail(worker, class, "no space left on device");
            let pause_ms = rests(&farm, worker).expect("it rests");
            pauses.push(pause_ms / 1000);
            let end_ms = farm.now_ms + pause_ms;
            assert!(farm.at(end_ms - 1).lent.is_empty(), "it was lent something while it rested");
            farm.at(end_ms);
        }
        assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1800, 1800, 1800], "{class}");
        farm.work();
        farm.fail(worker, class, "no space left on device");
        assert_eq!(rests(&farm, worker), Some(30_000), "a delivery forgives");
        // It rests under its name, not under its connection.
        farm.handle(Event::WorkerDisconnected { worker });
        let back = farm.connect(1, "full");
        assert_eq!((rests(&farm, back), farm.held_by(back)), (Some(30_000), None));
        assert_eq!(farm.state(job), JobState::Running);
        farm.restart();
        let back = farm.connect(1, "full");
        assert_eq!(rests(&farm, back), None, "the clock began anew");
    }
}

#[test]
fn who_fails_over_several_jobs_rests_and_who_fails_one_does_not() {
    let mut farm = Farm::new();
    let (first, second) = (farm.submit(ALICE, 9), farm.submit(BOB, 9));
    farm.connect(1, "good");
    let sick = farm.connect(2, "sick");
    let mut jobs = Vec::new();
    while farm.held_by(sick).is_some() {
        jobs.push(farm.held_by(sick).unwrap().job);
        farm.fail(sick, FailureClass::Node, "the device was lost");
        others_work(&mut farm, sick);
    }
    assert!(jobs.contains(&first) && jobs.contains(&second), "{jobs:?}");
    assert_eq!((jobs.len(), rests(&farm, sick)), (3, Some(30_000)));
    let WorkerState::Resting { reason, .. } = farm.worker(sick) else { panic!("it rests") };
    assert_eq!(reason, "the device was lost");
    // A job that is at fault itself makes nobody rest, and bars it from that job alone.
    let mut farm = Farm::new();
    farm.submit(ALICE, 9);
    farm.connect(1, "good");
    let worker = farm.connect(2, "w");
    (0..3).for_each(|_| farm.fail(worker, FailureClass::Job, "the scene is not valid"));
    assert_eq!((rests(&farm, worker), farm.held_by(worker)), (None, None));
    let other = farm.submit(BOB, 9);
    assert_eq!(farm.held_by(worker).map(|lease| lease.job), Some(other));
}

#[test]
fn failures_are_forgiven_with_time() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 9);
    let good = farm.connect(1, "good");
    let worker = farm.connect(2, "w");
    (0..3).for_each(|_| farm.fail(worker, FailureClass::Node, "lost"));
    assert!(farm.held_by(worker).is_none());
    farm.at(HOUR_MS - 1);
    others_work(&mut farm, worker);
    assert!(farm.held_by(worker).is_none());
    farm.at(HOUR_MS + 1);
    farm.finish(farm.held_by(good).unwrap().id);
    assert!(farm.held_by(worker).is_some(), "after an hour it is asked again");
    assert_eq!(farm.state(job), JobState::Running);
}

#[test]
fn every_failure_keeps_its_log_for_the_owner_and_the_wrangler() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 200);
    let worker = farm.connect(1, "w");
    for number in 0..70 {
        farm.fail(worker, FailureClass::Network, &format!("failure {number}"));
        let rest_ms = rests(&farm, worker).unwrap();
        farm.at(farm.now_ms + rest_ms);
    }
    for by in [Asker::Artist(ALICE), Asker::Wrangler] {
        let log = farm.core.failure_log(farm.now_ms, job, by);
        assert_eq!(log.len(), 64);
        let LogReply::Entry(last) = log.last().unwrap() else { panic!("{log:?}") };
        assert_eq!((last.failure.log.as_str(), last.ago_ms), ("failure 69", 1_800_000));
        assert_eq!((last.worker, last.tile), (worker, Some((FrameNumber(1), 0))));
    }
    let foreign = farm.core.failure_log(farm.now_ms, job, Asker::Artist(BOB));
    assert_eq!(foreign, [LogReply::Refused(JobRefusal::Foreign)]);
    farm.restart();
    assert_eq!(farm.core.failure_log(0, job, Asker::Wrangler).len(), 64);
    farm.cancel(job, Asker::Wrangler);
    assert_eq!(farm.core.failure_log(0, job, Asker::Wrangler).len(), 8, "the last of them stay");
}
