//! A frame or one of its tiles as people see it while it is made: the pixels so far and how many samples each tile has.

use std::collections::BTreeSet;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::path::PathBuf;

use tessera_shared::display::Display;
use tessera_shared::film::{FILM_PIXEL_BYTES, Film, FilmPixel};
use tessera_shared::grid::Grid;
use tessera_shared::ids::TileIndex;

use crate::film_file::read_head;

/// What the films' thread knows of a frame; the rest is read beside it.
#[derive(Debug)]
pub(crate) enum Glance {
    /// Here it is.
    Memory(View),
    /// It was finished: the file, the tile that is wanted, and the tiles that have been in doubt since.
    File { path: PathBuf, tile: Option<TileIndex>, in_doubt: BTreeSet<TileIndex> },
}

/// Pixels of a frame or of a tile, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub width_px: u32,
    pub height_px: u32,
    pub scale_log2: u32,
    /// Of the whole frame.
    pub grid: Grid,
    /// The one tile that is shown.
    pub tile: Option<TileIndex>,
    /// Samples by tile; of the one tile alone if it is one.
    pub samples: Vec<u32>,
    pub pixels: Vec<FilmPixel>,
    pub finished: bool,
}

impl View {
    /// Of a film in memory, or of one of its tiles, which is on the grid.
    pub fn of(film: &Film, grid: Grid, samples: &[u32], tile: Option<TileIndex>, finished: bool) -> View {
        let (x0, y0, width_px, height_px) = rectangle(grid, tile);
        let row = |y: u32| {
            let start = y as usize * film.width_px as usize + x0 as usize;
            &film.pixels[start..start + width_px as usize]
        };
        let samples = match tile {
            None => samples.to_vec(),
            Some(tile) => samples.get(tile.0 as usize).copied().into_iter().collect(),
        };
        let pixels = (y0..y0 + height_px).flat_map(row).copied().collect();
        View { width_px, height_px, scale_log2: film.scale_log2, grid, tile, samples, pixels, finished }
    }

    /// Of a frame that has no film yet.
    pub fn empty(grid: Grid, scale_log2: u32, tile: Option<TileIndex>) -> View {
        let (_, _, width_px, height_px) = rectangle(grid, tile);
        let samples = vec![0; tile.map_or(grid.tile_count() as usize, |_| 1)];
        let pixels = vec![FilmPixel::default(); width_px as usize * height_px as usize];
        View { width_px, height_px, scale_log2, grid, tile, samples, pixels, finished: false }
    }

    /// Linear radiance and coverage of a pixel; `None` where there is no sample.
    pub fn resolve(&self, x: u32, y: u32) -> Option<[f32; 4]> {
        let tile = match self.tile {
            Some(_) => 0,
            None => y / self.grid.tile_px * self.grid.tiles().0 + x / self.grid.tile_px,
        };
        let samples = self.samples.get(tile as usize).copied().filter(|samples| *samples > 0)?;
        let pixel = self.pixels.get(y as usize * self.width_px as usize + x as usize)?;
        Some(pixel.resolve(self.scale_log2, samples))
    }
}

/// Pixels for people: row-major, four bytes each, sRGB and 255, or 0 where there is no sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub width_px: u32,
    pub height_px: u32,
    pub rgba: Vec<u8>,
}

impl View {
    /// The mean of a rectangle's pixels that have samples; `None` if none has.
    pub fn mean(&self, xs: Range<u32>, ys: Range<u32>) -> Option<[f32; 4]> {
        if xs.len() == 1 && ys.len() == 1 {
            return self.resolve(xs.start, ys.start);
        }
        let (mut sum, mut count) = ([0.0f64; 4], 0u32);
        for y in ys {
            for x in xs.clone() {
                if let Some(pixel) = self.resolve(x, y) {
                    sum.iter_mut().zip(pixel).for_each(|(sum, channel)| *sum += f64::from(channel));
                    count += 1;
                }
            }
        }
        (count > 0).then(|| sum.map(|sum| (sum / f64::from(count)) as f32))
    }

