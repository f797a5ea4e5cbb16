//! The scheduler's process: its core and its clock, what it has decided and may not do before the records are durable, and
//! in what order it does it. How it dies and comes back is elsewhere.

use std::collections::{BTreeMap, VecDeque};

use tessera_scheduler_core::api::{Answer, Effect, RequestId};
use tessera_scheduler_core::{Event, Output};
use tessera_shared::ids::WorkerId;
use tessera_shared::messages::ToWorker;
use tessera_worker_core::Event as NodeEvent;

use crate::cheats::Cheat;
use crate::checkers::Checker;
use crate::deaths::{Doom, Moment};
use crate::network::{End, Parcel};
use crate::node::Node;
use crate::storage::FilmWrite;
use crate::world::{Happening, World};

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
    /// Batches up to its own; none without records.
    pub batch: Option<usize>,
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
    /// When the disk has written everything before.
    pub disk_busy_until_ms: u64,
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
        self.scheduled(event, |_| ());
    }

    pub(crate) fn scheduled(&mut self, event: Event, before_effects: impl FnOnce(&mut World)) {
        if !self.process.up {
            return;
        }
        let mut output = self.core.handle(self.clock_ms(), event);
        self.tamper(&mut output);
        self.core.sanity_check();
        for record in &output.records {
            self.count(record);
            self.shadow.apply(record);
            self.audit.record(record);
        }
        self.audit.known(&output.records, self.core.state());
        self.audit.shares(self.core.state());
        self.records.extend(output.records.iter().cloned());
        self.outcome.records_made += output.records.len() as u64;
        self.check_replay();
        if self.farm.trace.is_some() {
            output.records.iter().for_each(|record| self.note(format!("    {record:?}")));
        }
        if !output.effects.iter().any(|effect| matches!(effect, Effect::DeliveryIgnored { .. })) {
            before_effects(self);
        }
        self.wake_later(output.wake_at);
        self.commit(output);
        if self.process.up && self.process.pending.is_empty() {
            let (held, counted) = (self.shell.held_count(), self.core.state().held);
            Checker::HeldPixels
                .demand(held == counted, || format!("the shell holds {held}, the core counts {counted}"));
        }
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

    /// Gives an output's records to the disk; what follows from them waits until they are durable.
    fn commit(&mut self, output: Output) {
        let moment = match output.records.is_empty() {
            true => None,
            false => self.process.doom.map(|doom| doom.moment),
        };
        if moment == Some(Moment::BeforeAppend) {
            return self.die();
        }
        let films = self.film_writes(&output);
        let records_end = self.records.len();
        let batch = match output.records.is_empty() {
            true => None,
            false => Some(self.storage.append(records_end, films)),
        };
        if moment == Some(Moment::BeforeSync) {
            return self.die();
        }
        let (least, most) = self.farm.sync_ms;
        let sync_ms = if batch.is_some() { self.random.between(least, most + 1) } else { 0 };
        let ready_ms = self.now_ms.max(self.process.disk_busy_until_ms) + sync_ms;
        self.process.pending.push_back(Pending { output, records_end, batch });
        if self.hasty() || (ready_ms == self.now_ms && self.process.pending.len() == 1) {
            return self.synced();
        }
        self.process.disk_busy_until_ms = ready_ms;
        let epoch = self.epoch;
        self.at(ready_ms, Happening::Synced { epoch });
    }

    /// What the output does to films, with the pixels that are held for it.
    fn film_writes(&self, output: &Output) -> Vec<FilmWrite> {
        let mut writes = Vec::new();
        for effect in &output.effects {
            match effect {
                Effect::Accept { lease, tiles, .. } => {
                    for tile in tiles {
                        let delivered = self.shell.held.get(lease).and_then(|held| held.get(&tile.at));
                        let delivered = delivered.cloned().unwrap_or_else(|| {
                            Checker::HeldPixels.fail(format!("tile {} of {lease} is not held", tile.at))
                        });
                        writes.push(FilmWrite::Add { pass: tile.pass.clone(), delivered });
                    }
                }
                Effect::ResetTile { job, frame, tile } => {
                    writes.push(FilmWrite::Reset { job: *job, frame: *frame, tile: *tile });
                }
                _ => {}
            }
        }
        writes
    }

    /// The oldest output's records are durable: everything that follows from them happens, in order, unless the process dies
    /// before or in the middle of it.
    pub(crate) fn synced(&mut self) {
        let Some(pending) = self.process.pending.pop_front() else { return };
        let Pending { output, records_end, batch } = pending;
        if let Some(batch) = batch
            && !self.hasty()
        {
            self.storage.sync(batch);
        }
        let moment = self.process.doom.map(|doom| doom.moment).filter(|_| batch.is_some());
        if moment == Some(Moment::BeforeEffects) {
            return self.die();
        }
        let mut left = match moment {
            Some(Moment::AmongEffects { after }) => after,
            _ => u32::MAX,
        };
        let mut dies = || {
            left = left.wrapping_sub(1);
            left == u32::MAX
        };
        self.process.seen = records_end;
        // Replies first: a welcome comes before the worker's first leases.
        for (request, answer) in output.replies {
            if dies() {
                return self.die();
            }
            self.answered(request, answer);
        }
        for outbound in output.messages {
            if dies() {
                return self.die();
            }
            self.deliver_message(outbound.worker, outbound.message);
        }
        for effect in output.effects {
            if dies() {
                return self.die();
            }
            self.effect(effect);
        }
    }

    fn deliver_message(&mut self, worker: WorkerId, message: ToWorker) {
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

    fn effect(&mut self, effect: Effect) {
        if self.tampered_effect(&effect) {
            return;
        }
        self.shell.carry_out(&effect);
        match effect {
            Effect::RefereeRequest { id, blocks, .. } => {
                let delay_ms = self.random.between(5, 400);
                let epoch = self.epoch;
                if self.now_ms >= self.farm.referee_silent_until_ms {
                    self.at(self.now_ms + delay_ms, Happening::Referee { id, blocks, epoch });
                }
            }
            Effect::Quarantined { operator, .. } => {
                self.outcome.tally.convicted += 1;
                for node in 0..self.nodes.len() {
                    if self.nodes[node].key() == operator {
                        let cheat = self.nodes[node].spec.cheat;
                        Checker::Honest.demand(cheat != Cheat::Honest, || {
                            format!("worker {node} does nothing wrong and is quarantined")
                        });
                        self.nodes[node].banned = true;
                        if let Some(connection) = self.nodes[node].link {
                            self.close_worker_end(connection, true);
                        }
                        self.new_key(node);
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

    fn answered(&mut self, request: RequestId, answer: Answer) {
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
                entry.worker = Some(worker);
                self.process.lines.insert(worker, connection);
                self.send_down(connection, Parcel::Down(NodeEvent::Connected));
            }
            (Asker::Worker { connection }, Answer::Refused(reason)) => {
                let Some(node) = self.wires.connections.get(&connection).map(|entry| entry.node) else {
                    return;
                };
                let key = self.nodes[node].key();
                let operators = &self.core.state().operators;
                let out = operators.find(&key).is_some_and(|operator| operators.quarantined(operator));
                Checker::Honest.demand(out, || format!("worker {node} is refused: {reason}"));
                self.send_down(connection, Parcel::Refused);
                self.silence(connection, End::Scheduler);
            }
            (Asker::Artist { shot }, answer) => panic!("shot {shot} is answered with {answer:?}"),
            _ => {}
        }
    }
}
