//! A lease as blocks to render, checked against the package's grid, and the digests of those blocks as its answer.

use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::grid::Grid;
use tessera_shared::ids::LeaseId;
use tessera_shared::lease::{BlockPass, Checked, Commit, Work};
use tessera_shared::package::manifest::SAMPLES_MAX;

/// Why a lease cannot be rendered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidLease {
    #[error("the lease names tile {0}, the frame has {1}")]
    Tile(u32, u32),
    #[error("the lease names block ({0}, {1}), the frame has {2}×{3}")]
    Block(u16, u16, u32, u32),
    #[error("the lease asks for samples {0} to {1}; they must ascend and stay below {SAMPLES_MAX}")]
    Samples(u32, u32),
    #[error("the lease has more than {0} blocks")]
    Large(u32),
    #[error("the lease is empty")]
    Empty,
}

/// The blocks of a lease, in the order of its answer.
pub(crate) fn items(work: &Work, grid: &Grid, blocks_max: u32) -> Result<Vec<BlockPass>, InvalidLease> {
    let items = match work {
        Work::Render(passes) => {
            let (tiles, mut items) = (grid.tile_count(), Vec::new());
            for pass in passes {
                if pass.tile.0 >= tiles {
                    return Err(InvalidLease::Tile(pass.tile.0, tiles));
                }
                if items.len() as u64 + u64::from(grid.tile_block_count(pass.tile)) > u64::from(blocks_max) {
                    return Err(InvalidLease::Large(blocks_max));
                }
                items.extend(grid.tile_blocks(pass.tile).map(|block| BlockPass {
                    frame: pass.frame,
                    block,
                    sample_start: pass.sample_start,
                    sample_end: pass.sample_end,
                }));
            }
            items
        }
        Work::Check(blocks) if blocks.len() > blocks_max as usize => {
            return Err(InvalidLease::Large(blocks_max));
        }
        Work::Check(blocks) => blocks.clone(),
    };
    let (across, down) = grid.blocks();
    for item in &items {
        if u32::from(item.block.x) >= across || u32::from(item.block.y) >= down {
            return Err(InvalidLease::Block(item.block.x, item.block.y, across, down));
        }
        if item.sample_start >= item.sample_end || item.sample_end > SAMPLES_MAX {
            return Err(InvalidLease::Samples(item.sample_start, item.sample_end));
        }
    }
    if items.is_empty() { Err(InvalidLease::Empty) } else { Ok(items) }
}

/// What a finished lease sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    Results(Commit),
    Check(Checked),
}

/// The answer made of the items' digests; `None` if their number is not the lease's.
pub(crate) fn finish(
    lease: LeaseId,
    work: &Work,
    grid: &Grid,
    digests: Vec<Digest>,
    rays: Rays,
) -> Option<Finished> {
    match work {
        Work::Check(blocks) if blocks.len() == digests.len() => {
            Some(Finished::Check(Checked { lease, blocks: digests, rays }))
        }
        Work::Check(_) => None,
        Work::Render(passes) => {
            let (mut tiles, mut rest) = (Vec::with_capacity(passes.len()), digests.as_slice());
            for pass in passes {
                let (tile, after) = rest.split_at_checked(grid.tile_block_count(pass.tile) as usize)?;
                tiles.push(tile.to_vec());
                rest = after;
            }
            rest.is_empty().then_some(Finished::Results(Commit { lease, tiles }))
        }
    }
}