    /// Made smaller, its sides in proportion, until it is at most this wide and high; each of its pixels is the mean of those
    /// that it stands for.
    pub fn fitted(&self, width_px_max: u32, height_px_max: u32, display: &Display) -> Picture {
        let (width, height) = (u64::from(self.width_px), u64::from(self.height_px));
        let (most, high) = (u64::from(width_px_max.max(1)), u64::from(height_px_max.max(1)));
        let (columns, rows) = match width <= most && height <= high {
            true => (width, height),
            // The side that is more too long decides.
            false if width * high >= height * most => (most, (height * most / width).max(1)),
            false => ((width * high / height).max(1), high),
        };
        let from = |at: u64, count: u64, whole: u64| (at * whole / count) as u32;
        let mut rgba = Vec::with_capacity((columns * rows * 4) as usize);
        for row in 0..rows {
            let ys = from(row, rows, height)..from(row + 1, rows, height);
            for column in 0..columns {
                let xs = from(column, columns, width)..from(column + 1, columns, width);
                rgba.extend(match self.mean(xs, ys.clone()) {
                    None => [0; 4],
                    Some([r, g, b, _]) => [display.byte(r), display.byte(g), display.byte(b), 255],
                });
            }
        }
        Picture { width_px: columns as u32, height_px: rows as u32, rgba }
    }
}

impl Glance {
    /// The pixels, from the disk if they are there.
    pub fn read(self) -> std::io::Result<View> {
        match self {
            Glance::Memory(view) => Ok(view),
            Glance::File { path, tile, in_doubt } => {
                let mut view = read(BufReader::new(std::fs::File::open(path)?), tile)?;
                view.finished = in_doubt.is_empty();
                for doubted in in_doubt {
                    let at = match tile {
                        None => view.samples.get_mut(doubted.0 as usize),
                        Some(tile) => view.samples.first_mut().filter(|_| tile == doubted),
                    };
                    at.into_iter().for_each(|samples| *samples = 0);
                }
                Ok(view)
            }
        }
    }
}

fn read(mut input: impl Read, tile: Option<TileIndex>) -> std::io::Result<View> {
    let head = read_head(&mut input)?;
    let (x0, y0, width_px, height_px) = rectangle(head.grid, tile);
    let mut bytes = vec![0u8; head.grid.width_px as usize * FILM_PIXEL_BYTES];
    let mut pixels = Vec::with_capacity(width_px as usize * height_px as usize);
    for y in 0..y0 + height_px {
        input.read_exact(&mut bytes)?;
        if y >= y0 {
            let row = &bytes.as_chunks().0[x0 as usize..(x0 + width_px) as usize];
            pixels.extend(row.iter().map(FilmPixel::from_wire));
        }
    }
    let samples = vec![head.samples; tile.map_or(head.grid.tile_count() as usize, |_| 1)];
    let (grid, scale_log2) = (head.grid, head.film_scale_log2);
    Ok(View { width_px, height_px, scale_log2, grid, tile, samples, pixels, finished: true })
}

/// Left, top, width and height of a tile, or of the whole frame.
fn rectangle(grid: Grid, tile: Option<TileIndex>) -> (u32, u32, u32, u32) {
    tile.map_or((0, 0, grid.width_px, grid.height_px), |tile| grid.tile_rectangle(tile))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixteen by eight pixels in two tiles, of which the first alone has samples: two of radiance one half each.
    fn view() -> View {
        let grid = Grid { width_px: 16, height_px: 8, tile_px: 8 };
        let mut view = View::empty(grid, 20, None);
        view.pixels = vec![FilmPixel { rgb: [1 << 20, 0, 0], covered: 2, clamped: 0 }; 128];
        view.samples = vec![2, 0];
        view
    }

    #[test]
    fn a_picture_fits_in_proportion_and_is_never_made_larger() {
        let display = Display::new(0.0);
        let size = |width, height| {
            let picture = view().fitted(width, height, &display);
            assert_eq!(picture.rgba.len(), (picture.width_px * picture.height_px * 4) as usize);
            (picture.width_px, picture.height_px)
        };
        assert_eq!(size(100, 100), (16, 8));
        assert_eq!((size(8, 100), size(100, 2)), ((8, 4), (4, 2)));
        assert_eq!((size(5, 5), size(1, 1), size(0, 0)), ((5, 2), (1, 1), (1, 1)));
    }

    #[test]
    fn what_has_no_samples_stays_empty_and_does_not_darken_the_rest() {
        let picture = view().fitted(3, 8, &Display::new(1.0));
        assert_eq!((picture.width_px, picture.height_px), (3, 1));
        assert_eq!(picture.rgba, [255, 0, 0, 255, 255, 0, 0, 255, 0, 0, 0, 0]);
    }
}
