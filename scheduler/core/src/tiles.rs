//! A tile-pass's life and its place in its job. Who holds leases and who checks is decided elsewhere.

use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, LeaseId, TileIndex};
use tessera_shared::lease::{BlockPass, TilePass};
use tessera_shared::package::manifest::Settings;

use crate::api::RefereeId;
use crate::record::{Claim, Delivery};

/// A tile-pass within its job. Ordered as rendered: by frame, then by pass, then by tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, bincode::Encode, bincode::Decode)]
pub struct TileKey {
    /// Index into the job's frames.
    pub frame: u32,
    /// pass × tiles of a frame + tile.
    pub index: u32,
}

/// Where a tile-pass stands. Those never lent have no entry: they are the range behind the job's cursor. Accepted ones
/// have none either: they are marked in their frame's ledger.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub enum TileLife {
    /// Lent before, in the queue again.
    Pending,
    /// In the hands of one worker, or of two at the end of a frame. The lease knows whether it is committed.
    Leased { lease: LeaseId, duplicate: Option<LeaseId> },
    /// Its pixels are here, a check is owed. `duplicate` is a lease that still renders it.
    Delivered { delivery: Box<Delivery>, duplicate: Option<LeaseId>, since_ms: u64 },
    /// Its drawn blocks are being rendered again.
    Checking { delivery: Box<Delivery>, duplicate: Option<LeaseId>, by: Checker },
    /// Contradicted; the referee decides.
    Disputed { delivery: Box<Delivery>, claim: Box<Claim>, by: RefereeId },
}

/// Who renders drawn blocks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Checker {
    Worker(LeaseId),
    Referee(RefereeId),
}

impl TileLife {
    /// The first delivery whose pixels the shell holds for it.
    pub fn delivery(&self) -> Option<&Delivery> {
        match self {
            TileLife::Pending | TileLife::Leased { .. } => None,
            TileLife::Delivered { delivery, .. }
            | TileLife::Checking { delivery, .. }
            | TileLife::Disputed { delivery, .. } => Some(delivery),
        }
    }

    /// The lease that still renders it although it is delivered.
    pub fn duplicate(&self) -> Option<LeaseId> {
        match self {
            TileLife::Delivered { duplicate, .. } | TileLife::Checking { duplicate, .. } => *duplicate,
            TileLife::Pending | TileLife::Leased { .. } | TileLife::Disputed { .. } => None,
        }
    }
}

/// How a job's frames divide.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Shape {
    pub grid: Grid,
    pub samples: u32,
    pub pass_samples: u32,
    /// Tiles of a frame.
    pub tiles: u32,
    /// Tile-passes of a frame.
    pub tile_passes: u32,
}

/// Most tile-passes of a frame.
pub const TILE_PASSES_MAX: u64 = 1 << 24;

impl Shape {
    /// `None` if a frame would have more than [`TILE_PASSES_MAX`] tile-passes, or no sample.
    pub fn new(settings: &Settings) -> Option<Shape> {
        let pass_samples = settings.pass_samples.clamp(1, settings.samples.max(1));
        let passes = settings.samples.div_ceil(pass_samples);
        let tiles = settings.grid.tile_count();
        let tile_passes = u64::from(tiles) * u64::from(passes);
        (1..=TILE_PASSES_MAX).contains(&tile_passes).then_some(Shape {
            grid: settings.grid,
            samples: settings.samples,
            pass_samples,
            tiles,
            tile_passes: tile_passes as u32,
        })
    }

    pub fn tile(&self, key: TileKey) -> TileIndex {
        TileIndex(key.index % self.tiles)
    }

    fn sample_start(&self, key: TileKey) -> u32 {
        key.index / self.tiles * self.pass_samples
    }

    fn sample_end(&self, key: TileKey) -> u32 {
        (self.sample_start(key).saturating_add(self.pass_samples)).min(self.samples)
    }

    pub fn pass(&self, key: TileKey, frame: FrameNumber) -> TilePass {
        TilePass {
            frame,
            tile: self.tile(key),
            sample_start: self.sample_start(key),
            sample_end: self.sample_end(key),
        }
    }

    /// The place of a tile-pass in its frame: the index of its key.
    pub fn index_of(&self, pass: &TilePass) -> u32 {
        pass.sample_start / self.pass_samples * self.tiles + pass.tile.0
    }

    /// Blocks of the tile-pass.
    pub fn blocks(&self, key: TileKey) -> u32 {
        self.grid.tile_block_count(self.tile(key))
    }

    /// Samples of the tile-pass's pixels; what a block has beyond the frame's edge does not count.
    pub fn pixel_samples(&self, key: TileKey) -> u64 {
        let pixels = self.grid.tile_pixel_count(self.tile(key));
        u64::from(pixels) * u64::from(self.sample_end(key) - self.sample_start(key))
    }

    /// One block of the tile-pass, by its place in grid order.
    pub fn block(&self, key: TileKey, at: u32, frame: FrameNumber) -> BlockPass {
        let (columns, _) = self.grid.tiles();
        let (across, _) = self.grid.blocks();
        let edge = self.grid.tile_px / tessera_shared::grid::BLOCK_PX;
        let tile = self.tile(key).0;
        let (x0, y0) = (tile % columns * edge, tile / columns * edge);
        let width = (x0 + edge).min(across) - x0;
        let block =
            tessera_shared::grid::BlockAt { x: (x0 + at % width) as u16, y: (y0 + at / width) as u16 };
        BlockPass { frame, block, sample_start: self.sample_start(key), sample_end: self.sample_end(key) }
    }

    /// Passes of every tile.
    pub fn passes(&self) -> u32 {
        self.tile_passes / self.tiles
    }

    /// Every pass of the same tile.
    pub fn passes_of(&self, key: TileKey) -> impl Iterator<Item = TileKey> + use<> {
        let (tiles, tile) = (self.tiles, key.index % self.tiles);
        (0..self.passes()).map(move |pass| TileKey { frame: key.frame, index: pass * tiles + tile })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_by_number_are_those_of_the_grid() {
        let grid = Grid::new(250, 131, 64).unwrap();
        let shape = Shape {
            grid,
            samples: 20,
            pass_samples: 8,
            tiles: grid.tile_count(),
            tile_passes: grid.tile_count() * 3,
        };
        for tile in 0..grid.tile_count() {
            let key = TileKey { frame: 0, index: 2 * shape.tiles + tile };
            let by_number: Vec<_> =
                (0..shape.blocks(key)).map(|at| shape.block(key, at, FrameNumber(7)).block).collect();
            assert_eq!(by_number, grid.tile_blocks(TileIndex(tile)).collect::<Vec<_>>());
            let pass = shape.pass(key, FrameNumber(7));
            assert_eq!((pass.sample_start, pass.sample_end), (16, 20));
            assert_eq!(shape.index_of(&pass), key.index);
            assert_eq!(shape.passes_of(key).last(), Some(key));
        }
    }
}
