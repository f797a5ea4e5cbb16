//! A scenario in one line: who works, what is submitted, what goes wrong and when.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use tessera_scheduler_core::Config;
use tessera_shared::digest::Digest;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId, NodeKey};
use tessera_shared::limits::JobLimits;
use tessera_shared::messages::{JobOptions, Verify};
use tessera_shared::package::manifest::Settings;

use crate::cheats::Cheat;
use crate::node::{NodeSpec, REQUESTER, operator_key};
use crate::orders::Order;
use crate::random::Random;
use crate::world::{Outcome, World};

/// Blocks along a tile's edge in every simulated job.
pub const TILE_BLOCKS: u16 = 8;

/// Something that goes wrong, to whom and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The worker's process dies.
    Kill {
        node: usize,
    },
    /// A dead worker's process starts again.
    Start {
        node: usize,
    },
    /// The connection breaks; the worker dials again after a while.
    Cut {
        node: usize,
        for_ms: u64,
    },
    /// The process stands still, as after SIGSTOP.
    Stop {
        node: usize,
        for_ms: u64,
    },
    /// The scheduler's process dies and starts again from its records.
    RestartScheduler,
    /// The owner cancels the job, by its place in the scenario.
    Cancel {
        job: usize,
    },
    /// The worker does this wrong from here on.
    Turn {
        node: usize,
        cheat: Cheat,
    },
    Order(Order),
}

/// How the network treats messages until faults stop.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    pub delay_ms: (u64, u64),
    pub drop_permille: u64,
    pub duplicate_permille: u64,
}

/// A job to submit.
#[derive(Clone, Debug)]
pub struct Shot {
    pub width_px: u32,
    pub height_px: u32,
    pub frames: u32,
    pub samples: u32,
    pub pass_samples: u32,
    pub priority: i32,
    pub verify: Verify,
    pub limits: JobLimits,
    pub at_ms: u64,
    /// Whose it is; equal numbers share a key. Left out, it has an owner of its own.
    pub owner: Option<u8>,
    /// Places of the jobs that it waits for.
    pub after: Vec<u64>,
}

impl Default for Shot {
    fn default() -> Shot {
        Shot {
            width_px: 250,
            height_px: 131,
            frames: 2,
            samples: 20,
            pass_samples: 8,
            priority: 0,
            verify: Verify::Blocks(1),
            limits: JobLimits::default(),
            at_ms: 0,
            owner: None,
            after: Vec::new(),
        }
    }
}

impl Shot {
    /// A job of so many tiles, each with one pass.
    pub fn tiles(count: u32) -> Shot {
        Shot {
            width_px: 64 * count,
            height_px: 64,
            frames: 1,
            samples: 1,
            pass_samples: 1,
            ..Shot::default()
        }
    }

    pub fn verify(self, verify: Verify) -> Shot {
        Shot { verify, ..self }
    }

    /// Only workers with this tag, and with those asked for before.
    pub fn tag(mut self, tag: &str) -> Shot {
        self.limits.tags.push(tag.to_owned());
        self
    }

    /// Only these operators, by the places of their workers.
    pub fn operators(mut self, operators: &[u64]) -> Shot {
        self.limits.operators = operators.iter().map(|operator| operator_key(*operator)).collect();
        self
    }

    pub fn pool(mut self, name: &str) -> Shot {
        self.limits.pool = Some(name.to_owned());
        self
    }

    pub fn settings(&self) -> Settings {
        Settings {
            grid: Grid {
                width_px: self.width_px,
                height_px: self.height_px,
                tile_px: u32::from(TILE_BLOCKS) * 8,
            },
            samples: self.samples,
            pass_samples: self.pass_samples,
            seed: 0,
            max_bounces: 8,
            roulette_start: 3,
            film_scale_log2: 20,
            sample_clamp: 100.0,
        }
    }

    pub(crate) fn spec(&self, number: u64) -> tessera_scheduler_core::api::JobSpec {
        tessera_scheduler_core::api::JobSpec {
            owner: self.owner.map_or(NodeKey([number as u8 + 1; 32]), |owner| NodeKey([owner; 32])),
            package: Digest::of(&number.to_le_bytes()),
            name: format!("shot {number}"),
            settings: self.settings(),
            frames: (1..=self.frames).map(|frame| FrameNumber(frame + 100 * number as u32)).collect(),
            options: JobOptions {
                priority: self.priority,
                verify: self.verify,
                limits: self.limits.clone(),
                after: self.after.iter().map(|place| JobId(place + 1)).collect(),
                ..JobOptions::default()
            },
        }
    }
}

