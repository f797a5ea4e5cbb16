//! The worker side of the event loop: what a worker's actions do to its devices and the network, and the faults that
//! processes and connections suffer.

use tessera_scheduler_core::Event;
use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::ids::LeaseId;
use tessera_shared::lease::{BlockPass, Commit};
use tessera_worker_core::{Action, Event as NodeEvent};

use crate::cheats::Cheat;
use crate::deaths::Moment;
use crate::farm::Fault;
use crate::network::Parcel;
use crate::picture;
use crate::scheduler::Asker;
use crate::world::{Happening, Message, World};

impl World {
    /// One event of a worker and its actions.
    pub(crate) fn wake_node(&mut self, node: usize, life: u32, event: NodeEvent) {
        let worker = &mut self.nodes[node];
        if !worker.alive || worker.life != life {
            return;
        }
        let until_ms = worker.stopped_until_ms;
        if until_ms > self.now_ms {
            return self.at(until_ms, Happening::Device { node, life, event });
        }
        let clock_ms = worker.clock_ms(self.now_ms);
        let output = worker.core.handle(clock_ms, event);
        for action in output.actions {
            if let Some(left) = &mut self.nodes[node].dies_after {
                if *left == 0 {
                    return self.kill(node);
                }
                *left -= 1;
            }
            self.act(node, action);
        }
        let worker = &mut self.nodes[node];
        if let Some(at_ms) = output.wake_at.map(|clock_ms| worker.when_ms(clock_ms))
            && worker.tick_ms.is_none_or(|tick_ms| at_ms < tick_ms || tick_ms <= self.now_ms)
        {
            worker.tick_ms = Some(at_ms);
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
                    self.tell(node, Message::Checked(checked.clone()));
                }
                self.tell(node, Message::Checked(checked));
            }
            Action::SendFailed { lease, failure } => {
                self.tell(node, Message::Failed { lease, reason: failure.log })
            }
            Action::DropPixels { lease } => drop(self.nodes[node].pixels.remove(&lease)),
            Action::Abort { .. } => {}
            Action::Examine => {
                let (at_ms, event) =
                    (self.now_ms + self.random.between(100, 3_000), NodeEvent::Examined { exact: true });
                self.at(at_ms, Happening::Device { node, life, event });
            }
            // Devices of a scenario stay what they are.
            Action::Leave => {}
        }
    }

    fn render(&mut self, node: usize, lease: LeaseId, items: Vec<BlockPass>) {
        let worker = &mut self.nodes[node];
        let check = worker.checks.contains(&lease);
        let (life, at_ms) = (worker.life, self.now_ms + worker.render_ms(&items, check));
        let event = if self.random.permille(worker.spec.fail_permille) && !self.faults_over {
            NodeEvent::RenderFailed {
                lease,
                failure: Failure::new(FailureClass::Node, "the device was lost"),
            }
        } else {
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
        let Some(connection) = worker.link else { return };
        if worker.spec.cheat == Cheat::Replayer {
            self.replay(node, connection, lease, &tiles, &commit);
        }
        let stream = self.wires.stream(connection);
        self.send(connection, stream, Parcel::Up(Message::Commit(commit.clone())));
        self.send(connection, stream, Parcel::Up(Message::Pixels { lease, tiles, commit }));
    }

    /// Sends the lease's messages before their time, twice and in any order, and those of the lease before once more.
    fn replay(&mut self, node: usize, connection: u32, lease: LeaseId, tiles: &[Vec<u64>], commit: &Commit) {
        let pixels = Message::Pixels { lease, tiles: tiles.to_vec(), commit: commit.clone() };
        let earlier = std::mem::replace(
            &mut self.nodes[node].sent,
            vec![Message::Commit(commit.clone()), pixels.clone()],
        );
        for message in earlier.into_iter().chain([pixels, Message::Commit(commit.clone())]) {
            let alone = self.wires.stream(connection);
            self.send(connection, alone, Parcel::Up(message));
        }
    }

    fn tell(&mut self, node: usize, message: Message) {
        if let Some(connection) = self.nodes[node].link {
            self.send_up(connection, Parcel::Up(message));
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Kill { node } => self.kill(node),
            Fault::KillAmong { node, after } => self.nodes[node].dies_after = Some(after),
            Fault::Start { node } => self.start(node),
            Fault::Cut { node, for_ms } => {
                if let Some(connection) = self.nodes[node].link {
                    self.close_worker_end(connection, true);
                }
                let life = self.nodes[node].life;
                self.at(self.now_ms + for_ms, Happening::Dial { node, life });
            }
            Fault::Stop { node, for_ms } => self.stop(node, for_ms),
            Fault::Sleep { node, for_ms } => {
                self.stop(node, for_ms);
                self.nodes[node].stood_ms += for_ms;
            }
            Fault::Partition { nodes, up, down, for_ms } => {
                for node in (0..self.nodes.len()).filter(|node| nodes >> node & 1 == 1) {
                    self.cut_off(node, up, down, for_ms);
                }
            }
            Fault::Slow { node, by_ms, for_ms } => {
                let worker = &mut self.nodes[node];
                (worker.slow_ms, worker.slow_until_ms) = (by_ms, self.now_ms + for_ms);
            }
            Fault::RestartScheduler => self.doom(Moment::Now, 0),
            Fault::KillScheduler { moment, down_ms } => self.doom(moment, down_ms),
            Fault::StopScheduler { for_ms } => {
                let until_ms = self.now_ms + for_ms;
                self.process.stopped_until_ms = self.process.stopped_until_ms.max(until_ms);
                (0..self.nodes.len()).for_each(|node| self.silences(node, true, true));
            }
            Fault::JumpClock { by_ms } => {
                self.process.ahead_ms += by_ms;
                let (at_ms, epoch) = (self.now_ms + 1, self.epoch);
                self.process.tick_at = Some(at_ms);
                self.at(at_ms, Happening::Tick { at_ms, epoch });
            }
            Fault::FillDisk { more_bytes, for_ms } => {
                self.storage.records.limit(Some(more_bytes));
                self.storage.pixels.limit(Some(more_bytes));
                self.at(self.now_ms + for_ms, Happening::DiskFreed);
            }
            Fault::Order(order) => self.carry_out_order(order),
            Fault::Turn { node, cheat } => self.nodes[node].spec.cheat = cheat,
            Fault::Pace { node, speed } => self.nodes[node].spec.speed = speed,
            Fault::Cancel { job } => {
                if let Some(Some(id)) = self.jobs.get(job).copied() {
                    let by = self.farm.shots[job].spec(job as u64).owner;
                    let request = self.process.ask(Asker::Owner { job });
                    let by = tessera_scheduler_core::api::Asker::Artist(by);
                    self.schedule(Event::Cancel { request, job: id, by });
                }
            }
        }
    }

    /// The process is gone with what it held. Nobody tells the scheduler.
    fn kill(&mut self, node: usize) {
        let worker = &mut self.nodes[node];
        worker.alive = false;
        worker.dies_after = None;
        if let Some(connection) = worker.link {
            self.close_worker_end(connection, self.farm.network.idle_ms == 0);
        }
    }

    fn stop(&mut self, node: usize, for_ms: u64) {
        let worker = &mut self.nodes[node];
        worker.stopped_until_ms = worker.stopped_until_ms.max(self.now_ms + for_ms);
        if self.farm.network.idle_ms > 0 {
            self.silences(node, true, true);
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

    pub(crate) fn free_disks(&mut self) {
        self.storage.records.limit(None);
        self.storage.pixels.limit(None);
    }

    pub(crate) fn end_faults(&mut self) {
        self.faults_over = true;
        self.free_disks();
        self.process.doom = None;
        for node in 0..self.nodes.len() {
            let (now_ms, worker) = (self.now_ms, &mut self.nodes[node]);
            worker.cut_up_until_ms = worker.cut_up_until_ms.min(now_ms);
            worker.cut_down_until_ms = worker.cut_down_until_ms.min(now_ms);
            worker.slow_until_ms = worker.slow_until_ms.min(now_ms);
            worker.dies_after = None;
            self.start(node);
            let life = self.nodes[node].life;
            self.at(self.now_ms + 100, Happening::Dial { node, life });
        }
        self.let_go();
    }
}
