//! Orders, dependencies and shares on a whole farm: what people ask for happens, and no pixel changes by it.

use tessera_scheduler_core::api::Record;
use tessera_shared::ids::{JobId, WorkerId};
use tessera_sim::{Farm, Order, Outcome, Shot};

/// A job of 384 tile-passes.
fn long() -> Shot {
    Shot { frames: 8, samples: 64, pass_samples: 16, ..Shot::default() }
}

/// All jobs complete, no wrong tile in them.
fn right(outcome: &Outcome, jobs: u64) {
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended, outcome.wrong_survived), (jobs, 0, 0));
}

fn place(outcome: &Outcome, wanted: impl Fn(&Record) -> bool) -> usize {
    outcome.records.iter().position(wanted).expect("the record is there")
}

fn granted(records: &[Record], wanted: JobId) -> usize {
    records.iter().filter(|record| matches!(record, Record::Granted { job, .. } if *job == wanted)).count()
}

#[test]
fn a_paused_job_stands_still_while_another_is_rendered() {
    for seed in 0..8 {
        let farm = Farm::seed(seed).workers(3).job(long()).job(long());
        let farm = farm.order(Order::Pause { job: 0 }).at(4_000).restart_scheduler().at(6_000);
        let outcome = farm.order(Order::Resume { job: 0 }).at(1_800_000).run();
        right(&outcome, 2);
        let paused = place(&outcome, |record| matches!(record, Record::Paused { paused: true, .. }));
        let resumed = place(&outcome, |record| matches!(record, Record::Paused { paused: false, .. }));
        let between = &outcome.records[paused..resumed];
        assert_eq!(granted(between, JobId(1)), 0, "seed {seed}: a paused job was lent of");
        let accepted = |record: &Record| matches!(record, Record::Accepted { job: JobId(1), .. });
        assert!(between.iter().any(accepted), "seed {seed}: what was in hand was not used");
        assert!(between.iter().any(|record| matches!(record, Record::JobCompleted { job: JobId(2), .. })));
    }
}

#[test]
fn frames_wanted_anew_are_the_same_frames() {
    for seed in 0..8 {
        let farm = Farm::seed(seed).workers(3).job(long());
        // Once while it runs, and once when it has completed.
        let farm = farm.order(Order::Requeue { job: 0 }).at(5_000);
        let outcome = farm.order(Order::Requeue { job: 0 }).at(900_000).run();
        right(&outcome, 1);
        assert_eq!(outcome.jobs_reopened, 1, "seed {seed}");
        assert_eq!(outcome.tiles_rejected, 0, "seed {seed}: somebody is blamed");
        assert!(outcome.tiles_reset >= 96, "seed {seed}");
    }
}

#[test]
fn a_job_that_waits_is_rendered_after_the_others() {
    for seed in 0..8 {
        let last = Shot { priority: 9, after: vec![0, 1], at_ms: 100, ..long() };
        let farm = Farm::seed(seed).workers(4).job(long()).job(long()).job(last);
        let outcome = farm.restart_scheduler().at(3_000).run();
        right(&outcome, 3);
        let first = place(&outcome, |record| matches!(record, Record::Granted { job: JobId(3), .. }));
        let completed = |job: u64| {
            place(
                &outcome,
                |record| matches!(record, Record::JobCompleted { job: JobId(other), .. } if *other == job),
            )
        };
        assert!(first > completed(1) && first > completed(2), "seed {seed}");
    }
}

