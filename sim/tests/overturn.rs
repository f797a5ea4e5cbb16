//! What becomes of completed jobs when somebody who had a part in them is convicted later.

use std::collections::BTreeSet;

use tessera_scheduler_core::record::{Proof, Record};
use tessera_shared::ids::JobId;
use tessera_shared::messages::Verify;
use tessera_sim::{Cheat, Farm, Outcome, Shot};

/// When the first job has long completed.
const LATER_MS: u64 = 60_000;
const FIRST: JobId = JobId(1);
/// Tiles of a frame, and passes of a tile, of every job here.
const TILES: u32 = 12;
const PASSES: usize = 3;

/// A job in which every forger is caught.
fn trap() -> Shot {
    Shot { frames: 6, at_ms: LATER_MS, ..Shot::default() }.verify(Verify::Double)
}

/// A job of 216 tile-passes in which nobody is caught.
fn unverified() -> Shot {
    Shot { frames: 6, ..Shot::default() }.verify(Verify::None)
}

fn place(outcome: &Outcome, wanted: impl Fn(&Record) -> bool) -> Option<usize> {
    outcome.records.iter().position(wanted)
}

/// Tile-passes of the first job that were overturned after it had completed.
fn overturned(outcome: &Outcome) -> usize {
    let completed = place(outcome, |record| matches!(record, Record::JobCompleted { job: FIRST, .. }));
    let after = &outcome.records[completed.expect("the first job completes")..];
    let tiles = after.iter().map(|record| match record {
        Record::Overturned { job: FIRST, tiles } => tiles.len(),
        _ => 0,
    });
    tiles.sum()
}

/// Both jobs are complete, and equal to what honest workers make of them.
fn right(outcome: &Outcome) {
    let wrong = outcome.wrong_survived + outcome.wrong_archived;
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended, wrong), (2, 0, 0));
}

#[test]
fn forgeries_that_nobody_checked_are_rendered_anew_after_a_conviction() {
    for seed in 0..8 {
        let farm = Farm::seed(seed).workers(3).cheat(1, Cheat::ForgeAll);
        let outcome = farm.job(unverified()).job(trap()).run();
        right(&outcome);
        assert_eq!((outcome.caught.as_slice(), outcome.jobs_reopened), ([1].as_slice(), 1), "seed {seed}");
        assert!(overturned(&outcome) > 0 && outcome.wrong_accepted > 0, "seed {seed}");
        assert!(place(&outcome, |record| matches!(record, Record::Archived { .. })).is_none());
    }
}

#[test]
fn forgeries_that_were_never_drawn_are_rendered_anew_after_a_conviction() {
    let mut undrawn = 0;
    for seed in 0..24 {
        let farm = Farm::seed(seed).workers(3).cheat(1, Cheat::FlipOne);
        let outcome = farm.job(Shot::default()).job(trap()).run();
        right(&outcome);
        assert_eq!(outcome.caught, [1], "seed {seed}");
        undrawn += u64::from(overturned(&outcome) > 0 && outcome.jobs_reopened == 1);
    }
    assert!(undrawn >= 4, "in {undrawn} seeds of 24 the first job passed its checks");
}

#[test]
fn what_colluders_vouched_for_among_themselves_is_rendered_anew() {
    for seed in 0..6 {
        let mut farm = Farm::seed(seed).workers(4).cheat(0, Cheat::Colluder).cheat(1, Cheat::Colluder);
        farm = farm.job(Shot::default()).job(trap()).config(|config| config.referee_permille = 0);
        let outcome = farm.join(2).at(LATER_MS).join(3).at(LATER_MS).run();
        right(&outcome);
        assert_eq!(outcome.caught, [0, 1], "seed {seed}");
        let all = 2 * TILES as usize * PASSES;
        assert!(overturned(&outcome) >= all, "seed {seed}: {} of {all} tiles", overturned(&outcome));
    }
}

#[test]
fn what_others_rendered_whole_stays() {
    for (verify, stays) in [(Verify::Double, true), (Verify::Blocks(1), false)] {
        let mut beyond = 0;
        for seed in 0..6 {
            let farm = Farm::seed(seed).workers(3).job(Shot::default().verify(verify)).job(trap());
            let outcome = farm.turn(1, Cheat::ForgeAll).at(LATER_MS).run();
            right(&outcome);
            assert_eq!(outcome.caught, [1]);
            // What the convict vouched for goes with all passes of its tiles.
            beyond += overturned(&outcome) - PASSES * vouched_by(&outcome, "node 1");
        }
        assert_eq!(beyond == 0, stays, "{verify:?}: {beyond} tile-passes beyond those that it vouched for");
    }
}

