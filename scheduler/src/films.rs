//! The farm's films on a thread of their own: accepted pixels are added, finished frames go to disk in the form in which
//! they are fetched. Deliberately ignorant of who rendered what.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use tessera_shared::codec;
use tessera_shared::digest::Digest;
use tessera_shared::film::{BLOCK_BYTES, BlockPixels, FILM_PIXEL_BYTES, Film, FilmPixel, Rays};
use tessera_shared::ids::{FrameNumber, JobId, TileIndex};
use tessera_shared::messages::{FetchReply, FrameHead, JobRefusal, Mode};
use tessera_shared::package::Settings;
use tokio::sync::{mpsc, oneshot};

use crate::deliveries::TilePixels;

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
}

enum Frame {
    Open(Box<Film>),
    Unsaved(Box<Film>, Rays),
    Saved,
}

impl Room {
    fn handle(&mut self, command: Command) {
        match command {
            Command::Begin { job, films } => {
                self.jobs.insert(job, Job { films, frames: BTreeMap::new() });
            }
            Command::Accept { job, tiles } => self.accept(job, tiles),
            Command::ResetTile { job, frame, tile } => self.reset(job, frame, tile),
            Command::FrameComplete { job, frame, rays } => self.complete(job, frame, rays),
            Command::JobEnded { job } => {
                if let Some(job) = self.jobs.get_mut(&job) {
                    job.frames.retain(|_, frame| !matches!(frame, Frame::Open(_)));
                }
            }
            Command::Fetch { job, frame, reply } => {
                // Whoever asked may be gone.
                let _ = reply.send(self.fetch(job, frame));
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
            drop(room);
        }
    }

    fn reset(&mut self, id: JobId, frame: FrameNumber, tile: TileIndex) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let grid = job.films.settings.grid;
        let Some(film) = job.open(&self.directory, id, frame) else { return };
        for at in grid.tile_blocks(tile) {
            film.clear(at);
        }
    }

    fn complete(&mut self, id: JobId, frame: FrameNumber, rays: Rays) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(Frame::Open(film)) = job.frames.remove(&frame) else { return };
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

    fn fetch(&self, id: JobId, frame: FrameNumber) -> Result<Finished, JobRefusal> {
        let job = self.jobs.get(&id).ok_or(JobRefusal::Unknown)?;
        match job.frames.get(&frame) {
            Some(Frame::Saved) => Ok(Finished::File(path(&self.directory, id, frame))),
            Some(Frame::Unsaved(film, rays)) => {
                let bytes = encode(&job.films, frame, film, *rays);
                bytes.map(Finished::Memory).map_err(|_| JobRefusal::Storage)
            }
            None if job.films.frames.binary_search(&frame).is_err() => Err(JobRefusal::NoFrame),
            Some(Frame::Open(_)) | None => Err(JobRefusal::Unfinished),
        }
    }
}

impl Job {
    /// The frame's film to add to; a finished one is opened again.
    fn open(&mut self, directory: &Path, id: JobId, frame: FrameNumber) -> Option<&mut Film> {
        let Settings { grid, film_scale_log2, .. } = self.films.settings;
        let empty = || Box::new(Film::new(grid.width_px, grid.height_px, film_scale_log2));
        let film = match self.frames.remove(&frame) {
            None => empty(),
            Some(Frame::Open(film) | Frame::Unsaved(film, _)) => film,
            Some(Frame::Saved) => {
                let path = path(directory, id, frame);
                let mut film = empty();
                if let Err(error) = read_pixels(&path, &mut film) {
                    tracing::error!(job = %id, %frame, path = %path.display(), %error, "a finished frame cannot be read again");
                    self.frames.insert(frame, Frame::Saved);
                    return None;
                }
                film
            }
        };
        self.frames.insert(frame, Frame::Open(film));
        match self.frames.get_mut(&frame) {
            Some(Frame::Open(film)) => Some(film),
            _ => None,
        }
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
