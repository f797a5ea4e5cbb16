//! A farm on which everything goes wrong at once, as a seed has it: who works, what is submitted, and all faults. Knows no
//! people, who have a stream of chance of their own.

use tessera_shared::limits::JobLimits;
use tessera_shared::messages::Verify;

use crate::cheats::Cheat;
use crate::deaths::Moment;
use crate::farm::{Farm, Fault, Shot};
use crate::network::{Network, Ordering};
use crate::node::operator_key;
use crate::random::Random;

/// Faults of one farm, at most.
const FAULTS_MAX: u64 = 16;

impl Farm {
    /// A farm with every fault at once, as the seed has it, and nobody who orders anything but that a job be cancelled.
    pub fn faulty(seed: u64) -> Farm {
        let random = &mut Random::new(seed ^ 0xfa12);
        let mut farm = Farm::seed(seed).workers(random.between(2, 7));
        let count = farm.nodes.len() as u64;
        for node in 0..count as usize {
            farm.nodes[node].speed = random.between(2_000, 80_000);
            farm.nodes[node].devices = random.between(1, 3) as u32;
            farm.nodes[node].clock_permille = random.between(900, 1_101);
            // The first worker is honest and well, so that there is progress once faults stop.
            if node > 0 {
                farm.nodes[node].cheat = random_cheat(random);
                farm.nodes[node].new_keys = random.permille(100);
                farm.nodes[node].fail_permille = if random.permille(150) { 300 } else { 0 };
                if random.permille(200) {
                    farm.nodes[node].operator = farm.nodes[node - 1].operator;
                    farm.nodes[node].cheat = farm.nodes[node - 1].cheat;
                }
            }
        }
        for _ in 0..random.between(1, 4) {
            farm = farm.job(random_shot(random));
        }
        limit_some(&mut farm, seed);
        farm.faults_end_ms = random.between(2_000, 30_000);
        farm.network = random_network(random);
        farm.sync_ms = if random.permille(500) { (0, random.between(1, 60)) } else { (0, 0) };
        farm.journal.segment_bytes = random.between(200, 20_000);
        farm.journal.snapshot_bytes = random.between(4_000, 60_000);
        farm.lies_permille = if random.permille(30) { random.between(1, 100) } else { 0 };
        random_config(&mut farm, random);
        for _ in 0..random.between(0, FAULTS_MAX) {
            let at_ms = random.between(0, farm.faults_end_ms);
            let fault = random_fault(random, count);
            farm.faults.push((at_ms, fault));
        }
        farm.trust_some(seed);
        farm
    }
}

fn random_network(random: &mut Random) -> Network {
    Network {
        order: if random.permille(400) { Ordering::Loose } else { Ordering::PerStream },
        delay_ms: (1, random.between(2, 400)),
        drop_permille: random.between(0, 60),
        duplicate_permille: random.between(0, 60),
        idle_ms: if random.permille(300) { 0 } else { random.between(500, 15_000) },
    }
}

fn random_config(farm: &mut Farm, random: &mut Random) {
    farm.referee_fail_permille = random.between(0, 100);
    farm.config.referee_permille = random.between(0, 300) as u32;
    farm.config.probation_tiles = random.between(0, 12);
    farm.config.held_max = random.between(4, 200);
    farm.config.lease_tiles_max = random.between(1, 40) as u32;
    farm.config.known_permille = random.between(0, 500) as u32;
    farm.config.referee_timeout_ms = random.between(200, 5_000) as u32;
    farm.config.referee_rays_per_minute = random.between(5_000_000, 500_000_000);
    if random.permille(250) {
        farm.config.archive_after_ms = random.between(0, 20_000);
    }
    if random.permille(250) {
        farm.config.kept_entries_max = random.between(0, 400);
    }
}

