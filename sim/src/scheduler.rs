//! The scheduler's process: its core and its clock, and what becomes of replies, messages and effects once they may happen.
//! When that is and how the process dies is elsewhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tessera_journal::journal::Fold;
use tessera_scheduler_core::api::{Answer, Effect, RequestId};
use tessera_scheduler_core::{Event, Output};
use tessera_shared::ids::{LeaseId, WorkerId};
use tessera_shared::messages::ToWorker;
use tessera_worker_core::Event as NodeEvent;

use crate::cheats::Cheat;
use crate::checkers::Checker;
use crate::deaths::Doom;
use crate::farm::Fault;
use crate::network::{End, Parcel};
use crate::node::Node;
use crate::orders::Order;
use crate::world::{Happening, World};

/// Until the films of a complete job are on disk.
const FILMS_SAVED_MS: u64 = 20;

/// Who asked the core something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Artist { shot: usize },
    Owner { job: usize },
    Worker { connection: u32 },
}

/// An output whose records are on their way to the disk.
#[derive(Debug)]
pub(crate) struct Pending {
    pub output: Output,
    /// Records up to its own.
    pub records_end: usize,
}

/// What the process has in memory besides its core and its pixels.
#[derive(Debug, Default)]
pub(crate) struct Process {
    pub up: bool,
    /// It handles nothing before.
    pub stopped_until_ms: u64,
    /// How far its clock has jumped ahead.
    pub ahead_ms: u64,
    pub tick_at: Option<u64>,
    pub pending: VecDeque<Pending>,
    /// The disk is at work on the oldest.
    pub writing: bool,
    /// How many of them are tried again as one batch.
    pub group: Option<usize>,
    /// Segments that are folded beside all else.
    pub fold: Option<Fold>,
    /// Leases whose pixels are on their way to the disk.
    pub claimed: BTreeSet<LeaseId>,
    /// Connections by the worker that they belong to.
    pub lines: BTreeMap<WorkerId, u32>,
    pub requests: BTreeMap<RequestId, Asker>,
    pub requests_last: u64,
    /// How it is to die.
    pub doom: Option<Doom>,
    /// Records on which something rests that was seen outside.
    pub seen: usize,
}

impl Process {
    pub fn ask(&mut self, asker: Asker) -> RequestId {
        self.requests_last += 1;
        let request = RequestId(self.requests_last);
        self.requests.insert(request, asker);
        request
    }
}

impl World {
    /// What the scheduler's clock shows: it never runs backwards while the process lives.
    pub(crate) fn clock_ms(&self) -> u64 {
        self.now_ms - self.epoch_start_ms + self.process.ahead_ms
    }

    /// One event of the scheduler, its records and all checks.
    pub(crate) fn schedule(&mut self, event: Event) {
        let _ = self.scheduled(event, |_| ());
    }

    /// The same; whoever calls holds the pixels that come with the event, unless the core does not take them: then it is false.
    pub(crate) fn scheduled(&mut self, event: Event, before_effects: impl FnOnce(&mut World)) -> bool {
        if !self.process.up {
            return false;
        }
        match &event {
            Event::WorkerAsleep { worker, .. } => self.audit.obedience.sleeps(*worker),
            Event::WorkerAwake { worker } => self.audit.obedience.wakes(*worker),
            _ => {}
        }
        let mut output = self.core.handle(self.clock_ms(), event);
        self.tamper(&mut output);
        if self.outcome.steps.is_multiple_of(self.farm.check_every) {
            self.core.sanity_check();
        }
        for record in &output.records {
            self.count(record);
            self.audit.record(record);
            self.audit.granted(record, &self.shadow, self.farm.config.probation_tiles);
            self.shadow.apply(record);
        }
        self.audit.known(&output.records, self.core.state());
        self.records.extend(output.records.iter().cloned());
        self.outcome.records_made += output.records.len() as u64;
        self.check_replay();
        if self.farm.trace.is_some() {
            output.records.iter().for_each(|record| self.note(format!("    {record:?}")));
        }
        let taken = !output.effects.iter().any(|effect| matches!(effect, Effect::DeliveryIgnored { .. }));
        if taken {
            before_effects(self);
        }
        self.wake_later(output.wake_at);
        self.commit(output);
        if self.process.up && self.process.pending.is_empty() {
            let (held, counted) = (self.shell.held_count(), self.core.state().held);
            Checker::HeldPixels
                .demand(held == counted, || format!("the shell holds {held}, the core counts {counted}"));
        }
        taken
    }

    fn wake_later(&mut self, wake_at: Option<u64>) {
        let Some(wake_ms) = wake_at else { return };
        let at_ms = self.now_ms + wake_ms.saturating_sub(self.clock_ms()).max(1);
        if self.process.tick_at.is_none_or(|tick_at| at_ms < tick_at || tick_at <= self.now_ms) {
            self.process.tick_at = Some(at_ms);
            let epoch = self.epoch;
            self.at(at_ms, Happening::Tick { at_ms, epoch });
        }
    }

