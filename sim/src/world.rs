//! The event loop: scheduler core, worker cores, network, clock and faults in one thread, in the order of one seed. Every
//! step is followed by the checks.

use std::collections::BTreeMap;

use tessera_scheduler_core::api::{Answer, CommittedTile, DeliveredTile, Effect, RefereeDigests, RequestId};
use tessera_scheduler_core::record::Record;
use tessera_scheduler_core::referee::RefereeTally;
use tessera_scheduler_core::state::State;
use tessera_scheduler_core::{Core, Event, Output, tile_root};
use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{JobId, LeaseId, WorkerId};
use tessera_shared::lease::{BlockPass, Commit};
use tessera_shared::messages::ToWorker;
use tessera_worker_core::Event as NodeEvent;

use crate::cheats::{Cheat, Plot};
use crate::farm::{Farm, Fault};
use crate::node::Node;
use crate::picture;
use crate::random::Random;
use crate::shell::{Delivered, Shell, blocks};
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
    Submit { shot: usize },
    PackageHere { job: JobId },
    Tick { at_ms: u64, epoch: u32 },
    Referee { id: tessera_scheduler_core::api::RefereeId, blocks: Vec<BlockPass>, epoch: u32 },
    Dial { node: usize, life: u32 },
    HangUp { worker: WorkerId, epoch: u32 },
    ToScheduler { node: usize, connection: u32, epoch: u32, message: Message },
    ToNode { node: usize, connection: u32, event: NodeEvent },
    Device { node: usize, life: u32, event: NodeEvent },
    NodeTick { node: usize, life: u32 },
    Fault(Fault),
    FaultsEnd,
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
    pub(crate) tick_at: Option<u64>,
    pub(crate) records: Vec<Record>,
    pub(crate) shadow: State,
    pub(crate) shell: Shell,
    pub(crate) nodes: Vec<Node>,
    pub(crate) plot: Plot,
    pub(crate) jobs: Vec<Option<JobId>>,
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
            tick_at: None,
            records: Vec::new(),
            shadow: State::default(),
            shell: Shell::default(),
            nodes: farm.nodes.iter().cloned().map(Node::new).collect(),
            plot: Plot::new(farm.nodes.iter().any(|node| node.cheat == Cheat::Copier)),
            jobs: vec![None; farm.shots.len()],
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
            assert!(!stuck, "no end in sight: {:?}", self.core.jobs(self.now_ms, None, 9));
        }
        assert!(self.settled(), "nothing happens and jobs wait: {:?}", self.core.jobs(self.now_ms, None, 9));
        self.close()
    }

    fn close(mut self) -> Outcome {
        let replayed = Core::replay(self.farm.config.clone(), &self.records);
        assert_eq!(
            replayed.state().digest(),
            self.core.state().digest(),
            "replay differs from the live state"
        );
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

    fn note(&mut self, line: String) {
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
        let ended = |job: &Option<JobId>| {
            job.is_some_and(|job| self.shell.films[&job].complete || self.shell.films[&job].ended)
        };
        self.faults_over && self.jobs.iter().all(ended)
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

    /// Sends over a network that may lose the message or bring it twice.
    pub(crate) fn post(&mut self, happening: Happening) {
        let network = self.farm.network;
        if !self.faults_over && self.random.permille(network.drop_permille) {
            return;
        }
        if !self.faults_over && self.random.permille(network.duplicate_permille) {
            self.soon(happening.clone());
        }
        self.soon(happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Submit { shot } => {
                let spec = Box::new(self.farm.shots[shot].spec(shot as u64));
                self.schedule(Event::Submit { request: RequestId(shot as u64), spec });
            }
            Happening::PackageHere { job } => self.schedule(Event::PackageComplete { job }),
            Happening::Tick { at_ms, epoch } => {
                if epoch == self.epoch && self.tick_at == Some(at_ms) {
                    self.tick_at = None;
                    self.schedule(Event::Tick);
                }
            }
            Happening::Referee { id, blocks, epoch } => self.referee(id, blocks, epoch),
            Happening::Dial { node, life } => self.dial(node, life),
            Happening::HangUp { worker, epoch } => {
                if epoch == self.epoch {
                    self.schedule(Event::WorkerDisconnected { worker });
                }
            }
            Happening::ToScheduler { node, connection, epoch, message } => {
                if epoch == self.epoch && self.nodes[node].connection == connection {
                    self.arrive(node, message);
                }
            }
            Happening::ToNode { node, connection, event } => {
                if self.nodes[node].alive && self.nodes[node].connection == connection {
                    let life = self.nodes[node].life;
                    self.wake_node(node, life, event);
                }
            }
            Happening::Device { node, life, event } => self.wake_node(node, life, event),
            Happening::NodeTick { node, life } => self.wake_node(node, life, NodeEvent::Tick),
            Happening::Fault(fault) => self.fault(fault),
            Happening::FaultsEnd => self.end_faults(),
        }
    }

    /// One event of the scheduler, its output and all checks.
    pub(crate) fn schedule(&mut self, event: Event) {
        self.scheduled(event, |_| ());
    }

    pub(crate) fn scheduled(&mut self, event: Event, before_effects: impl FnOnce(&mut World)) {
        let clock_ms = self.now_ms - self.epoch_start_ms;
        let output = self.core.handle(clock_ms, event);
        self.core.sanity_check();
        for record in &output.records {
            self.count(record);
            self.shadow.apply(record);
        }
        self.records.extend(output.records.iter().cloned());
        if self.outcome.steps.is_multiple_of(64) {
            assert_eq!(self.shadow, *self.core.state(), "records do not tell the state");
        }
        if self.farm.trace.is_some() {
            output.records.iter().for_each(|record| self.note(format!("    {record:?}")));
        }
        if !output.effects.iter().any(|effect| matches!(effect, Effect::DeliveryIgnored { .. })) {
            before_effects(self);
        }
        self.carry_out(output);
        assert_eq!(
            self.shell.held_count(),
            self.core.state().held,
            "pixels held by the shell and as the core counts"
        );
    }

    /// How often a spoilt block is drawn, seen where it is decided.
    fn count(&mut self, record: &Record) {
        if let Record::Granted { .. } = record {
            self.outcome.leases += 1;
        }
        let Record::Committed { lease, tiles } = record else { return };
        let Some(lent) = self.core.state().leases.get(lease) else { return };
        let key = self.core.state().operators.key(lent.operator);
        let Some(node) =
            self.nodes.iter().find(|node| node.key() == key && node.spec.cheat == Cheat::FlipOne)
        else {
            return;
        };
        let Some(forged) = node.pixels.get(lease) else { return };
        let job = &self.core.state().jobs[&lent.job];
        let mut at = 0;
        for (tile, commit) in lent.rendered().iter().zip(tiles) {
            let items = blocks(&job.spec, &job.pass(*tile));
            let wrong = |drawn: u32| picture::pixels(&items[drawn as usize]) != forged[at + drawn as usize];
            self.outcome.flipped += u64::from((0..items.len() as u32).any(wrong));
            self.outcome.flipped_drawn += u64::from(commit.drawn.iter().any(|drawn| wrong(drawn.at)));
            at += items.len();
        }
    }

    fn carry_out(&mut self, output: Output) {
        // A welcome comes before the worker's first leases.
        for (request, answer) in output.replies {
            self.answered(request, answer);
        }
        for outbound in output.messages {
            let Some(node) = self.nodes.iter().position(|node| node.worker == Some(outbound.worker)) else {
                continue;
            };
            let connection = self.nodes[node].connection;
            let event = match outbound.message {
                ToWorker::Lease(lease) => {
                    self.nodes[node].note(lease.id, &lease.work);
                    self.count_check(node, &lease.work);
                    NodeEvent::Lease(lease)
                }
                ToWorker::Revoke(lease) => NodeEvent::Revoke(lease),
            };
            self.post(Happening::ToNode { node, connection, event });
        }
        for effect in output.effects {
            self.shell.carry_out(&effect);
            match effect {
                Effect::RefereeRequest { id, blocks, .. } => {
                    let delay_ms = self.random.between(5, 400);
                    let epoch = self.epoch;
                    if self.now_ms < self.farm.referee_silent_until_ms {
                        continue;
                    }
                    self.at(self.now_ms + delay_ms, Happening::Referee { id, blocks, epoch });
                }
                Effect::Quarantined { operator, .. } => {
                    self.outcome.tally.convicted += 1;
                    for node in 0..self.nodes.len() {
                        if self.nodes[node].key() == operator {
                            let cheat = self.nodes[node].spec.cheat;
                            assert_ne!(cheat, Cheat::Honest, "honest worker {node} is quarantined");
                            self.nodes[node].banned = true;
                            self.break_connection(node);
                            self.new_key(node);
                        }
                    }
                }
                Effect::Overruled { operator, .. } => {
                    self.outcome.tally.convicted += 1;
                    let honest = |node: &Node| node.key() == operator && node.spec.cheat == Cheat::Honest;
                    assert!(!self.nodes.iter().any(honest), "an honest checker is overruled");
                }
                _ => {}
            }
        }
        if let Some(at_ms) = output.wake_at {
            let at_ms = at_ms.max(self.now_ms - self.epoch_start_ms + 1) + self.epoch_start_ms;
            if self.tick_at.is_none_or(|tick_at| at_ms < tick_at || tick_at <= self.now_ms) {
                self.tick_at = Some(at_ms);
                let epoch = self.epoch;
                self.at(at_ms, Happening::Tick { at_ms, epoch });
            }
        }
    }

    fn answered(&mut self, request: RequestId, answer: Answer) {
        match answer {
            Answer::Submitted(job) => {
                let shot = request.0 as usize;
                self.jobs[shot] = Some(job);
                self.shell.open(job, self.farm.shots[shot].spec(shot as u64));
                self.soon(Happening::PackageHere { job });
            }
            Answer::Welcome(worker) => {
                let node = (request.0 - 1_000_000) as usize;
                self.nodes[node].worker = Some(worker);
                let connection = self.nodes[node].connection;
                self.soon(Happening::ToNode { node, connection, event: NodeEvent::Connected });
            }
            Answer::Refused(reason) => {
                let node = (request.0 - 1_000_000) as usize;
                assert!(self.nodes[node].banned, "worker {node} is refused: {reason}");
            }
            Answer::Cancelled | Answer::JobRefused(_) | Answer::Done | Answer::OrderRefused(_) => {}
        }
    }

    fn referee(&mut self, id: tessera_scheduler_core::api::RefereeId, blocks: Vec<BlockPass>, epoch: u32) {
        if epoch != self.epoch {
            return;
        }
        let fails = !self.faults_over && self.random.permille(self.farm.referee_fail_permille);
        let mut rays = Rays::default();
        blocks.iter().for_each(|block| rays += picture::rays(block));
        let digests = blocks.iter().map(|block| picture::digest(block, picture::pixels(block))).collect();
        let outcome = match fails {
            true => Err("the referee is out of memory".to_string()),
            false => Ok(RefereeDigests { blocks: digests, rays }),
        };
        self.outcome.tally.rays_refereed += rays.total();
        self.schedule(Event::Refereed { id, outcome });
    }

    fn arrive(&mut self, node: usize, message: Message) {
        let Some(worker) = self.nodes[node].worker else { return };
        match message {
            Message::Commit(commit) => {
                let tiles = commit.tiles.into_iter();
                let tiles = tiles.map(|blocks| CommittedTile { root: tile_root(&blocks), blocks }).collect();
                self.schedule(Event::Committed { worker, lease: commit.lease, tiles });
            }
            Message::Pixels { lease, tiles, commit } => {
                self.pixels_arrive(node, worker, lease, tiles, commit)
            }
            Message::Checked(answer) => {
                self.outcome.tally.rays_claimed += answer.rays.total();
                self.schedule(Event::Checked { worker, answer });
            }
            Message::Failed { lease, reason } => {
                let failure = Failure::new(FailureClass::Node, reason);
                self.schedule(Event::LeaseFailed { worker, lease, failure });
            }
        }
    }

    fn pixels_arrive(
        &mut self,
        node: usize,
        worker: WorkerId,
        lease: LeaseId,
        tiles: Vec<Vec<u64>>,
        commit: Commit,
    ) {
        let connection = self.nodes[node].connection;
        self.soon(Happening::ToNode { node, connection, event: NodeEvent::ResultsSent { lease } });
        // The shell recomputes digests from the pixels; a lease the core does not know has no blocks to name.
        let lent = self.core.state().leases.get(&lease);
        let (arrived, job) = match lent {
            Some(lent) if lent.rendered().len() == tiles.len() => {
                let job = &self.core.state().jobs[&lent.job];
                let delivered = lent.rendered().iter().zip(&tiles).map(|(key, pixels)| {
                    let items = blocks(&job.spec, &job.pass(*key));
                    let digests =
                        items.iter().zip(pixels).map(|(item, pixels)| picture::digest(item, *pixels));
                    let mut rays = Rays::default();
                    items.iter().for_each(|item| rays += picture::rays(item));
                    DeliveredTile { root: tile_root(&digests.collect::<Vec<_>>()), rays }
                });
                (delivered.collect(), lent.job)
            }
            _ => {
                let roots = commit.tiles.iter().map(|blocks| tile_root(blocks));
                (roots.map(|root| DeliveredTile { root, rays: Rays::default() }).collect(), JobId(0))
            }
        };
        let by = self.nodes[node].key();
        let counted = self.counted_delivery(node, lease, &tiles);
        self.scheduled(Event::Delivered { worker, lease, tiles: arrived }, |world| {
            let held = tiles.into_iter().map(|pixels| Delivered { job, pixels, by });
            let held: BTreeMap<u32, Delivered> = (0..).zip(held).collect();
            let before = world.shell.held.insert(lease, held);
            assert!(before.is_none(), "{lease} is delivered twice and taken twice");
            world.outcome.tally += counted;
        });
    }
}