/// The latest steps of a simulation, to be read after it panicked.
pub type Trace = Rc<RefCell<VecDeque<String>>>;

/// A scenario.
#[derive(Clone, Debug)]
pub struct Farm {
    pub seed: u64,
    pub config: Config,
    pub nodes: Vec<NodeSpec>,
    pub shots: Vec<Shot>,
    pub faults: Vec<(u64, Fault)>,
    pub network: Network,
    /// The network is good and honest workers are up from here on.
    pub faults_end_ms: u64,
    /// How many of a thousand requests the referee fails before then.
    pub referee_fail_permille: u64,
    /// The referee answers nothing that it is asked before.
    pub referee_silent_until_ms: u64,
    /// Takes the latest steps, for people.
    pub trace: Option<Trace>,
}

impl Farm {
    /// A quiet farm without workers and jobs.
    pub fn seed(seed: u64) -> Farm {
        let config = Config {
            lease_grace_ms: 3_000,
            first_lease_grace_ms: 8_000,
            first_rate: 100_000,
            check_wait_max_ms: 5_000,
            // Scenarios of their own look at probation and at returns from quarantine.
            probation_tiles: 0,
            quarantine_ms: u64::MAX,
            ..Config::new(Random::new(seed).secret())
        };
        Farm {
            seed,
            config,
            nodes: Vec::new(),
            shots: Vec::new(),
            faults: Vec::new(),
            network: Network { delay_ms: (1, 20), drop_permille: 0, duplicate_permille: 0 },
            faults_end_ms: 0,
            referee_fail_permille: 0,
            referee_silent_until_ms: 0,
            trace: None,
        }
    }

    /// Adds honest workers of an operator each, 3 to 8 Mrays/s.
    pub fn workers(mut self, count: u64) -> Farm {
        for _ in 0..count {
            let operator = self.nodes.len() as u64;
            let speed = 3_000 + 1_000 * (operator % 6);
            self.nodes.push(NodeSpec {
                speed,
                devices: 1,
                cheat: Cheat::Honest,
                fail_permille: 0,
                operator,
                new_keys: false,
                patient: false,
                tags: Vec::new(),
            });
        }
        self
    }

    /// The worker, by its place, does this wrong.
    pub fn cheat(mut self, node: usize, cheat: Cheat) -> Farm {
        self.nodes[node].cheat = cheat;
        self
    }

    pub fn speed(mut self, node: usize, speed: u64) -> Farm {
        self.nodes[node].speed = speed;
        self
    }

    /// The worker belongs to another worker's operator.
    pub fn same_operator(mut self, node: usize, as_node: usize) -> Farm {
        self.nodes[node].operator = self.nodes[as_node].operator;
        self
    }

    /// The worker comes back with a new key after every conviction.
    pub fn new_keys(mut self, node: usize) -> Farm {
        self.nodes[node].new_keys = true;
        self
    }

    /// The worker cheats only once it has ended its probation.
    pub fn patient(mut self, node: usize) -> Farm {
        self.nodes[node].patient = true;
        self
    }

    /// The worker's key is that of the job's owner.
    pub fn requesters(mut self, node: usize, job: u64) -> Farm {
        self.nodes[node].operator = REQUESTER + job;
        self
    }

    /// The worker says that it has this tag.
    pub fn tagged(mut self, node: usize, tag: &str) -> Farm {
        self.nodes[node].tags.push(tag.to_owned());
        self
    }

    /// The owner keeps a pool of these operators, by the places of their workers.
    pub fn pool(mut self, name: &str, operators: &[u64]) -> Farm {
        let keys = operators.iter().map(|operator| operator_key(*operator)).collect();
        self.config.pools.insert(name.to_owned(), keys);
        self
    }

    pub fn failing(mut self, node: usize, permille: u64) -> Farm {
        self.nodes[node].fail_permille = permille;
        self
    }

    pub fn job(mut self, shot: Shot) -> Farm {
        self.shots.push(shot);
        self
    }

    pub fn kill(self, node: usize) -> Timed {
        Timed { farm: self, fault: Fault::Kill { node } }
    }

    /// The worker is not there before.
    pub fn join(self, node: usize) -> Timed {
        let mut farm = self;
        farm.faults.push((0, Fault::Kill { node }));
        Timed { farm, fault: Fault::Start { node } }
    }

