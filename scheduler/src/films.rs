//! The farm's films on a thread of their own: accepted pixels are added, finished frames go to disk in the form in which
//! they are fetched. Deliberately ignorant of who rendered what.

pub(crate) mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use tessera_shared::codec;
use tessera_shared::digest::Digest;
use tessera_shared::film::{BLOCK_BYTES, BlockPixels, FILM_PIXEL_BYTES, Film, FilmPixel, Rays};
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId, TileIndex};
use tessera_shared::lease::TilePass;
use tessera_shared::messages::{FetchReply, FrameHead, JobRefusal, Mode};
use tessera_shared::package::Settings;
use tokio::sync::{mpsc, oneshot};

use crate::deliveries::TilePixels;
use view::{Glance, View};

/// Commands that wait for the thread.
const QUEUE: usize = 1024;

/// What the films of a job share.
#[derive(Clone, Debug)]
pub(crate) struct JobFilms {
    pub name: String,
    pub package: Digest,
    pub settings: Settings,
    pub mode: Mode,
    /// Ascending.
    pub frames: Vec<FrameNumber>,
}

/// What the thread is told, in order.
#[derive(Debug)]
pub(crate) enum Command {
    Begin {
        job: JobId,
        films: JobFilms,
    },
    Accept {
        job: JobId,
        tiles: Vec<TilePixels>,
    },
    ResetTile {
        job: JobId,
        frame: FrameNumber,
        tile: TileIndex,
    },
    FrameComplete {
        job: JobId,
        frame: FrameNumber,
        rays: Rays,
    },
    /// Finished frames stay, unfinished ones are dropped.
    JobEnded {
        job: JobId,
    },
    Fetch {
        job: JobId,
        frame: FrameNumber,
        reply: oneshot::Sender<Result<Finished, JobRefusal>>,
    },
    /// The frame, or a tile of it, as it is now.
    View {
        job: JobId,
        frame: FrameNumber,
        tile: Option<TileIndex>,
        reply: oneshot::Sender<Result<Glance, JobRefusal>>,
    },
}

/// A finished frame as it is sent: a [`FetchReply::Follows`] frame, then the pixels.
#[derive(Debug)]
pub(crate) enum Finished {
    File(PathBuf),
    /// The disk refused the file: it is still in memory.
    Memory(Vec<u8>),
}

/// The way to the films' thread.
pub(crate) type Films = mpsc::Sender<Command>;

/// Starts the thread; it ends when every sender is dropped. Films of an earlier process have no job any more and go.
pub(crate) fn start(directory: PathBuf) -> std::io::Result<Films> {
    if directory.try_exists()? {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)?;
    let (commands, mut inbox) = mpsc::channel(QUEUE);
    let thread = std::thread::Builder::new().name("films".to_owned());
    thread.spawn(move || {
        let mut room = Room { directory, jobs: BTreeMap::new() };
        while let Some(command) = inbox.blocking_recv() {
            room.handle(command);
        }
    })?;
    Ok(commands)
}

struct Room {
    directory: PathBuf,
    jobs: BTreeMap<JobId, Job>,
}

struct Job {
    films: JobFilms,
    frames: BTreeMap<FrameNumber, Frame>,
    /// Samples of each tile of the frames in memory.
    samples: BTreeMap<FrameNumber, Vec<u32>>,
}

enum Frame {
    Open(Box<Film>),
    /// Finished, and the disk refused the file.
    Unsaved(Box<Film>, Rays),
    Saved,
    /// Finished once: these tiles of the file are cleared when the frame's next pixels come. Until then a long job of which
    /// a tile of every frame is in doubt needs no memory.
    Reset(BTreeSet<TileIndex>),
    /// Finished once, and the file could not be read again.
    Lost,
}

impl Room {
    fn handle(&mut self, command: Command) {
        match command {
            Command::Begin { job, films } => {
                self.jobs.insert(job, Job { films, frames: BTreeMap::new(), samples: BTreeMap::new() });
            }
            Command::Accept { job, tiles } => self.accept(job, tiles),
            Command::ResetTile { job, frame, tile } => self.reset(job, frame, tile),
            Command::FrameComplete { job, frame, rays } => self.complete(job, frame, rays),
            Command::JobEnded { job } => {
                if let Some(job) = self.jobs.get_mut(&job) {
                    job.frames.retain(|_, frame| !matches!(frame, Frame::Open(_) | Frame::Reset(_)));
                    job.samples.clear();
                }
            }
            Command::Fetch { job, frame, reply } => {
                // Whoever asked may be gone.
                let _ = reply.send(self.fetch(job, frame));
            }
            Command::View { job, frame, tile, reply } => {
                // Whoever asked may be gone.
                let _ = reply.send(self.view(job, frame, tile));
            }
        }
    }

