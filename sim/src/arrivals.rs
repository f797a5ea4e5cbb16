//! What reaches the scheduler from workers and the referee, as its shell hands it to the core: digests recomputed from
//! the pixels that came.

use tessera_scheduler_core::api::{CommittedTile, DeliveredTile, RefereeDigests, RefereeId};
use tessera_scheduler_core::record::{Landing, Record};
use tessera_scheduler_core::{Event, tile_root};
use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::film::Rays;
use tessera_shared::ids::{LeaseId, WorkerId};
use tessera_shared::lease::{BlockPass, Commit};
use tessera_worker_core::Event as NodeEvent;

use crate::cheats::Cheat;
use crate::durable::Arrival;
use crate::network::Parcel;
use crate::picture;
use crate::shell::blocks;
use crate::world::{Message, World};

impl World {
    /// How often a spoilt block is drawn, seen where it is decided.
    pub(crate) fn count(&mut self, record: &Record) {
        if let Record::Granted { .. } = record {
            self.outcome.leases += 1;
        }
        if let Record::Delivered { lease, tiles, .. } = record
            && let Some((flipped, drawn)) = self.flipped.remove(lease)
            && tiles.iter().any(|landing| matches!(landing, Landing::Held { .. }))
        {
            self.outcome.flipped += flipped;
            self.outcome.flipped_drawn += drawn;
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
        let (mut at, mut flipped, mut caught) = (0, 0, 0);
        for (tile, commit) in lent.rendered().iter().zip(tiles) {
            let items = blocks(&job.spec, &job.pass(*tile));
            let wrong = |drawn: u32| picture::pixels(&items[drawn as usize]) != forged[at + drawn as usize];
            flipped += u64::from((0..items.len() as u32).any(wrong));
            caught += u64::from(commit.drawn.iter().any(|drawn| wrong(drawn.at)));
            at += items.len();
        }
        self.flipped.insert(*lease, (flipped, caught));
    }

    pub(crate) fn referee(&mut self, id: RefereeId, blocks: Vec<BlockPass>, epoch: u32) {
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

    pub(crate) fn arrive(&mut self, connection: u32, node: usize, worker: WorkerId, message: Message) {
        match message {
            Message::Commit(commit) => {
                let tiles = commit.tiles.into_iter();
                let tiles = tiles.map(|blocks| CommittedTile { root: tile_root(&blocks), blocks }).collect();
                self.schedule(Event::Committed { worker, lease: commit.lease, tiles });
            }
            Message::Pixels { lease, tiles, commit } => {
                self.pixels_arrive((connection, node), worker, lease, tiles, commit)
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
        (connection, node): (u32, usize),
        worker: WorkerId,
        lease: LeaseId,
        tiles: Vec<Vec<u64>>,
        commit: Commit,
    ) {
        // The transport says so, whatever becomes of the process that has read them.
        let told = self.wires.stream(connection);
        self.send(connection, told, Parcel::Down(NodeEvent::ResultsSent { lease }));
        // The shell recomputes digests from the pixels; of a lease that is not lent, or on its way already, it takes none.
        let lent = self.core.state().leases.get(&lease);
        let lent = lent.filter(|lent| lent.rendered().len() == tiles.len());
        let Some(lent) = lent.filter(|_| !self.process.claimed.contains(&lease)) else {
            let tiles = commit.tiles.into_iter().map(|blocks| DeliveredTile {
                root: tile_root(&blocks),
                blocks,
                rays: Rays::default(),
            });
            let tiles = tiles.collect();
            if !self.process.claimed.contains(&lease) {
                self.schedule(Event::Delivered { worker, lease, tiles });
            }
            return;
        };
        let job = &self.core.state().jobs[&lent.job];
        let passes: Vec<_> = lent.rendered().iter().map(|key| job.pass(*key)).collect();
        let delivered = passes.iter().zip(&tiles).map(|(pass, pixels)| {
            let items = blocks(&job.spec, pass);
            let digests = items.iter().zip(pixels).map(|(item, pixels)| picture::digest(item, *pixels));
            let blocks: Vec<_> = digests.collect();
            let mut rays = Rays::default();
            items.iter().for_each(|item| rays += picture::rays(item));
            DeliveredTile { root: tile_root(&blocks), blocks, rays }
        });
        let delivered = delivered.collect();
        let (job, by) = (lent.job, self.nodes[node].key());
        let counted = self.counted_delivery(node, lease, &tiles);
        let arrival = Arrival { worker, lease, job, by, passes, pixels: tiles, tiles: delivered, counted };
        self.arrived(arrival);
    }
}