    /// The worker stands still for so long, past its leases, and answers afterwards.
    pub fn stop(self, node: usize, for_ms: u64) -> Timed {
        Timed { farm: self, fault: Fault::Stop { node, for_ms } }
    }

    pub fn cut(self, node: usize, for_ms: u64) -> Timed {
        Timed { farm: self, fault: Fault::Cut { node, for_ms } }
    }

    pub fn restart_scheduler(self) -> Timed {
        Timed { farm: self, fault: Fault::RestartScheduler }
    }

    pub fn cancel(self, job: usize) -> Timed {
        Timed { farm: self, fault: Fault::Cancel { job } }
    }

    /// The worker is as it was before and does this wrong afterwards.
    pub fn turn(self, node: usize, cheat: Cheat) -> Timed {
        Timed { farm: self, fault: Fault::Turn { node, cheat } }
    }

    pub fn network(mut self, drop_permille: u64, duplicate_permille: u64, until_ms: u64) -> Farm {
        self.network = Network { delay_ms: (1, 400), drop_permille, duplicate_permille };
        self.faults_end_ms = until_ms;
        self
    }

    /// What the referee is asked before is never answered.
    pub fn referee_silent_until(mut self, at_ms: u64) -> Farm {
        self.referee_silent_until_ms = at_ms;
        self.faults_end_ms = self.faults_end_ms.max(at_ms);
        self
    }

    pub(crate) fn timed(self, fault: Fault) -> Timed {
        Timed { farm: self, fault }
    }

    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Farm {
        change(&mut self.config);
        self
    }

    pub fn traced(self, trace: &Trace) -> Farm {
        Farm { trace: Some(trace.clone()), ..self }
    }

    /// Runs until every job has ended and all is quiet; panics with what is wrong.
    pub fn run(self) -> Outcome {
        World::new(self).run()
    }

    /// A farm with everything at once, as the seed has it.
    pub fn random(seed: u64) -> Farm {
        let random = &mut Random::new(seed ^ 0xfa12);
        let mut farm = Farm::seed(seed).workers(random.between(2, 7));
        let count = farm.nodes.len() as u64;
        for node in 0..count as usize {
            farm.nodes[node].speed = random.between(2_000, 80_000);
            farm.nodes[node].devices = random.between(1, 3) as u32;
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
        let end_ms = random.between(2_000, 30_000);
        farm = farm.network(random.between(0, 60), random.between(0, 60), end_ms);
        farm.referee_fail_permille = random.between(0, 100);
        farm.config.referee_permille = random.between(0, 300) as u32;
        farm.config.probation_tiles = random.between(0, 12);
        farm.config.held_max = random.between(4, 200);
        farm.config.lease_tiles_max = random.between(1, 40) as u32;
        farm.config.known_permille = random.between(0, 500) as u32;
        farm.config.referee_timeout_ms = random.between(200, 5_000) as u32;
        farm.config.referee_rays_per_minute = random.between(5_000_000, 500_000_000);
        for _ in 0..random.between(0, 12) {
            let (node, at_ms) = (random.between(0, count) as usize, random.between(0, end_ms));
            let for_ms = random.between(100, 15_000);
            let fault = match random.between(0, 12) {
                0..=2 => Fault::Kill { node },
                3..=5 => Fault::Start { node },
                6 | 7 => Fault::Cut { node, for_ms },
                8 | 9 => Fault::Stop { node, for_ms },
                10 => Fault::RestartScheduler,
                _ => Fault::Cancel { job: random.between(0, 6) as usize },
            };
            farm.faults.push((at_ms, fault));
        }
        farm.trust_some(seed);
        if random.permille(250) {
            farm.config.archive_after_ms = random.between(0, 20_000);
        }
        if random.permille(250) {
            farm.config.kept_entries_max = random.between(0, 400);
        }
        farm
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

fn random_shot(random: &mut Random) -> Shot {
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

/// A fault that still needs its time.
pub struct Timed {
    farm: Farm,
    fault: Fault,
}

impl Timed {
    /// Milliseconds since the farm's start.
    pub fn at(mut self, at_ms: u64) -> Farm {
        self.farm.faults.push((at_ms, self.fault));
        self.farm.faults_end_ms = self.farm.faults_end_ms.max(at_ms);
        self.farm
    }
}
