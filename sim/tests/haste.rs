//! Results that come too fast: whoever answers at once is checked whole, and honest workers whose pace changes go on.

use tessera_scheduler_core::Record;
use tessera_shared::messages::Verify;
use tessera_sim::{Cheat, Farm, Outcome, Shot};

/// Nobody is too fast for this farm.
fn lenient(farm: Farm) -> Farm {
    farm.config(|config| config.too_fast_factor = u32::MAX)
}

/// Lease results that came too fast, and tile-passes that were checked whole for it.
fn suspect(outcome: &Outcome) -> (u64, u64) {
    outcome.records.iter().fold((0, 0), |(results, tiles), record| match record {
        Record::TooFast { whole, .. } => (results + 1, tiles + whole.len() as u64),
        _ => (results, tiles),
    })
}

/// Tile-passes that wait a second, so that leases of a second have many.
fn shot(frames: u32) -> Shot {
    Shot { frames, samples: 8, pass_samples: 8, ..Shot::default() }
}

/// Three honest workers, and one that answers at once with one wrong bit in each tile after it has been honest for a while.
fn rushed(seed: u64) -> Farm {
    Farm::seed(seed).workers(4).cheat(3, Cheat::Rusher { tiles: 120 }).job(shot(100))
}

#[test]
fn who_answers_at_once_is_checked_whole_and_found_out() {
    let (mut caught, mut accepted, mut lenient_accepted) = (0, 0, 0);
    for seed in 0..12 {
        let outcome = rushed(seed).run();
        assert_eq!((outcome.jobs_complete, outcome.wrong_survived), (1, 0), "seed {seed}");
        assert!(outcome.caught.iter().all(|node| *node == 3), "seed {seed}: {:?}", outcome.caught);
        caught += outcome.caught.len();
        accepted += outcome.wrong_accepted;
        lenient_accepted += lenient(rushed(seed)).run().wrong_accepted;
    }
    println!("{caught} caught, {accepted} accepted, {lenient_accepted} without the rule");
    assert_eq!(caught, 12);
    assert!(accepted * 4 < lenient_accepted, "{accepted} of {lenient_accepted}");
}

/// Four workers of one speed, two of which are held up at first by something else, then work as fast as they can.
fn drifting(seed: u64, verify: Verify) -> Farm {
    let farm = Farm::seed(seed).workers(4).speed(2, 60).speed(3, 200);
    let farm = farm.pace(2, 20_000).at(6_000).pace(3, 9_000).at(8_000).pace(0, 500).at(7_000);
    farm.pace(0, 5_000).at(10_000).job(shot(60).verify(verify))
}

#[test]
fn honest_workers_whose_pace_changes_go_on() {
    let mut results = 0;
    for verify in [Verify::Blocks(1), Verify::Confidence { wrong_ppm: 1_000 }, Verify::None, Verify::Double] {
        for seed in 0..4 {
            let outcome = drifting(seed, verify).run();
            let at = format!("{verify:?}, seed {seed}");
            assert_eq!((outcome.jobs_complete, outcome.wrong_survived), (1, 0), "{at}");
            assert!(outcome.caught.is_empty(), "{at}");
            let (found, whole) = suspect(&outcome);
            let without = lenient(drifting(seed, verify)).run();
            println!(
                "{at}: {found} results, {whole} tiles; {} ms, {} ms without",
                outcome.ended_ms, without.ended_ms
            );
            assert_eq!(suspect(&without), (0, 0), "{at}");
            assert!(found <= 12, "{at}: {found} results");
            assert!(outcome.ended_ms < without.ended_ms * 5 / 4 + 5_000, "{at}");
            results += found;
        }
    }
    assert!(results > 0, "nobody was ever suspect");
}
