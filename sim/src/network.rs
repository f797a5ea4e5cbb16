//! Connections as QUIC gives them: what goes into a stream comes out in its order or not at all, streams wait for nobody,
//! and each end learns by itself that the other is gone. Knows no lease.

use std::collections::{BTreeMap, VecDeque};

use tessera_scheduler_core::Event;
use tessera_scheduler_core::api::WorkerHello;
use tessera_shared::ids::{NodeKey, WorkerId};
use tessera_worker_core::Event as NodeEvent;

use crate::scheduler::Asker;
use crate::world::{Happening, Message, World};

/// What the network keeps of the order of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// Nothing: every message travels alone, may be lost and may come twice. Harsher than QUIC, and as a hostile worker
    /// can have it.
    Loose,
    /// A stream's: a lost packet holds up what follows in its stream, and nothing else.
    PerStream,
}

/// How the network treats messages until faults stop.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    pub order: Ordering,
    /// One way, least and most.
    pub delay_ms: (u64, u64),
    /// Of a thousand messages: lost if [`Ordering::Loose`], held up by a lost packet otherwise.
    pub drop_permille: u64,
    /// Brought twice, if [`Ordering::Loose`]; QUIC knows a packet that it has had.
    pub duplicate_permille: u64,
    /// An end that has heard nothing for so long takes the other for gone. None: it is told soon.
    pub idle_ms: u64,
}

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Worker,
    Scheduler,
}

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    Hello,
    Up(Message),
    Down(NodeEvent),
    Refused,
}

/// A connection and which of its ends are open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection {
    pub node: usize,
    /// The scheduler's process that answered.
    pub epoch: u32,
    /// The key of the hello.
    pub key: NodeKey,
    pub worker: Option<WorkerId>,
    pub worker_open: bool,
    pub scheduler_open: bool,
    pub welcomed: bool,
    up: u64,
    down: u64,
}

/// All connections and what is under way on them.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    pub connections: BTreeMap<u32, Connection>,
    streams: BTreeMap<u64, (u32, VecDeque<Parcel>)>,
    connection_last: u32,
    stream_last: u64,
}

impl Wires {
    /// A new stream of the connection.
    pub fn stream(&mut self, connection: u32) -> u64 {
        self.stream_last += 1;
        self.streams.insert(self.stream_last, (connection, VecDeque::new()));
        self.stream_last
    }

    fn connect(&mut self, node: usize, key: NodeKey) -> u32 {
        self.connection_last += 1;
        let id = self.connection_last;
        let (up, down) = (self.stream(id), self.stream(id));
        let (worker, welcomed, epoch) = (None, false, 0);
        let connection = Connection {
            node,
            epoch,
            key,
            worker,
            worker_open: true,
            scheduler_open: false,
            welcomed,
            up,
            down,
        };
        self.connections.insert(id, connection);
        id
    }

    /// Forgets a connection that nobody has open.
    fn forget(&mut self, id: u32) {
        if self.connections.get(&id).is_some_and(|entry| !entry.worker_open && !entry.scheduler_open)
            && let Some(entry) = self.connections.remove(&id)
        {
            self.streams.remove(&entry.up);
            self.streams.remove(&entry.down);
        }
    }
}

impl World {
    /// A worker opens a connection and says hello.
    pub(crate) fn dial(&mut self, node: usize, life: u32) {
        let worker = &self.nodes[node];
        if worker.spec.absent || !worker.alive || worker.life != life || worker.link.is_some() {
            return;
        }
        if worker.stopped_until_ms > self.now_ms {
            return self.at(worker.stopped_until_ms, Happening::Dial { node, life });
        }
        let connection = self.wires.connect(node, self.nodes[node].key());
        self.nodes[node].link = Some(connection);
        self.send_up(connection, Parcel::Hello);
        let patience_ms = self.farm.network.idle_ms.max(5_000);
        self.at(self.now_ms + patience_ms, Happening::DialTimeout { connection });
    }