#[test]
fn what_an_overruled_checker_vouched_for_is_rendered_anew() {
    let mut overruled = 0;
    for seed in 0..8 {
        let farm = Farm::seed(seed).workers(3).job(Shot { frames: 6, ..Shot::default() }).job(trap());
        let outcome = farm.turn(1, Cheat::LazyChecker).at(LATER_MS).run();
        right(&outcome);
        let fell = place(&outcome, |record| matches!(record, Record::Overruled { .. })).is_some();
        let expected = if fell { PASSES * vouched_by(&outcome, "node 1") } else { 0 };
        assert_eq!(overturned(&outcome), expected, "seed {seed}");
        overruled += usize::from(expected > 0);
    }
    assert!(overruled >= 4, "only {overruled} of 8 checkers had vouched for something and fell");
}

/// Tiles of the first job of which a pass was accepted on the word of the worker's operator.
fn vouched_by(outcome: &Outcome, name: &str) -> usize {
    let (mut keys, mut convict) = (Vec::new(), None);
    for record in &outcome.records {
        if let Record::Joined { hello, .. } = record {
            // Operators are numbered by their first joining.
            if !keys.contains(&hello.operator) {
                keys.push(hello.operator);
            }
            if hello.name == name {
                convict = keys.iter().position(|key| *key == hello.operator);
            }
        }
    }
    let mut vouched = BTreeSet::new();
    for record in &outcome.records {
        if let Record::Accepted { job: FIRST, tiles, by: Proof::Operator(operator) } = record
            && Some(operator.0 as usize) == convict
        {
            vouched.extend(tiles.iter().map(|tile| (tile.frame, tile.index % TILES)));
        }
    }
    vouched.len()
}

#[test]
fn a_restart_between_completion_and_conviction_changes_nothing() {
    for seed in 0..4 {
        let farm = Farm::seed(seed).workers(3).cheat(1, Cheat::ForgeAll);
        let farm = farm.job(unverified()).job(trap());
        // The second restart finds the first job reopened, if the trap has closed by then.
        let outcome = farm.restart_scheduler().at(40_000).restart_scheduler().at(LATER_MS + 2_500).run();
        right(&outcome);
        assert!(outcome.jobs_reopened == 1 && overturned(&outcome) > 0, "seed {seed}");
    }
}

#[test]
fn an_archived_job_is_left_alone() {
    let farm = |change: fn(&mut tessera_scheduler_core::Config)| {
        let farm = Farm::seed(3).workers(3).cheat(1, Cheat::ForgeAll).config(change);
        farm.job(unverified()).job(trap()).run()
    };
    let by_time = farm(|config| config.archive_after_ms = 5_000);
    // The first job has one tile-pass more than may be kept.
    let by_number = farm(|config| config.kept_entries_max = 215);
    for outcome in [by_time, by_number] {
        assert_eq!((outcome.jobs_complete, outcome.jobs_reopened, outcome.caught.len()), (2, 0, 1));
        assert_eq!((overturned(&outcome), outcome.wrong_survived), (0, 0));
        assert!(outcome.wrong_archived > 0);
        let archived = |record: &Record| matches!(record, Record::Archived { job: FIRST, .. });
        assert!(place(&outcome, archived).is_some());
    }
}

#[test]
fn the_oldest_job_is_archived_early_and_the_next_is_not() {
    let farm = Farm::seed(4).workers(3).cheat(1, Cheat::ForgeAll);
    let farm = farm.job(unverified()).job(Shot { at_ms: 20_000, ..unverified() }).job(trap());
    let outcome = farm.config(|config| config.kept_entries_max = 300).run();
    assert_eq!((outcome.jobs_complete, outcome.jobs_reopened), (3, 1));
    assert_eq!((overturned(&outcome), outcome.wrong_survived), (0, 0));
    assert!(outcome.wrong_archived > 0);
}

#[test]
fn a_cancelled_job_is_left_alone() {
    let farm = Farm::seed(5).workers(3).cheat(1, Cheat::ForgeAll);
    let long = Shot { frames: 40, ..Shot::default() }.verify(Verify::None);
    let outcome = farm.job(long).job(trap()).cancel(0).at(4_000).run();
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended, outcome.caught.len()), (1, 1, 1));
    assert!(outcome.wrong_accepted > 0);
    let touched = |record: &Record| matches!(record, Record::Overturned { job: FIRST, .. });
    assert!(place(&outcome, touched).is_none());
}

/// Everything at once, and a trap in the end: what was archived before may stay wrong, nothing else of a convict may.
#[test]
fn random_farms_with_late_convictions() {
    let mut reopened = 0;
    for seed in 0..60 {
        let farm = Farm::faulty(seed);
        let at_ms = farm.faults_end_ms + LATER_MS;
        reopened += farm.job(Shot { at_ms, ..trap() }).run().jobs_reopened;
    }
    assert!(reopened >= 3, "{reopened} jobs were reopened");
}
