//! What the full-screen terminal shows and what keys do: events in, effects out. Knows no terminal, no farm and no clock.

mod keys;

use tessera_scheduler::client::{FramePage, Mosaic, Picture};
use tessera_shared::control::{FailureEntry, Reason};
use tessera_shared::ids::{FrameNumber, JobId, NodeKey, WorkerId};
use tessera_shared::messages::{JobStatus, WorkerStatus};
use tessera_shared::watching::{CENTISTOPS_MAX, FrameStatus, LogLine, PictureWish};

use super::layout;

/// Lines of the farm's log that are kept.
const LINES_MAX: usize = 1024;
/// How much a key brightens or darkens, in hundredths of a stop.
const EXPOSURE_STEP: i32 = 50;

/// What is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    Queue,
    Job(JobId),
    Frame(JobId, FrameNumber),
    /// What holds the job back, and what failed of it.
    Why(JobId),
    Workers,
    Events,
}

/// A key, whatever the terminal calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    Tab,
    Interrupt,
    Char(char),
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Key(Key),
    /// Columns and rows, and the pixels of one of their cells.
    Resized(layout::Size),
    /// It is time to look again.
    Tick,
    /// What the last [`Effect::Look`] found.
    Seen(Vec<Seen>),
    /// An order was carried out, or why not.
    Ordered(Result<String, String>),
    /// The farm does not answer; it is tried again.
    Lost(String),
}

/// What a look found.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Jobs(Vec<JobStatus>),
    Job(Box<JobStatus>),
    Frames(JobId, FramesSeen),
    Tiles(JobId, FrameNumber, Mosaic),
    Picture(JobId, FrameNumber, Picture),
    Reasons(JobId, Vec<Reason>),
    /// Oldest first.
    Failures(JobId, Vec<FailureEntry>),
    Workers(Vec<WorkerStatus>),
    Lines(Vec<LogLine>),
    /// It was refused.
    Refused(Ask, String),
}

/// A page of frames.
#[derive(Clone, Debug, PartialEq)]
pub struct FramesSeen {
    pub after: Option<FrameNumber>,
    pub frames: Vec<FrameStatus>,
    pub next: Option<FrameNumber>,
}

impl FramesSeen {
    pub fn new(after: Option<FrameNumber>, page: FramePage) -> FramesSeen {
        FramesSeen { after, frames: page.frames, next: page.next }
    }
}

/// What a look asks the farm for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Jobs,
    Job(JobId),
    Frames(JobId, Option<FrameNumber>),
    Tiles(JobId, FrameNumber),
    Picture(JobId, FrameNumber, PictureWish),
    Reasons(JobId),
    Failures(JobId),
    Workers,
    Lines { after: u64 },
}

/// What a person decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Pause(JobId),
    Resume(JobId),
    Cancel(JobId),
    Requeue(JobId, FrameNumber),
    Prioritise(JobId, i32),
    Drain(WorkerId),
    Undrain(WorkerId),
    /// The operator of a worker, with the reason.
    Ban(NodeKey, String),
    Readmit(NodeKey),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the farm; the answer is one [`Event::Seen`].
    Look(Vec<Ask>),
    Order(Order),
    Quit,
}

/// What lies over the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    Confirm(Order),
    /// The digits so far.
    Priority(JobId, String),
    /// The operator of the worker, and the reason so far.
    Ban(WorkerId, NodeKey, String),
    Help,
}

/// Where the last word of the farm stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Done(String),
    Refused(String),
}

/// Everything that is shown.
#[derive(Clone, Debug)]
pub struct Model {
    pub screen: Screen,
    pub size: layout::Size,
    pub jobs: Option<Vec<JobStatus>>,
    pub workers: Option<Vec<WorkerStatus>>,
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// Of the open job.
    pub job: Option<JobStatus>,
    pub frames: Option<FramesSeen>,
    /// Where the pages before the one that is shown begin.
    pub pages: Vec<Option<FrameNumber>>,
    /// Of the open frame.
    pub mosaic: Option<Mosaic>,
    pub picture: Option<(FrameNumber, Picture)>,
    /// Why there is no picture.
    pub no_picture: Option<String>,
    /// Of the job whose reasons are open.
    pub reasons: Option<Vec<Reason>>,
    /// Oldest first.
    pub failures: Option<Vec<FailureEntry>>,
    pub exposure_centistops: i32,
    pub at: Cursors,
    pub dialog: Option<Dialog>,
    pub notice: Option<Notice>,
    pub lost: Option<String>,
    looking: bool,
}

