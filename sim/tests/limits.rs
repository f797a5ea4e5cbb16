//! Jobs that are limited to tags, operators or a pool: rendered and checked by those alone, complete, and in nobody's way.

use std::collections::{BTreeMap, BTreeSet};

use tessera_scheduler_core::api::Record;
use tessera_scheduler_core::record::Proof;
use tessera_shared::ids::{JobId, WorkerId};
use tessera_shared::messages::Verify;
use tessera_sim::{Farm, Fault, Outcome, Shot};

/// The places of the workers that were lent something of a job: to render, and to check.
fn lent(outcome: &Outcome, wanted: JobId) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let mut places = BTreeMap::<WorkerId, usize>::new();
    let (mut rendered, mut checked) = (BTreeSet::new(), BTreeSet::new());
    for record in &outcome.records {
        match record {
            Record::Joined { worker, hello, .. } => {
                let place = hello.name.strip_prefix("node ").unwrap().parse().unwrap();
                places.insert(*worker, place);
            }
            Record::Granted { worker, job, .. } if *job == wanted => drop(rendered.insert(places[worker])),
            Record::CheckGranted { worker, job, .. } if *job == wanted => {
                checked.insert(places[worker]);
            }
            _ => {}
        }
    }
    (rendered, checked)
}

/// All jobs complete, no wrong tile in them.
fn right(outcome: &Outcome, jobs: u64) {
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended, outcome.wrong_survived), (jobs, 0, 0));
}

fn long() -> Shot {
    Shot { frames: 6, samples: 64, pass_samples: 16, ..Shot::default() }
}

#[test]
fn a_limited_job_is_rendered_and_checked_by_the_allowed_alone() {
    let farms: [(&str, fn(u64) -> Farm); 4] = [
        ("operators", |seed| Farm::seed(seed).workers(5).job(long().operators(&[1, 3]))),
        ("a pool", |seed| Farm::seed(seed).workers(5).pool("night", &[1, 3]).job(long().pool("night"))),
        ("tags", |seed| {
            let farm = Farm::seed(seed).workers(5).tagged(1, "gpu").tagged(3, "gpu").tagged(2, "gpu");
            farm.tagged(1, "a").tagged(3, "a").tagged(4, "a").job(long().tag("gpu").tag("a"))
        }),
        ("operators and a pool", |seed| {
            let farm = Farm::seed(seed).workers(5).pool("night", &[1, 2, 3]);
            farm.job(long().pool("night").operators(&[0, 1, 3]))
        }),
    ];
    let allowed = BTreeSet::from([1, 3]);
    for (name, farm) in farms {
        let (mut renderers, mut checkers) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..6 {
            let outcome = farm(seed).run();
            right(&outcome, 1);
            let (rendered, checked) = lent(&outcome, JobId(1));
            renderers.extend(rendered);
            checkers.extend(checked);
        }
        assert_eq!((&renderers, &checkers), (&allowed, &allowed), "{name}");
    }
}

#[test]
fn where_nobody_allowed_is_there_to_check_the_referee_does() {
    for verify in [Verify::Blocks(1), Verify::Double] {
        let outcome = Farm::seed(3).workers(4).job(long().operators(&[2]).verify(verify)).run();
        right(&outcome, 1);
        assert_eq!(lent(&outcome, JobId(1)), (BTreeSet::from([2]), BTreeSet::new()));
        let by_referee = |record: &Record| match record {
            Record::Accepted { by, .. } => *by == Proof::Referee,
            _ => true,
        };
        assert!(outcome.records.iter().all(by_referee));
    }
}

#[test]
fn a_slow_lease_of_a_limited_job_is_duplicated_among_the_allowed() {
    let farm = Farm::seed(4).workers(4).speed(1, 60).speed(2, 9_000).speed(3, 90_000);
    let outcome = farm.job(long().operators(&[1, 2])).run();
    right(&outcome, 1);
    let tiles = |record: &Record| match record {
        Record::Granted { tiles, .. } => tiles.len(),
        _ => 0,
    };
    let granted: usize = outcome.records.iter().map(tiles).sum();
    let accepted = outcome.records.iter().map(|record| match record {
        Record::Accepted { tiles, .. } => tiles.len(),
        _ => 0,
    });
    assert!(granted > accepted.sum(), "nothing was duplicated");
    assert!(lent(&outcome, JobId(1)).0.is_subset(&BTreeSet::from([1, 2])));
}

#[test]
fn one_allowed_worker_among_many_is_found() {
    for seed in 0..8 {
        let outcome = Farm::seed(seed).workers(300).job(Shot::default().operators(&[150 + seed])).run();
        right(&outcome, 1);
        assert_eq!(lent(&outcome, JobId(1)).0, BTreeSet::from([150 + seed as usize]));
    }
}

#[test]
fn jobs_that_nobody_may_serve_yet_are_in_nobodys_way() {
    let mut farm = Farm::seed(5).workers(4).speed(1, 40);
    for _ in 0..100 {
        farm = farm.job(Shot { priority: 9, ..Shot::tiles(1) }.operators(&[3]));
    }
    let outcome = farm.job(long()).join(3).at(60_000).run();
    right(&outcome, 101);
    let completed = |wanted: u64| {
        let is = |record: &Record| matches!(record, Record::JobCompleted { job, .. } if job.0 == wanted);
        outcome.records.iter().position(is).unwrap()
    };
    let first = (1..=100).map(completed).min().unwrap();
    assert!(completed(101) < first, "the open job waited for the limited ones");
    // The slow worker's part was duplicated although limited work was waiting.
    assert!(outcome.ended_ms < 300_000, "{}", outcome.ended_ms);
}

#[test]
fn a_tile_that_the_only_allowed_worker_failed_comes_to_it_again() {
    // Fails once in a while until faults stop; the others may not take it off its hands.
    let farm = Farm::seed(6).workers(4).failing(2, 300).config(|config| config.worker_failures_max = 1_000);
    right(&farm.job(long().operators(&[2])).network(0, 0, 4_000).run(), 1);
}

#[test]
fn a_limited_job_outlives_a_restart_and_its_workers() {
    let farm = Farm::seed(7).workers(4).pool("night", &[1, 2]).job(long().pool("night"));
    let mut farm = farm.restart_scheduler().at(2_500).kill(1).at(3_000);
    farm.faults.push((4_000, Fault::Kill { node: 2 }));
    farm.faults.push((20_000, Fault::Start { node: 2 }));
    farm.faults_end_ms = 20_000;
    let outcome = farm.run();
    right(&outcome, 1);
    let (rendered, checked) = lent(&outcome, JobId(1));
    assert!(rendered.union(&checked).all(|place| [1, 2].contains(place)), "{rendered:?} {checked:?}");
}
