//! The integer film: what a kernel returns for a pixel, how it adds up and what is hashed. Knows no colour beyond its scale.

use crate::digest::Digest;
use crate::grid::{BLOCK_PIXELS, BLOCK_PX, BlockAt};

/// Words of a [`PixelRecord`] as the kernel writes it.
pub const PIXEL_WORDS: usize = 12;

/// What the kernel returns for one pixel and a range of samples. Pixels outside the frame are all zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct PixelRecord {
    /// Sums of radiance, red, green and blue, each a signed 64-bit fixed-point number as (low, high) words: value × 2^k.
    pub rgb: [[u32; 2]; 3],
    /// Samples whose camera ray met geometry.
    pub covered: u32,
    /// Samples that the per-sample clamp changed.
    pub clamped: u32,
    /// Rays from the camera, those continued through alpha included.
    pub camera_rays: u32,
    /// Rays scattered by a surface, those continued through alpha included.
    pub bounce_rays: u32,
    /// Rays towards lights, those continued through alpha included.
    pub shadow_rays: u32,
    /// Zero.
    pub reserved: u32,
}

/// The pixels of one block, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPixels(pub Box<[PixelRecord; BLOCK_PIXELS]>);

/// Bytes of a block on the wire and in its digest.
pub const BLOCK_BYTES: usize = BLOCK_PIXELS * PIXEL_WORDS * 4;

/// Rays by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Rays {
    pub camera: u64,
    pub bounce: u64,
    pub shadow: u64,
}

impl Rays {
    pub fn total(&self) -> u64 {
        self.camera + self.bounce + self.shadow
    }
}

impl std::ops::AddAssign for Rays {
    fn add_assign(&mut self, other: Rays) {
        self.camera += other.camera;
        self.bounce += other.bounce;
        self.shadow += other.shadow;
    }
}

impl BlockPixels {
    pub fn zeroed() -> BlockPixels {
        BlockPixels(Box::new([PixelRecord::default(); BLOCK_PIXELS]))
    }

    /// The block as its little-endian words.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::bytes_of(&*self.0)
    }

    /// A block from [`BLOCK_BYTES`] bytes; `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<BlockPixels> {
        if bytes.len() != BLOCK_BYTES {
            return None;
        }
        let mut block = BlockPixels::zeroed();
        bytemuck::bytes_of_mut(&mut *block.0).copy_from_slice(bytes);
        Some(block)
    }

    /// What a worker commits to and a check compares: the block's place, its samples and every word of its pixels.
    pub fn digest(&self, at: BlockAt, samples: std::ops::Range<u32>) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"tessera block 1\0");
        for word in [u32::from(at.x), u32::from(at.y), samples.start, samples.end] {
            hasher.update(&word.to_le_bytes());
        }
        hasher.update(self.bytes());
        Digest(*hasher.finalize().as_bytes())
    }

    /// Rays that the block cost.
    pub fn rays(&self) -> Rays {
        let mut rays = Rays::default();
        for pixel in self.0.iter() {
            rays.camera += u64::from(pixel.camera_rays);
            rays.bounce += u64::from(pixel.bounce_rays);
            rays.shadow += u64::from(pixel.shadow_rays);
        }
        rays
    }
}

/// The sum of a pixel over any set of samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FilmPixel {
    pub rgb: [i64; 3],
    pub covered: u32,
    pub clamped: u32,
}

/// Bytes of a [`FilmPixel`] on the wire and on disk.
pub const FILM_PIXEL_BYTES: usize = 32;

impl FilmPixel {
    /// Red, green and blue, covered, clamped; little-endian.
    pub fn to_wire(self) -> [u8; FILM_PIXEL_BYTES] {
        let mut bytes = [0u8; FILM_PIXEL_BYTES];
        for (place, sum) in bytes.chunks_exact_mut(8).zip(self.rgb) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        bytes[24..28].copy_from_slice(&self.covered.to_le_bytes());
        bytes[28..].copy_from_slice(&self.clamped.to_le_bytes());
        bytes
    }

    pub fn from_wire(bytes: &[u8; FILM_PIXEL_BYTES]) -> FilmPixel {
        let sum = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let count = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        FilmPixel { rgb: [sum(0), sum(8), sum(16)], covered: count(24), clamped: count(28) }
    }

    /// Linear radiance (red, green, blue) and coverage in 0..=1 for `samples` samples on a film of this scale: one division in
    /// f64 each, rounded to f32. These are the floats of an EXR.
    pub fn resolve(&self, scale_log2: u32, samples: u32) -> [f32; 4] {
        let unit = f64::from(samples.max(1)) * (1u64 << scale_log2) as f64;
        let [r, g, b] = self.rgb.map(|sum| (sum as f64 / unit) as f32);
        [r, g, b, (f64::from(self.covered) / f64::from(samples.max(1))) as f32]
    }
}

impl From<&PixelRecord> for FilmPixel {
    fn from(record: &PixelRecord) -> FilmPixel {
        let rgb = record.rgb.map(|[low, high]| (u64::from(high) << 32 | u64::from(low)) as i64);
        FilmPixel { rgb, covered: record.covered, clamped: record.clamped }
    }
}

/// The integer film of a whole frame. Addition is associative and commutative, so blocks may arrive in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Film {
    pub width_px: u32,
    pub height_px: u32,
    /// k: a radiance of one is 2^k.
    pub scale_log2: u32,
    pub pixels: Vec<FilmPixel>,
    pub rays: Rays,
}