/// The selected place of each list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursors {
    pub job: usize,
    pub frame: usize,
    pub tile: usize,
    pub worker: usize,
    /// Lines scrolled back from the newest.
    pub line: usize,
    /// Failures passed over from the newest.
    pub failure: usize,
}

impl Model {
    pub fn new(screen: Screen, size: layout::Size) -> Model {
        Model {
            screen,
            size,
            jobs: None,
            workers: None,
            lines: Vec::new(),
            job: None,
            frames: None,
            pages: Vec::new(),
            mosaic: None,
            picture: None,
            no_picture: None,
            reasons: None,
            failures: None,
            exposure_centistops: 0,
            at: Cursors::default(),
            dialog: None,
            notice: None,
            lost: None,
            looking: false,
        }
    }

    /// Takes an event in.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => self.key(key),
            Event::Resized(size) => {
                self.size = size;
                Vec::new()
            }
            Event::Tick => self.look(),
            Event::Seen(seen) => {
                self.looking = false;
                self.lost = None;
                seen.into_iter().for_each(|seen| self.see(seen));
                Vec::new()
            }
            Event::Ordered(answer) => {
                // A look that waited behind the order was left out.
                self.looking = false;
                self.notice = Some(answer.map_or_else(Notice::Refused, Notice::Done));
                self.look()
            }
            Event::Lost(reason) => {
                self.looking = false;
                self.lost = Some(reason);
                Vec::new()
            }
        }
    }

    /// Asks for what is on the screen, if nothing is being asked for.
    fn look(&mut self) -> Vec<Effect> {
        if self.looking {
            return Vec::new();
        }
        self.looking = true;
        let asks = match self.screen {
            Screen::Queue => vec![Ask::Jobs],
            Screen::Workers => vec![Ask::Workers],
            Screen::Events => vec![Ask::Lines { after: self.lines.last().map_or(0, |line| line.number) }],
            Screen::Job(job) => {
                let after = self.frames.as_ref().and_then(|page| page.after);
                let mut asks = vec![Ask::Job(job), Ask::Frames(job, after)];
                asks.extend(self.picture_ask());
                asks
            }
            Screen::Why(job) => vec![Ask::Job(job), Ask::Reasons(job), Ask::Failures(job)],
            Screen::Frame(job, frame) => {
                let mut asks = vec![Ask::Job(job), Ask::Tiles(job, frame)];
                asks.extend(self.picture_ask());
                asks
            }
        };
        vec![Effect::Look(asks)]
    }

    /// The picture of the frame that is open or selected, as large as there is room for it.
    fn picture_ask(&self) -> Option<Ask> {
        let (job, frame) = self.open_job().zip(self.open_frame())?;
        let [width_px_max, height_px_max] = layout::picture_px(self)?;
        let exposure_centistops = self.exposure_centistops;
        let wish = PictureWish { width_px_max, height_px_max, exposure_centistops };
        Some(Ask::Picture(job, frame, wish))
    }

    fn see(&mut self, seen: Seen) {
        match seen {
            Seen::Jobs(jobs) => {
                let selected = self.selected_job().map(|job| job.job);
                self.at.job = kept(self.at.job, jobs.iter().position(|job| Some(job.job) == selected), &jobs);
                self.jobs = Some(jobs);
            }
            Seen::Workers(workers) => {
                let selected = self.selected_worker().map(|worker| worker.worker);
                let place = workers.iter().position(|worker| Some(worker.worker) == selected);
                self.at.worker = kept(self.at.worker, place, &workers);
                self.workers = Some(workers);
            }
            Seen::Lines(lines) => self.see_lines(lines),
            Seen::Job(job) if self.open_job() == Some(job.job) => self.job = Some(*job),
            Seen::Frames(job, page) if self.open_job() == Some(job) => {
                self.at.frame = self.at.frame.min(page.frames.len().saturating_sub(1));
                self.frames = Some(page);
            }
            Seen::Tiles(job, frame, mosaic) if self.screen == Screen::Frame(job, frame) => {
                self.at.tile = self.at.tile.min(mosaic.tiles.len() - 1);
                self.mosaic = Some(mosaic);
            }
            Seen::Picture(job, frame, picture) if self.open_job() == Some(job) => {
                self.no_picture = None;
                self.picture = Some((frame, picture));
            }
            Seen::Reasons(job, reasons) if self.screen == Screen::Why(job) => self.reasons = Some(reasons),
            Seen::Failures(job, failures) if self.screen == Screen::Why(job) => {
                let more = failures.len().saturating_sub(self.failures.as_ref().map_or(0, Vec::len));
                // Who reads further back is not moved by what comes.
                self.at.failure += if self.at.failure > 0 { more } else { 0 };
                self.at.failure = self.at.failure.min(failures.len().saturating_sub(1));
                self.failures = Some(failures);
            }
            Seen::Refused(Ask::Picture(..), reason) => self.no_picture = Some(reason),
            Seen::Refused(_, reason) => self.notice = Some(Notice::Refused(reason)),
            // Of what is not on the screen any more.
            Seen::Job(_)
            | Seen::Frames(..)
            | Seen::Tiles(..)
            | Seen::Picture(..)
            | Seen::Reasons(..)
            | Seen::Failures(..) => {}
        }
    }

    fn see_lines(&mut self, lines: Vec<LogLine>) {
        // A scheduler that was started again counts from 1.
        let newest = self.lines.last().map_or(0, |line| line.number);
        if lines.first().is_some_and(|first| first.number <= newest) {
            self.lines.clear();
        }
        if self.at.line > 0 {
            self.at.line += lines.len();
        }
        self.lines.extend(lines);
        let extra = self.lines.len().saturating_sub(LINES_MAX);
        self.lines.drain(..extra);
        self.at.line = self.at.line.min(self.lines.len().saturating_sub(1));
    }

    /// Goes to another screen and forgets what was of the last one.
    fn go(&mut self, screen: Screen) -> Vec<Effect> {
        let before = self.open_job();
        self.screen = screen;
        self.mosaic = None;
        self.no_picture = None;
        self.reasons = None;
        self.failures = None;
        self.at.tile = 0;
        self.at.failure = 0;
        if self.open_job() != before {
            self.job = None;
            self.frames = None;
            self.pages.clear();
            self.picture = None;
            self.at.frame = 0;
        }
        // What is being asked for is of the last screen: its answer is passed over.
        self.looking = false;
        self.look()
    }

    /// Shows another page of the job's frames.
    fn turn(&mut self, after: Option<FrameNumber>) -> Vec<Effect> {
        self.frames = Some(FramesSeen { after, frames: Vec::new(), next: None });
        self.at.frame = 0;
        self.looking = false;
        self.look()
    }

    fn expose(&mut self, steps: i32) -> Vec<Effect> {
        let exposed = self.exposure_centistops + steps * EXPOSURE_STEP;
        self.exposure_centistops = exposed.clamp(-CENTISTOPS_MAX, CENTISTOPS_MAX);
        self.look()
    }

    /// The job that the screen is about.
    pub fn open_job(&self) -> Option<JobId> {
        match self.screen {
            Screen::Job(job) | Screen::Frame(job, _) | Screen::Why(job) => Some(job),
            Screen::Queue | Screen::Workers | Screen::Events => None,
        }
    }

    /// The frame that is open, or the selected one of the open job.
    pub fn open_frame(&self) -> Option<FrameNumber> {
        match self.screen {
            Screen::Frame(_, frame) => Some(frame),
            Screen::Job(_) => self.selected_frame().map(|frame| frame.frame),
            Screen::Queue | Screen::Why(_) | Screen::Workers | Screen::Events => None,
        }
    }

    pub fn selected_job(&self) -> Option<&JobStatus> {
        match self.open_job() {
            Some(_) => self.job.as_ref(),
            None => self.jobs.as_ref()?.get(self.at.job),
        }
    }

    pub fn selected_worker(&self) -> Option<&WorkerStatus> {
        self.workers.as_ref()?.get(self.at.worker)
    }

    pub fn selected_frame(&self) -> Option<&FrameStatus> {
        self.frames.as_ref()?.frames.get(self.at.frame)
    }
}

/// Where the cursor is in a new list: with what it was on, or as near as may be.
fn kept<T>(before: usize, found: Option<usize>, list: &[T]) -> usize {
    found.unwrap_or(before).min(list.len().saturating_sub(1))
}

#[cfg(test)]
pub mod tests;
