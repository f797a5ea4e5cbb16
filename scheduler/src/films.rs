//! The farm's films on a thread of their own: accepted pixels are added, finished frames go to disk in the form in which
//! they are fetched, and only then their pixels may go. Deliberately ignorant of who rendered what.

pub(crate) mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera_scheduler_core::api::JobSpec;
use tessera_scheduler_core::tiles::Shape;
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, TileIndex};
use tessera_shared::lease::TilePass;
use tessera_shared::messages::{JobRefusal, Mode};
use tessera_shared::package::Settings;
use tokio::sync::{mpsc, oneshot};

use crate::film_file::FilmFile;
use crate::frames::{Frame, Job, Open, clear, encode, path, take_tile};
use crate::pixels::Store;
use view::{Glance, View};

/// Commands that wait for the thread.
const QUEUE: usize = 1024;
/// How often a film that could not be written is tried again.
const SAVE_EVERY: Duration = Duration::from_secs(5);

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

impl JobFilms {
    pub fn of(spec: &JobSpec) -> JobFilms {
        JobFilms {
            name: spec.name.clone(),
            package: spec.package,
            settings: spec.settings.clone(),
            mode: spec.options.mode,
            frames: spec.frames.clone(),
        }
    }
}

/// What the thread is told, in order.
#[derive(Debug)]
pub(crate) enum Command {
    Begin {
        job: JobId,
        films: JobFilms,
    },
    /// A job of the process before. What is accepted of each frame, by tile-pass: the lease, or 0.
    Recover {
        job: JobId,
        films: JobFilms,
        frames: Vec<Accepted>,
    },
    /// An ended job of the process before, with its finished frames.
    Ended {
        job: JobId,
        films: JobFilms,
        finished: Vec<FrameNumber>,
    },
    Accept {
        job: JobId,
        lease: LeaseId,
        passes: Vec<TilePass>,
    },
    /// These pixels are not wanted.
    Discard {
        lease: LeaseId,
        passes: Vec<TilePass>,
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
    /// Finished frames stay, unfinished ones are dropped, and pixels of leases before `since`: a job that runs again has later ones, whose
    /// pixels may already be here.
    JobEnded {
        job: JobId,
        since: LeaseId,
    },
    /// Say [`Told::Saved`] once every frame's film is on disk.
    Settle {
        job: JobId,
        reopened: u32,
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

/// What is accepted of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub frame: FrameNumber,
    /// The lease of each tile-pass, by its index in the frame; 0 where none is accepted.
    pub made: Vec<u64>,
    pub rays: Rays,
}

impl Accepted {
    pub fn complete(&self) -> bool {
        self.made.iter().all(|lease| *lease != 0)
    }
}

/// What the core is told of films.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Pixels that are gone: accepted or not, they are to be rendered anew.
    Lost { job: JobId, passes: Vec<TilePass> },
    /// Every film of a job that was asked for by [`Command::Settle`] is on disk.
    Saved { job: JobId, reopened: u32 },
}

/// A finished frame as it is sent: a [`tessera_shared::messages::FetchReply::Follows`] frame, then the pixels.
#[derive(Debug)]
pub(crate) enum Finished {
    /// The first so many bytes of the file.
    File(PathBuf, u64),
    /// The disk refused the file: it is still in memory.
    Memory(Vec<u8>),
}

/// The way to the films' thread.
pub(crate) type Films = mpsc::Sender<Command>;

/// Starts the thread; it ends when every sender is dropped. Films of jobs that are not `known` any more go.
pub(crate) fn start(
    directory: PathBuf,
    known: &BTreeSet<JobId>,
    store: Arc<Store>,
) -> std::io::Result<(Films, mpsc::UnboundedReceiver<Told>)> {
    std::fs::create_dir_all(&directory)?;
    for entry in std::fs::read_dir(&directory)? {
        let entry = entry?;
        let job = entry.file_name().to_str().and_then(|name| name.parse::<JobId>().ok());
        if job.is_none_or(|job| !known.contains(&job)) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    let (commands, mut inbox) = mpsc::channel(QUEUE);
    let (told, news) = mpsc::unbounded_channel();
    let thread = std::thread::Builder::new().name("films".to_owned());
    thread.spawn(move || {
        let (jobs, settling) = (BTreeMap::new(), BTreeMap::new());
        let mut room = Room { directory, store, told, jobs, settling, tried: Instant::now() };
        while let Some(command) = inbox.blocking_recv() {
            room.handle(command);
            room.save_again();
        }
    })?;
    Ok((commands, news))
}

struct Room {
    directory: PathBuf,
    store: Arc<Store>,
    told: mpsc::UnboundedSender<Told>,
    jobs: BTreeMap<JobId, Job>,
    /// Jobs that the core waits for, with its number of each.
    settling: BTreeMap<JobId, u32>,
    /// When films that the disk refused were last tried.
    tried: Instant,
}

impl Room {
    fn handle(&mut self, command: Command) {
        match command {
            Command::Begin { job, films } => drop(self.begin(job, films)),
            Command::Recover { job, films, frames } => self.recover(job, films, frames),
            Command::Ended { job, films, finished } => self.ended(job, films, finished),
            Command::Accept { job, lease, passes } => self.accept(job, lease, passes),
            Command::Discard { lease, passes } => {
                self.store.remove(passes.iter().map(|pass| (lease, pass)));
            }
            Command::ResetTile { job, frame, tile } => self.reset(job, frame, tile),
            Command::FrameComplete { job, frame, rays } => self.complete(job, frame, rays),
            Command::JobEnded { job, since } => self.end(job, since),
            Command::Settle { job, reopened } => {
                self.settling.insert(job, reopened);
                self.settle();
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

    fn begin(&mut self, id: JobId, films: JobFilms) -> Option<&mut Job> {
        // The core took the job, so it has a shape.
        let shape = Shape::new(&films.settings)?;
        self.jobs.insert(id, Job { films, shape, frames: BTreeMap::new() });
        self.jobs.get_mut(&id)
    }

    /// Takes up a job of the process before: frames whose files have exactly what is accepted are finished; the others are made
    /// of their pixels again, when they are wanted.
    fn recover(&mut self, id: JobId, films: JobFilms, frames: Vec<Accepted>) {
        let (directory, store) = (self.directory.clone(), self.store.clone());
        let Some(job) = self.begin(id, films) else { return };
        let (mut complete, mut lost) = (Vec::new(), Vec::new());
        for mut accepted in frames {
            let frame = accepted.frame;
            let file = FilmFile::open(&path(&directory, id, frame)).ok();
            if let Some(file) = file.as_ref().filter(|file| file.made == accepted.made && accepted.complete())
            {
                job.forget_pixels(&store, frame, &accepted.made);
                job.frames.insert(frame, Frame::Saved(file.film_bytes));
                continue;
            }
            let base = file.map(|file| job.base(&file.made, &accepted.made)).unwrap_or_default();
            for (index, made) in accepted.made.iter_mut().enumerate().filter(|(_, made)| **made != 0) {
                let pass = job.pass(frame, index);
                if base.get(index) != Some(made) && !store.holds(LeaseId(*made), &pass) {
                    *made = 0;
                    lost.push(pass);
                }
            }
            if accepted.complete() {
                complete.push((frame, accepted.rays));
            }
            job.frames.insert(frame, Frame::Kept(accepted));
        }
        self.report(id, lost);
        for (frame, rays) in complete {
            self.open_and(id, frame, |_, _| ());
            self.complete(id, frame, rays);
        }
    }

    fn ended(&mut self, id: JobId, films: JobFilms, finished: Vec<FrameNumber>) {
        let directory = self.directory.clone();
        let Some(job) = self.begin(id, films) else { return };
        for frame in finished {
            let path = path(&directory, id, frame);
            let kept = match FilmFile::open(&path) {
                Ok(file) => Frame::Saved(file.film_bytes),
                Err(error) => {
                    tracing::error!(job = %id, %frame, path = %path.display(), %error, "the frame is lost, as its file cannot be read again; submit the shot anew");
                    Frame::Lost
                }
            };
            job.frames.insert(frame, kept);
        }
    }

    fn report(&self, job: JobId, passes: Vec<TilePass>) {
        if !passes.is_empty() {
            // The driver is gone: the scheduler is stopping.
            let _ = self.told.send(Told::Lost { job, passes });
        }
    }

    /// Opens a frame if need be, says what of it is lost, and lets `change` work on it.
    fn open_and<T>(
        &mut self,
        id: JobId,
        frame: FrameNumber,
        change: impl FnOnce(&mut Open, &Shape) -> T,
    ) -> Option<T> {
        let job = self.jobs.get_mut(&id)?;
        let mut lost = Vec::new();
        let shape = job.shape.clone();
        let open = job.open(&self.directory, &self.store, id, frame, &mut lost);
        let changed = open.map(|open| change(open, &shape));
        self.report(id, lost);
        changed
    }

    fn accept(&mut self, id: JobId, lease: LeaseId, passes: Vec<TilePass>) {
        let mut lost = Vec::new();
        for pass in passes {
            let store = self.store.clone();
            let added = self.open_and(id, pass.frame, |open, shape| {
                let index = shape.index_of(&pass) as usize;
                // A film takes no tile-pass twice.
                match open.made[index] == lease.0 {
                    true => Ok(()),
                    false => open.add(&store, shape, lease, &pass, index),
                }
            });
            if let Some(Err(error)) = added {
                tracing::error!(job = %id, %lease, ?pass, %error, "accepted pixels cannot be read: they are rendered anew");
                lost.push(pass);
            }
        }
        self.report(id, lost);
    }

    fn reset(&mut self, id: JobId, frame: FrameNumber, tile: TileIndex) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        match job.frames.get_mut(&frame) {
            Some(kept @ Frame::Saved(_)) => *kept = Frame::Reset(BTreeSet::from([tile])),
            Some(Frame::Reset(tiles)) => drop(tiles.insert(tile)),
            Some(Frame::Kept(accepted)) => {
                let gone = take_tile(&job.shape, frame, tile, &mut accepted.made);
                self.store.remove(gone.iter().map(|(lease, pass)| (*lease, pass)));
            }
            _ => {
                let store = self.store.clone();
                self.open_and(id, frame, |open, shape| {
                    clear(&mut open.film, shape, tile);
                    let gone = take_tile(shape, frame, tile, &mut open.made);
                    store.remove(gone.iter().map(|(lease, pass)| (*lease, pass)));
                });
            }
        }
    }

    fn complete(&mut self, id: JobId, frame: FrameNumber, rays: Rays) {
        if matches!(self.jobs.get(&id).and_then(|job| job.frames.get(&frame)), Some(Frame::Kept(_))) {
            self.open_and(id, frame, |_, _| ());
        }
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let open = match job.frames.remove(&frame) {
            Some(Frame::Open(open)) => open,
            Some(kept) => return drop(job.frames.insert(frame, kept)),
            None => return,
        };
        // What is lost comes again, and so does the completion.
        let kept = match open.made.contains(&0) {
            true => Frame::Open(open),
            false => job.save(&self.directory, &self.store, id, frame, open, rays),
        };
        job.frames.insert(frame, kept);
    }

    /// Tries again to write what the disk refused.
    fn save_again(&mut self) {
        if self.tried.elapsed() < SAVE_EVERY {
            return;
        }
        self.tried = Instant::now();
        for (id, job) in &mut self.jobs {
            let unsaved =
                |(frame, kept): (&FrameNumber, &Frame)| matches!(kept, Frame::Unsaved(..)).then_some(*frame);
            for frame in job.frames.iter().filter_map(unsaved).collect::<Vec<_>>() {
                if let Some(Frame::Unsaved(open, rays)) = job.frames.remove(&frame) {
                    let kept = job.save(&self.directory, &self.store, *id, frame, open, rays);
                    job.frames.insert(frame, kept);
                }
            }
        }
        self.settle();
    }

    /// Tells of the jobs whose films are all saved by now.
    fn settle(&mut self) {
        let saved = |job: &Job| {
            let saved = |frame| matches!(job.frames.get(frame), Some(Frame::Saved(_)));
            job.films.frames.iter().all(saved)
        };
        self.settling.retain(|id, reopened| {
            let here = self.jobs.get(id).is_some_and(saved);
            if here {
                // The driver is gone: the scheduler is stopping.
                let _ = self.told.send(Told::Saved { job: *id, reopened: *reopened });
            }
            !here
        });
    }

    fn end(&mut self, id: JobId, since: LeaseId) {
        self.settling.remove(&id);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.frames.retain(|_, frame| !matches!(frame, Frame::Open(_) | Frame::Kept(_) | Frame::Reset(_)));
        let unsaved = |frame: &FrameNumber| matches!(job.frames.get(frame), Some(Frame::Unsaved(..)));
        self.store.keep(|held| held.job != id || held.lease >= since || unsaved(&held.pass.frame));
    }

    fn view(&mut self, id: JobId, frame: FrameNumber, tile: Option<TileIndex>) -> Result<Glance, JobRefusal> {
        if matches!(self.jobs.get(&id).and_then(|job| job.frames.get(&frame)), Some(Frame::Kept(_))) {
            self.open_and(id, frame, |_, _| ());
        }
        let job = self.jobs.get(&id).ok_or(JobRefusal::Unknown)?;
        let Settings { grid, film_scale_log2, .. } = job.films.settings;
        if job.films.frames.binary_search(&frame).is_err()
            || tile.is_some_and(|tile| tile.0 >= grid.tile_count())
        {
            return Err(JobRefusal::NoFrame);
        }
        let path = || path(&self.directory, id, frame);
        Ok(match job.frames.get(&frame) {
            None | Some(Frame::Kept(_)) => Glance::Memory(View::empty(grid, film_scale_log2, tile)),
            Some(Frame::Lost) => return Err(JobRefusal::Storage),
            Some(Frame::Saved(_)) => Glance::File { path: path(), tile, in_doubt: BTreeSet::new() },
            Some(Frame::Reset(tiles)) => Glance::File { path: path(), tile, in_doubt: tiles.clone() },
            Some(Frame::Open(open)) => {
                Glance::Memory(View::of(&open.film, grid, &open.samples(&job.shape), tile, false))
            }
            Some(Frame::Unsaved(open, _)) => {
                Glance::Memory(View::of(&open.film, grid, &open.samples(&job.shape), tile, true))
            }
        })
    }

    fn fetch(&self, id: JobId, frame: FrameNumber) -> Result<Finished, JobRefusal> {
        let job = self.jobs.get(&id).ok_or(JobRefusal::Unknown)?;
        match job.frames.get(&frame) {
            Some(Frame::Saved(bytes)) => Ok(Finished::File(path(&self.directory, id, frame), *bytes)),
            Some(Frame::Unsaved(open, rays)) => {
                let bytes = encode(&job.films, frame, &open.film, *rays);
                bytes.map(Finished::Memory).map_err(|_| JobRefusal::Storage)
            }
            Some(Frame::Lost) => Err(JobRefusal::Storage),
            None if job.films.frames.binary_search(&frame).is_err() => Err(JobRefusal::NoFrame),
            Some(Frame::Open(_) | Frame::Kept(_) | Frame::Reset(_)) | None => Err(JobRefusal::Unfinished),
        }
    }
}

#[cfg(test)]
mod tests;