impl Film {
    /// A black film. The caller has checked the size with [`crate::grid::Grid::new`].
    pub fn new(width_px: u32, height_px: u32, scale_log2: u32) -> Film {
        let pixels = vec![FilmPixel::default(); width_px as usize * height_px as usize];
        Film { width_px, height_px, scale_log2, pixels, rays: Rays::default() }
    }

    /// Adds one block's samples. Sums wrap like two's complement; the package's scale is chosen so that honest ones cannot.
    pub fn add(&mut self, at: BlockAt, block: &BlockPixels) {
        let (x0, y0) = (u32::from(at.x) * BLOCK_PX, u32::from(at.y) * BLOCK_PX);
        for (i, record) in block.0.iter().enumerate() {
            let (x, y) = (x0 + i as u32 % BLOCK_PX, y0 + i as u32 / BLOCK_PX);
            if x >= self.width_px || y >= self.height_px {
                continue;
            }
            let pixel = &mut self.pixels[y as usize * self.width_px as usize + x as usize];
            let added = FilmPixel::from(record);
            for (sum, more) in pixel.rgb.iter_mut().zip(added.rgb) {
                *sum = sum.wrapping_add(more);
            }
            pixel.covered = pixel.covered.wrapping_add(added.covered);
            pixel.clamped = pixel.clamped.wrapping_add(added.clamped);
        }
        self.rays += block.rays();
    }

    /// Sets a block's pixels back to zero. The rays that they cost stay counted.
    pub fn clear(&mut self, at: BlockAt) {
        let (x0, y0) = (u32::from(at.x) * BLOCK_PX, u32::from(at.y) * BLOCK_PX);
        let (x1, y1) = ((x0 + BLOCK_PX).min(self.width_px), (y0 + BLOCK_PX).min(self.height_px));
        for y in y0..y1 {
            let row = y as usize * self.width_px as usize;
            self.pixels[row + x0 as usize..row + x1 as usize].fill(FilmPixel::default());
        }
    }

    /// The digest that `render` and `fetch` print: size, scale and every pixel's sums, row-major, little-endian.
    pub fn digest(&self) -> Digest {
        let mut hasher = FilmHasher::new(self.width_px, self.height_px, self.scale_log2);
        self.pixels.iter().for_each(|pixel| hasher.add(pixel));
        hasher.finish()
    }

    /// Linear radiance of a pixel and its coverage in 0..=1 for `samples` samples.
    pub fn resolve(&self, x: u32, y: u32, samples: u32) -> [f32; 4] {
        let pixel = &self.pixels[y as usize * self.width_px as usize + x as usize];
        pixel.resolve(self.scale_log2, samples)
    }
}

/// [`Film::digest`] of a film that is read pixel by pixel, row-major.
#[derive(Clone, Debug)]
pub struct FilmHasher(blake3::Hasher);

impl FilmHasher {
    pub fn new(width_px: u32, height_px: u32, scale_log2: u32) -> FilmHasher {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"tessera film 1\0");
        for word in [width_px, height_px, scale_log2] {
            hasher.update(&word.to_le_bytes());
        }
        FilmHasher(hasher)
    }

    pub fn add(&mut self, pixel: &FilmPixel) {
        self.0.update(&pixel.to_wire());
    }

    pub fn finish(self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn films_add_in_any_order() {
        let mut block = BlockPixels::zeroed();
        block.0[3].rgb[1] = [u32::MAX, 0];
        block.0[3].covered = 2;
        let mut other = BlockPixels::zeroed();
        other.0[3].rgb[1] = [1, 0];
        let at = BlockAt { x: 1, y: 0 };
        let (mut a, mut b) = (Film::new(16, 8, 20), Film::new(16, 8, 20));
        a.add(at, &block);
        a.add(at, &other);
        b.add(at, &other);
        b.add(at, &block);
        assert_eq!(a.digest(), b.digest());
        assert_eq!(a.pixels[11].rgb[1], 1 << 32);
    }

    #[test]
    fn a_cleared_block_is_black_and_its_neighbours_are_not() {
        let mut block = BlockPixels::zeroed();
        block.0.iter_mut().for_each(|pixel| pixel.covered = 1);
        let mut film = Film::new(12, 9, 20);
        for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            film.add(BlockAt { x, y }, &block);
        }
        film.clear(BlockAt { x: 1, y: 0 });
        let covered: u32 = film.pixels.iter().map(|pixel| pixel.covered).sum();
        assert_eq!(
            (covered, film.pixels[8].covered, film.pixels[8 * 12 + 8].covered),
            (12 * 9 - 4 * 8, 0, 1)
        );
    }

    #[test]
    fn a_film_pixel_survives_the_wire() {
        let pixel = FilmPixel { rgb: [-1, i64::MAX, 3], covered: 4, clamped: u32::MAX };
        assert_eq!(FilmPixel::from_wire(&pixel.to_wire()), pixel);
    }

    #[test]
    fn a_block_survives_its_bytes() {
        let mut block = BlockPixels::zeroed();
        block.0[63].shadow_rays = 9;
        assert_eq!(BlockPixels::from_bytes(block.bytes()), Some(block.clone()));
        assert_eq!(BlockPixels::from_bytes(&block.bytes()[1..]), None);
        let at = BlockAt { x: 0, y: 0 };
        assert_ne!(block.digest(at, 0..4), block.digest(at, 0..5));
    }
}
