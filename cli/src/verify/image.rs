//! An EXR's pixels against a receipt's tree, bit for bit: which tiles, which blocks, and whether two tiles changed places. Reads
//! 32-bit and 16-bit channels as they are; knows no renderer.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use exr::prelude::*;
use tessera_shared::digest::Digest;
use tessera_shared::grid::{BlockAt, Grid};
use tessera_shared::ids::TileIndex;
use tessera_shared::receipt::Receipt;
use tessera_shared::receipt::blocks::{BlockExtent, FrameBlocks, extents};

use super::report::{Finding, tile_of};
use crate::receipt::BlocksFile;

/// Largest image file that is read.
const FILE_BYTES_MAX: u64 = 16 << 30;
/// Most channels of an image: they are all read.
const CHANNELS_MAX: usize = 16;
/// Wrong tiles among which pairs are looked for that changed places.
const TILES_PAIRED_MAX: usize = 64;
/// Wrong blocks of an image whose pixels are named, by rendering them again.
const DOUBTFUL_MAX: usize = 4;

/// Red, green, blue and alpha, as the file has them; row-major.
#[derive(Debug)]
pub enum Pixels {
    Single(Vec<[u32; 4]>),
    Half(Vec<[u16; 4]>),
}

/// An image as a receipt's files are.
#[derive(Debug)]
pub struct Image {
    grid: Grid,
    /// What its attribute `tessera.frame` says.
    frame: Option<u32>,
    pixels: Pixels,
}

/// A block of an image that is not the receipt's: its bits, for the comparison with what this machine renders.
#[derive(Debug)]
pub struct Doubtful {
    pub file: String,
    pub frame: u32,
    pub extent: BlockExtent,
    /// Widened to 32 bits each.
    pub pixels: Vec<[u32; 4]>,
    pub half: bool,
}

impl Image {
    /// Reads an image of the grid's size.
    pub fn read(path: &Path, grid: &Grid) -> Result<Image> {
        let shown = || path.display().to_string();
        let length = std::fs::metadata(path).with_context(shown)?.len();
        if length > FILE_BYTES_MAX {
            bail!("{}: {length} bytes; at most {FILE_BYTES_MAX} are read", path.display());
        }
        let bytes = std::fs::read(path).with_context(shown)?;
        Image::decode(&bytes, grid).with_context(shown)
    }

    fn decode(bytes: &[u8], grid: &Grid) -> Result<Image> {
        let meta = exr::meta::MetaData::read_from_buffered(std::io::Cursor::new(bytes), false);
        let meta = meta.context("it is no OpenEXR image; a PNG is not covered by a receipt")?;
        let size = (grid.width_px as usize, grid.height_px as usize);
        if meta.headers.len() != 1 || meta.headers[0].channels.list.len() > CHANNELS_MAX {
            bail!("a receipt is of images of one part and at most {CHANNELS_MAX} channels");
        }
        for header in &meta.headers {
            let found = (header.layer_size.width(), header.layer_size.height());
            if found != size {
                bail!("{}×{} pixels; the receipt is of {}×{}", found.0, found.1, size.0, size.1);
            }
        }
        let reader =
            read().no_deep_data().largest_resolution_level().all_channels().all_layers().all_attributes();
        let image =
            reader.from_buffered(std::io::Cursor::new(bytes)).context("it is no whole OpenEXR image")?;
        let layer = image.layer_data.first().context("it has no layer")?;
        let frame = layer.attributes.other.get(&Text::from("tessera.frame"));
        let frame = frame.and_then(|value| match value {
            AttributeValue::Text(text) => text.to_string().parse().ok(),
            _ => None,
        });
        Ok(Image { grid: *grid, frame, pixels: channels(layer)? })
    }

    /// What of the image is not as the receipt says.
    pub fn compare(&self, path: &Path, receipt: &Receipt, blocks: &mut BlocksFile) -> Result<Vec<Finding>> {
        let file = path.display().to_string();
        let frame = match (self.frame, receipt.frames.as_slice()) {
            (Some(frame), _) => frame,
            (None, [only]) => only.facts.frame,
            (None, _) => {
                bail!("{file}: it lacks the attribute `tessera.frame`, so which frame it is of is not known")
            }
        };
        if !receipt.frames.iter().any(|signed| signed.facts.frame == frame) {
            return Ok(vec![Finding::NotCovered { file, frame }]);
        }
        let blocks = blocks.frame(frame)?;
        let mut wrong: BTreeMap<TileIndex, Vec<BlockAt>> = BTreeMap::new();
        for (extent, entry) in extents(&self.grid).zip(0..) {
            if self.digest(extent, extent) != self.signed(blocks, entry) {
                wrong.entry(tile_of(&self.grid, extent.at)).or_default().push(extent.at);
            }
        }
        let swapped = self.swapped(&wrong, blocks);
        let mut findings = Vec::new();
        for (a, b) in swapped {
            wrong.remove(&a);
            wrong.remove(&b);
            findings.push(Finding::SwappedTiles { file: file.clone(), frame, tiles: (a, b) });
        }
        findings.extend(wrong.into_iter().map(|(tile, wrong)| {
            let of = self.grid.tile_block_count(tile);
            Finding::ImageTile { file: file.clone(), frame, tile, wrong, of }
        }));
        Ok(findings)
    }