    pub(crate) fn dial_timeout(&mut self, connection: u32) {
        let waits =
            self.wires.connections.get(&connection).is_some_and(|entry| entry.worker_open && !entry.welcomed);
        if waits {
            self.close_worker_end(connection, false);
        }
    }

    /// Into the connection's control stream to the scheduler.
    pub(crate) fn send_up(&mut self, connection: u32, parcel: Parcel) {
        let Some(entry) = self.wires.connections.get(&connection) else { return };
        let stream = entry.up;
        self.send(connection, stream, parcel);
    }

    /// Into the connection's control stream to the worker.
    pub(crate) fn send_down(&mut self, connection: u32, parcel: Parcel) {
        let Some(entry) = self.wires.connections.get(&connection) else { return };
        let stream = entry.down;
        self.send(connection, stream, parcel);
    }

    /// Sends over a network that may hold the message up, and if it keeps no order, lose it or bring it twice.
    pub(crate) fn send(&mut self, connection: u32, stream: u64, parcel: Parcel) {
        let network = self.farm.network;
        let Some(node) = self.wires.connections.get(&connection).map(|entry| entry.node) else { return };
        let bad = !self.faults_over && matches!(parcel, Parcel::Up(_) | Parcel::Down(_));
        let told = matches!(parcel, Parcel::Down(NodeEvent::Connected | NodeEvent::ResultsSent { .. }));
        let pixels = matches!(parcel, Parcel::Up(Message::Pixels { .. }));
        let lost = bad && !told && self.random.permille(network.drop_permille);
        let delay_ms = self.travel_ms(node);
        match network.order {
            Ordering::PerStream => {
                let held_ms = if lost { self.random.between(200, 1_500) } else { 0 };
                self.put(stream, parcel, delay_ms + held_ms);
            }
            Ordering::Loose => {
                // A commit and its pixels share a stream: the pixels come later, or are lost.
                let delay_ms =
                    if pixels && !self.faults_over { network.delay_ms.1 + 1 } else { delay_ms.max(1) };
                let delay_ms = if pixels && self.faults_over { 25 } else { delay_ms };
                let twice = bad && !told && self.random.permille(network.duplicate_permille);
                if !lost {
                    let alone = self.wires.stream(connection);
                    self.put(alone, parcel.clone(), delay_ms);
                }
                if twice {
                    let alone = self.wires.stream(connection);
                    let later_ms = if pixels { 2 * delay_ms } else { self.travel_ms(node) };
                    self.put(alone, parcel, later_ms);
                }
            }
        }
    }

    fn put(&mut self, stream: u64, parcel: Parcel, delay_ms: u64) {
        if let Some((_, parcels)) = self.wires.streams.get_mut(&stream) {
            parcels.push_back(parcel);
            self.at(self.now_ms + delay_ms, Happening::Arrives { stream });
        }
    }

    /// How long a message takes one way.
    fn travel_ms(&mut self, node: usize) -> u64 {
        let (least, most) = if self.faults_over { (1, 20) } else { self.farm.network.delay_ms };
        let delay_ms = self.random.between(least, most + 1);
        let slow = &self.nodes[node];
        match slow.slow_until_ms > self.now_ms {
            true => delay_ms + self.random.between(slow.slow_ms / 2, slow.slow_ms + 1),
            false => delay_ms,
        }
    }

