//! Known blocks in checks, and a referee that is poor, slow or silent.

use tessera_scheduler_core::api::{Evidence, Record};
use tessera_shared::messages::Verify;
use tessera_sim::{Cheat, Farm, Outcome, Shot};

/// A job of 384 tile-passes.
fn long() -> Shot {
    Shot { frames: 8, samples: 64, pass_samples: 16, ..Shot::default() }
}

/// One job complete, no wrong tile in it.
fn right(outcome: &Outcome) {
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended, outcome.wrong_survived), (1, 0, 0));
}

fn count(outcome: &Outcome, wanted: impl Fn(&Record) -> bool) -> usize {
    outcome.records.iter().filter(|record| wanted(record)).count()
}

/// Blocks of all evidence that known blocks gave.
fn wrong_known(outcome: &Outcome) -> Vec<(u32, bool)> {
    let evidence = outcome.records.iter().filter_map(|record| match record {
        Record::Overruled { evidence: Evidence::WrongKnown { recipe, blocks, .. }, .. } => {
            let wrong = blocks.iter().all(|block| block.said != block.referee && block.other.is_none());
            Some((recipe.kernel_version, wrong && !blocks.is_empty()))
        }
        _ => None,
    });
    evidence.collect()
}

/// The first worker is alone for a while, so that the referee checks it and blocks become known; another joins then.
fn joined_by(seed: u64, cheat: Cheat) -> Farm {
    let farm = Farm::seed(seed).workers(2).speed(0, 900).speed(1, 1_800).cheat(1, cheat);
    let farm = farm.job(long()).join(1).at(6_000);
    farm.config(|config| {
        config.referee_permille = 0;
        config.known_permille = 1_000;
    })
}

#[test]
fn a_checker_that_answers_garbage_is_caught_by_known_blocks_without_the_referee() {
    for seed in 0..12 {
        let outcome = joined_by(seed, Cheat::LazyChecker).run();
        right(&outcome);
        assert_eq!(outcome.caught, [1], "seed {seed}");
        assert_eq!(wrong_known(&outcome), [(tessera_shared::KERNEL_VERSION, true)], "seed {seed}");
        let disputes = count(&outcome, |record| matches!(record, Record::Disputed { .. }));
        assert_eq!(disputes, 0, "seed {seed}: it took the referee");
        assert_eq!(count(&outcome, |record| matches!(record, Record::CheckVoid { .. })), 1, "seed {seed}");
    }
}

#[test]
fn honest_checkers_pass_known_blocks_under_every_policy() {
    let mut mixed = 0;
    for (seed, verify) in (0..).zip([Verify::Blocks(1), Verify::Blocks(5), Verify::Double]) {
        let farm = joined_by(seed, Cheat::Honest).config(|config| config.referee_permille = 300);
        let outcome = Farm { shots: vec![long().verify(verify)], ..farm }.run();
        right(&outcome);
        assert!(outcome.caught.is_empty(), "{verify:?}");
        mixed += count(&outcome, |record| matches!(record, Record::KnownMixed { .. }));
    }
    assert!(mixed > 20, "known blocks were mixed into {mixed} leases only");
}

/// With more known than are asked, they are asked at the stated rate: binomial, four standard deviations either way.
#[test]
fn known_tile_passes_are_mixed_in_at_the_stated_rate() {
    let (mut owed, mut known) = (0usize, 0usize);
    for seed in 0..8 {
        let farm = Farm::seed(seed).workers(4).job(long()).config(|config| {
            config.referee_permille = 400;
            config.known_permille = 200;
        });
        for record in &farm.run().records {
            match record {
                Record::CheckGranted { tiles, .. } if known > 0 => owed += tiles.len(),
                Record::KnownMixed { tiles, .. } => known += tiles.len(),
                _ => {}
            }
        }
    }
    let expected = owed as f64 * 0.2;
    let deviation = (expected * 0.8).sqrt();
    println!("{known} known beside {owed} owed; {expected:.0} ± {deviation:.1} expected");
    assert!((known as f64 - expected).abs() < 4.0 * deviation, "{known} beside {owed}");
}

