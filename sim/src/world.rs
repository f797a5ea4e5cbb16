//! The event loop: scheduler core, worker cores, network, clock, disk and faults in one thread, in the order of one seed.
//! Every step is followed by the checks.

use std::collections::{BTreeMap, BTreeSet};

use tessera_scheduler_core::api::RefereeId;
use tessera_scheduler_core::record::Record;
use tessera_scheduler_core::referee::RefereeTally;
use tessera_scheduler_core::state::State;
use tessera_scheduler_core::{Core, Event};
use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::lease::{BlockPass, Commit};
use tessera_worker_core::Event as NodeEvent;

use crate::audit::Audit;
use crate::cheats::{Cheat, Plot};
use crate::checkers::Checker;
use crate::durable::Arrival;
use crate::farm::{Farm, Fault};
use crate::network::{End, Wires};
use crate::node::Node;
use crate::random::Random;
use crate::scheduler::{Asker, Process};
use crate::shell::Shell;
use crate::storage::Storage;
use crate::tally::Tally;

/// Simulated time after the last fault within which all jobs must have ended.
const PATIENCE_MS: u64 = 4 * 3_600_000;
/// Steps of one simulation; more is a machine that turns in circles.
const STEPS_MAX: u64 = 2_000_000;
/// Lines of a trace that are kept.
const TRACE_LINES: usize = 400;
/// Characters of a line that are kept.
const LINE_CHARS: usize = 400;

/// What is going to happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Submit {
        shot: usize,
    },
    PackageHere {
        job: JobId,
    },
    Tick {
        at_ms: u64,
        epoch: u32,
    },
    Referee {
        id: RefereeId,
        blocks: Vec<BlockPass>,
        epoch: u32,
    },
    /// A job's films are saved.
    Settled {
        job: JobId,
        reopened: u32,
        epoch: u32,
    },
    /// The disk has made the oldest records that it was given durable.
    Synced {
        epoch: u32,
    },
    Recover {
        epoch: u32,
    },
    Folds {
        epoch: u32,
    },
    /// A delivery's pixels become durable.
    Keeps {
        arrival: Box<Arrival>,
        epoch: u32,
    },
    /// The disks have room again.
    DiskFreed,
    /// A worker's connection ended before it was known as its.
    Gone {
        worker: WorkerId,
        epoch: u32,
    },
    Dial {
        node: usize,
        life: u32,
    },
    DialTimeout {
        connection: u32,
    },
    /// Something comes out of a stream.
    Arrives {
        stream: u64,
    },
    /// An end is told that the other has closed.
    Told {
        connection: u32,
        end: End,
    },
    /// An end may have heard nothing for too long.
    Silence {
        connection: u32,
        end: End,
    },
    Device {
        node: usize,
        life: u32,
        event: NodeEvent,
    },
    NodeTick {
        node: usize,
        life: u32,
    },
    Fault(Fault),
    FaultsEnd,
    /// People look for what they have to let go.
    LetGo,
}

/// What a worker sends.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Commit(Commit),
    Pixels { lease: LeaseId, tiles: Vec<Vec<u64>>, commit: Commit },
    Checked(tessera_shared::lease::Checked),
    Failed { lease: LeaseId, reason: String },
}

/// What came of a simulation.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub ended_ms: u64,
    pub steps: u64,
    pub jobs_complete: u64,
    pub jobs_ended: u64,
    /// Tile-passes of complete jobs that are wrong; their makers, or those who proved all of them, were not caught.
    pub wrong_survived: u64,
    /// Those whose makers were caught when the job was archived.
    pub wrong_archived: u64,
    /// How often a complete job was reopened.
    pub jobs_reopened: u64,
    /// Places of the workers whose operators were caught.
    pub caught: Vec<usize>,
    pub tiles_reset: u64,
    /// Wrong tile-passes ever accepted, those rendered anew later included.
    pub wrong_accepted: u64,
    /// Tile-passes committed to by cheats that spoil one block each, and how many had that block drawn.
    pub flipped: u64,
    pub flipped_drawn: u64,
    /// Render leases granted, duplicates among them.
    pub leases: u64,
    pub referee: RefereeTally,
    /// Delivered tile-passes that count against those who are still there.
    pub tiles_rejected: u64,
    pub records: Vec<Record>,
    /// How often the scheduler died, the records that it made, and those that died with it before they were durable.
    pub deaths: u64,
    pub records_made: u64,
    pub records_lost: u64,
    pub snapshots: u64,
    /// How often a full disk was asked again.
    pub disk_waits: u64,
    /// A disk that said it was safe has lost something, and the scheduler has seen it. The simulation ends there.
    pub lied_to: bool,
    pub digest: Option<Digest>,
    pub tally: Tally,
}

