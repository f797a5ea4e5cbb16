//! The attacks on a farm, a scenario each: who does what, beside how many honest workers. What came of them is a [`Tally`].

use tessera_scheduler_core::Config;
use tessera_shared::messages::Verify;

use crate::cheats::Cheat;
use crate::farm::{Farm, Shot};
use crate::tally::Tally;

/// An attack.
#[derive(Clone, Copy)]
pub struct Attack {
    pub name: &'static str,
    /// The farm of a seed with a job under a policy.
    pub farm: fn(u64, Verify) -> Farm,
    /// Whether workers vouch for each other's forgeries.
    pub collusion: bool,
}

impl std::fmt::Debug for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Attack {
    /// Plays the attack once; panics with what is wrong in the farm itself.
    pub fn play(&self, seed: u64, verify: Verify) -> Tally {
        (self.farm)(seed, verify).run().tally
    }

    /// The same, with the core's books looked through only now and then: for thousands of farms.
    pub fn play_fast(&self, seed: u64, verify: Verify) -> Tally {
        (self.farm)(seed, verify).checked_every(FAST_CHECKS_EVERY).run().tally
    }

    /// Simulated milliseconds until the jobs are done with the attackers and without them.
    pub fn delay_ms(&self, seed: u64, verify: Verify) -> (u64, u64) {
        let farm = || (self.farm)(seed, verify).checked_every(FAST_CHECKS_EVERY);
        (farm().run().ended_ms, farm().honest_alone().run().ended_ms)
    }
}

/// Steps between two looks through the core's books where many farms are played.
const FAST_CHECKS_EVERY: u64 = 256;

/// A job whose parts are many: 384 tile-passes of 32 to 64 blocks.
fn shot(verify: Verify) -> Shot {
    Shot { frames: 8, samples: 64, pass_samples: 16, verify, ..Shot::default() }
}

/// So many workers, on probation as on a new farm.
fn farm(seed: u64, workers: u64) -> Farm {
    let probation_tiles = Config::new([0; 32]).probation_tiles;
    Farm::seed(seed).workers(workers).config(|config| config.probation_tiles = probation_tiles)
}

/// Four honest workers and one that cheats.
fn one(seed: u64, verify: Verify, cheat: Cheat) -> Farm {
    farm(seed, 5).cheat(2, cheat).job(shot(verify))
}

/// Twenty workers of an operator each, all past their probation, so many of which collude. Where ten do, the others are a
/// little faster, so that those have 49 % of the capacity.
fn ring(seed: u64, verify: Verify, colluders: usize, cheat: Cheat) -> Farm {
    let mut farm = Farm::seed(seed).workers(20);
    for node in 0..20 {
        let colludes = node < colluders;
        farm = farm.speed(node, if colluders == 10 && !colludes { 5_204 } else { 5_000 });
        if colludes {
            farm = farm.cheat(node, cheat);
        }
    }
    farm.job(Shot { frames: 16, ..shot(verify) })
}

/// Three honest workers, of which one is new, and six fast ones that come when the others have ended their probation, with a new
/// key after each conviction.
fn swarm(seed: u64, verify: Verify) -> Farm {
    let mut farm = farm(seed, 9).join(2).at(SWARM_MS).job(Shot { frames: 2, ..shot(verify) });
    for node in 3..9 {
        farm = farm.cheat(node, Cheat::ForgeAll).speed(node, 40_000).new_keys(node).join(node).at(SWARM_MS);
    }
    farm.job(Shot { frames: 16, at_ms: SWARM_MS, ..shot(verify) })
}

/// A slow honest worker and one with forty times its power, with a new key after each conviction: what it vouched for, and every
/// pass of a tile of which it delivered one, is undone each time.
fn undoing(seed: u64, verify: Verify, cheat: Cheat) -> Farm {
    let farm = farm(seed, 2).speed(0, 2_400).speed(1, 48_000).devices(1, 2);
    let job = Shot { frames: 3, samples: 21, pass_samples: 1, verify, ..Shot::default() };
    farm.cheat(1, cheat).new_keys(1).job(job)
}

/// A fast worker that delivers 10,000 right tile-passes of a large job before it forges, beside two honest ones. It takes a
/// second or so to play.
pub fn long_attack() -> Attack {
    let attack = |seed, verify| {
        let farm = farm(seed, 3).cheat(0, Cheat::Sleeper { tiles: 10_000 });
        let farm = farm.speed(0, 200_000).speed(1, 10_000).speed(2, 10_000);
        farm.job(Shot { frames: 160, ..Shot::tiles(100).verify(verify) })
    };
    Attack { name: "honest for 10,000 tiles, then forges", farm: attack, collusion: false }
}

