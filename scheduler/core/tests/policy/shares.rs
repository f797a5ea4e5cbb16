//! Who gets the next lease: shares between owners, and jobs that rise with their age.

use std::collections::BTreeMap;

use tessera_scheduler_core::service::AGE_STEP_MS;
use tessera_scheduler_core::shares::HALF_LIFE_MS;
use tessera_shared::ids::{JobId, NodeKey};
use tessera_shared::messages::JobOptions;

use crate::farm::{ALICE, BOB, Farm, TILE_RAYS, unchecked};

fn priority(priority: i32) -> JobOptions {
    JobOptions { priority, ..unchecked() }
}

/// Leases by owner among these jobs.
fn count(served: &[JobId], jobs: &BTreeMap<JobId, NodeKey>) -> (usize, usize) {
    let of = |owner: NodeKey| served.iter().filter(|job| jobs[job] == owner).count();
    (of(ALICE), of(BOB))
}

#[test]
fn owners_share_evenly_however_many_jobs_each_has() {
    let mut farm = Farm::new();
    let mut jobs = BTreeMap::new();
    for _ in 0..10 {
        jobs.insert(farm.submit(ALICE, 50), ALICE);
    }
    jobs.insert(farm.submit(BOB, 500), BOB);
    farm.connect(1, "w");
    let mut served = Vec::new();
    for step in 0..400 {
        farm.now_ms = step * 1_000;
        served.extend(farm.work());
    }
    let (alice, bob) = count(&served, &jobs);
    assert!(alice.abs_diff(bob) <= 2, "{alice} and {bob}");
    let hers: Vec<_> = served.iter().filter(|job| jobs[job] == ALICE).collect();
    assert!(hers.is_sorted(), "an owner's older jobs come first");
    farm.restart();
}

#[test]
fn who_has_lately_received_much_waits_a_half_life_at_most() {
    let mut farm = Farm::new();
    let mut jobs = BTreeMap::from([(farm.submit(ALICE, 5_000), ALICE)]);
    farm.connect(1, "w");
    // Alice has the farm for herself for three half-lives.
    let step_ms = HALF_LIFE_MS / 100;
    for step in 0..300 {
        farm.now_ms = step * step_ms;
        farm.work();
    }
    jobs.insert(farm.submit(BOB, 5_000), BOB);
    let mut served = Vec::new();
    for step in 300..400 {
        farm.now_ms = step * step_ms;
        served.extend(farm.work());
    }
    let (alice, bob) = count(&served, &jobs);
    assert!(bob > 80, "who had nothing goes ahead: {alice} and {bob}");
    served.clear();
    for step in 400..600 {
        farm.now_ms = step * step_ms;
        served.extend(farm.work());
    }
    let (alice, bob) = count(&served, &jobs);
    assert!(alice.abs_diff(bob) <= 20, "then both share: {alice} and {bob}");
}

#[test]
fn a_higher_priority_goes_first_whoever_had_more() {
    let mut farm = Farm::new();
    let high = farm.submit_with(ALICE, 20, priority(1));
    farm.submit(BOB, 20);
    farm.connect(1, "w");
    let served: Vec<_> = (0..40).flat_map(|_| farm.work()).collect();
    assert_eq!(served, vec![high; 40]);
}

/// Ever new jobs of a higher priority and of ever new owners keep nobody waiting for ever.
#[test]
fn no_job_starves() {
    for priority_of_others in [0, 1, 3] {
        let mut farm = Farm::new();
        let old = farm.submit(ALICE, 500);
        farm.connect(1, "w");
        farm.work();
        farm.work();
        let started_ms = farm.now_ms;
        let steps = priority_of_others as u64 + 1;
        let mut served_ms = Vec::new();
        for other in 0..200u64 {
            farm.now_ms = started_ms + other * AGE_STEP_MS / 10;
            let mut owner = [0xcc; 32];
            owner[..8].copy_from_slice(&other.to_le_bytes());
            // As much as the farm can do: two tiles in two steps.
            if other % 2 == 0 {
                farm.submit_with(NodeKey(owner), 1, priority(priority_of_others));
            }
            if farm.work().contains(&old) {
                served_ms.push(farm.now_ms);
            }
        }
        let gaps = served_ms.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        // Others that have risen as high take their turns too.
        assert!(gaps <= 2 * steps * AGE_STEP_MS, "{priority_of_others}: {gaps} ms");
        assert!(served_ms.len() > 3, "{served_ms:?}");
        farm.restart();
    }
}

#[test]
fn jobs_that_a_worker_may_not_serve_are_in_nobodys_way() {
    let mut farm = Farm::new();
    for _ in 0..20 {
        let mut options = priority(5);
        options.limits.tags.push("gpu".into());
        farm.submit_with(BOB, 2, options);
    }
    let open = farm.submit(ALICE, 3);
    farm.connect(1, "w");
    farm.now_ms = 3 * AGE_STEP_MS;
    assert_eq!((farm.work(), farm.work()), (vec![open], vec![open]));
}

#[test]
fn duplicates_of_a_job_with_nothing_more_to_lend_are_charged_to_its_owner() {
    let mut farm = Farm::new();
    let job = farm.submit(ALICE, 1);
    farm.connect(1, "slow");
    farm.connect(2, "slow too");
    farm.connect(3, "idle");
    assert_eq!((farm.lent.len(), farm.core.state().jobs[&job].pending()), (2, 0));
    farm.at(5_000);
    assert_eq!(farm.lent.len(), 3, "the idle worker duplicates what is slow");
    let shares = &farm.core.state().service.shares;
    let received = shares.received(shares.find(&ALICE).unwrap(), farm.now_ms);
    assert!(received > 2 * TILE_RAYS && received <= 3 * TILE_RAYS, "{received} rays");
    farm.restart();
}