/// The whole farm.
pub struct World {
    pub(crate) farm: Farm,
    pub(crate) random: Random,
    pub(crate) now_ms: u64,
    pub(crate) sequence: u64,
    pub(crate) queue: BTreeMap<(u64, u64), Happening>,
    pub(crate) core: Core,
    pub(crate) epoch: u32,
    pub(crate) epoch_start_ms: u64,
    pub(crate) process: Process,
    pub(crate) storage: Storage,
    pub(crate) records: Vec<Record>,
    /// The state by the records, through snapshots now and then.
    pub(crate) shadow: State,
    pub(crate) audit: Audit,
    pub(crate) wires: Wires,
    pub(crate) shell: Shell,
    pub(crate) nodes: Vec<Node>,
    pub(crate) plot: Plot,
    pub(crate) jobs: Vec<Option<JobId>>,
    /// Shots that the farm does not take any more.
    pub(crate) given_up: BTreeSet<usize>,
    /// Tile-passes that a cheat spoilt in a committed lease, and those of which the spoilt block is drawn.
    pub(crate) flipped: BTreeMap<LeaseId, (u64, u64)>,
    pub(crate) faults_over: bool,
    pub(crate) outcome: Outcome,
}

impl World {
    pub fn new(farm: Farm) -> World {
        let mut world = World {
            random: Random::new(farm.seed ^ 0x3041d),
            now_ms: 0,
            sequence: 0,
            queue: BTreeMap::new(),
            core: Core::new(farm.config.clone()),
            epoch: 0,
            epoch_start_ms: 0,
            process: Process::default(),
            storage: Storage::new(&mut Random::new(farm.seed ^ 0xd15c), farm.journal, farm.lies_permille),
            records: Vec::new(),
            shadow: State::default(),
            audit: Audit::default(),
            wires: Wires::default(),
            shell: Shell::default(),
            nodes: farm.nodes.iter().cloned().map(Node::new).collect(),
            plot: Plot::new(farm.nodes.iter().any(|node| node.cheat == Cheat::Copier)),
            jobs: vec![None; farm.shots.len()],
            given_up: BTreeSet::new(),
            flipped: BTreeMap::new(),
            faults_over: false,
            outcome: Outcome::default(),
            farm,
        };
        for (at_ms, fault) in world.farm.faults.clone() {
            world.at(at_ms, Happening::Fault(fault));
        }
        for node in 0..world.nodes.len() {
            let at_ms = world.random.between(1, 50);
            world.at(at_ms, Happening::Dial { node, life: 0 });
        }
        for shot in 0..world.farm.shots.len() {
            world.at(world.farm.shots[shot].at_ms, Happening::Submit { shot });
        }
        world.at(world.farm.faults_end_ms, Happening::FaultsEnd);
        world
    }

    /// Runs to the end.
    pub fn run(mut self) -> Outcome {
        self.storage.open().expect("empty disks open");
        self.start_scheduler();
        let deadline_ms = self.farm.faults_end_ms + PATIENCE_MS;
        while let Some(((at_ms, _), happening)) = self.queue.pop_first() {
            self.now_ms = at_ms;
            self.outcome.steps += 1;
            if self.farm.trace.is_some() {
                self.note(format!("{at_ms} {happening:?}"));
            }
            self.happen(happening);
            if self.settled() {
                break;
            }
            let stuck = self.now_ms > deadline_ms || self.outcome.steps > STEPS_MAX;
            let jobs = || self.core.jobs(self.now_ms, None, 9);
            Checker::Progress.demand(!stuck, || format!("no end in sight: {:?}", jobs()));
        }
        let jobs = || self.core.jobs(self.now_ms, None, 9);
        Checker::Progress.demand(self.settled(), || format!("nothing happens and jobs wait: {:?}", jobs()));
        self.close()
    }

    fn close(mut self) -> Outcome {
        if self.outcome.lied_to {
            return self.outcome;
        }
        let replayed = Core::replay(self.farm.config.clone(), &self.records);
        let same = replayed.state().digest() == self.core.state().digest();
        Checker::Replay.demand(same, || "replay differs from the live state".to_owned());
        let films = self.shell.films.values();
        self.outcome.jobs_complete = films.clone().filter(|films| films.complete).count() as u64;
        self.outcome.jobs_ended = films.filter(|films| films.ended).count() as u64;
        self.count_wrong();
        self.outcome.jobs_reopened = self.shell.jobs_reopened;
        self.outcome.tiles_reset = self.shell.tiles_reset;
        self.outcome.wrong_accepted = self.shell.wrong_accepted;
        let caught = |node: &Node| {
            self.shell.quarantined.contains(&node.key()) || self.shell.overruled.contains(&node.key())
        };
        self.outcome.caught = (0..self.nodes.len()).filter(|node| caught(&self.nodes[*node])).collect();
        self.outcome.ended_ms = self.now_ms;
        self.outcome.referee = self.core.referee().tally;
        let workers = self.core.state().workers.values();
        self.outcome.tiles_rejected = workers.map(|worker| worker.tiles_rejected).sum();
        self.outcome.digest = Some(self.core.state().digest());
        self.close_tally();
        self.outcome.records = self.records;
        self.outcome
    }