/// When a swarm comes.
const SWARM_MS: u64 = 20_000;

/// Every attack, in the order of the table.
pub fn attacks() -> Vec<Attack> {
    let alone = |name, farm| Attack { name, farm, collusion: false };
    let together = |name, farm| Attack { name, farm, collusion: true };
    vec![
        alone("wrong pixels in one block of each tile", |seed, verify| one(seed, verify, Cheat::FlipOne)),
        alone("half of the samples", |seed, verify| one(seed, verify, Cheat::FewerSamples)),
        alone("half the resolution, scaled up", |seed, verify| one(seed, verify, Cheat::HalfResolution)),
        alone("copies another's result, forges none", |seed, verify| one(seed, verify, Cheat::Copier)),
        alone("delivers the frame before", |seed, verify| one(seed, verify, Cheat::OlderFrame)),
        alone("delivers the lease before", |seed, verify| one(seed, verify, Cheat::StaleLease)),
        alone("commits to right pixels, sends others", |seed, verify| one(seed, verify, Cheat::SwapPixels)),
        alone("honest checks and false work", |seed, verify| one(seed, verify, Cheat::ForgeAll)),
        together("colluders, 10 % of the capacity", |seed, verify| ring(seed, verify, 2, Cheat::Colluder)),
        together("colluders, 30 % of the capacity", |seed, verify| ring(seed, verify, 6, Cheat::Colluder)),
        together("colluders, 49 % of the capacity", |seed, verify| ring(seed, verify, 10, Cheat::Colluder)),
        together("a forger, and a checker that claims 32 devices", |seed, verify| {
            ring(seed, verify, 1, Cheat::Colluder).cheat(1, Cheat::Accomplice { devices: 32 })
        }),
        together("a forger, and a checker that vouches for it", |seed, verify| {
            ring(seed, verify, 1, Cheat::Colluder).cheat(1, Cheat::Accomplice { devices: 1 })
        }),
        together("a forger, and a checker that copies", |seed, verify| {
            let farm = Farm::seed(seed).workers(5).cheat(2, Cheat::ForgeAll).cheat(4, Cheat::Copier);
            farm.job(shot(verify))
        }),
        alone("a new key after each conviction", |seed, verify| {
            one(seed, verify, Cheat::ForgeAll).new_keys(2)
        }),
        alone("a new key after each, one block a tile", |seed, verify| {
            one(seed, verify, Cheat::FlipOne).new_keys(2)
        }),
        alone("a new key after each, honest on probation", |seed, verify| {
            one(seed, verify, Cheat::ForgeAll).patient(2).new_keys(2)
        }),
        alone("a swarm of six, a new key after each", swarm),
        alone("honest for 30 tiles, then a new key", |seed, verify| {
            undoing(seed, verify, Cheat::Sleeper { tiles: 30 })
        }),
        alone("honest for 200 tiles, then a new key", |seed, verify| {
            undoing(seed, verify, Cheat::Sleeper { tiles: 200 })
        }),
        alone("a new key after each, on a farm without probation", |seed, verify| {
            undoing(seed, verify, Cheat::StaleLease).config(|config| config.probation_tiles = 0)
        }),
        alone("honest for 40 tiles, then forges", |seed, verify| {
            one(seed, verify, Cheat::Sleeper { tiles: 40 })
        }),
        alone("replayed and reordered messages", |seed, verify| {
            one(seed, verify, Cheat::Replayer).network(30, 100, 20_000)
        }),
        alone("another device claimed: 32 of them, all forge", |seed, verify| {
            one(seed, verify, Cheat::Braggart { devices: 32 })
        }),
        alone("rays inflated", |seed, verify| one(seed, verify, Cheat::RayInflater)),
        alone("the job's owner disputes honest work", |seed, verify| {
            one(seed, verify, Cheat::Denier).requesters(2, 0)
        }),
        alone("a checker that convicts the innocent", |seed, verify| one(seed, verify, Cheat::LazyChecker)),
        alone("disagreement spam, a new key each time", |seed, verify| {
            one(seed, verify, Cheat::Denier).new_keys(2)
        }),
    ]
}