#[test]
fn drained_and_sleeping_workers_finish_and_are_left_alone() {
    for (stop, go) in [
        (Order::Drain { node: 1 }, Order::Undrain { node: 1 }),
        (Order::Sleep { node: 1 }, Order::Wake { node: 1 }),
    ] {
        let farm = Farm::seed(3).workers(2).speed(0, 900).speed(1, 900).job(long()).order(stop).at(4_000);
        let outcome = farm.order(go).at(20_000).run();
        right(&outcome, 1);
        let second = outcome.records.iter().find_map(|record| match record {
            Record::Joined { worker, hello, .. } if hello.name == "node 1" => Some(*worker),
            _ => None,
        });
        let lent = |record: &Record| -> Option<(u64, WorkerId)> {
            match record {
                Record::Granted { worker, term, .. } | Record::CheckGranted { worker, term, .. } => {
                    Some((term.granted_ms, *worker))
                }
                _ => None,
            }
        };
        let times: Vec<u64> = outcome
            .records
            .iter()
            .filter_map(lent)
            .filter(|(_, who)| Some(*who) == second)
            .map(|(at_ms, _)| at_ms)
            .collect();
        assert!(
            times.iter().any(|at_ms| *at_ms < 4_000) && times.iter().any(|at_ms| *at_ms >= 20_000),
            "{times:?}"
        );
        assert!(!times.iter().any(|at_ms| (4_000..20_000).contains(at_ms)), "{stop:?}: {times:?}");
    }
}

#[test]
fn a_banned_operators_worker_gets_nothing_until_it_is_readmitted() {
    for seed in 0..8 {
        let farm = Farm::seed(seed).workers(3).speed(0, 900).speed(1, 900).speed(2, 900).job(long());
        let farm = farm.order(Order::Ban { node: 1 }).at(4_000);
        let outcome = farm.order(Order::Readmit { node: 1 }).at(15_000).run();
        right(&outcome, 1);
        let of_it =
            |record: &Record| matches!(record, Record::Joined { hello, .. } if hello.name == "node 1");
        let joined = outcome.records.iter().filter(|record| of_it(record)).count();
        assert_eq!(joined, 2, "seed {seed}: it came, and came back");
        let banned = place(&outcome, |record| matches!(record, Record::Banned { .. }));
        let readmitted = place(&outcome, |record| matches!(record, Record::Readmitted { .. }));
        let back = outcome.records.iter().rposition(of_it).unwrap();
        assert!(banned < readmitted && readmitted < back, "seed {seed}");
    }
}

/// Two owners with the same priority, one with ten jobs and one with one: each gets half of the rays that are lent while both
/// have work.
#[test]
fn two_owners_share_evenly_however_many_jobs_each_has() {
    for seed in 0..6 {
        let mut farm = Farm::seed(seed).workers(6);
        for _ in 0..10 {
            farm = farm.job(Shot { owner: Some(7), ..Shot::default() });
        }
        let outcome = farm.job(Shot { owner: Some(8), frames: 20, ..Shot::default() }).run();
        right(&outcome, 11);
        let mut received = [0u64; 2];
        for record in &outcome.records {
            match record {
                Record::Granted { job, tiles, .. } => {
                    received[usize::from(*job == JobId(11))] += tiles.len() as u64;
                }
                // From here on one of them has nothing more to lend.
                Record::JobCompleted { job: JobId(10 | 11), .. } => break,
                _ => {}
            }
        }
        let share = received[0] as f64 / (received[0] + received[1]) as f64;
        assert!((share - 0.5).abs() < 0.05, "seed {seed}: {share:.3}, {received:?}");
    }
}

#[test]
fn the_last_of_many_urgent_jobs_leaves_something_to_the_others() {
    let mut farm = Farm::seed(2).workers(2).speed(0, 40).speed(1, 40).job(Shot::default());
    for number in 0..40 {
        farm = farm.job(Shot { priority: 2, at_ms: 1, owner: Some(100 + number), ..Shot::default() });
    }
    let outcome = farm.run();
    right(&outcome, 41);
    let lent = |wanted: JobId| {
        let is = move |record: &Record| match record {
            Record::Granted { job, term, .. } if *job == wanted => Some(term.granted_ms),
            _ => None,
        };
        outcome.records.iter().filter_map(is).collect::<Vec<_>>()
    };
    let (low, last_ms) = (lent(JobId(1)), outcome.ended_ms);
    // Three ages of ten minutes lift it above the others' priority.
    assert!(last_ms > 3 * 3 * 600_000, "the urgent jobs last long enough: {last_ms}");
    let gaps = low.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(gaps < 3 * 600_000 + 300_000, "{gaps} ms without a lease");
}
