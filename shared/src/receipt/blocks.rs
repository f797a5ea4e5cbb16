//! What a receipt says of a frame's blocks: the digests of their film and of the pixels that image files hold, and the file of
//! them that lies beside a receipt. `docs/receipts.md` states the bytes. Knows no image format.

use crate::digest::Digest;
use crate::film::{BlockPixels, Film, FilmHasher, FilmPixel};
use crate::grid::{BLOCK_PX, BlockAt, Grid};
use crate::receipt::merkle::{Tree, TreeOf};

const FILM: &[u8] = b"tessera film block 1\0";
const EXR: &[u8] = b"tessera exr block 1\0";
const EXR_HALF: &[u8] = b"tessera exr-half block 1\0";

/// The first bytes of a file of block digests.
pub const BLOCKS_MAGIC: &[u8; 16] = b"tessera blocks 1";
/// Bytes of one block in such a file: its film's digest, its 32-bit pixels' and its 16-bit pixels'.
pub const BLOCK_ENTRY_BYTES: usize = 96;
/// Largest magnitude of a 16-bit output.
pub const HALF_MAX: f32 = 65504.0;

/// A block's place and the part of it that lies in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockExtent {
    pub at: BlockAt,
    /// 1 to 8 pixels.
    pub width_px: u32,
    pub height_px: u32,
}

impl BlockExtent {
    /// `None` outside the frame.
    pub fn new(grid: &Grid, at: BlockAt) -> Option<BlockExtent> {
        let left = |edge: u32, at: u16| edge.checked_sub(u32::from(at) * BLOCK_PX).filter(|left| *left > 0);
        let (width, height) = (left(grid.width_px, at.x)?, left(grid.height_px, at.y)?);
        Some(BlockExtent { at, width_px: width.min(BLOCK_PX), height_px: height.min(BLOCK_PX) })
    }

    /// The pixels' places in the frame, row-major.
    pub fn pixels(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let BlockExtent { at, width_px, height_px } = *self;
        let (x0, y0) = (u32::from(at.x) * BLOCK_PX, u32::from(at.y) * BLOCK_PX);
        (y0..y0 + height_px).flat_map(move |y| (x0..x0 + width_px).map(move |x| (x, y)))
    }

    fn hasher(&self, domain: &[u8]) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new();
        hasher.update(domain);
        for word in [u32::from(self.at.x), u32::from(self.at.y), self.width_px, self.height_px] {
            hasher.update(&word.to_le_bytes());
        }
        hasher
    }

    /// The digest of the block's film; pixels as [`BlockExtent::pixels`] orders them.
    pub fn film_digest(&self, pixels: impl IntoIterator<Item = FilmPixel>) -> Digest {
        let mut hasher = self.hasher(FILM);
        for pixel in pixels {
            hasher.update(&pixel.to_wire());
        }
        Digest(*hasher.finalize().as_bytes())
    }

    /// The digest of the block's 32-bit pixels: red, green, blue and coverage of each, as the bits of floats.
    pub fn exr_digest(&self, pixels: impl IntoIterator<Item = [u32; 4]>) -> Digest {
        let mut hasher = self.hasher(EXR);
        for channel in pixels.into_iter().flatten() {
            hasher.update(&channel.to_le_bytes());
        }
        Digest(*hasher.finalize().as_bytes())
    }

    /// As [`BlockExtent::exr_digest`], of 16-bit pixels.
    pub fn exr_half_digest(&self, pixels: impl IntoIterator<Item = [u16; 4]>) -> Digest {
        let mut hasher = self.hasher(EXR_HALF);
        for channel in pixels.into_iter().flatten() {
            hasher.update(&channel.to_le_bytes());
        }
        Digest(*hasher.finalize().as_bytes())
    }

    /// All three digests of a block whose film this is.
    fn entry(&self, pixels: &[FilmPixel], scale_log2: u32, samples: u32) -> BlockEntry {
        let resolved = || pixels.iter().map(|pixel| pixel.resolve(scale_log2, samples));
        BlockEntry {
            film: self.film_digest(pixels.iter().copied()),
            exr: self.exr_digest(resolved().map(|pixel| pixel.map(f32::to_bits))),
            exr_half: self.exr_half_digest(resolved().map(|pixel| pixel.map(half_bits))),
        }
    }

    /// The part of a rendered block that lies in the frame, as film.
    pub fn film_of(&self, block: &BlockPixels) -> Vec<FilmPixel> {
        let records = block.0.chunks_exact(BLOCK_PX as usize).take(self.height_px as usize);
        records.flat_map(|row| &row[..self.width_px as usize]).map(FilmPixel::from).collect()
    }
}

/// A pixel of a 16-bit output: clamped at ±65504, rounded to the nearest half, ties to even.
pub fn half_bits(value: f32) -> u16 {
    half::f16::from_f32(value.clamp(-HALF_MAX, HALF_MAX)).to_bits()
}

/// One block's digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    pub film: Digest,
    pub exr: Digest,
    pub exr_half: Digest,
}