    /// A few of the blocks that were found wrong.
    pub fn doubtful(&self, findings: &[Finding]) -> Vec<Doubtful> {
        let wrong = findings.iter().filter_map(|finding| match finding {
            Finding::ImageTile { file, frame, wrong, .. } => Some((file, *frame, wrong)),
            _ => None,
        });
        let blocks = wrong.flat_map(|(file, frame, wrong)| wrong.iter().map(move |at| (file, frame, *at)));
        let block = |(file, frame, at): (&String, u32, BlockAt)| {
            let extent = BlockExtent::new(&self.grid, at)?;
            let bits = |(x, y): (u32, u32)| {
                let place = y as usize * self.grid.width_px as usize + x as usize;
                match &self.pixels {
                    Pixels::Single(pixels) => pixels[place],
                    Pixels::Half(pixels) => pixels[place].map(u32::from),
                }
            };
            let pixels = extent.pixels().map(bits).collect();
            let half = matches!(self.pixels, Pixels::Half(_));
            Some(Doubtful { file: file.clone(), frame, extent, pixels, half })
        };
        blocks.filter_map(block).take(DOUBTFUL_MAX).collect()
    }

    /// The digest that the pixels of `from` would have at the place of `to`, which is of the same size.
    fn digest(&self, from: BlockExtent, to: BlockExtent) -> Digest {
        let place = |(x, y): (u32, u32)| y as usize * self.grid.width_px as usize + x as usize;
        let places = from.pixels().map(place);
        match &self.pixels {
            Pixels::Single(pixels) => to.exr_digest(places.map(|place| pixels[place])),
            Pixels::Half(pixels) => to.exr_half_digest(places.map(|place| pixels[place])),
        }
    }

    /// What the receipt says of the block at a count over the frame.
    fn signed(&self, blocks: &FrameBlocks, at: usize) -> Digest {
        match self.pixels {
            Pixels::Single(_) => blocks.0[at].exr,
            Pixels::Half(_) => blocks.0[at].exr_half,
        }
    }

    /// Pairs of wrong tiles each of which has the other's pixels.
    fn swapped(
        &self,
        wrong: &BTreeMap<TileIndex, Vec<BlockAt>>,
        blocks: &FrameBlocks,
    ) -> Vec<(TileIndex, TileIndex)> {
        let tiles: Vec<TileIndex> = wrong.keys().copied().collect();
        if tiles.len() > TILES_PAIRED_MAX {
            return Vec::new();
        }
        let mut pairs: Vec<(TileIndex, TileIndex)> = Vec::new();
        for (place, a) in tiles.iter().enumerate() {
            for b in &tiles[place + 1..] {
                let free = pairs.iter().all(|(c, d)| ![c, d].contains(&a) && ![c, d].contains(&b));
                if free && self.is_at(*a, *b, blocks) && self.is_at(*b, *a, blocks) {
                    pairs.push((*a, *b));
                }
            }
        }
        pairs
    }

    /// Whether the pixels at tile `from` are those of tile `to`.
    fn is_at(&self, from: TileIndex, to: TileIndex, blocks: &FrameBlocks) -> bool {
        let (across, _) = self.grid.blocks();
        let extents = |tile| self.grid.tile_blocks(tile).filter_map(|at| BlockExtent::new(&self.grid, at));
        let (sources, places): (Vec<_>, Vec<_>) = (extents(from).collect(), extents(to).collect());
        let alike = |(from, to): (&BlockExtent, &BlockExtent)| {
            let count = to.at.y as usize * across as usize + to.at.x as usize;
            (from.width_px, from.height_px) == (to.width_px, to.height_px)
                && self.digest(*from, *to) == self.signed(blocks, count)
        };
        sources.len() == places.len() && sources.iter().zip(&places).all(alike)
    }
}

/// The layer's four channels, all of them 32-bit or all of them 16-bit floats.
fn channels(layer: &Layer<AnyChannels<FlatSamples>>) -> Result<Pixels> {
    let channel = |name: &str| {
        let mut channels = layer.channel_data.list.iter();
        let found = channels.find(|channel| channel.name.to_string() == name);
        found.map(|channel| &channel.sample_data).with_context(|| format!("it has no channel {name}"))
    };
    match [channel("R")?, channel("G")?, channel("B")?, channel("A")?] {
        [FlatSamples::F32(r), FlatSamples::F32(g), FlatSamples::F32(b), FlatSamples::F32(a)] => {
            let pixel = |at: usize| [r[at], g[at], b[at], a[at]].map(f32::to_bits);
            Ok(Pixels::Single((0..r.len()).map(pixel).collect()))
        }
        [FlatSamples::F16(r), FlatSamples::F16(g), FlatSamples::F16(b), FlatSamples::F16(a)] => {
            let pixel = |at: usize| [r[at], g[at], b[at], a[at]].map(f16::to_bits);
            Ok(Pixels::Half((0..r.len()).map(pixel).collect()))
        }
        _ => bail!("its channels are neither all 32-bit nor all 16-bit floats"),
    }
}