    pub(crate) fn deliver_message(&mut self, worker: WorkerId, message: ToWorker) {
        if let ToWorker::Lease(lease) = &message {
            self.audit.sent(lease.id, worker);
            if self.never_lends() {
                return;
            }
        }
        let Some(connection) = self.process.lines.get(&worker).copied() else { return };
        let node = self.wires.connections[&connection].node;
        let event = match message {
            ToWorker::Lease(lease) => {
                self.nodes[node].note(lease.id, &lease.work);
                self.count_check(node, &lease.work);
                NodeEvent::Lease(lease)
            }
            ToWorker::Revoke(lease) => NodeEvent::Revoke(lease),
        };
        self.send_down(connection, Parcel::Down(event));
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        if self.tampered_effect(&effect) {
            return;
        }
        self.stored(&effect);
        self.shell.carry_out(&effect);
        match effect {
            Effect::RefereeRequest { id, blocks, .. } => {
                let delay_ms = self.random.between(5, 400);
                let epoch = self.epoch;
                if self.now_ms >= self.farm.referee_silent_until_ms {
                    self.at(self.now_ms + delay_ms, Happening::Referee { id, blocks, epoch });
                }
            }
            Effect::SettleFilms { job, reopened } => {
                let epoch = self.epoch;
                self.at(self.now_ms + FILMS_SAVED_MS, Happening::Settled { job, reopened, epoch });
            }
            Effect::Quarantined { operator, .. } => {
                self.outcome.tally.convicted += 1;
                for node in 0..self.nodes.len() {
                    if self.nodes[node].key() == operator {
                        let cheat = self.nodes[node].spec.cheat;
                        Checker::Honest.demand(cheat != Cheat::Honest, || {
                            format!("worker {node} does nothing wrong and is quarantined")
                        });
                        self.send_away(node);
                        self.new_key(node);
                    }
                }
            }
            Effect::Banned { operator, .. } => {
                for node in 0..self.nodes.len() {
                    if self.nodes[node].key() == operator {
                        self.send_away(node);
                    }
                }
            }
            Effect::Overruled { operator, .. } => {
                self.outcome.tally.convicted += 1;
                let honest = |node: &Node| node.key() == operator && node.spec.cheat == Cheat::Honest;
                let wronged = self.nodes.iter().any(honest);
                Checker::Honest.demand(!wronged, || format!("the honest checker {operator} is overruled"));
            }
            _ => {}
        }
    }

    /// The farm closes a worker's connection and lets it join no more.
    fn send_away(&mut self, node: usize) {
        self.nodes[node].banned = true;
        if let Some(connection) = self.nodes[node].link {
            self.close_worker_end(connection, true);
        }
    }

    pub(crate) fn answered(&mut self, request: RequestId, answer: Answer) {
        let Some(asker) = self.process.requests.remove(&request) else { return };
        match (asker, answer) {
            (Asker::Artist { shot }, Answer::Submitted(job)) => {
                self.jobs[shot] = Some(job);
                self.shell.open(job, self.farm.shots[shot].spec(shot as u64));
                self.soon(Happening::PackageHere { job });
            }
            (Asker::Worker { connection }, Answer::Welcome(worker)) => {
                self.audit.welcomed(worker);
                let entry = self.wires.connections.get_mut(&connection).filter(|entry| entry.scheduler_open);
                let Some(entry) = entry else {
                    // Its end closed while the welcome was on its way to the disk.
                    let epoch = self.epoch;
                    return self.at(self.now_ms, Happening::Gone { worker, epoch });
                };
                let node = entry.node;
                entry.worker = Some(worker);
                self.process.lines.insert(worker, connection);
                if self.nodes[node].asleep {
                    self.at(self.now_ms, Happening::Fault(Fault::Order(Order::Sleep { node })));
                }
                self.send_down(connection, Parcel::Down(NodeEvent::Connected));
            }
            (Asker::Worker { connection }, Answer::Refused(reason)) => {
                let Some(entry) = self.wires.connections.get(&connection) else { return };
                let (node, key) = (entry.node, entry.key);
                let operators = &self.core.state().operators;
                let out = operators.find(&key).is_some_and(|operator| operators.quarantined(operator));
                Checker::Honest.demand(out, || format!("worker {node} is refused: {reason}"));
                self.send_down(connection, Parcel::Refused);
                self.silence(connection, End::Scheduler);
            }
            (Asker::Artist { shot }, Answer::Refused(reason)) if !self.farm.shots[shot].after.is_empty() => {
                self.give_up(shot, &reason);
            }
            (Asker::Artist { shot }, answer) => panic!("shot {shot} is answered with {answer:?}"),
            _ => {}
        }
    }
}
