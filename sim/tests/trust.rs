//! Standing of operators: probation, returns from quarantine, bans, checking rights, and how checking falls with a clean record.

use tessera_scheduler_core::Record;
use tessera_scheduler_core::record::TileCommit;
use tessera_shared::ids::WorkerId;
use tessera_shared::messages::Verify;
use tessera_sim::{Cheat, Farm, Fault, Outcome, Shot};

const PROBATION: u64 = 8;

fn farm(seed: u64) -> Farm {
    Farm::seed(seed).config(|config| config.probation_tiles = PROBATION)
}

/// Several hundred tile-passes.
fn long() -> Shot {
    Shot { frames: 12, ..Shot::default() }
}

fn right(outcome: &Outcome, seed: u64) {
    assert_eq!((outcome.jobs_complete, outcome.wrong_survived), (1, 0), "seed {seed}");
}

/// The workers that a node was, in order.
fn workers(outcome: &Outcome, node: usize) -> Vec<WorkerId> {
    let name = format!("node {node}");
    let joined = outcome.records.iter().filter_map(|record| match record {
        Record::Joined { worker, hello, .. } if hello.name == name => Some(*worker),
        _ => None,
    });
    joined.collect()
}

#[test]
fn a_newcomer_that_flips_one_bit_is_caught_before_anything_of_it_is_accepted() {
    let mut caught = 0;
    for seed in 0..10 {
        let outcome = farm(seed).workers(4).cheat(3, Cheat::FlipOne).job(long()).join(3).at(2_000).run();
        right(&outcome, seed);
        assert_eq!(outcome.wrong_accepted, 0, "seed {seed}");
        caught += usize::from(outcome.caught == [3]);
    }
    assert!(caught >= 8, "only {caught} of 10 newcomers had a tile");
}

#[test]
fn newcomers_cannot_vouch_for_each_other() {
    for seed in 0..10 {
        let farm = farm(seed).workers(5).cheat(3, Cheat::Colluder).cheat(4, Cheat::Colluder);
        let outcome = farm.job(long()).join(3).at(2_000).join(4).at(2_000).run();
        right(&outcome, seed);
        assert_eq!(outcome.wrong_accepted, 0, "seed {seed}");
    }
}

#[test]
fn a_farm_of_newcomers_starts_with_the_referee() {
    for seed in 0..5 {
        let outcome = farm(seed).workers(1 + seed % 3).job(Shot::default()).run();
        right(&outcome, seed);
        assert!(outcome.records.iter().any(|record| matches!(record, Record::RefereeAsked { .. })));
    }
}

/// A worker whose hardware errs once in its first tiles, and starts again later.
fn glitch(seed: u64) -> Farm {
    let mut farm = farm(seed).workers(3).cheat(2, Cheat::Glitch { tiles: 3 });
    farm.config.quarantine_ms = 500;
    for at_ms in [3_000, 5_000] {
        farm.faults.push((at_ms, Fault::Kill { node: 2 }));
        farm.faults.push((at_ms + 500, Fault::Start { node: 2 }));
    }
    farm.job(Shot { frames: 40, ..Shot::default() }.verify(Verify::Blocks(4)))
}

#[test]
fn hardware_that_erred_once_comes_back_on_probation_and_is_no_fraud() {
    let mut returned = 0;
    for seed in 0..8 {
        let outcome = glitch(seed).run();
        right(&outcome, seed);
        let verdicts: Vec<bool> = outcome
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Quarantined { fraud, .. } => Some(*fraud),
                _ => None,
            })
            .collect();
        assert_eq!(verdicts, [false], "seed {seed}");
        returned += usize::from(outcome.records.iter().any(|r| matches!(r, Record::Readmitted { .. })));
    }
    assert!(returned >= 6, "only {returned} of 8 came back");
}

#[test]
fn who_is_wrong_again_is_banned_and_stays_out() {
    let mut banned = 0;
    for seed in 0..8 {
        let mut farm = glitch(seed).cheat(2, Cheat::FewerSamples);
        farm.faults.push((9_000, Fault::Kill { node: 2 }));
        farm.faults.push((9_500, Fault::Start { node: 2 }));
        let outcome = farm.run();
        right(&outcome, seed);
        let at = outcome.records.iter().position(|r| matches!(r, Record::Quarantined { fraud: true, .. }));
        let Some(at) = at else { continue };
        banned += 1;
        let back = |record: &Record| matches!(record, Record::Joined { hello, .. } if hello.name == "node 2");
        assert!(!outcome.records[at..].iter().any(back), "seed {seed}");
    }
    assert!(banned >= 6, "only {banned} of 8 were banned");
}

#[test]
fn an_overruled_checker_checks_nothing_more_and_renders_on() {
    let (mut overruled, mut renders_on) = (0, 0);
    for seed in 0..6 {
        let outcome = farm(seed).workers(3).cheat(1, Cheat::Denier).job(long()).run();
        right(&outcome, seed);
        let at = outcome.records.iter().position(|record| matches!(record, Record::Overruled { .. }));
        let Some(at) = at else { continue };
        overruled += 1;
        let denier = workers(&outcome, 1);
        let after = &outcome.records[at..];
        let granted = |check: bool| {
            after.iter().any(|record| match record {
                Record::CheckGranted { worker, .. } => check && denier.contains(worker),
                Record::Granted { worker, .. } => !check && denier.contains(worker),
                _ => false,
            })
        };
        assert!(!granted(true), "seed {seed}: it is asked to check again");
        // At the end of a job there may be nothing left for it.
        let leases = after.iter().filter(|record| matches!(record, Record::Granted { .. })).count();
        assert!(granted(false) || leases < 4, "seed {seed}: of {leases} leases it gets none any more");
        renders_on += u64::from(granted(false));
        assert!(!after.iter().any(|record| matches!(record, Record::Quarantined { .. })), "seed {seed}");
    }
    assert!(overruled >= 4, "only {overruled} of 6 were asked to check");
    assert!(renders_on >= 4, "only {renders_on} of {overruled} render on");
}

#[test]
fn confidence_checks_less_and_less_and_never_less_than_its_floor() {
    let shot = Shot { frames: 120, ..Shot::default() }.verify(Verify::Confidence { wrong_ppm: 10_000 });
    let outcome = farm(1).workers(2).job(shot).run();
    right(&outcome, 1);
    let committed = |record: &Record| match record {
        Record::Committed { tiles, .. } => tiles.clone(),
        _ => Vec::new(),
    };
    let commits: Vec<TileCommit> = outcome.records.iter().flat_map(committed).collect();
    let share = |part: &[TileCommit]| {
        part.iter().filter(|commit| !commit.drawn.is_empty()).count() as f64 / part.len() as f64
    };
    // 0.01 e k reaches 15/16 after 35 clean tile-passes of an operator.
    assert!(share(&commits[..40]) > 0.6, "{}", share(&commits[..40]));
    let late = &commits[commits.len() - 2000..];
    // Binomial(2000, 1/16): five standard deviations.
    assert!((share(late) - 0.0625).abs() < 5.0 * (0.0625f64 * 0.9375 / 2000.0).sqrt(), "{}", share(late));
}
