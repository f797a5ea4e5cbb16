//! What operators on probation may have of a job, and who is on probation in a job that convictions have undone.

use std::collections::BTreeSet;

use tessera_scheduler_core::Record;
use tessera_scheduler_core::trials::{TRIAL_SHARE, TRIAL_TILES};
use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::lease::Work;
use tessera_shared::messages::{JobOptions, JobState, Verify};

use crate::farm::{ALICE, Farm};

const FORGED: Digest = Digest([4; 32]);
const PROVEN: u8 = 1;

/// A farm with probation and one operator that has long ended it.
fn farm() -> Farm {
    let mut farm = Farm::with(|config| {
        config.probation_tiles = 8;
        config.lease_tiles_max = 64;
        config.check_wait_ms = 0;
    });
    farm.remember(&[(PROVEN, 10_000), (2, 8), (3, 8)]);
    farm
}

fn spot() -> JobOptions {
    JobOptions { verify: Verify::Blocks(1), ..JobOptions::default() }
}

/// Leases in hand, with their workers: those of tiles to render, or those of checks.
fn leases(farm: &Farm, render: bool) -> Vec<(LeaseId, WorkerId)> {
    let of = |work: &Work| matches!(work, Work::Render(_)) == render;
    let held = farm.lent.iter().filter(|(_, (_, lease))| of(&lease.work));
    held.map(|(id, (worker, _))| (*id, *worker)).collect()
}

/// Tile-passes in the hands of these workers.
fn in_hand(farm: &Farm, workers: &BTreeSet<WorkerId>) -> u64 {
    let tiles = farm.lent.values().filter(|(worker, _)| workers.contains(worker));
    tiles.map(|(_, lease)| if let Work::Render(tiles) = &lease.work { tiles.len() as u64 } else { 0 }).sum()
}

fn done(farm: &Farm, job: JobId) -> u64 {
    farm.core.job(farm.now_ms, job).unwrap().tiles_done
}

#[test]
fn newcomers_have_a_part_of_a_job_that_others_render_and_all_of_one_that_nobody_else_does() {
    let mut farm = farm();
    let job = farm.submit_with(ALICE, 400, spot());
    let newcomers: BTreeSet<_> = (10..60).map(|operator| farm.connect(operator, "new")).collect();
    assert_eq!(in_hand(&farm, &newcomers), 50, "unmeasured workers get a tile each");
    farm.restart();
    let proven = farm.connect(PROVEN, "old");
    let newcomers: BTreeSet<_> = (10..60).map(|operator| farm.connect(operator, "new")).collect();
    assert_eq!(in_hand(&farm, &newcomers), TRIAL_TILES);
    // Honest ones make room by what is found right, and some end their probation.
    for _ in 0..200 {
        for (lease, _) in leases(&farm, true) {
            farm.finish(lease);
        }
        leases(&farm, false).into_iter().for_each(|(lease, _)| farm.check(lease));
        farm.referee();
        farm.now_ms += 100;
        farm.at(farm.now_ms);
    }
    assert_eq!(farm.state(job), JobState::Completed);
    let done_by = |worker: WorkerId| farm.core.state().workers[&worker].tiles_accepted;
    assert!(newcomers.iter().filter(|worker| done_by(**worker) >= 8).count() > 10);
    assert!(done_by(proven) > 0);
}

/// Every newcomer forges all that it gets, and another one comes in its place.
#[test]
fn what_new_keys_forge_is_bounded_by_what_is_accepted() {
    let mut farm = farm();
    let job = farm.submit_with(ALICE, 200, spot());
    let proven = farm.connect(PROVEN, "old");
    let (mut next, mut forged) = (10, 0);
    let mut swarm: BTreeSet<WorkerId> = BTreeSet::new();
    let mut rounds = 0;
    while farm.state(job) != JobState::Completed {
        rounds += 1;
        assert!(rounds < 3000, "{} of 400 tiles after {forged} forged ones", done(&farm, job));
        swarm.retain(|worker| {
            farm.core.state().workers.contains_key(worker) && farm.lent.values().any(|l| l.0 == *worker)
        });
        while swarm.len() < 8 && next < 250 {
            swarm.insert(farm.connect(next, "sybil"));
            next += 1;
        }
        for (lease, worker) in leases(&farm, true) {
            let tiles = in_hand(&farm, &BTreeSet::from([worker]));
            let _ = match worker == proven {
                true => farm.finish(lease),
                false => {
                    forged += tiles;
                    farm.deliver(lease, FORGED)
                }
            };
        }
        let most = TRIAL_TILES + done(&farm, job) / TRIAL_SHARE;
        assert!(forged <= most, "{forged} forged tiles, at most {most}");
        leases(&farm, false).into_iter().for_each(|(lease, _)| farm.check(lease));
        farm.referee();
        farm.now_ms += 100;
        farm.at(farm.now_ms);
    }
    assert!(forged >= TRIAL_TILES / 2, "only {forged} tiles were forged");
}

/// Two short records vouch for a proven operator; one of them is convicted, and its word with it.
#[test]
fn a_job_that_lost_more_than_it_has_takes_no_short_record_at_its_word() {
    let mut farm = farm();
    let job = farm.submit_with(ALICE, 60, spot());
    let (old, second) = (farm.connect(PROVEN, "old"), farm.connect(2, "second"));
    assert!(leases(&farm, true).iter().any(|(_, worker)| *worker == old));
    while done(&farm, job) < 60 {
        for (lease, _) in leases(&farm, true) {
            farm.finish(lease);
        }
        leases(&farm, false).into_iter().for_each(|(lease, _)| farm.check(lease));
        farm.referee();
        farm.now_ms += 100;
        farm.at(farm.now_ms);
    }
    let (forged, _) =
        leases(&farm, true).into_iter().find(|(_, worker)| *worker == second).expect("it renders");
    farm.deliver(forged, FORGED);
    for _ in 0..3 {
        leases(&farm, false).into_iter().for_each(|(lease, _)| farm.check(lease));
        farm.referee();
        farm.now_ms += 100;
        farm.at(farm.now_ms);
    }
    let entry = &farm.core.state().jobs[&job];
    assert!(entry.on_guard(), "{} undone, {} accepted", entry.tiles_overturned(), entry.tiles_done);
    // Now the third: eight tiles found right are enough on the farm, and not here.
    let third = farm.connect(3, "third");
    for _ in 0..10 {
        let theirs = leases(&farm, true).into_iter().find(|(_, worker)| *worker == third);
        if let Some((lease, _)) = theirs {
            farm.finish(lease);
        }
        farm.now_ms += 100;
        farm.at(farm.now_ms);
        assert!(leases(&farm, false).iter().all(|(_, worker)| *worker != third), "it checks");
    }
    let drawn = farm.records.iter().rev().find_map(|record| match record {
        Record::Committed { tiles, .. } => Some(tiles[0].drawn.len()),
        _ => None,
    });
    assert_eq!(drawn, Some(64), "what it delivers is checked whole");
}