    fn accept(&mut self, id: JobId, tiles: Vec<TilePixels>) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        for TilePixels { pass, bytes, room } in tiles {
            let places = job.films.settings.grid.tile_blocks(pass.tile);
            let Some(film) = job.open(&self.directory, id, pass.frame) else { continue };
            for (at, block) in places.zip(bytes.chunks_exact(BLOCK_BYTES)) {
                if let Some(block) = BlockPixels::from_bytes(block) {
                    film.add(at, &block);
                }
            }
            job.count(&pass);
            drop(room);
        }
    }

    fn reset(&mut self, id: JobId, frame: FrameNumber, tile: TileIndex) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match job.frames.get_mut(&frame) {
            Some(kept @ Frame::Saved) => *kept = Frame::Reset(BTreeSet::from([tile])),
            Some(Frame::Reset(tiles)) => drop(tiles.insert(tile)),
            _ => {
                let grid = job.films.settings.grid;
                if let Some(film) = job.open(&self.directory, id, frame) {
                    clear(film, grid, tile);
                }
                if let Some(samples) = job.samples.get_mut(&frame) {
                    samples[tile.0 as usize] = 0;
                }
            }
        }
    }

    fn complete(&mut self, id: JobId, frame: FrameNumber, rays: Rays) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let film = match job.frames.remove(&frame) {
            Some(Frame::Open(film)) => film,
            Some(kept) => return drop(job.frames.insert(frame, kept)),
            None => return,
        };
        job.samples.remove(&frame);
        let path = path(&self.directory, id, frame);
        let saved = encode(&job.films, frame, &film, rays).and_then(|bytes| write_atomically(&path, &bytes));
        let kept = match saved {
            Ok(()) => Frame::Saved,
            Err(error) => {
                tracing::error!(job = %id, %frame, path = %path.display(), %error, "the frame stays in memory, as it cannot be written; make room on the disk");
                Frame::Unsaved(film, rays)
            }
        };
        job.frames.insert(frame, kept);
    }

    fn view(&self, id: JobId, frame: FrameNumber, tile: Option<TileIndex>) -> Result<Glance, JobRefusal> {
        let job = self.jobs.get(&id).ok_or(JobRefusal::Unknown)?;
        let Settings { grid, film_scale_log2, .. } = job.films.settings;
        if job.films.frames.binary_search(&frame).is_err()
            || tile.is_some_and(|tile| tile.0 >= grid.tile_count())
        {
            return Err(JobRefusal::NoFrame);
        }
        let path = || path(&self.directory, id, frame);
        Ok(match job.frames.get(&frame) {
            None => Glance::Memory(View::empty(grid, film_scale_log2, tile)),
            Some(Frame::Lost) => return Err(JobRefusal::Storage),
            Some(Frame::Saved) => Glance::File { path: path(), tile, in_doubt: BTreeSet::new() },
            Some(Frame::Reset(tiles)) => Glance::File { path: path(), tile, in_doubt: tiles.clone() },
            Some(Frame::Open(film)) => {
                let samples = job.samples.get(&frame).map_or(&[][..], Vec::as_slice);
                Glance::Memory(View::of(film, grid, samples, tile, false))
            }
            Some(Frame::Unsaved(film, _)) => {
                let samples = vec![job.films.settings.samples; grid.tile_count() as usize];
                Glance::Memory(View::of(film, grid, &samples, tile, true))
            }
        })
    }

    fn fetch(&self, id: JobId, frame: FrameNumber) -> Result<Finished, JobRefusal> {
        let job = self.jobs.get(&id).ok_or(JobRefusal::Unknown)?;
        match job.frames.get(&frame) {
            Some(Frame::Saved) => Ok(Finished::File(path(&self.directory, id, frame))),
            Some(Frame::Unsaved(film, rays)) => {
                let bytes = encode(&job.films, frame, film, *rays);
                bytes.map(Finished::Memory).map_err(|_| JobRefusal::Storage)
            }
            Some(Frame::Lost) => Err(JobRefusal::Storage),
            None if job.films.frames.binary_search(&frame).is_err() => Err(JobRefusal::NoFrame),
            Some(Frame::Open(_) | Frame::Reset(_)) | None => Err(JobRefusal::Unfinished),
        }
    }
}