    /// Something comes out of a stream: its oldest, whatever was sent first of all streams.
    pub(crate) fn arrives(&mut self, stream: u64) {
        let Some((connection, parcels)) = self.wires.streams.get_mut(&stream) else { return };
        let connection = *connection;
        let (Some(entry), Some(front)) = (self.wires.connections.get(&connection).copied(), parcels.front())
        else {
            self.wires.streams.remove(&stream);
            return;
        };
        let up = matches!(front, Parcel::Hello | Parcel::Up(_));
        let node = &self.nodes[entry.node];
        let free_ms = match up {
            true => node.cut_up_until_ms.max(self.process.stopped_until_ms),
            false => node.cut_down_until_ms.max(node.stopped_until_ms),
        };
        if free_ms > self.now_ms {
            // What was lost is sent again a while after the network is back.
            let again_ms = free_ms + self.random.between(1, 500);
            return self.at(again_ms, Happening::Arrives { stream });
        }
        let Some(parcel) = parcels.pop_front() else { return };
        if parcels.is_empty() && stream != entry.up && stream != entry.down {
            self.wires.streams.remove(&stream);
        }
        match up {
            true => self.arrives_at_scheduler(connection, entry, parcel),
            false => self.arrives_at_worker(connection, entry, parcel),
        }
    }

    fn arrives_at_scheduler(&mut self, connection: u32, entry: Connection, parcel: Parcel) {
        if !self.process.up {
            return;
        }
        match parcel {
            Parcel::Hello => {
                let epoch = self.epoch;
                let answered = self.wires.connections.get_mut(&connection).expect("it is there");
                (answered.epoch, answered.scheduler_open) = (epoch, true);
                if !answered.worker_open {
                    self.silence(connection, End::Scheduler);
                }
                let hello = Box::new(self.hello(entry.node, entry.key));
                let request = self.process.ask(Asker::Worker { connection });
                self.schedule(Event::WorkerConnected { request, hello });
            }
            Parcel::Up(message) if entry.scheduler_open && entry.epoch == self.epoch => {
                if let Some(worker) = entry.worker {
                    self.arrive(connection, entry.node, worker, message);
                }
            }
            _ => {}
        }
    }

    fn hello(&self, node: usize, operator: NodeKey) -> WorkerHello {
        let worker = &self.nodes[node];
        WorkerHello {
            operator,
            name: format!("node {node}"),
            kernel_version: tessera_shared::KERNEL_VERSION,
            devices: (0..worker.spec.cheat.devices_claimed(worker.spec.devices)).map(device).collect(),
            tags: worker.spec.tags.clone(),
        }
    }

    fn arrives_at_worker(&mut self, connection: u32, entry: Connection, parcel: Parcel) {
        let node = entry.node;
        if !self.nodes[node].alive || self.nodes[node].link != Some(connection) {
            return;
        }
        match parcel {
            Parcel::Down(event) => {
                if event == NodeEvent::Connected {
                    self.wires.connections.get_mut(&connection).expect("it is there").welcomed = true;
                }
                let life = self.nodes[node].life;
                self.wake_node(node, life, event);
            }
            Parcel::Refused => {
                self.nodes[node].banned = true;
                self.close_worker_end(connection, true);
                self.new_key(node);
            }
            Parcel::Hello | Parcel::Up(_) => {}
        }
    }

    /// The worker's end closes. Told in order, the scheduler learns it soon; else when it has heard nothing for long.
    pub(crate) fn close_worker_end(&mut self, connection: u32, told: bool) {
        let Some(entry) = self.wires.connections.get_mut(&connection) else { return };
        if !std::mem::take(&mut entry.worker_open) {
            return;
        }
        let (node, heard) = (entry.node, entry.scheduler_open);
        if self.nodes[node].link == Some(connection) {
            self.nodes[node].link = None;
        }
        let (life, banned) = (self.nodes[node].life, self.nodes[node].banned);
        if self.nodes[node].alive {
            self.at(self.now_ms, Happening::Device { node, life, event: NodeEvent::Disconnected });
        }
        if self.nodes[node].alive && !banned {
            let pause_ms = self.random.between(50, 3_000);
            self.at(self.now_ms + pause_ms, Happening::Dial { node, life });
        }
        match heard {
            true => self.part(connection, End::Scheduler, told),
            false => self.wires.forget(connection),
        }
    }