/// The roots of a frame's three trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roots {
    pub film: Digest,
    pub exr: Digest,
    pub exr_half: Digest,
}

/// The digests of every block of a frame, row-major on its grid of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameBlocks(pub Vec<BlockEntry>);

impl FrameBlocks {
    /// Of a whole film with so many samples a pixel.
    pub fn of(film: &Film, samples: u32) -> FrameBlocks {
        let mut bands = Bands::new(film.width_px, film.height_px, film.scale_log2, samples);
        film.pixels.chunks(film.width_px.max(1) as usize).for_each(|row| bands.add(row));
        FrameBlocks(bands.entries)
    }

    pub fn roots(&self) -> Roots {
        let root = |of: TreeOf, leaf: fn(&BlockEntry) -> Digest| {
            Tree::new(of, &self.0.iter().map(leaf).collect::<Vec<_>>()).root()
        };
        Roots {
            film: root(TreeOf::Film, |entry| entry.film),
            exr: root(TreeOf::Exr, |entry| entry.exr),
            exr_half: root(TreeOf::ExrHalf, |entry| entry.exr_half),
        }
    }

    /// [`BLOCK_ENTRY_BYTES`] a block.
    pub fn to_bytes(&self) -> Vec<u8> {
        let parts = self.0.iter().flat_map(|entry| [entry.film.0, entry.exr.0, entry.exr_half.0]);
        parts.flatten().collect()
    }

    /// `None` unless the length is that of whole blocks.
    pub fn from_bytes(bytes: &[u8]) -> Option<FrameBlocks> {
        let (digests, rest) = bytes.as_chunks::<32>();
        let (entries, odd) = digests.as_chunks::<3>();
        let entry = |[film, exr, exr_half]: &[[u8; 32]; 3]| BlockEntry {
            film: Digest(*film),
            exr: Digest(*exr),
            exr_half: Digest(*exr_half),
        };
        (rest.is_empty() && odd.is_empty()).then(|| FrameBlocks(entries.iter().map(entry).collect()))
    }
}

/// The digests of a film that is read row by row: eight rows are in memory at a time.
#[derive(Debug)]
pub struct Bands {
    grid: Grid,
    scale_log2: u32,
    samples: u32,
    /// Rows of the band that is not whole yet, one after the other.
    band: Vec<FilmPixel>,
    /// Rows that were added.
    rows: u32,
    film: FilmHasher,
    entries: Vec<BlockEntry>,
}

impl Bands {
    /// Of a film of this size and scale with so many samples a pixel.
    pub fn new(width_px: u32, height_px: u32, scale_log2: u32, samples: u32) -> Bands {
        Bands {
            grid: Grid { width_px, height_px, tile_px: BLOCK_PX },
            scale_log2,
            samples,
            band: Vec::new(),
            rows: 0,
            film: FilmHasher::new(width_px, height_px, scale_log2),
            entries: Vec::new(),
        }
    }

    /// Adds the next row, which has as many pixels as the film is wide.
    pub fn add(&mut self, row: &[FilmPixel]) {
        row.iter().for_each(|pixel| self.film.add(pixel));
        self.band.extend_from_slice(row);
        self.rows += 1;
        if self.rows.is_multiple_of(BLOCK_PX) || self.rows == self.grid.height_px {
            self.close();
        }
    }

    /// The film's digest and its blocks', once every row was added.
    pub fn finish(self) -> (Digest, FrameBlocks) {
        (self.film.finish(), FrameBlocks(self.entries))
    }

    /// Digests the blocks of the band.
    fn close(&mut self) {
        let (width, top) = (self.grid.width_px as usize, (self.rows - 1) / BLOCK_PX);
        let (across, _) = self.grid.blocks();
        let mut pixels = Vec::with_capacity((BLOCK_PX * BLOCK_PX) as usize);
        for x in 0..across {
            let at = BlockAt { x: x as u16, y: top as u16 };
            let Some(extent) = BlockExtent::new(&self.grid, at) else { continue };
            pixels.clear();
            let place = |(x, y): (u32, u32)| (y - top * BLOCK_PX) as usize * width + x as usize;
            pixels.extend(extent.pixels().map(|at| self.band[place(at)]));
            self.entries.push(extent.entry(&pixels, self.scale_log2, self.samples));
        }
        self.band.clear();
    }
}

