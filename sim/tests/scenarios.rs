//! The farm's promises, a scenario each.

use tessera_scheduler_core::api::Record;
use tessera_shared::messages::Verify;
use tessera_sim::{Cheat, Farm, Outcome, Shot};

/// A job long enough for every worker to have its part.
fn long() -> Shot {
    Shot { frames: 8, samples: 64, pass_samples: 16, ..Shot::default() }
}

/// One job complete, no wrong tile in it.
fn right(outcome: &Outcome) {
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended, outcome.wrong_survived), (1, 0, 0));
}

#[test]
fn three_workers_make_one_image() {
    let outcome = Farm::seed(1).workers(3).job(Shot::default()).run();
    right(&outcome);
    assert!(outcome.caught.is_empty());
}

#[test]
fn one_worker_alone_is_checked_by_the_referee() {
    right(&Farm::seed(2).workers(1).job(Shot::default()).run());
}

#[test]
fn a_killed_worker_costs_no_pixel() {
    right(&Farm::seed(3).workers(3).job(Shot::default()).kill(1).at(2_200).run());
}

#[test]
fn a_worker_that_joins_late_helps() {
    let outcome =
        Farm::seed(4).workers(3).speed(0, 300).speed(1, 300).job(Shot::default()).join(2).at(4_000).run();
    right(&outcome);
}

#[test]
fn a_late_answer_is_used_at_most_once() {
    right(&Farm::seed(5).workers(2).job(Shot::default()).stop(1, 30_000).at(1_500).run());
    right(&Farm::seed(6).workers(1).speed(0, 500).job(Shot::default()).stop(0, 30_000).at(1_500).run());
}

#[test]
fn a_broken_connection_loses_nothing() {
    right(&Farm::seed(7).workers(2).job(Shot::default()).cut(0, 500).at(2_000).cut(1, 2_000).at(2_400).run());
}

#[test]
fn a_restarted_scheduler_goes_on_from_its_records() {
    let farm = Farm::seed(8).workers(3).speed(0, 900).speed(1, 900).speed(2, 900).job(Shot::default());
    right(&farm.restart_scheduler().at(2_500).restart_scheduler().at(6_000).run());
}

#[test]
fn a_bad_network_costs_time_only() {
    right(&Farm::seed(9).workers(3).job(Shot::default()).network(150, 100, 60_000).run());
}

#[test]
fn every_policy_makes_the_image() {
    for verify in [Verify::None, Verify::Blocks(1), Verify::Blocks(5), Verify::Double] {
        right(&Farm::seed(10).workers(3).job(Shot::default().verify(verify)).run());
    }
}

#[test]
fn who_forges_every_block_is_caught_at_its_first_checked_tile() {
    for seed in 0..20 {
        let outcome = Farm::seed(seed).workers(3).cheat(1, Cheat::ForgeAll).job(long()).run();
        right(&outcome);
        assert_eq!(outcome.caught, [1]);
        assert_eq!(outcome.wrong_accepted, 0, "a forged tile was accepted before");
    }
}

#[test]
fn other_cheats_are_caught_and_the_image_is_right() {
    let mut caught = 0;
    for cheat in [Cheat::SwapPixels, Cheat::LazyChecker, Cheat::Denier] {
        for seed in 0..8 {
            let outcome = Farm::seed(seed).workers(4).cheat(2, cheat).job(long()).run();
            right(&outcome);
            // Who lies in checks alone has to be asked for one.
            let lied = cheat == Cheat::SwapPixels || answered_a_check(&outcome, 2);
            assert_eq!(outcome.caught, if lied { vec![2] } else { vec![] }, "{cheat:?}, seed {seed}");
            caught += usize::from(lied);
        }
    }
    assert!(caught >= 20, "only {caught} of 24 cheats had the opportunity");
}

/// Whether the worker at this place answered a check; one that comes too late does not count.
fn answered_a_check(outcome: &Outcome, place: usize) -> bool {
    let name = format!("node {place}");
    let (mut ids, mut checks) = (Vec::new(), Vec::new());
    outcome.records.iter().any(|record| match record {
        Record::Joined { worker, hello, .. } if hello.name == name => {
            ids.push(*worker);
            false
        }
        Record::CheckGranted { worker, lease, .. } => {
            checks.extend(ids.contains(worker).then_some(*lease));
            false
        }
        Record::Checked { lease, .. } | Record::CheckVoid { lease, .. } => checks.contains(lease),
        _ => false,
    })
}