fn random_fault(random: &mut Random, nodes: u64) -> Fault {
    let node = random.between(0, nodes) as usize;
    let for_ms = random.between(100, 20_000);
    match random.between(0, 26) {
        0..=2 => Fault::Kill { node },
        3 => Fault::KillAmong { node, after: random.between(0, 4) as u32 },
        4..=7 => Fault::Start { node },
        8 | 9 => Fault::Cut { node, for_ms },
        10 => Fault::Stop { node, for_ms },
        11 => Fault::Sleep { node, for_ms },
        12..=14 => {
            let directions = random.between(1, 4);
            let (up, down) = (directions & 1 != 0, directions & 2 != 0);
            Fault::Partition { nodes: random.between(1, 1 << nodes), up, down, for_ms }
        }
        15 => Fault::Slow { node, by_ms: random.between(100, 3_000), for_ms },
        16 => Fault::RestartScheduler,
        17..=20 => Fault::KillScheduler { moment: random_moment(random), down_ms: for_ms / 4 },
        21 => Fault::StopScheduler { for_ms: for_ms / 2 },
        22 => Fault::JumpClock { by_ms: for_ms },
        23 | 24 => Fault::FillDisk { more_bytes: random.between(0, 20_000), for_ms },
        _ => Fault::Cancel { job: random.between(0, 6) as usize },
    }
}

fn random_moment(random: &mut Random) -> Moment {
    match random.between(0, 10) {
        0 => Moment::Now,
        1 => Moment::BeforeAppend,
        2 | 3 => Moment::BeforeSync,
        4 => Moment::BeforeEffects,
        5 => Moment::InPixels,
        6 => Moment::InSnapshot,
        _ => Moment::AmongEffects { after: random.between(0, 6) as u32 },
    }
}

/// Limits one job in three to some of the workers, always the first among them.
fn limit_some(farm: &mut Farm, seed: u64) {
    let random = &mut Random::new(seed ^ 0x11b3);
    let count = farm.nodes.len() as u64;
    let some: Vec<u64> = (0..count).filter(|node| *node == 0 || random.permille(400)).collect();
    for node in &some {
        farm.nodes[*node as usize].tags.push("some".into());
    }
    let operators: Vec<u64> = some.iter().map(|node| farm.nodes[*node as usize].operator).collect();
    let keys = operators.iter().map(|operator| operator_key(*operator)).collect();
    farm.config.pools.insert("some".into(), keys);
    for shot in &mut farm.shots {
        *shot = match random.between(0, 9) {
            0 => shot.clone().tag("some"),
            1 => shot.clone().operators(&operators),
            2 => shot.clone().pool("some"),
            _ => shot.clone(),
        };
    }
}

fn random_cheat(random: &mut Random) -> Cheat {
    match random.between(0, 26) {
        0 => Cheat::ForgeAll,
        1 => Cheat::FlipOne,
        2 => Cheat::SwapPixels,
        3 => Cheat::LazyChecker,
        4 => Cheat::Denier,
        5 | 6 => Cheat::Colluder,
        7 => Cheat::FewerSamples,
        8 => Cheat::Copier,
        9 => Cheat::StaleLease,
        10 => Cheat::Sleeper { tiles: random.between(1, 40) as u32 },
        11 | 12 => Cheat::Replayer,
        13 => Cheat::Accomplice { devices: random.between(1, 40) as u32 },
        _ => Cheat::Honest,
    }
}

pub(crate) fn random_shot(random: &mut Random) -> Shot {
    let samples = random.between(1, 24) as u32;
    Shot {
        width_px: random.between(8, 400) as u32,
        height_px: random.between(8, 300) as u32,
        frames: random.between(1, 4) as u32,
        samples,
        pass_samples: random.between(1, u64::from(samples) + 1) as u32,
        priority: random.between(0, 3) as i32,
        verify: match random.between(0, 6) {
            0 => Verify::None,
            1 => Verify::Double,
            2 => Verify::Blocks(4),
            _ => Verify::Blocks(1),
        },
        limits: JobLimits::default(),
        at_ms: random.between(0, 5_000),
        ..Shot::default()
    }
}
