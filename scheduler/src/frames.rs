//! A job's frames: films that grow, films of the process before that are made of their pixels again, and finished ones on disk.
//! Knows no command and no verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tessera_journal::tiles::ReadError;
use tessera_scheduler_core::tiles::{Shape, TileKey};
use tessera_shared::codec;
use tessera_shared::film::{BLOCK_BYTES, BlockPixels, FILM_PIXEL_BYTES, Film, Rays};
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, TileIndex};
use tessera_shared::lease::TilePass;
use tessera_shared::messages::{FetchReply, FrameHead};
use tessera_shared::package::Settings;

use crate::film_file::{self, FilmFile};
use crate::films::{Accepted, JobFilms};
use crate::pixels::Store;

pub(crate) struct Job {
    pub films: JobFilms,
    pub shape: Shape,
    pub frames: BTreeMap<FrameNumber, Frame>,
}

/// A film and the leases whose pixels are in it, by tile-pass.
pub(crate) struct Open {
    pub film: Box<Film>,
    pub made: Vec<u64>,
}

pub(crate) enum Frame {
    Open(Open),
    /// Of the process before: made of its pixels when the next ones come.
    Kept(Accepted),
    /// Finished, and the disk refused the file.
    Unsaved(Open, Rays),
    /// Finished, with the bytes of the film in its file.
    Saved(u64),
    /// Finished once: these tiles of the file are cleared when the frame's next pixels come. Until then a long job of which
    /// a tile of every frame is in doubt needs no memory.
    Reset(BTreeSet<TileIndex>),
    /// Finished once, and the file could not be read again.
    Lost,
}

impl Job {
    fn empty(&self) -> Open {
        let Settings { grid, film_scale_log2, .. } = self.films.settings;
        let film = Box::new(Film::new(grid.width_px, grid.height_px, film_scale_log2));
        Open { film, made: vec![0; self.shape.tile_passes as usize] }
    }

    pub fn pass(&self, frame: FrameNumber, index: usize) -> TilePass {
        pass(&self.shape, frame, index)
    }

    /// What of a file's tile-passes is right still: a tile of which one has been rendered anew counts for nothing.
    pub fn base(&self, in_file: &[u64], accepted: &[u64]) -> Vec<u64> {
        let tiles = self.shape.tiles as usize;
        if in_file.len() != accepted.len() {
            return vec![0; accepted.len()];
        }
        let right = |tile: usize| {
            (tile..accepted.len()).step_by(tiles).all(|at| in_file[at] == 0 || in_file[at] == accepted[at])
        };
        (0..accepted.len()).map(|at| if right(at % tiles) { in_file[at] } else { 0 }).collect()
    }

    /// The frame's film to add to; a finished one is opened again. `None` if that is lost.
    pub fn open(
        &mut self,
        directory: &Path,
        store: &Store,
        id: JobId,
        frame: FrameNumber,
        lost: &mut Vec<TilePass>,
    ) -> Option<&mut Open> {
        let path = path(directory, id, frame);
        let open = match self.frames.remove(&frame) {
            None => self.empty(),
            Some(Frame::Open(open) | Frame::Unsaved(open, _)) => open,
            Some(Frame::Lost) => {
                self.frames.insert(frame, Frame::Lost);
                return None;
            }
            Some(Frame::Kept(accepted)) => self.rebuild(&path, store, accepted, lost),
            Some(kept @ (Frame::Saved(_) | Frame::Reset(_))) => {
                let mut open = self.empty();
                let read = FilmFile::open(&path)
                    .and_then(|file| file.read_pixels(&path, &mut open.film).map(|()| file.made));
                let in_doubt = if let Frame::Reset(tiles) = kept { tiles } else { BTreeSet::new() };
                match read {
                    Ok(made) if made.len() == open.made.len() => open.made = made,
                    read => {
                        let error = read.err().unwrap_or_else(|| std::io::ErrorKind::InvalidData.into());
                        tracing::error!(job = %id, %frame, path = %path.display(), %error, "the frame is rendered anew, as its file cannot be read again");
                        open = self.empty();
                        let all = (0..open.made.len()).map(|index| self.pass(frame, index));
                        lost.extend(all.filter(|pass| !in_doubt.contains(&pass.tile)));
                    }
                }
                for tile in in_doubt {
                    clear(&mut open.film, &self.shape, tile);
                    take_tile(&self.shape, frame, tile, &mut open.made);
                }
                open
            }
        };
        self.frames.insert(frame, Frame::Open(open));
        match self.frames.get_mut(&frame) {
            Some(Frame::Open(open)) => Some(open),
            _ => None,
        }
    }