impl Job {
    /// The frame's film to add to; a finished one is opened again. `None` if that is lost.
    fn open(&mut self, directory: &Path, id: JobId, frame: FrameNumber) -> Option<&mut Film> {
        let Settings { grid, film_scale_log2, .. } = self.films.settings;
        let empty = || Box::new(Film::new(grid.width_px, grid.height_px, film_scale_log2));
        let film = match self.frames.remove(&frame) {
            None => empty(),
            Some(Frame::Open(film) | Frame::Unsaved(film, _)) => film,
            Some(Frame::Lost) => return self.lose(frame),
            Some(kept @ (Frame::Saved | Frame::Reset(_))) => {
                let path = path(directory, id, frame);
                let mut film = empty();
                if let Err(error) = read_pixels(&path, &mut film) {
                    tracing::error!(job = %id, %frame, path = %path.display(), %error, "the frame is lost, as its file cannot be read again; submit the shot anew");
                    return self.lose(frame);
                }
                let mut samples = vec![self.films.settings.samples; grid.tile_count() as usize];
                if let Frame::Reset(tiles) = kept {
                    for tile in tiles {
                        clear(&mut film, grid, tile);
                        samples[tile.0 as usize] = 0;
                    }
                }
                self.samples.insert(frame, samples);
                film
            }
        };
        self.frames.insert(frame, Frame::Open(film));
        match self.frames.get_mut(&frame) {
            Some(Frame::Open(film)) => Some(film),
            _ => None,
        }
    }

    /// A tile-pass has been added.
    fn count(&mut self, pass: &TilePass) {
        let tiles = self.films.settings.grid.tile_count() as usize;
        let samples = self.samples.entry(pass.frame).or_insert_with(|| vec![0; tiles]);
        samples[pass.tile.0 as usize] += pass.sample_end - pass.sample_start;
    }

    fn lose(&mut self, frame: FrameNumber) -> Option<&mut Film> {
        self.frames.insert(frame, Frame::Lost);
        None
    }
}

fn clear(film: &mut Film, grid: Grid, tile: TileIndex) {
    for at in grid.tile_blocks(tile) {
        film.clear(at);
    }
}

fn path(directory: &Path, job: JobId, frame: FrameNumber) -> PathBuf {
    directory.join(job.to_string()).join(format!("{}.film", frame.0))
}

fn encode(films: &JobFilms, frame: FrameNumber, film: &Film, rays: Rays) -> std::io::Result<Vec<u8>> {
    let head = FrameHead::new(frame, &films.name, films.package, &films.settings, rays);
    let head = FrameHead { mode: films.mode, ..head };
    let mut bytes = codec::encode_frame(&FetchReply::Follows(head)).map_err(std::io::Error::other)?;
    bytes.reserve(film.pixels.len() * FILM_PIXEL_BYTES);
    for pixel in &film.pixels {
        bytes.extend(pixel.to_wire());
    }
    Ok(bytes)
}

fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().expect("a film lies in its job's directory");
    std::fs::create_dir_all(directory)?;
    let mut partial = tempfile::NamedTempFile::new_in(directory)?;
    partial.write_all(bytes)?;
    partial.as_file().sync_all()?;
    partial.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn read_pixels(path: &Path, film: &mut Film) -> std::io::Result<()> {
    let bytes = std::fs::read(path)?;
    let start = bytes.len().checked_sub(film.pixels.len() * FILM_PIXEL_BYTES);
    let start = start.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    for (pixel, bytes) in film.pixels.iter_mut().zip(bytes[start..].as_chunks().0) {
        *pixel = FilmPixel::from_wire(bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tessera_shared::lease::TilePass;
    use tokio::sync::Semaphore;

    use super::*;

    const JOB: JobId = JobId(1);
    const TILES: u32 = 2;
    const RAYS: Rays = Rays { camera: 1, bounce: 2, shadow: 3 };

    /// A job of two frames of two tiles, one block each, in a folder of its own.
    struct Studio {
        room: Room,
        folder: tempfile::TempDir,
    }

    impl Studio {
        fn new() -> Studio {
            let folder = tempfile::tempdir().unwrap();
            let mut room = Room { directory: folder.path().to_owned(), jobs: BTreeMap::new() };
            let films = JobFilms {
                name: "shot".into(),
                package: Digest([1; 32]),
                settings: Settings {
                    grid: Grid { width_px: 8 * TILES, height_px: 8, tile_px: 8 },
                    samples: 1,
                    pass_samples: 1,
                    seed: 0,
                    max_bounces: 8,
                    roulette_start: 3,
                    film_scale_log2: 20,
                    sample_clamp: 10.0,
                },
                frames: vec![FrameNumber(1), FrameNumber(2)],
                mode: Mode::Exact,
            };
            room.handle(Command::Begin { job: JOB, films });
            Studio { room, folder }
        }

        /// Adds a tile whose bytes are all `value`.
        fn tile(&mut self, frame: u32, tile: u32, value: u8) {
            let (frame, tile) = (FrameNumber(frame), TileIndex(tile));
            let pass = TilePass { frame, tile, sample_start: 0, sample_end: 1 };
            let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
            let tiles = vec![TilePixels { pass, bytes: vec![value; BLOCK_BYTES], room }];
            self.room.handle(Command::Accept { job: JOB, tiles });
        }

        fn finish(&mut self, frame: u32) {
            self.room.handle(Command::FrameComplete { job: JOB, frame: FrameNumber(frame), rays: RAYS });
        }

        fn reset(&mut self, frame: u32, tile: u32) {
            let (frame, tile) = (FrameNumber(frame), TileIndex(tile));
            self.room.handle(Command::ResetTile { job: JOB, frame, tile });
        }

        /// Both frames with the tiles' values, finished, and the job's end.
        fn complete(&mut self, values: [u8; 2]) {
            for frame in [1, 2] {
                (0..TILES).for_each(|tile| self.tile(frame, tile, values[tile as usize]));
                self.finish(frame);
            }
            self.room.handle(Command::JobEnded { job: JOB });
        }

        fn fetch(&self, frame: u32) -> Result<Vec<u8>, JobRefusal> {
            self.room.fetch(JOB, FrameNumber(frame)).map(|finished| match finished {
                Finished::File(path) => std::fs::read(path).unwrap(),
                Finished::Memory(bytes) => bytes,
            })
        }
    }

    /// What is fetched of a frame that had these tiles from the start.
    fn honest(values: [u8; 2]) -> Vec<u8> {
        let mut studio = Studio::new();
        studio.complete(values);
        studio.fetch(1).unwrap()
    }

    #[test]
    fn a_tile_of_a_completed_job_is_rewritten_on_disk() {
        let mut studio = Studio::new();
        studio.complete([5, 9]);
        studio.reset(1, 1);
        studio.reset(2, 1);
        for frame in [1, 2] {
            assert_eq!(studio.fetch(frame), Err(JobRefusal::Unfinished));
            studio.tile(frame, 1, 3);
            assert_eq!(studio.fetch(frame), Err(JobRefusal::Unfinished));
            studio.finish(frame);
        }
        studio.room.handle(Command::JobEnded { job: JOB });
        assert_eq!(studio.fetch(1), Ok(honest([5, 3])));
        assert_ne!(honest([5, 3]), honest([5, 9]));
        // A second time, and both tiles.
        (0..TILES).for_each(|tile| studio.reset(1, tile));
        (0..TILES).for_each(|tile| studio.tile(1, tile, 7));
        studio.finish(1);
        assert_eq!(studio.fetch(1), Ok(honest([7, 7])));
    }

    #[test]
    fn a_reset_frame_needs_no_memory_until_its_pixels_come() {
        let mut studio = Studio::new();
        studio.complete([5, 9]);
        studio.reset(1, 1);
        let job = &studio.room.jobs[&JOB];
        assert!(matches!(&job.frames[&FrameNumber(1)], Frame::Reset(tiles) if tiles.len() == 1));
        // The job is cancelled before: the frame in doubt goes, the other stays.
        studio.room.handle(Command::JobEnded { job: JOB });
        assert_eq!(studio.fetch(1), Err(JobRefusal::Unfinished));
        assert!(studio.fetch(2).is_ok());
    }

    #[test]
    fn a_frame_whose_file_is_gone_is_said_to_be_lost() {
        let mut studio = Studio::new();
        studio.complete([5, 9]);
        std::fs::remove_file(path(studio.folder.path(), JOB, FrameNumber(1))).unwrap();
        studio.reset(1, 0);
        studio.tile(1, 0, 5);
        studio.finish(1);
        assert_eq!(studio.fetch(1), Err(JobRefusal::Storage));
        assert!(studio.fetch(2).is_ok());
    }
}
