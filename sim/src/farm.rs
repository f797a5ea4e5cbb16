//! A scenario in one line: who works, what is submitted, what goes wrong and when.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use tessera_journal::JournalOptions;
use tessera_scheduler_core::Config;
use tessera_shared::digest::Digest;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId, NodeKey};
use tessera_shared::limits::JobLimits;
use tessera_shared::messages::{JobOptions, Verify};
use tessera_shared::package::manifest::Settings;

use crate::cheats::Cheat;
use crate::deaths::Moment;
use crate::network::{Network, Ordering};
use crate::node::{NodeSpec, REQUESTER, operator_key};
use crate::orders::Order;
use crate::plant::Bug;
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
    /// The worker's process dies in the middle of what it does next, after so many actions.
    KillAmong {
        node: usize,
        after: u32,
    },
    /// The process stands still, as after SIGSTOP.
    Stop {
        node: usize,
        for_ms: u64,
    },
    /// The same, and its clock stands too, as of a machine that sleeps.
    Sleep {
        node: usize,
        for_ms: u64,
    },
    /// Nothing comes through from these workers (`up`), or to them (`down`), by their bits.
    Partition {
        nodes: u64,
        up: bool,
        down: bool,
        for_ms: u64,
    },
    /// The worker's messages take so much longer, both ways.
    Slow {
        node: usize,
        by_ms: u64,
        for_ms: u64,
    },
    /// The scheduler's process dies and starts again from its records.
    RestartScheduler,
    /// The same at a moment of its next event that has records, and it stays away for a while.
    KillScheduler {
        moment: Moment,
        down_ms: u64,
    },
    /// The scheduler's process stands still.
    StopScheduler {
        for_ms: u64,
    },
    /// The scheduler's clock jumps ahead, as that of a machine that slept.
    JumpClock {
        by_ms: u64,
    },
    /// The scheduler's disks take so many more bytes, and no more for a while.
    FillDisk {
        more_bytes: u64,
        for_ms: u64,
    },
    /// The owner cancels the job, by its place in the scenario.
    Cancel {
        job: usize,
    },
    /// The worker does this wrong from here on.
    Turn {
        node: usize,
        cheat: Cheat,
    },
    /// The worker's devices trace so many rays a millisecond from here on: something else begins or ends on its machine.
    Pace {
        node: usize,
        speed: u64,
    },
    Order(Order),
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
    /// How long the disk takes to make records durable, least and most.
    pub sync_ms: (u64, u64),
    pub journal: JournalOptions,
    /// Of a thousand times that the disk says that something is safe, so many it is not. Losses are permitted then.
    pub lies_permille: u64,
    /// A bug for a checker to find.
    pub bug: Option<Bug>,
    /// The network is good and honest workers are up from here on.
    pub faults_end_ms: u64,
    /// How many of a thousand requests the referee fails before then.
    pub referee_fail_permille: u64,
    /// The referee answers nothing that it is asked before.
    pub referee_silent_until_ms: u64,
    /// People order things until faults end, and then let go of what they hold up.
    pub people: bool,
    /// Steps after which the core's books are looked through.
    pub check_every: u64,
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
            network: Network {
                order: Ordering::Loose,
                delay_ms: (1, 20),
                drop_permille: 0,
                duplicate_permille: 0,
                idle_ms: 0,
            },
            sync_ms: (0, 0),
            journal: JournalOptions { segment_bytes: 4 << 10, snapshot_bytes: 32 << 10 },
            lies_permille: 0,
            bug: None,
            faults_end_ms: 0,
            referee_fail_permille: 0,
            referee_silent_until_ms: 0,
            people: false,
            check_every: 1,
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
                absent: false,
                clock_permille: 1000,
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

    /// So many devices of the worker's speed each.
    pub fn devices(mut self, node: usize, devices: u32) -> Farm {
        self.nodes[node].devices = devices;
        self
    }

    /// Workers that do wrong never come.
    pub fn honest_alone(mut self) -> Farm {
        self.nodes.iter_mut().for_each(|node| node.absent = node.cheat != Cheat::Honest);
        self
    }

    /// The core's books are looked through after so many steps, not after each: it takes most of a simulation's time.
    pub fn checked_every(mut self, steps: u64) -> Farm {
        self.check_every = steps.max(1);
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

    /// Any other fault.
    pub fn fault(self, fault: Fault) -> Timed {
        Timed { farm: self, fault }
    }

    /// Puts a bug where the checkers must find it.
    pub fn plant(self, bug: Bug) -> Farm {
        Farm { bug: Some(bug), ..self }
    }

    pub fn cancel(self, job: usize) -> Timed {
        Timed { farm: self, fault: Fault::Cancel { job } }
    }

    /// The worker is as it was before and does this wrong afterwards.
    pub fn turn(self, node: usize, cheat: Cheat) -> Timed {
        Timed { farm: self, fault: Fault::Turn { node, cheat } }
    }

    /// The worker is so fast from then on.
    pub fn pace(self, node: usize, speed: u64) -> Timed {
        Timed { farm: self, fault: Fault::Pace { node, speed } }
    }

    pub fn network(mut self, drop_permille: u64, duplicate_permille: u64, until_ms: u64) -> Farm {
        self.network = Network { delay_ms: (1, 400), drop_permille, duplicate_permille, ..self.network };
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
