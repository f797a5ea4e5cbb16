//! Cheats that come back under new keys: what they cost a job is bounded, and honest newcomers beside them get on.

use tessera_scheduler_core::Record;
use tessera_scheduler_core::trials::{TRIAL_SHARE, TRIAL_TILES};
use tessera_sim::{Cheat, Farm, Outcome, Shot};

/// 756 tile-passes, 21 of each tile: who delivers one of a tile takes them all with it.
fn shot() -> Shot {
    Shot { width_px: 250, height_px: 180, frames: 3, samples: 21, pass_samples: 1, ..Shot::default() }
}

fn tiles(shot: &Shot) -> u64 {
    let settings = shot.settings();
    u64::from(settings.grid.tile_count()) * u64::from(shot.samples) * u64::from(shot.frames)
}

/// A slow honest worker, and one with forty times its power.
fn farm(seed: u64, cheat: Cheat) -> Farm {
    let farm = Farm::seed(seed).workers(2).speed(0, 2_400).speed(1, 48_000).devices(1, 2);
    farm.cheat(1, cheat).new_keys(1).job(shot())
}

fn overturned(outcome: &Outcome) -> u64 {
    let of = |record: &Record| match record {
        Record::Overturned { tiles, .. } => tiles.len() as u64,
        _ => 0,
    };
    outcome.records.iter().map(of).sum()
}

#[test]
fn convictions_of_new_keys_undo_a_job_twice_at_most() {
    for cheat in [Cheat::StaleLease, Cheat::FlipOne, Cheat::ForgeAll, Cheat::Sleeper { tiles: 30 }] {
        for seed in 0..2 {
            for probation_tiles in [0, 8] {
                let farm = farm(seed, cheat).config(|config| config.probation_tiles = probation_tiles);
                let outcome = farm.run();
                let at = format!("{cheat:?}, seed {seed}, probation of {probation_tiles}");
                assert_eq!((outcome.jobs_complete, outcome.wrong_survived), (1, 0), "{at}");
                let undone = overturned(&outcome);
                assert!(undone <= 2 * tiles(&shot()), "{at}: {undone} tile-passes undone");
            }
        }
    }
}

/// Six fast workers forge everything, each under a new key as soon as one is convicted.
#[test]
fn a_swarm_costs_a_bounded_part_of_a_job_and_starves_no_honest_newcomer() {
    for seed in 0..2 {
        let mut farm = Farm::seed(seed).workers(9).config(|config| config.probation_tiles = 8);
        for node in 3..9 {
            farm = farm.cheat(node, Cheat::ForgeAll).speed(node, 40_000).new_keys(node);
        }
        let first = Shot { frames: 4, ..Shot::default() };
        let second = Shot { frames: 20, at_ms: 20_000, ..Shot::default() };
        for node in 2..9 {
            farm = farm.join(node).at(20_000);
        }
        let outcome = farm.job(first).job(second.clone()).run();
        assert_eq!((outcome.jobs_complete, outcome.wrong_accepted), (2, 0), "seed {seed}");
        let most = TRIAL_TILES + tiles(&second) / TRIAL_SHARE;
        let forged = outcome.tally.tiles_forged;
        assert!((8..=most).contains(&forged), "seed {seed}: {forged} forged tile-passes, at most {most}");
        let name = |record: &Record| match record {
            Record::Joined { worker, hello, .. } if hello.name == "node 2" => Some(*worker),
            _ => None,
        };
        let newcomer = outcome.records.iter().rev().find_map(name).expect("the newcomer joined");
        let checks =
            |record: &Record| matches!(record, Record::CheckGranted { worker, .. } if *worker == newcomer);
        assert!(outcome.records.iter().any(checks), "seed {seed}: the newcomer never ended its probation");
    }
}