/// Every block of a frame, row-major on its grid.
pub fn extents(grid: &Grid) -> impl Iterator<Item = BlockExtent> + use<> {
    let grid = *grid;
    let (across, down) = grid.blocks();
    let places = (0..down).flat_map(move |y| (0..across).map(move |x| BlockAt { x: x as u16, y: y as u16 }));
    places.filter_map(move |at| BlockExtent::new(&grid, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLES: u32 = 3;

    /// A film whose pixels are all different.
    fn film(width_px: u32, height_px: u32) -> Film {
        let mut film = Film::new(width_px, height_px, 20);
        for (at, pixel) in film.pixels.iter_mut().enumerate() {
            let sum = (at as i64 + 1) << 18;
            *pixel = FilmPixel { rgb: [sum, sum + 1, 2 * sum], covered: at as u32 % 4, clamped: 0 };
        }
        film
    }

    #[test]
    fn edge_blocks_end_with_the_frame() {
        let grid = Grid::new(20, 9, 64).unwrap();
        let all: Vec<BlockExtent> = extents(&grid).collect();
        let pixels: Vec<(u32, u32)> = all.iter().flat_map(BlockExtent::pixels).collect();
        assert_eq!((all.len(), pixels.len()), (6, 20 * 9));
        assert_eq!(all[5], BlockExtent { at: BlockAt { x: 2, y: 1 }, width_px: 4, height_px: 1 });
        assert_eq!(BlockExtent::new(&grid, BlockAt { x: 3, y: 0 }), None);
        assert_eq!(BlockExtent::new(&grid, BlockAt { x: 0, y: 2 }), None);
    }

    #[test]
    fn a_rendered_block_has_the_digest_of_the_film_that_it_was_added_to() {
        let mut block = BlockPixels::zeroed();
        for (at, record) in block.0.iter_mut().enumerate() {
            record.rgb[2] = [at as u32, 7];
            record.covered = 1;
        }
        let mut film = Film::new(20, 9, 20);
        let at = BlockAt { x: 2, y: 1 };
        film.add(at, &block);
        let extent = BlockExtent::new(&Grid::new(20, 9, 64).unwrap(), at).unwrap();
        let rendered = extent.film_digest(extent.film_of(&block));
        assert_eq!(FrameBlocks::of(&film, SAMPLES).0[5].film, rendered);
    }

    #[test]
    fn rows_make_the_digests_of_their_film() {
        let film = film(20, 9);
        let mut bands = Bands::new(20, 9, film.scale_log2, SAMPLES);
        film.pixels.chunks(20).for_each(|row| bands.add(row));
        let (digest, blocks) = bands.finish();
        assert_eq!((digest, blocks.0.len()), (film.digest(), 6));
        // The last block by its pixels alone.
        let extent = BlockExtent::new(&Grid::new(20, 9, 64).unwrap(), BlockAt { x: 2, y: 1 }).unwrap();
        assert_eq!(blocks.0[5], extent.entry(&film.pixels[8 * 20 + 16..], film.scale_log2, SAMPLES));
    }

    #[test]
    fn halves_are_clamped_and_rounded_to_even() {
        let halves = [0.0, 1.0, 1e6, -1e6, 1.0 + 1.0 / 2048.0, 1.0 + 3.0 / 2048.0].map(half_bits);
        assert_eq!(halves, [0, 0x3c00, 0x7bff, 0xfbff, 0x3c00, 0x3c02]);
    }

    #[test]
    fn the_file_of_blocks_is_read_as_it_was_written() {
        let blocks = FrameBlocks::of(&film(20, 9), SAMPLES);
        let bytes = blocks.to_bytes();
        assert_eq!(bytes.len(), 6 * BLOCK_ENTRY_BYTES);
        assert_eq!(FrameBlocks::from_bytes(&bytes), Some(blocks));
        assert_eq!(FrameBlocks::from_bytes(&bytes[..bytes.len() - 32]), None);
        assert_eq!(FrameBlocks::from_bytes(&bytes[..bytes.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn any_flipped_bit_of_a_film_moves_its_block_and_its_root(at in 0usize..180, byte in 0usize..32, bit in 0u8..8) {
            let before = FrameBlocks::of(&film(20, 9), SAMPLES);
            let mut film = film(20, 9);
            let mut wire = film.pixels[at].to_wire();
            wire[byte] ^= 1 << bit;
            film.pixels[at] = FilmPixel::from_wire(&wire);
            let after = FrameBlocks::of(&film, SAMPLES);
            let moved: Vec<usize> = (0..6).filter(|block| before.0[*block].film != after.0[*block].film).collect();
            let (x, y) = (at % 20, at / 20);
            prop_assert_eq!(moved, vec![y / 8 * 3 + x / 8]);
            prop_assert_ne!(before.roots().film, after.roots().film);
        }

        #[test]
        fn any_flipped_bit_of_a_pixel_moves_its_blocks_digest(at in 0usize..64, channel in 0usize..4, bit in 0u32..32) {
            let extent = BlockExtent::new(&Grid::new(8, 8, 8).unwrap(), BlockAt { x: 0, y: 0 }).unwrap();
            let mut pixels = vec![[1u32, 2, 3, 4]; 64];
            let mut halves = vec![[1u16, 2, 3, 4]; 64];
            let before = (extent.exr_digest(pixels.clone()), extent.exr_half_digest(halves.clone()));
            pixels[at][channel] ^= 1 << bit;
            halves[at][channel] ^= 1 << (bit % 16);
            prop_assert_ne!(before.0, extent.exr_digest(pixels));
            prop_assert_ne!(before.1, extent.exr_half_digest(halves));
        }
    }
}
