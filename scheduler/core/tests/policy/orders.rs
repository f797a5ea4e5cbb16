//! Orders of owners and of the wrangler.

use tessera_scheduler_core::Event;
use tessera_scheduler_core::api::{Answer, Asker, Effect};
use tessera_shared::control::{FrameRange, JobOrder, OrderRefusal, WorkerOrder};
use tessera_shared::ids::{FrameNumber, JobId, WorkerId};
use tessera_shared::messages::{JobRefusal, JobState, WorkerState};

use crate::farm::{ALICE, BOB, Farm, TILE_RAYS, unchecked};

fn frames(first: u32, last: u32) -> JobOrder {
    JobOrder::Requeue(vec![FrameRange { first: FrameNumber(first), last: FrameNumber(last) }])
}

const HERS: Asker = Asker::Artist(ALICE);

#[test]
fn owners_order_their_own_jobs_and_the_wrangler_all_of_them() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 1);
    let worker = farm.connect(1, "w");
    let orders = [JobOrder::Pause, JobOrder::Resume, JobOrder::Prioritise(3), frames(1, 1)];
    for order in &orders {
        let foreign = farm.order(job, Asker::Artist(BOB), order.clone());
        assert_eq!(foreign, Err(OrderRefusal::Job(JobRefusal::Foreign)), "{order:?}");
        let unknown = farm.order(JobId(9), Asker::Wrangler, order.clone());
        assert_eq!(unknown, Err(OrderRefusal::Job(JobRefusal::Unknown)), "{order:?}");
    }
    for by in [HERS, Asker::Wrangler] {
        for order in &orders {
            assert_eq!(farm.order(job, by, order.clone()), Ok(()), "{order:?}");
        }
    }
    assert_eq!(farm.order_worker(worker, HERS, WorkerOrder::Drain), Err(OrderRefusal::NoWrangler));
    assert_eq!(farm.cancel(job, Asker::Artist(BOB)), Answer::JobRefused(JobRefusal::Foreign));
    assert_eq!(farm.cancel(job, Asker::Wrangler), Answer::Cancelled);
    for order in orders {
        assert_eq!(farm.order(job, HERS, order), Err(OrderRefusal::Job(JobRefusal::Ended)));
    }
    farm.restart();
}

#[test]
fn a_paused_job_lends_nothing_and_uses_what_is_in_hand() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 2);
    farm.connect(1, "w");
    assert_eq!(farm.order(job, HERS, JobOrder::Pause), Ok(()));
    assert_eq!(farm.state(job), JobState::Paused);
    assert_eq!(farm.work(), [job]);
    assert_eq!(farm.core.job(0, job).unwrap().tiles_done, 1);
    assert!(farm.lent.is_empty(), "a paused job was lent of");
    farm.connect(2, "idle");
    assert!(farm.at(60_000).lent.is_empty());
    farm.restart();
    assert_eq!(farm.state(job), JobState::Paused);
    farm.connect(1, "w");
    assert!(farm.lent.is_empty());
    assert_eq!(farm.order(job, Asker::Wrangler, JobOrder::Resume), Ok(()));
    for _ in 0..3 {
        assert_eq!(farm.work(), [job]);
    }
    assert_eq!(farm.state(job), JobState::Completed);
}

#[test]
fn a_job_that_completes_while_it_is_paused_is_not_paused_when_it_is_taken_up_again() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 1);
    farm.connect(1, "w");
    assert_eq!(farm.work(), [job]);
    assert_eq!(farm.order(job, HERS, JobOrder::Pause), Ok(()));
    assert_eq!(farm.work(), [job]);
    assert_eq!(farm.state(job), JobState::Completed);
    assert_eq!(farm.order(job, HERS, frames(1, 1)), Ok(()));
    assert_eq!(farm.state(job), JobState::Running);
    assert_eq!(farm.work(), [job]);
    farm.restart();
}

