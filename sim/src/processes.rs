//! The worker side of the event loop: what a worker's actions do to its devices and the network, and the faults that
//! processes and connections suffer.

use tessera_scheduler_core::api::{Asker, RequestId};
use tessera_scheduler_core::{Core, Event};
use tessera_shared::digest::Digest;
use tessera_shared::ids::LeaseId;
use tessera_shared::lease::{BlockPass, Commit};
use tessera_worker_core::{Action, Event as NodeEvent};

use crate::cheats::Cheat;
use crate::farm::Fault;
use crate::picture;
use crate::world::{Happening, Message, World};

impl World {
    /// One event of a worker and its actions.
    pub(crate) fn wake_node(&mut self, node: usize, life: u32, event: NodeEvent) {
        if !self.nodes[node].alive || self.nodes[node].life != life {
            return;
        }
        let until_ms = self.nodes[node].stopped_until_ms;
        if until_ms > self.now_ms {
            return self.at(until_ms, Happening::Device { node, life, event });
        }
        let output = self.nodes[node].core.handle(self.now_ms, event);
        for action in output.actions {
            self.act(node, action);
        }
        if let Some(at_ms) = output.wake_at
            && self.nodes[node].tick_ms.is_none_or(|tick_ms| at_ms < tick_ms || tick_ms <= self.now_ms)
        {
            self.nodes[node].tick_ms = Some(at_ms);
            self.at(at_ms.max(self.now_ms + 1), Happening::NodeTick { node, life });
        }
    }

    fn act(&mut self, node: usize, action: Action) {
        let life = self.nodes[node].life;
        match action {
            Action::Fetch { package } => {
                let shot = self
                    .farm
                    .shots
                    .iter()
                    .enumerate()
                    .find(|(n, _)| Digest::of(&(*n as u64).to_le_bytes()) == package);
                let grid = shot.expect("a package of the scenario").1.settings().grid;
                let delay_ms = self.random.between(20, 2_000);
                let event = NodeEvent::PackageReady { package, grid };
                self.at(self.now_ms + delay_ms, Happening::Device { node, life, event });
            }
            Action::Render { lease, items, .. } => self.render(node, lease, items),
            Action::SendResults { commit } => self.send_results(node, commit),
            Action::SendChecked(checked) => {
                if self.nodes[node].spec.cheat == Cheat::Replayer {
                    self.send(node, Message::Checked(checked.clone()));
                }
                self.send(node, Message::Checked(checked));
            }
            Action::SendFailed { lease, reason } => self.send(node, Message::Failed { lease, reason }),
            Action::DropPixels { lease } => drop(self.nodes[node].pixels.remove(&lease)),
            Action::Abort { .. } => {}
        }
    }

    fn render(&mut self, node: usize, lease: LeaseId, items: Vec<BlockPass>) {
        let worker = &mut self.nodes[node];
        let (life, at_ms) = (worker.life, self.now_ms + worker.render_ms(&items));
        let event = if self.random.permille(worker.spec.fail_permille) && !self.faults_over {
            NodeEvent::RenderFailed { lease, reason: "the device was lost".into() }
        } else {
            let check = worker.checks.contains(&lease);
            let pixels = self.plot.render(worker, lease, &items, check);
            if !check {
                worker.rendered(&items, &pixels);
            }
            let digests =
                items.iter().zip(&pixels).map(|(item, pixels)| picture::digest(item, *pixels)).collect();
            let rays = if check { worker.rays_claimed(&items) } else { worker.rays(&items) };
            worker.pixels.insert(lease, pixels);
            NodeEvent::Rendered { lease, digests, rays }
        };
        self.at(at_ms, Happening::Device { node, life, event });
    }

    fn send_results(&mut self, node: usize, commit: Commit) {
        let worker = &self.nodes[node];
        let Some(pixels) = worker.pixels.get(&commit.lease) else { return };
        let mut rest = pixels.as_slice();
        let mut tiles = Vec::new();
        for tile in &commit.tiles {
            let (mine, after) = rest.split_at(tile.len());
            let mut mine = mine.to_vec();
            if worker.spec.cheat == Cheat::SwapPixels {
                mine[0] ^= 4;
            }
            tiles.push(mine);
            rest = after;
        }
        let lease = commit.lease;
        if worker.spec.cheat == Cheat::Replayer {
            self.replay(node, lease, &tiles, &commit);
        }
        self.send(node, Message::Commit(commit.clone()));
        self.send(node, Message::Pixels { lease, tiles, commit });
    }

    /// Sends the lease's messages before their time, twice and in any order, and those of the lease before once more.
    fn replay(&mut self, node: usize, lease: LeaseId, tiles: &[Vec<u64>], commit: &Commit) {
        let pixels = Message::Pixels { lease, tiles: tiles.to_vec(), commit: commit.clone() };
        let earlier = std::mem::replace(
            &mut self.nodes[node].sent,
            vec![Message::Commit(commit.clone()), pixels.clone()],
        );
        let (connection, epoch) = (self.nodes[node].connection, self.epoch);
        for message in earlier.into_iter().chain([pixels, Message::Commit(commit.clone())]) {
            self.post(Happening::ToScheduler { node, connection, epoch, message });
        }
    }