#[test]
fn the_referee_keeps_its_budget_and_the_job_waits_for_it() {
    let budget = 2_000_000;
    let farm = Farm::seed(3).workers(1).job(Shot { frames: 8, ..Shot::default() }.verify(Verify::Blocks(5)));
    let outcome = farm.config(|config| config.referee_rays_per_minute = budget).run();
    right(&outcome);
    let rays = outcome.referee.rays.total();
    // A minute's worth saved up, what time brings, and what is out when it is used up: two requests of 64 blocks.
    let most = budget + budget * outcome.ended_ms / 60_000 + 2 * 64 * 64 * 8 * 13;
    println!("{rays} rays in {} s, {most} at most", outcome.ended_ms / 1000);
    assert!(rays <= most, "{rays} rays, {most} at most");
    assert!(rays > budget, "the budget never ran out: {rays} rays");
}

/// After its first check the budget is gone for good; disputes are settled nevertheless.
#[test]
fn disputes_are_settled_without_a_budget() {
    let mut disputes = 0;
    for seed in 0..8 {
        let farm = Farm::seed(seed).workers(4).cheat(2, Cheat::Denier).job(long());
        let farm = farm.config(|config| {
            config.referee_permille = 0;
            config.known_permille = 0;
            config.probation_tiles = 0;
            config.referee_rays_per_minute = 1;
        });
        let outcome = farm.cancel(0).at(3_600_000).run();
        assert_eq!(outcome.wrong_survived, 0);
        // Who lies in checks alone has to be asked for one.
        let disputed = count(&outcome, |record| matches!(record, Record::Disputed { .. })) > 0;
        assert_eq!(outcome.caught, if disputed { vec![2] } else { vec![] }, "seed {seed}");
        disputes += u64::from(disputed);
    }
    assert!(disputes >= 6, "only {disputes} of 8 farms had a dispute");
}

#[test]
fn a_silent_referee_delays_and_loses_nothing() {
    for seed in 0..6 {
        let farm = Farm::seed(seed).workers(4).job(long()).referee_silent_until(120_000);
        let farm = farm.cheat(1, if seed % 2 == 0 { Cheat::Honest } else { Cheat::Denier });
        let farm = farm.config(|config| {
            config.referee_permille = 200;
            config.referee_timeout_ms = 5_000;
        });
        let outcome = farm.run();
        right(&outcome);
        assert!(outcome.referee.late > 0, "seed {seed}: the referee was asked nothing while it was silent");
        assert_eq!(outcome.referee.late, outcome.referee.inconclusive);
        let records = count(&outcome, |record| matches!(record, Record::Inconclusive { late: true, .. }));
        assert_eq!(records as u64, outcome.referee.late);
    }
}

#[test]
fn a_lone_worker_waits_for_a_silent_referee() {
    let farm = Farm::seed(4).workers(1).job(Shot::default()).referee_silent_until(60_000);
    let outcome = farm.config(|config| config.referee_timeout_ms = 3_000).run();
    right(&outcome);
    assert!(outcome.ended_ms > 60_000 && outcome.referee.tile_passes_anew > 0);
    assert_eq!(outcome.referee.late, outcome.referee.inconclusive);
}

/// What has no verdict counts against nobody.
#[test]
fn nobody_is_blamed_for_what_the_referee_cannot_finish() {
    let farm = Farm::seed(5).workers(3).job(long()).network(0, 0, 30_000);
    let farm = farm.config(|config| config.referee_permille = 100);
    let outcome = Farm { referee_fail_permille: 300, ..farm }.run();
    assert_eq!(outcome.wrong_survived, 0);
    assert!(outcome.referee.inconclusive > 0 && outcome.referee.late == 0);
    assert!(outcome.caught.is_empty());
    assert_eq!(outcome.tiles_rejected, 0, "an honest worker's count of rejected tiles");
}