#[test]
fn what_a_paused_jobs_worker_is_slow_with_is_not_duplicated() {
    for paused in [false, true] {
        let mut farm = Farm::new();
        let job = farm.submit(ALICE, 1);
        farm.connect(1, "slow");
        let _ = farm.submit(BOB, 1);
        farm.connect(2, "quick");
        if paused {
            farm.order(job, HERS, JobOrder::Pause).unwrap();
        }
        let slow = farm.lent.values().find(|(_, lease)| lease.job == job).unwrap().1.id;
        while let Some(lease) = farm.lent.keys().find(|lease| **lease != slow).copied() {
            farm.now_ms += 10;
            farm.finish(lease);
        }
        farm.at(50_000);
        let duplicated = farm.lent.len() > 1;
        assert_eq!(duplicated, !paused, "{:?}", farm.lent);
    }
}

#[test]
fn priority_changes_who_is_next() {
    let mut farm = Farm::new();
    let first = farm.submit(ALICE, 4);
    let second = farm.submit(ALICE, 4);
    farm.connect(1, "w");
    assert_eq!(farm.work(), [first]);
    assert_eq!(farm.order(second, HERS, JobOrder::Prioritise(1)), Ok(()));
    assert_eq!(farm.work(), [first], "in hand before");
    assert_eq!(farm.work(), [second]);
    assert_eq!(farm.order(second, HERS, JobOrder::Prioritise(-1)), Ok(()));
    assert_eq!((farm.work(), farm.work()), (vec![second], vec![first]));
    assert_eq!(farm.order(second, HERS, JobOrder::Prioritise(1001)), Err(OrderRefusal::Priority(1001)));
    let over =
        farm.try_submit(ALICE, 1, tessera_shared::messages::JobOptions { priority: -1001, ..unchecked() });
    assert!(over.unwrap_err().contains("give `priority` -1000 to 1000"));
    farm.restart();
}

#[test]
fn frames_are_rendered_anew_and_nobody_is_blamed() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 3);
    let worker = farm.connect(1, "w");
    while !farm.lent.is_empty() {
        farm.work();
    }
    assert_eq!(farm.state(job), JobState::Completed);
    farm.effects.clear();
    assert_eq!(farm.order(job, HERS, frames(2, 2)), Ok(()));
    let reset = |effect: &Effect| matches!(effect, Effect::ResetTile { frame: FrameNumber(2), .. });
    assert!(farm.effects.len() == 2 && farm.effects.iter().all(reset), "{:?}", farm.effects);
    let status = farm.core.job(0, job).unwrap();
    assert_eq!((&status.state, status.frames_done, status.tiles_done), (&JobState::Running, 2, 4));
    assert_eq!((status.tiles_overturned, status.rays.total()), (0, 4 * TILE_RAYS));
    let listed = farm.core.workers(0, None, 9).remove(0);
    assert_eq!((listed.tiles_accepted, listed.tiles_rejected), (6, 0));
    assert_eq!(listed.standing.rays_settled + listed.standing.rays_held, 6 * TILE_RAYS, "its credit stays");
    farm.effects.clear();
    assert_eq!((farm.work(), farm.work()), (vec![job], vec![job]));
    assert_eq!(farm.state(job), JobState::Completed);
    let again: Vec<_> = farm.effects.iter().map(|effect| std::mem::discriminant(effect)).collect();
    assert_eq!(again.len(), 4, "two tiles, the frame and the job: {:?}", farm.effects);
    assert!(farm.held_by(worker).is_none());
    assert_eq!(farm.order(job, HERS, frames(3, 4)), Ok(()), "a range that reaches beyond the job");
    assert_eq!(farm.order(job, HERS, frames(4, 9)), Err(OrderRefusal::Job(JobRefusal::NoFrame)));
    let many = JobOrder::Requeue(vec![FrameRange { first: FrameNumber(1), last: FrameNumber(1) }; 1025]);
    assert_eq!(farm.order(job, HERS, many), Err(OrderRefusal::Ranges(1025)));
    farm.restart();
}

