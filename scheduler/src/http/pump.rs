//! Ten times a second: what changed on the farm becomes one batch of server-sent events, made once for all readers.
//! Knows no reader.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tessera_scheduler_core::Core;
use tessera_shared::ids::{FrameNumber, JobId, TileIndex, WorkerId};
use tokio::time::MissedTickBehavior;

use super::Site;
use super::board::Batch;
use super::json::{Entry, Frame, Job, Tile, Worker};
use super::pace::{Limits, Pace};
use crate::feed::{Changes, TileAt};

/// The beat.
const BEAT: Duration = Duration::from_millis(100);
const JOBS: Limits = Limits { every_ms: 1000, going_on_max: 25, turned_max: 100 };
const WORKERS: Limits = Limits { every_ms: 2000, going_on_max: 4, turned_max: 50 };
/// Tiles of a job in one batch; the rest come in the next.
const TILES_MAX: usize = 4096;

/// What waits to be told.
struct Backlog {
    jobs: Pace<JobId>,
    workers: Pace<WorkerId>,
    tiles: BTreeMap<JobId, BTreeSet<TileAt>>,
}

/// What one beat asks the core for.
struct Asked {
    jobs: Vec<JobId>,
    workers: Vec<WorkerId>,
    tiles: BTreeMap<JobId, BTreeSet<TileAt>>,
}

/// What the core says.
struct Answered {
    jobs: Vec<Job>,
    workers: Vec<Worker>,
    frames: BTreeMap<JobId, Vec<Frame>>,
    tiles: BTreeMap<JobId, Vec<(FrameNumber, Vec<Tile>)>>,
}

/// Runs until the driver stops.
pub(super) async fn run(site: Arc<Site>) {
    let mut backlog = Backlog::default();
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let mut changes = site.feed.take();
        let lines = std::mem::take(&mut changes.entries).into_iter();
        let lines: Vec<_> = lines.map(|line| Entry::new(line, site.start_unix_ms)).collect();
        if !site.board.wanted(site.now_ms()) {
            backlog = Backlog::default();
            continue;
        }
        let Changes { jobs_blurred, .. } = backlog.note(changes);
        let asked = backlog.take(site.now_ms());
        if asked.is_empty() && lines.is_empty() && jobs_blurred.is_empty() {
            continue;
        }
        let answered = site.driver.question(move |core, now_ms| answer(core, now_ms, asked));
        let Ok(answered) = answered.await else { return };
        site.board.post(batch(&lines, answered, jobs_blurred));
    }
}

impl Default for Backlog {
    fn default() -> Backlog {
        Backlog { jobs: Pace::new(JOBS), workers: Pace::new(WORKERS), tiles: BTreeMap::new() }
    }
}

impl Backlog {
    /// Takes what changed into the backlog; returns the rest.
    fn note(&mut self, mut changes: Changes) -> Changes {
        self.jobs.turn(std::mem::take(&mut changes.jobs_turned));
        self.jobs.go_on(std::mem::take(&mut changes.jobs_went_on));
        self.workers.turn(std::mem::take(&mut changes.workers_turned));
        self.workers.go_on(std::mem::take(&mut changes.workers_went_on));
        for (job, mut tiles) in std::mem::take(&mut changes.tiles) {
            self.tiles.entry(job).or_default().append(&mut tiles);
        }
        self.tiles.retain(|job, _| !changes.jobs_blurred.contains(job));
        changes
    }

    fn take(&mut self, now_ms: u64) -> Asked {
        let mut tiles = BTreeMap::new();
        for (job, waiting) in std::mem::take(&mut self.tiles) {
            let mut waiting = waiting.into_iter();
            tiles.insert(job, waiting.by_ref().take(TILES_MAX).collect());
            let rest: BTreeSet<_> = waiting.collect();
            if !rest.is_empty() {
                self.tiles.insert(job, rest);
            }
        }
        Asked { jobs: self.jobs.take(now_ms), workers: self.workers.take(now_ms), tiles }
    }
}

impl Asked {
    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.workers.is_empty() && self.tiles.is_empty()
    }
}

fn answer(core: &Core, now_ms: u64, asked: Asked) -> Answered {
    let jobs = asked.jobs.into_iter().filter_map(|job| super::jobs::view(core, now_ms, job));
    let workers = asked.workers.into_iter().filter_map(|worker| super::workers::view(core, now_ms, worker));
    let (jobs, workers) = (jobs.collect(), workers.collect());
    let (mut frames, mut tiles) = (BTreeMap::new(), BTreeMap::new());
    for (job, changed) in asked.tiles {
        let Some(entry) = core.state().jobs.get(&job) else { continue };
        let mut by_frame: BTreeMap<u32, Vec<TileIndex>> = BTreeMap::new();
        for (frame, tile) in changed {
            by_frame.entry(frame).or_default().push(tile);
        }
        let frame_of = |index: &u32| entry.spec.frames[*index as usize];
        let views = by_frame.keys().filter_map(|index| core.frame_of(job, frame_of(index)));
        frames.insert(job, views.map(Frame::from).collect());
        let views = by_frame.into_iter().map(|(index, changed)| {
            let frame = frame_of(&index);
            (frame, core.tiles(job, frame, changed).into_iter().map(Tile::from).collect())
        });
        tiles.insert(job, views.collect());
    }
    Answered { jobs, workers, frames, tiles }
}

#[derive(Serialize)]
struct JobsEvent {
    jobs: Vec<Job>,
}

#[derive(Serialize)]
struct WorkersEvent {
    workers: Vec<Worker>,
}

#[derive(Serialize)]
struct LogEvent<'a> {
    entries: &'a [Entry],
}

#[derive(Serialize)]
struct FramesEvent {
    job: u64,
    frames: Vec<Frame>,
}

#[derive(Serialize)]
struct TilesEvent {
    job: u64,
    frame: u32,
    tiles: Vec<Tile>,
}

fn batch(lines: &[Entry], answered: Answered, blurred: BTreeSet<JobId>) -> Batch {
    let Answered { jobs, workers, frames, tiles } = answered;
    let mut general = Vec::new();
    if !jobs.is_empty() {
        event(&mut general, "jobs", &JobsEvent { jobs });
    }
    if !workers.is_empty() {
        event(&mut general, "workers", &WorkersEvent { workers });
    }
    if !lines.is_empty() {
        event(&mut general, "log", &LogEvent { entries: lines });
    }
    let mut by_job: BTreeMap<JobId, Vec<u8>> = BTreeMap::new();
    for (job, frames) in frames {
        event(by_job.entry(job).or_default(), "frames", &FramesEvent { job: job.0, frames });
    }
    for (job, frames) in tiles {
        for (frame, tiles) in frames {
            event(by_job.entry(job).or_default(), "tiles", &TilesEvent { job: job.0, frame: frame.0, tiles });
        }
    }
    for job in blurred {
        event(by_job.entry(job).or_default(), "resync", &serde_json::json!({}));
    }
    Batch { general, jobs: by_job }
}

/// Writes one server-sent event. JSON has no line break, so its data are one line.
pub(super) fn event(out: &mut Vec<u8>, name: &str, data: &impl Serialize) {
    out.extend(b"event: ");
    out.extend(name.as_bytes());
    out.extend(b"\ndata: ");
    serde_json::to_writer(&mut *out, data).expect("these documents are JSON");
    out.extend(b"\n\n");
}