    fn send(&mut self, node: usize, message: Message) {
        let (connection, epoch) = (self.nodes[node].connection, self.epoch);
        let happening = Happening::ToScheduler { node, connection, epoch, message };
        // A commit and its pixels share a stream: the pixels come later, or are lost.
        if let Happening::ToScheduler { message: Message::Pixels { .. }, .. } = happening {
            let chance = self.random.permille(self.farm.network.drop_permille) && !self.faults_over;
            let delay_ms = if self.faults_over { 25 } else { self.farm.network.delay_ms.1 + 1 };
            let twice = self.random.permille(self.farm.network.duplicate_permille) && !self.faults_over;
            if !chance {
                self.at(self.now_ms + delay_ms, happening.clone());
            }
            if twice {
                self.at(self.now_ms + 2 * delay_ms, happening);
            }
            return;
        }
        self.post(happening);
    }

    pub(crate) fn dial(&mut self, node: usize, life: u32) {
        let worker = &self.nodes[node];
        if !worker.alive || worker.life != life || worker.worker.is_some() {
            return;
        }
        if worker.stopped_until_ms > self.now_ms {
            return self.at(worker.stopped_until_ms, Happening::Dial { node, life });
        }
        let hello = tessera_scheduler_core::api::WorkerHello {
            operator: worker.key(),
            name: format!("node {node}"),
            kernel_version: tessera_shared::KERNEL_VERSION,
            devices: (0..worker.spec.cheat.devices_claimed(worker.spec.devices)).map(device).collect(),
            tags: worker.spec.tags.clone(),
        };
        let request = RequestId(1_000_000 + node as u64);
        self.schedule(Event::WorkerConnected { request, hello: Box::new(hello) });
    }

    /// Both ends learn of it: the scheduler a little later.
    pub(crate) fn break_connection(&mut self, node: usize) {
        self.nodes[node].connection += 1;
        if let Some(worker) = self.nodes[node].worker.take() {
            let epoch = self.epoch;
            self.soon(Happening::HangUp { worker, epoch });
            let life = self.nodes[node].life;
            self.at(self.now_ms, Happening::Device { node, life, event: NodeEvent::Disconnected });
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Kill { node } => {
                self.break_connection(node);
                self.nodes[node].alive = false;
            }
            Fault::Start { node } => self.start(node),
            Fault::Cut { node, for_ms } => {
                self.break_connection(node);
                let life = self.nodes[node].life;
                self.at(self.now_ms + for_ms, Happening::Dial { node, life });
            }
            Fault::Stop { node, for_ms } => {
                let worker = &mut self.nodes[node];
                worker.stopped_until_ms = worker.stopped_until_ms.max(self.now_ms + for_ms);
            }
            Fault::RestartScheduler => self.restart_scheduler(),
            Fault::Order(order) => self.carry_out_order(order),
            Fault::Turn { node, cheat } => self.nodes[node].spec.cheat = cheat,
            Fault::Cancel { job } => {
                if let Some(Some(id)) = self.jobs.get(job).copied() {
                    let by = self.farm.shots[job].spec(job as u64).owner;
                    self.schedule(Event::Cancel {
                        request: RequestId(2_000_000),
                        job: id,
                        by: Asker::Artist(by),
                    });
                }
            }
        }
    }

    fn start(&mut self, node: usize) {
        if self.nodes[node].alive {
            return;
        }
        let banned = self.nodes[node].banned;
        self.nodes[node].reborn();
        self.nodes[node].banned = banned;
        let life = self.nodes[node].life;
        self.at(self.now_ms + 10, Happening::Dial { node, life });
    }

    fn restart_scheduler(&mut self) {
        let replayed = Core::replay(self.farm.config.clone(), &self.records);
        assert_eq!(
            replayed.state().digest(),
            self.core.state().digest(),
            "replay differs from the live state"
        );
        self.core = replayed;
        self.epoch += 1;
        self.epoch_start_ms = self.now_ms;
        self.tick_at = None;
        self.scheduled(Event::Restarted, |world| {
            let held =
                world.core.state().deliveries_held().map(|(_, _, delivery)| (delivery.lease, delivery.at));
            let held: std::collections::BTreeSet<_> = held.collect();
            world
                .shell
                .held
                .iter_mut()
                .for_each(|(lease, tiles)| tiles.retain(|at, _| held.contains(&(*lease, *at))));
            world.shell.held.retain(|_, tiles| !tiles.is_empty());
        });
        let uploading: Vec<_> = self.jobs.iter().flatten().copied().collect();
        for job in uploading {
            self.schedule(Event::PackageComplete { job });
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].connection += 1;
            if self.nodes[node].worker.take().is_some() {
                let life = self.nodes[node].life;
                self.at(self.now_ms, Happening::Device { node, life, event: NodeEvent::Disconnected });
                let delay_ms = self.random.between(50, 3_000);
                self.at(self.now_ms + delay_ms, Happening::Dial { node, life });
            }
        }
    }

    pub(crate) fn end_faults(&mut self) {
        self.faults_over = true;
        for node in 0..self.nodes.len() {
            self.start(node);
            let life = self.nodes[node].life;
            self.at(self.now_ms + 100, Happening::Dial { node, life });
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