    /// A frame of the process before: what of its file is right, and the pixels that are accepted beside it.
    fn rebuild(&self, path: &Path, store: &Store, accepted: Accepted, lost: &mut Vec<TilePass>) -> Open {
        let mut open = self.empty();
        let file = FilmFile::open(path);
        if let Ok(file) = &file
            && file.read_pixels(path, &mut open.film).is_ok()
        {
            open.made = self.base(&file.made, &accepted.made);
            for tile in 0..self.shape.tiles {
                if open
                    .made
                    .iter()
                    .skip(tile as usize)
                    .step_by(self.shape.tiles as usize)
                    .all(|lease| *lease == 0)
                {
                    clear(&mut open.film, &self.shape, TileIndex(tile));
                }
            }
        } else {
            open = self.empty();
        }
        for (index, lease) in accepted.made.into_iter().enumerate() {
            if lease == 0 || lease == open.made[index] {
                continue;
            }
            let pass = self.pass(accepted.frame, index);
            if let Err(error) = open.add(store, &self.shape, LeaseId(lease), &pass, index) {
                tracing::error!(?pass, %error, "accepted pixels cannot be read: they are rendered anew");
                lost.push(pass);
            }
        }
        open
    }

    /// Writes a finished frame; its pixels go when that is durable.
    pub fn save(
        &self,
        directory: &Path,
        store: &Store,
        id: JobId,
        frame: FrameNumber,
        open: Open,
        rays: Rays,
    ) -> Frame {
        let path = path(directory, id, frame);
        let saved = encode(&self.films, frame, &open.film, rays)
            .and_then(|bytes| film_file::write(&path, &bytes, &open.made));
        match saved {
            Ok(bytes) => {
                self.forget_pixels(store, frame, &open.made);
                Frame::Saved(bytes)
            }
            Err(error) => {
                tracing::error!(job = %id, %frame, path = %path.display(), %error, "the frame stays in memory, as it cannot be written; make room on the disk");
                Frame::Unsaved(open, rays)
            }
        }
    }

    pub fn forget_pixels(&self, store: &Store, frame: FrameNumber, made: &[u64]) {
        let passes: Vec<(LeaseId, TilePass)> =
            made.iter().enumerate().map(|(at, lease)| (LeaseId(*lease), self.pass(frame, at))).collect();
        store.remove(passes.iter().map(|(lease, pass)| (*lease, pass)));
    }
}

impl Open {
    /// Samples of each tile so far.
    pub fn samples(&self, shape: &Shape) -> Vec<u32> {
        let mut samples = vec![0; shape.tiles as usize];
        for (index, _) in self.made.iter().enumerate().filter(|(_, lease)| **lease != 0) {
            let TilePass { tile, sample_start, sample_end, .. } = pass(shape, FrameNumber(0), index);
            samples[tile.0 as usize] += sample_end - sample_start;
        }
        samples
    }

    pub fn add(
        &mut self,
        store: &Store,
        shape: &Shape,
        lease: LeaseId,
        pass: &TilePass,
        index: usize,
    ) -> Result<(), ReadError> {
        let bytes = store.read(lease, pass)?;
        for (at, block) in shape.grid.tile_blocks(pass.tile).zip(bytes.chunks_exact(BLOCK_BYTES)) {
            if let Some(block) = BlockPixels::from_bytes(block) {
                self.film.add(at, &block);
            }
        }
        self.made[index] = lease.0;
        Ok(())
    }
}

/// Takes all passes of a tile out of what a frame is made of.
pub(crate) fn take_tile(
    shape: &Shape,
    frame: FrameNumber,
    tile: TileIndex,
    made: &mut [u64],
) -> Vec<(LeaseId, TilePass)> {
    let places = (tile.0 as usize..made.len()).step_by(shape.tiles as usize);
    let taken = places.map(|at| (LeaseId(std::mem::take(&mut made[at])), pass(shape, frame, at)));
    taken.filter(|(lease, _)| lease.0 != 0).collect()
}

/// The tile-pass at an index of a frame.
fn pass(shape: &Shape, frame: FrameNumber, index: usize) -> TilePass {
    shape.pass(TileKey { frame: 0, index: index as u32 }, frame)
}

pub(crate) fn clear(film: &mut Film, shape: &Shape, tile: TileIndex) {
    for at in shape.grid.tile_blocks(tile) {
        film.clear(at);
    }
}

pub(crate) fn path(directory: &Path, job: JobId, frame: FrameNumber) -> PathBuf {
    directory.join(job.to_string()).join(format!("{}.film", frame.0))
}

pub(crate) fn encode(
    films: &JobFilms,
    frame: FrameNumber,
    film: &Film,
    rays: Rays,
) -> std::io::Result<Vec<u8>> {
    let head = FrameHead::new(frame, &films.name, films.package, &films.settings, rays);
    let head = FrameHead { mode: films.mode, ..head };
    let mut bytes = codec::encode_frame(&FetchReply::Follows(head)).map_err(std::io::Error::other)?;
    bytes.reserve(film.pixels.len() * FILM_PIXEL_BYTES);
    for pixel in &film.pixels {
        bytes.extend(pixel.to_wire());
    }
    Ok(bytes)
}
