//! What is lent to a worker and what it answers: tile-passes, commits and checks. Deciding who gets which is the scheduler core's.

use std::ops::Range;

use crate::digest::Digest;
use crate::film::Rays;
use crate::grid::BlockAt;
use crate::ids::{FrameNumber, JobId, LeaseId, TileIndex};

/// A range of samples of one tile of one frame: the unit that is accepted once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub struct TilePass {
    pub frame: FrameNumber,
    pub tile: TileIndex,
    /// First sample and the one after the last.
    pub sample_start: u32,
    pub sample_end: u32,
}

impl TilePass {
    pub fn samples(&self) -> Range<u32> {
        self.sample_start..self.sample_end
    }
}

/// One block to render again for a check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub struct BlockPass {
    pub frame: FrameNumber,
    pub block: BlockAt,
    pub sample_start: u32,
    pub sample_end: u32,
}

/// What a lease asks for. A check names blocks and never the digests expected of them.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Work {
    Render(Vec<TilePass>),
    Check(Vec<BlockPass>),
}

/// A bundle of work of one job lent to one worker until a deadline.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Lease {
    pub id: LeaseId,
    pub job: JobId,
    /// The package's manifest.
    pub package: Digest,
    /// Time from the sending of the lease until it expires.
    pub duration_ms: u32,
    pub work: Work,
}

/// What a worker commits to before it sends pixels: the digest of every block, in [`crate::grid::Grid::tile_blocks`] order,
/// of every tile-pass of the lease, in its order.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Commit {
    pub lease: LeaseId,
    pub tiles: Vec<Vec<Digest>>,
}

/// The answer to a check: a digest per block, in the lease's order.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Checked {
    pub lease: LeaseId,
    pub blocks: Vec<Digest>,
    pub rays: Rays,
}