    pub(crate) fn note(&mut self, line: String) {
        if let Some(trace) = &self.farm.trace {
            let mut lines = trace.borrow_mut();
            if lines.len() == TRACE_LINES {
                lines.pop_front();
            }
            lines.push_back(line.chars().take(LINE_CHARS).collect());
        }
    }

    /// Every job has ended and faults are over.
    fn settled(&self) -> bool {
        if self.outcome.lied_to {
            return true;
        }
        let ended = |(shot, job): (usize, &Option<JobId>)| match job {
            Some(job) => self.shell.films[job].complete || self.shell.films[job].ended,
            None => self.given_up.contains(&shot),
        };
        let quiet = self.faults_over && self.process.up && self.process.pending.is_empty();
        quiet && self.jobs.iter().enumerate().all(ended)
    }

    pub(crate) fn at(&mut self, at_ms: u64, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at_ms.max(self.now_ms), self.sequence), happening);
    }

    pub(crate) fn soon(&mut self, happening: Happening) {
        let (least, most) = match self.faults_over {
            true => (1, 20),
            false => self.farm.network.delay_ms,
        };
        let delay_ms = self.random.between(least, most + 1);
        self.at(self.now_ms + delay_ms, happening);
    }

    fn happen(&mut self, happening: Happening) {
        let here = matches!(
            happening,
            Happening::Submit { .. }
                | Happening::PackageHere { .. }
                | Happening::Tick { .. }
                | Happening::Referee { .. }
                | Happening::Settled { .. }
                | Happening::Synced { .. }
                | Happening::Keeps { .. }
                | Happening::Gone { .. }
                | Happening::Told { end: End::Scheduler, .. }
                | Happening::Silence { end: End::Scheduler, .. }
        );
        if here && self.process.stopped_until_ms > self.now_ms {
            return self.at(self.process.stopped_until_ms, happening);
        }
        match happening {
            Happening::Submit { shot } => self.submit(shot),
            Happening::PackageHere { job } => self.schedule(Event::PackageComplete { job }),
            Happening::Tick { at_ms, epoch } => {
                if epoch == self.epoch && self.process.tick_at == Some(at_ms) {
                    self.process.tick_at = None;
                    self.schedule(Event::Tick);
                }
            }
            Happening::Referee { id, blocks, epoch } => self.referee(id, blocks, epoch),
            Happening::Settled { job, reopened, epoch } => {
                if epoch == self.epoch {
                    self.schedule(Event::FilmsSaved { job, reopened });
                }
            }
            Happening::Synced { epoch } if epoch == self.epoch => self.synced(),
            Happening::Synced { .. } => {}
            Happening::Recover { epoch } if epoch == self.epoch => self.recover(),
            Happening::Folds { epoch } if epoch == self.epoch => self.fold(),
            Happening::Keeps { arrival, epoch } if epoch == self.epoch => self.keep(*arrival),
            Happening::Recover { .. } | Happening::Folds { .. } | Happening::Keeps { .. } => {}
            Happening::DiskFreed => self.free_disks(),
            Happening::Gone { worker, epoch } => {
                if epoch == self.epoch {
                    self.schedule(Event::WorkerDisconnected { worker });
                }
            }
            Happening::Dial { node, life } => self.dial(node, life),
            Happening::DialTimeout { connection } => self.dial_timeout(connection),
            Happening::Arrives { stream } => self.arrives(stream),
            Happening::Told { connection, end } => self.told(connection, end),
            Happening::Silence { connection, end } => self.silent(connection, end),
            Happening::Device { node, life, event } => self.wake_node(node, life, event),
            Happening::NodeTick { node, life } => self.wake_node(node, life, NodeEvent::Tick),
            Happening::Fault(fault) => self.fault(fault),
            Happening::FaultsEnd => self.end_faults(),
            Happening::LetGo => self.let_go(),
        }
    }

    /// An artist submits the shot, until somebody answers.
    fn submit(&mut self, shot: usize) {
        let asked = self.process.requests.values().any(|asker| *asker == Asker::Artist { shot });
        if self.jobs[shot].is_some() || asked || self.given_up.contains(&shot) {
            return;
        }
        let after = &self.farm.shots[shot].after;
        if after.iter().any(|place| self.given_up.contains(&(*place as usize))) {
            self.given_up.insert(shot);
            return;
        }
        let jobs = after.iter().map(|place| self.jobs[*place as usize]);
        let after = jobs.collect::<Option<Vec<JobId>>>();
        // What it waits for has no number before it is submitted.
        let (true, Some(after)) = (self.process.up, after) else {
            return self.at(self.now_ms + 1_000, Happening::Submit { shot });
        };
        let mut spec = Box::new(self.farm.shots[shot].spec(shot as u64));
        spec.options.after = after;
        let request = self.process.ask(Asker::Artist { shot });
        self.schedule(Event::Submit { request, spec });
    }
}
