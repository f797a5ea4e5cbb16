//! Pixels, blocks and tiles of a frame. Blocks lie on the frame's own grid, so that tiles of any size share them.

use crate::ids::TileIndex;

/// A block's edge in pixels: the unit of verification and of a GPU workgroup.
pub const BLOCK_PX: u32 = 8;
/// Pixels of a block.
pub const BLOCK_PIXELS: usize = 64;
/// Largest edge of a frame in pixels.
pub const FRAME_EDGE_MAX_PX: u32 = 32768;
/// Largest edge of a tile in pixels.
pub const TILE_EDGE_MAX_PX: u32 = 512;

/// A block's place on its frame's grid of blocks, from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode)]
pub struct BlockAt {
    pub x: u16,
    pub y: u16,
}

/// The grid of one frame. `tile_px` is a multiple of [`BLOCK_PX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Grid {
    pub width_px: u32,
    pub height_px: u32,
    pub tile_px: u32,
}

/// Why a grid cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GridError {
    #[error("a frame of {0}×{1} pixels; width and height must be 1 to {FRAME_EDGE_MAX_PX}")]
    Frame(u32, u32),
    #[error("a tile of {0} pixels; it must be a multiple of 8 from 8 to {TILE_EDGE_MAX_PX}")]
    Tile(u32),
}

impl Grid {
    /// A checked grid.
    pub fn new(width_px: u32, height_px: u32, tile_px: u32) -> Result<Grid, GridError> {
        let edges = 1..=FRAME_EDGE_MAX_PX;
        if !edges.contains(&width_px) || !edges.contains(&height_px) {
            return Err(GridError::Frame(width_px, height_px));
        }
        if tile_px == 0 || !tile_px.is_multiple_of(BLOCK_PX) || tile_px > TILE_EDGE_MAX_PX {
            return Err(GridError::Tile(tile_px));
        }
        Ok(Grid { width_px, height_px, tile_px })
    }

    /// Tiles in a row and in a column.
    pub fn tiles(&self) -> (u32, u32) {
        (self.width_px.div_ceil(self.tile_px), self.height_px.div_ceil(self.tile_px))
    }

    /// Tiles of the frame.
    pub fn tile_count(&self) -> u32 {
        let (columns, rows) = self.tiles();
        columns * rows
    }

    /// Left, top, width and height of a tile, in pixels; edge tiles end where the frame ends.
    pub fn tile_rectangle(&self, tile: TileIndex) -> (u32, u32, u32, u32) {
        let (columns, _) = self.tiles();
        let (x0, y0) = (tile.0 % columns * self.tile_px, tile.0 / columns * self.tile_px);
        (x0, y0, self.tile_px.min(self.width_px - x0), self.tile_px.min(self.height_px - y0))
    }

    /// Pixels of a tile.
    pub fn tile_pixel_count(&self, tile: TileIndex) -> u32 {
        let (_, _, width_px, height_px) = self.tile_rectangle(tile);
        width_px * height_px
    }

    /// Blocks in a row and in a column of the frame.
    pub fn blocks(&self) -> (u32, u32) {
        (self.width_px.div_ceil(BLOCK_PX), self.height_px.div_ceil(BLOCK_PX))
    }

    /// Blocks of a tile, row-major; those of edge tiles end where the frame's grid of blocks ends.
    pub fn tile_blocks(&self, tile: TileIndex) -> impl Iterator<Item = BlockAt> + use<> {
        let (columns, _) = self.tiles();
        let (across, down) = self.blocks();
        let edge = self.tile_px / BLOCK_PX;
        let (x0, y0) = (tile.0 % columns * edge, tile.0 / columns * edge);
        let (x1, y1) = ((x0 + edge).min(across), (y0 + edge).min(down));
        (y0..y1).flat_map(move |y| (x0..x1).map(move |x| BlockAt { x: x as u16, y: y as u16 }))
    }

    /// How many blocks [`Grid::tile_blocks`] yields.
    pub fn tile_block_count(&self, tile: TileIndex) -> u32 {
        let (columns, _) = self.tiles();
        let (across, down) = self.blocks();
        let edge = self.tile_px / BLOCK_PX;
        let (x0, y0) = (tile.0 % columns * edge, tile.0 / columns * edge);
        ((x0 + edge).min(across) - x0) * ((y0 + edge).min(down) - y0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_block_once() {
        for tile_px in [8, 32, 64, 96] {
            let grid = Grid::new(250, 131, tile_px).unwrap();
            let mut blocks: Vec<_> =
                (0..grid.tile_count()).flat_map(|t| grid.tile_blocks(TileIndex(t))).collect();
            let counted: u32 = (0..grid.tile_count()).map(|t| grid.tile_block_count(TileIndex(t))).sum();
            assert_eq!(counted as usize, blocks.len());
            blocks.sort();
            blocks.dedup();
            assert_eq!(blocks.len(), 32 * 17);
            let pixels: u32 = (0..grid.tile_count()).map(|t| grid.tile_pixel_count(TileIndex(t))).sum();
            assert_eq!(pixels, 250 * 131);
        }
    }

    #[test]
    fn bad_grids_are_refused() {
        assert_eq!(Grid::new(0, 8, 64), Err(GridError::Frame(0, 8)));
        assert_eq!(Grid::new(8, 8, 12), Err(GridError::Tile(12)));
    }
}