    /// The scheduler's end closes.
    pub(crate) fn close_scheduler_end(&mut self, connection: u32, told: bool) {
        let Some(entry) = self.wires.connections.get_mut(&connection) else { return };
        if !std::mem::take(&mut entry.scheduler_open) {
            return;
        }
        let (worker, heard) = (entry.worker, entry.worker_open);
        match heard {
            true => self.part(connection, End::Worker, told),
            false => self.wires.forget(connection),
        }
        if let Some(worker) = worker
            && self.process.up
        {
            self.process.lines.remove(&worker);
            self.schedule(Event::WorkerDisconnected { worker });
        }
    }

    /// The other end learns of it.
    fn part(&mut self, connection: u32, end: End, told: bool) {
        if told {
            let node = self.wires.connections[&connection].node;
            let delay_ms = self.travel_ms(node);
            self.at(self.now_ms + delay_ms, Happening::Told { connection, end });
        }
        self.silence(connection, end);
    }

    /// The end may hear nothing from here on: it is asked once it would have waited long enough.
    pub(crate) fn silence(&mut self, connection: u32, end: End) {
        let idle_ms = self.farm.network.idle_ms;
        let after_ms = self.random.between(1, 20 + idle_ms / 4);
        self.at(self.now_ms + idle_ms + after_ms, Happening::Silence { connection, end });
    }

    /// A message says that the other end has closed, if it comes through.
    pub(crate) fn told(&mut self, connection: u32, end: End) {
        let Some(entry) = self.wires.connections.get(&connection) else { return };
        let node = &self.nodes[entry.node];
        let cut_until_ms = match end {
            End::Scheduler => node.cut_up_until_ms,
            End::Worker => node.cut_down_until_ms,
        };
        if cut_until_ms <= self.now_ms {
            self.close_end(connection, end);
        }
    }

    /// The end gives up if it hears nothing now. Each end does so by its own clock: the other may long have given up, or hear
    /// it still.
    pub(crate) fn silent(&mut self, connection: u32, end: End) {
        let Some(entry) = self.wires.connections.get(&connection) else { return };
        let (node, now_ms) = (&self.nodes[entry.node], self.now_ms);
        let nothing = match end {
            End::Scheduler => {
                !entry.worker_open || node.cut_up_until_ms > now_ms || node.stopped_until_ms > now_ms
            }
            End::Worker => {
                let there = self.process.up && entry.scheduler_open;
                !there || node.cut_down_until_ms > now_ms || self.process.stopped_until_ms > now_ms
            }
        };
        if nothing {
            self.close_end(connection, end);
        }
    }

    fn close_end(&mut self, connection: u32, end: End) {
        match end {
            End::Worker => self.close_worker_end(connection, false),
            End::Scheduler => self.close_scheduler_end(connection, false),
        }
    }

    /// Nothing comes through to or from the worker for a while.
    pub(crate) fn cut_off(&mut self, node: usize, up: bool, down: bool, for_ms: u64) {
        let until_ms = self.now_ms + for_ms;
        let worker = &mut self.nodes[node];
        if up {
            worker.cut_up_until_ms = worker.cut_up_until_ms.max(until_ms);
        }
        if down {
            worker.cut_down_until_ms = worker.cut_down_until_ms.max(until_ms);
        }
        self.silences(node, up, down);
    }

    /// Whoever hears nothing of the worker's open connections finds out in time.
    pub(crate) fn silences(&mut self, node: usize, up: bool, down: bool) {
        let of_node = self.wires.connections.iter().filter(|(_, entry)| entry.node == node);
        for connection in of_node.map(|(id, _)| *id).collect::<Vec<_>>() {
            if up {
                self.silence(connection, End::Scheduler);
            }
            if down {
                self.silence(connection, End::Worker);
            }
        }
    }
}

fn device(number: u32) -> tessera_shared::messages::Device {
    tessera_shared::messages::Device {
        name: format!("device {number}"),
        kind: tessera_shared::messages::DeviceKind::Gpu,
        driver: "simulated".into(),
    }
}
