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
}

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

/// A fast worker that delivers 10,000 right tile-passes of a large job before it forges, beside two honest ones. It takes a
/// second or so to play.
pub fn long_attack() -> Attack {
    let attack = |seed, verify| {
        let farm = farm(seed, 3).cheat(0, Cheat::Sleeper { tiles: 10_000 });
        let farm = farm.speed(0, 200_000).speed(1, 40_000).speed(2, 40_000);
        farm.job(Shot { frames: 160, ..Shot::tiles(100).verify(verify) })
    };
    Attack { name: "honest for 10,000 tiles, then forges", farm: attack, collusion: false }
}

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
        alone("honest for 40 tiles, then forges", |seed, verify| {
            one(seed, verify, Cheat::Sleeper { tiles: 40 })
        }),
        alone("replayed and reordered messages", |seed, verify| {
            one(seed, verify, Cheat::Replayer).network(30, 100, 20_000)
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
