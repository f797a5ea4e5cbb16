//! What people see of one job's frames and of one frame's tiles: how far each is, who rendered it, on whose word it stands.
//! Changes nothing, and knows no pixel.

use tessera_shared::ids::{FrameNumber, JobId, NodeKey, TileIndex, WorkerId};
use tessera_shared::watching::TileStage;

use crate::jobs::{Job, Phase};
use crate::machine::Core;
use crate::record::Proof;
use crate::tiles::{TileKey, TileLife};

/// A frame of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameView {
    pub frame: FrameNumber,
    /// Tile-passes: accepted, and of the frame.
    pub tiles_done: u64,
    pub tiles_total: u64,
    /// A tile-pass of it was lent once.
    pub begun: bool,
    /// Tile-passes that were accepted, then doubted.
    pub overturned: u64,
    /// Rays of accepted tile-passes.
    pub rays: u64,
}

/// Whose word an accepted tile stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileProof {
    Unverified,
    Operator(NodeKey),
    Referee,
    /// A worker of this operator, whom the farm's owner trusts, as the referee.
    Trusted(NodeKey),
}

/// A tile over all of its passes. Who made and proved it is known until the job is archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileView {
    pub tile: TileIndex,
    pub stage: TileStage,
    pub passes_done: u32,
    /// Who has its latest pass in hand, or else rendered it.
    pub worker: Option<WorkerId>,
    /// Of its latest accepted pass.
    pub proof: Option<TileProof>,
}

impl Core {
    /// At most `limit` frames of a job behind the frame `after`, in the job's order.
    pub fn frames(&self, job: JobId, after: Option<FrameNumber>, limit: usize) -> Vec<FrameView> {
        let Some(entry) = self.state().jobs.get(&job) else { return Vec::new() };
        let first = match after {
            None => 0,
            Some(after) => entry.frame_index(after).map_or(usize::MAX, |index| index as usize + 1),
        };
        let last = first.saturating_add(limit).min(entry.spec.frames.len());
        (first..last).map(|index| entry.frame_view(index as u32)).collect()
    }

    /// One frame of a job.
    pub fn frame_of(&self, job: JobId, frame: FrameNumber) -> Option<FrameView> {
        let entry = self.state().jobs.get(&job)?;
        Some(entry.frame_view(entry.frame_index(frame)?))
    }

    /// These tiles of a frame; those that it does not have are left out.
    pub fn tiles(
        &self,
        job: JobId,
        frame: FrameNumber,
        tiles: impl IntoIterator<Item = TileIndex>,
    ) -> Vec<TileView> {
        let entry = self.state().jobs.get(&job);
        let Some((entry, index)) = entry.and_then(|entry| Some((entry, entry.frame_index(frame)?))) else {
            return Vec::new();
        };
        let known = tiles.into_iter().filter(|tile| tile.0 < entry.shape.tiles);
        known.map(|tile| self.tile_view(entry, index, tile)).collect()
    }

    fn tile_view(&self, entry: &Job, frame: u32, tile: TileIndex) -> TileView {
        let passes = entry.shape.passes();
        let mut view =
            TileView { tile, stage: TileStage::Accepted, passes_done: 0, worker: None, proof: None };
        // A frame of an archived job has lost its ledger and is whole all the same.
        if entry.credits.contains_key(&frame) {
            return TileView { passes_done: passes, ..view };
        }
        let proof = |proof| match proof {
            Proof::Unverified => TileProof::Unverified,
            Proof::Operator(operator) => TileProof::Operator(self.state().operators.key(operator)),
            Proof::Trusted(operator) => TileProof::Trusted(self.state().operators.key(operator)),
            Proof::Referee => TileProof::Referee,
        };
        for key in entry.shape.passes_of(TileKey { frame, index: tile.0 }) {
            if let Some(accepted) = entry.accepted(key) {
                view.passes_done += 1;
                view.worker = Some(accepted.worker);
                view.proof = Some(proof(accepted.proof));
                continue;
            }
            let (stage, worker) = match entry.open.get(&key) {
                None | Some(TileLife::Pending) => (TileStage::Waiting, None),
                Some(TileLife::Leased { lease, .. }) => {
                    (TileStage::Leased, self.state().leases.get(lease).map(|lent| lent.worker))
                }
                Some(TileLife::Delivered { delivery, .. }) => (TileStage::Delivered, Some(delivery.worker)),
                Some(TileLife::Checking { delivery, .. }) => (TileStage::Checking, Some(delivery.worker)),
                Some(TileLife::Disputed { delivery, .. }) => (TileStage::Disputed, Some(delivery.worker)),
            };
            view.stage = furthest_behind(view.stage, stage);
            view.worker = worker.or(view.worker);
        }
        view
    }
}

/// What is in hand tells more than what waits behind it.
fn furthest_behind(a: TileStage, b: TileStage) -> TileStage {
    let rank = |stage| match stage {
        TileStage::Accepted => 5,
        TileStage::Waiting => 4,
        TileStage::Disputed => 3,
        TileStage::Checking => 2,
        TileStage::Delivered => 1,
        TileStage::Leased => 0,
    };
    if rank(a) <= rank(b) { a } else { b }
}

impl Job {
    /// The place of a frame among the job's.
    pub fn frame_index(&self, frame: FrameNumber) -> Option<u32> {
        self.spec.frames.binary_search(&frame).ok().map(|index| index as u32)
    }

    fn frame_view(&self, index: u32) -> FrameView {
        let tiles_total = u64::from(self.shape.tile_passes);
        let overturned = self.overturned.get(&index).copied().unwrap_or(0);
        let frame = self.spec.frames[index as usize];
        let (tiles_done, rays) = match (self.ledgers.get(&index), self.credits.get(&index)) {
            (Some(ledger), _) => (u64::from(ledger.accepted), ledger.rays.total()),
            (None, Some(credits)) => {
                (tiles_total, credits.rendered.values().map(|(_, rays)| rays.total()).sum())
            }
            (None, None) => (0, 0),
        };
        let lent = u64::from(index) * tiles_total < self.cursor && !matches!(self.phase, Phase::Uploading);
        FrameView { frame, tiles_done, tiles_total, begun: lent || tiles_done > 0, overturned, rays }
    }
}
