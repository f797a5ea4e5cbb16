//! Jobs that wait for others.

use tessera_scheduler_core::api::Asker;
use tessera_shared::control::{FrameRange, JobOrder};
use tessera_shared::ids::{FrameNumber, JobId};
use tessera_shared::messages::{JobOptions, JobState};

use crate::farm::{ALICE, BOB, Farm, unchecked};

fn after(jobs: &[JobId]) -> JobOptions {
    JobOptions { after: jobs.to_vec(), ..unchecked() }
}

#[test]
fn a_job_starts_when_all_that_it_waits_for_have_completed() {
    let mut farm = Farm::new();
    let (first, second) = (farm.submit(ALICE, 1), farm.submit(BOB, 1));
    let third = farm.submit_with(ALICE, 1, JobOptions { priority: 9, ..after(&[first, second]) });
    assert_eq!(farm.state(third), JobState::Waiting { after: first });
    farm.connect(1, "w");
    let mut order = Vec::new();
    for _ in 0..3 {
        order.extend(farm.work());
    }
    assert!(!order.contains(&third), "{order:?}");
    farm.restart();
    assert_eq!(farm.state(third), JobState::Waiting { after: second });
    farm.connect(1, "w");
    farm.work();
    assert_eq!((farm.work(), farm.work()), (vec![third], vec![third]));
    assert_eq!(farm.state(third), JobState::Completed);
    // One that has completed holds nobody up, and what is rendered anew of it neither.
    let again = JobOrder::Requeue(vec![FrameRange { first: FrameNumber(1), last: FrameNumber(1) }]);
    let late = farm.submit_with(ALICE, 1, after(&[first, third]));
    farm.order(first, Asker::Wrangler, again).unwrap();
    assert_eq!(farm.state(late), JobState::Running);
}

#[test]
fn a_job_fails_with_what_it_waits_for_and_so_on() {
    let mut farm = Farm::new();
    let first = farm.submit(ALICE, 1);
    let second = farm.submit_with(ALICE, 1, after(&[first]));
    let third = farm.upload(BOB, 1, after(&[second]));
    let other = farm.submit(BOB, 1);
    farm.cancel(first, Asker::Artist(ALICE));
    assert_eq!(farm.state(second), JobState::Failed("it waited for j1, which was cancelled".into()));
    assert_eq!(farm.state(third), JobState::Failed("it waited for j2, which failed".into()));
    assert_eq!(farm.state(other), JobState::Queued);
    farm.restart();
}

#[test]
fn a_long_row_of_jobs_fails_at_once() {
    let mut farm = Farm::new();
    let first = farm.submit(ALICE, 1);
    let mut last = first;
    for _ in 0..300 {
        last = farm.submit_with(ALICE, 1, after(&[last]));
    }
    farm.cancel(first, Asker::Wrangler);
    assert!(matches!(farm.state(last), JobState::Failed(_)));
}

#[test]
fn a_job_cannot_wait_for_what_will_not_come() {
    let mut farm = Farm::new();
    let first = farm.submit(ALICE, 1);
    farm.cancel(first, Asker::Wrangler);
    let refused = |farm: &mut Farm, jobs: &[JobId]| farm.try_submit(ALICE, 1, after(jobs)).unwrap_err();
    assert!(refused(&mut farm, &[first]).contains("waits for j1, which was cancelled"));
    // Its own id, and what comes after it, are nobody's yet.
    assert!(refused(&mut farm, &[JobId(2)]).contains("waits for j2, which the farm does not know"));
    assert!(refused(&mut farm, &[JobId(1); 65]).contains("give at most 64"));
}
