//! A frame or one of its tiles as people see it while it is made: the pixels so far and how many samples each tile has.

use std::collections::BTreeSet;
use std::io::{BufReader, Read};
use std::path::PathBuf;

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
