//! Every checker can fail: a bug is planted for each, and its failure is expected by name.

use std::panic::AssertUnwindSafe;

use tessera_sim::{Bug, Checker, Farm, Fault, Moment, Order, Shot, Trace};

/// A farm with everything that the bugs need: competition, duplicates, timers, a slow disk and a crash.
fn farm(seed: u64) -> Farm {
    let farm = Farm::seed(seed).workers(3).job(Shot { frames: 3, ..Shot::default() }).job(Shot::default());
    let mut farm = farm.stop(1, 20_000).at(2_000);
    farm.sync_ms = (1, 20);
    for at_ms in [2_500, 4_000] {
        farm = farm
            .fault(Fault::KillScheduler { moment: Moment::AmongEffects { after: 1 }, down_ms: 500 })
            .at(at_ms);
    }
    farm
}

/// The same with people: a worker is drained, a job paused and one cancelled while a third goes on.
fn ordered(seed: u64) -> Farm {
    let farm = farm(seed).job(Shot { frames: 4, ..Shot::default() });
    let farm = farm.order(Order::Drain { node: 2 }).at(600).order(Order::Pause { job: 0 }).at(700);
    farm.order(Order::Cancel { job: 1 }).at(800).order(Order::Resume { job: 0 }).at(60_000)
}

/// Which checker fails, and what it says.
fn failure(farm: Farm) -> Option<(Checker, String)> {
    // The message alone matters; the trace shows that a failing farm leaves one.
    let trace = Trace::default();
    let traced = farm.traced(&trace);
    let panic = std::panic::catch_unwind(AssertUnwindSafe(|| traced.run())).err()?;
    assert!(!trace.borrow().is_empty(), "a failing farm leaves no trace");
    let message = panic.downcast_ref::<String>().cloned();
    let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    let message = message.expect("a panic with a message");
    Some((Checker::of(&message), message))
}

/// In one farm of some the bug has its opportunity, and no other checker may be the one that speaks.
fn finds(bug: Bug, expected: Checker) {
    finds_in(farm, bug, expected);
}

fn finds_in(farm: fn(u64) -> Farm, bug: Bug, expected: Checker) {
    let found = (0..12).find_map(|seed| failure(farm(seed).plant(bug)));
    let (checker, message) = found.unwrap_or_else(|| panic!("{bug:?} is found by nobody"));
    assert_eq!(checker, expected, "{bug:?}: {message}");
}

#[test]
fn without_a_bug_no_checker_fails() {
    for seed in 0..12 {
        assert_eq!(failure(farm(seed)), None, "seed {seed}");
        assert_eq!(failure(ordered(seed)), None, "seed {seed} with orders");
    }
}

#[test]
fn books_that_do_not_agree_are_found() {
    finds(Bug::CompletesEarly, Checker::Sanity);
}

#[test]
fn an_acceptance_that_is_carried_out_twice_is_found() {
    finds(Bug::AcceptsTwice, Checker::AcceptedTwice);
}

#[test]
fn an_accepted_tile_that_is_rendered_again_is_found() {
    finds(Bug::RendersAgain, Checker::LostTile);
}

#[test]
fn an_accepted_tile_whose_pixels_a_crash_takes_is_found() {
    finds(Bug::LosesPixels, Checker::LostTile);
}

#[test]
fn a_lease_in_two_hands_is_found() {
    finds(Bug::LendsTwice, Checker::TwoHands);
}

#[test]
fn an_owner_that_is_passed_over_is_found() {
    finds(Bug::PassesOver, Checker::FairShares);
}

#[test]
fn a_farm_that_stands_still_is_found() {
    finds(Bug::NeverLends, Checker::Progress);
}

#[test]
fn a_missing_record_is_found() {
    finds(Bug::OmitsRecord, Checker::Replay);
}

#[test]
fn a_snapshot_of_another_state_is_found() {
    finds(Bug::StaleSnapshot, Checker::Snapshot);
}

#[test]
fn pixels_that_are_kept_too_long_are_found() {
    finds(Bug::KeepsDiscarded, Checker::HeldPixels);
}

#[test]
fn a_wrong_bit_in_a_finished_frame_is_found() {
    finds(Bug::FlipsBit, Checker::Image);
}

#[test]
fn what_leaves_before_its_records_are_durable_is_found() {
    finds(Bug::ActsEarly, Checker::Durability);
}

#[test]
fn a_verdict_against_the_innocent_is_found() {
    finds(Bug::MistakesPixels, Checker::Honest);
}

#[test]
fn a_lease_against_an_order_is_found() {
    for bug in [Bug::LendsToDrained, Bug::LendsPaused, Bug::LendsCancelled] {
        finds_in(ordered, bug, Checker::Obedience);
    }
}