#[test]
fn colluders_fall_to_an_honest_check_and_what_they_vouched_for_is_rendered_anew() {
    let mut reset = 0;
    for seed in 0..12 {
        let farm = Farm::seed(seed).workers(5).cheat(1, Cheat::Colluder).cheat(3, Cheat::Colluder);
        let outcome = farm.job(long()).run();
        right(&outcome);
        assert_eq!(outcome.caught, [1, 3], "seed {seed}");
        reset += outcome.tiles_reset;
    }
    assert!(reset > 0, "in no seed had one colluder vouched for the other");
}

#[test]
fn double_verification_finds_one_flipped_bit() {
    for seed in 0..6 {
        let shot = long().verify(Verify::Double);
        let outcome = Farm::seed(seed).workers(3).cheat(0, Cheat::FlipOne).job(shot).run();
        right(&outcome);
        assert_eq!(outcome.caught, [0]);
    }
}

#[test]
fn workers_of_one_operator_do_not_check_each_other() {
    // The sanity checks after every step assert it; the referee makes up for it.
    right(&Farm::seed(11).workers(3).same_operator(1, 0).same_operator(2, 0).job(Shot::default()).run());
}

#[test]
fn a_job_that_nobody_can_render_fails_and_the_next_goes_on() {
    let farm = Farm::seed(12).workers(3).failing(0, 1000).failing(1, 1000).failing(2, 1000);
    let outcome = farm.job(Shot::default()).network(0, 0, 60_000).run();
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended), (0, 1));
}

#[test]
fn one_failing_worker_does_not_fail_the_job() {
    right(&Farm::seed(13).workers(3).failing(1, 1000).job(Shot::default()).network(0, 0, 60_000).run());
}

#[test]
fn a_cancelled_job_leaves_the_other_alone() {
    let farm =
        Farm::seed(14).workers(2).speed(0, 500).speed(1, 500).job(Shot::default()).job(Shot::default());
    let outcome = farm.cancel(0).at(2_000).run();
    assert_eq!((outcome.jobs_complete, outcome.jobs_ended, outcome.wrong_survived), (1, 1, 0));
}

/// A bit in one of a tile's 64 blocks is drawn with probability 1/64. Over many farms of one such cheat the share of
/// drawn tiles must lie within four standard deviations; a farm where one was drawn must have caught the cheat.
#[test]
fn one_flipped_bit_is_caught_at_the_analytic_rate() {
    let (mut flipped, mut drawn, mut seed) = (0, 0, 0);
    while flipped < 10_000 {
        let farm = Farm::seed(seed).workers(2).cheat(0, Cheat::FlipOne).speed(0, 80_000).speed(1, 20_000);
        let outcome = farm.job(Shot::tiles(160)).run();
        assert_eq!(outcome.jobs_complete, 1);
        // A cheat may also be caught by a duplicate at the end of the frame.
        assert!(outcome.flipped_drawn == 0 || outcome.caught == [0], "seed {seed}");
        if !outcome.caught.is_empty() {
            assert_eq!(outcome.wrong_survived, 0, "the image is right after the catch, seed {seed}");
        }
        flipped += outcome.flipped;
        drawn += outcome.flipped_drawn;
        seed += 1;
    }
    let expected = flipped as f64 / 64.0;
    let deviation = (expected * (1.0 - 1.0 / 64.0)).sqrt();
    println!("{drawn} of {flipped} drawn in {seed} farms; {expected:.0} ± {deviation:.1} expected");
    assert!((drawn as f64 - expected).abs() < 4.0 * deviation, "{drawn} of {flipped}, {expected} expected");
}

#[test]
fn equal_seeds_give_equal_farms() {
    let run = || Farm::random(77).run();
    let (first, second) = (run(), run());
    assert_eq!((first.digest, first.steps, first.records), (second.digest, second.steps, second.records));
}

#[test]
fn three_hundred_random_farms() {
    for seed in 0..300 {
        let run = std::panic::catch_unwind(|| Farm::random(seed).run());
        assert!(run.is_ok(), "seed {seed}: cargo xtask sim --seeds 1 --first {seed}");
    }
}
