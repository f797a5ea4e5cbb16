//! A golden tile: a small frame of a sample scene, all of its blocks rendered by a device and compared with a recorded digest.
//! Knows no scene by name: packages are handed to it.

use std::sync::Arc;

use tessera_shared::digest::Digest;
use tessera_shared::grid::{BlockAt, Grid};
use tessera_shared::ids::TileIndex;
use tessera_shared::package::Package;

use super::{Difference, Failure, Recorded};
use crate::backend::{Backend, BlockItem, FrameView, RenderError};
use crate::scene::{PreparedScene, prepare};
use crate::{BuildOptions, cpu_backend};

/// A sample's first frame.
#[derive(Clone, Debug)]
pub struct GoldenTile {
    /// The sample's name.
    pub name: String,
    /// Validated. Its grid is small: every sample of every block is rendered.
    pub package: Arc<Package>,
}

/// A tile ready to be rendered.
struct Staged {
    scene: Arc<PreparedScene>,
    frame: FrameView,
    items: Vec<BlockItem>,
}

impl GoldenTile {
    /// Its name in reports and records.
    pub fn check_name(&self) -> String {
        format!("tile {}", self.name)
    }

    fn stage(&self) -> Result<Staged, String> {
        let first = self.package.manifest.frames.first().map(|frame| frame.number);
        let view = first.and_then(|number| FrameView::of(&self.package.manifest, number));
        let (scene, frame) = view.ok_or("the package has no frame")?;
        let prepared = prepare(&self.package, scene, BuildOptions::default());
        let samples = frame.settings.samples;
        let item = |at| BlockItem { at, sample_start: 0, sample_end: samples };
        let items = blocks(&frame.settings.grid).into_iter().map(item).collect();
        Ok(Staged { scene: Arc::new(prepared.map_err(|error| error.to_string())?), frame, items })
    }

    /// The digest of all blocks' digests on a device.
    pub(super) fn digest(&self, backend: &mut dyn Backend) -> Result<Digest, RenderError> {
        let staged = self.stage().map_err(RenderError::Kernel)?;
        Ok(digest_of(&staged.rendered(backend)?))
    }

    pub(super) fn check(&self, recorded: &Recorded, backend: &mut dyn Backend) -> Option<Failure> {
        let difference = match recorded.get(&self.check_name()) {
            None => Some(Difference::Unrecorded),
            Some(wanted) => {
                self.compare(wanted, backend).unwrap_or_else(|reason| Some(Difference::NoAnswer(reason)))
            }
        };
        difference.map(|difference| Failure { name: self.check_name(), difference })
    }

    fn compare(&self, wanted: Digest, backend: &mut dyn Backend) -> Result<Option<Difference>, String> {
        let staged = self.stage()?;
        let blocks = staged.rendered(backend).map_err(|error| error.to_string())?;
        let got = digest_of(&blocks);
        if got == wanted {
            return Ok(None);
        }
        let expected = staged.rendered(cpu_backend(1).as_mut()).map_err(|error| error.to_string())?;
        let differs = |index: &usize| blocks[*index] != expected[*index];
        let wrong: Vec<usize> = (0..blocks.len()).filter(differs).collect();
        Ok(Some(match wrong.first() {
            None => Difference::Alike { wanted, got },
            Some(&first) => Difference::Blocks {
                failed: wrong.len(),
                of: blocks.len(),
                at: staged.items[first].at,
                wanted: expected[first],
                got: blocks[first],
            },
        }))
    }
}

impl Staged {
    /// The digest of every block, in the items' order.
    fn rendered(&self, backend: &mut dyn Backend) -> Result<Vec<Digest>, RenderError> {
        let pixels = backend.render(&self.scene, &self.frame, &self.items)?;
        if pixels.len() != self.items.len() {
            let reason = format!("{} blocks rendered of {}", pixels.len(), self.items.len());
            return Err(RenderError::Device { device: backend.describe().name, reason });
        }
        let digest = |(item, pixels): (&BlockItem, &tessera_shared::film::BlockPixels)| {
            pixels.digest(item.at, item.sample_start..item.sample_end)
        };
        Ok(self.items.iter().zip(&pixels).map(digest).collect())
    }
}

/// Every block of a frame, tile by tile.
fn blocks(grid: &Grid) -> Vec<BlockAt> {
    (0..grid.tile_count()).flat_map(|tile| grid.tile_blocks(TileIndex(tile))).collect()
}

fn digest_of(blocks: &[Digest]) -> Digest {
    let parts = blocks.iter().map(|digest| &digest.0[..]);
    Digest::of_parts(std::iter::once(&b"tessera tile 1\0"[..]).chain(parts))
}