/// A complete job whose time is over.
fn due_to_be_archived() -> (Farm, JobId) {
    let mut farm = Farm::with(|config| config.archive_after_ms = 1_000);
    let job = farm.submit(ALICE, 1);
    farm.connect(1, "w");
    (farm.work(), farm.work());
    farm.at(1_001);
    (farm, job)
}

#[test]
fn an_archived_job_is_not_taken_up_again() {
    let (mut farm, job) = due_to_be_archived();
    assert_eq!(farm.effects.last(), Some(&Effect::SettleFilms { job, reopened: 0 }));
    farm.handle(Event::FilmsSaved { job, reopened: 0 });
    assert_eq!(farm.order(job, HERS, frames(1, 1)), Err(OrderRefusal::Archived));
}

#[test]
fn a_job_whose_films_are_not_saved_is_not_archived() {
    let (mut farm, job) = due_to_be_archived();
    assert_eq!(farm.order(job, HERS, frames(1, 1)), Ok(()), "its films are asked for and not yet saved");
    farm.handle(Event::FilmsSaved { job, reopened: 0 });
    (farm.work(), farm.work());
    assert_eq!(farm.state(job), JobState::Completed);
    farm.handle(Event::FilmsSaved { job, reopened: 0 });
    assert_eq!(farm.order(job, HERS, frames(1, 1)), Ok(()), "those were the films of before");
}

#[test]
fn a_drained_worker_finishes_and_stays_drained_when_it_comes_back() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 4);
    let worker = farm.connect(1, "old");
    assert_eq!(
        farm.order_worker(WorkerId(9), Asker::Wrangler, WorkerOrder::Drain),
        Err(OrderRefusal::UnknownWorker)
    );
    assert_eq!(farm.order_worker(worker, Asker::Wrangler, WorkerOrder::Drain), Ok(()));
    assert_eq!(farm.worker(worker), WorkerState::Drained);
    assert_eq!(farm.work(), [job], "what it holds is used");
    assert!(farm.held_by(worker).is_none());
    let other = farm.connect(1, "new");
    assert!(farm.held_by(other).is_some(), "the operator's other worker goes on");
    farm.handle(Event::WorkerDisconnected { worker });
    farm.restart();
    let back = farm.connect(1, "old");
    assert!(farm.held_by(back).is_none());
    assert_eq!(farm.worker(back), WorkerState::Drained);
    assert_eq!(farm.order_worker(back, Asker::Wrangler, WorkerOrder::Undrain), Ok(()));
    assert!(farm.held_by(back).is_some());
}

#[test]
fn a_worker_that_sleeps_gets_nothing_until_it_is_awake() {
    let mut farm = Farm::new();
    let worker = farm.connect(1, "night");
    farm.handle(Event::WorkerAsleep { worker, for_ms: 60_000 });
    farm.submit(ALICE, 4);
    farm.at(20_000);
    assert_eq!(farm.worker(worker), WorkerState::Asleep { for_ms: 40_000 });
    assert!(farm.at(70_000).lent.is_empty(), "it wakes when it says so");
    farm.handle(Event::WorkerAwake { worker });
    assert!(farm.held_by(worker).is_some());
}

#[test]
fn a_worker_that_comes_asleep_is_lent_nothing_before_it_wakes() {
    let mut farm = Farm::new();
    farm.submit(ALICE, 1);
    let worker = farm.connect_asleep(1, "night", 60_000);
    assert_eq!(farm.worker(worker), WorkerState::Asleep { for_ms: 60_000 });
    farm.at(70_000);
    assert!(farm.lent.is_empty(), "it has not said that it is awake");
    farm.handle(Event::WorkerAwake { worker });
    assert!(farm.held_by(worker).is_some());
    farm.restart();
}
