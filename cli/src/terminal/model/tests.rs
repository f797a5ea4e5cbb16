//! What a person does, told as keys, and what is asked of the farm for it.

use tessera_shared::control::{Dimension, Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::ids::NodeKey;
use tessera_shared::messages::{JobState, OperatorStanding, WorkerState};
use tessera_shared::watching::{FrameState, LogKind, TileGrid, TileStage, TileStatus};

use super::*;
use layout::Graphics;

const SIZE: layout::Size =
    layout::Size { columns: 80, rows: 24, cell_px: [10, 20], graphics: Graphics::TrueColour };

pub fn job(number: u64, state: JobState) -> JobStatus {
    JobStatus {
        job: JobId(number),
        name: format!("shot {number}"),
        owner: NodeKey([1; 32]),
        package: Digest([2; 32]),
        priority: 5,
        state,
        frames_total: 24,
        frames_done: 6,
        tiles_total: 240,
        tiles_done: 60,
        samples_total: 1000,
        samples_done: 250,
        rays: Rays { camera: 1_000_000, bounce: 0, shadow: 0 },
        workers: 2,
        elapsed_ms: 30_000,
        unserved: false,
        tiles_overturned: 0,
        rays_checked: 0,
    }
}

pub fn worker(number: u64, state: WorkerState) -> WorkerStatus {
    WorkerStatus {
        worker: WorkerId(number),
        name: format!("node {number}"),
        operator: NodeKey([3; 32]),
        devices: Vec::new(),
        state,
        tiles_accepted: 120,
        tiles_rejected: 0,
        rays_per_second: 3_500_000,
        connected_ms: 1000,
        standing: OperatorStanding::default(),
        reports: Vec::new(),
        tags: Vec::new(),
    }
}

pub fn frame(number: u32, state: FrameState, tiles_done: u64) -> FrameStatus {
    FrameStatus { frame: FrameNumber(number), state, tiles_done, tiles_total: 10, overturned: 0 }
}

pub fn frames(numbers: std::ops::RangeInclusive<u32>) -> Vec<FrameStatus> {
    numbers.map(|number| frame(number, FrameState::Waiting, 0)).collect()
}

pub fn mosaic(columns: u32, rows: u32) -> Mosaic {
    let grid =
        TileGrid { columns, rows, passes: 4, width_px: 64 * columns, height_px: 64 * rows, tile_px: 64 };
    let tile = TileStatus { stage: TileStage::Waiting, passes_done: 0, worker: None, word: None };
    Mosaic { grid, tiles: vec![tile; (columns * rows) as usize] }
}

/// A terminal and what it has asked for.
pub struct Terminal {
    pub model: Model,
    effects: Vec<Effect>,
}

impl Terminal {
    pub fn new(screen: Screen) -> Terminal {
        Terminal { model: Model::new(screen, SIZE), effects: Vec::new() }
    }

    pub fn sees(mut self, seen: Seen) -> Terminal {
        self.effects = self.model.update(Event::Seen(vec![seen]));
        self
    }

    /// Presses keys: letters as they are, `^` up, `v` down, `<` left, `>` right, `~` enter, `!` escape.
    pub fn types(mut self, keys: &str) -> Terminal {
        for symbol in keys.chars() {
            let key = match symbol {
                '^' => Key::Up,
                'v' => Key::Down,
                '<' => Key::Left,
                '>' => Key::Right,
                '~' => Key::Enter,
                '!' => Key::Escape,
                letter => Key::Char(letter),
            };
            self.effects = self.model.update(Event::Key(key));
        }
        self
    }

    fn asks(&self) -> Vec<Ask> {
        match self.effects.as_slice() {
            [] => Vec::new(),
            [Effect::Look(asks)] => asks.clone(),
            other => panic!("{other:?}"),
        }
    }
}

fn queue() -> Terminal {
    let jobs = vec![job(9, JobState::Paused), job(8, JobState::Running), job(7, JobState::Completed)];
    Terminal::new(Screen::Queue).sees(Seen::Jobs(jobs))
}

#[test]
fn what_is_on_the_screen_is_asked_for_and_once_at_a_time() {
    let mut model = Model::new(Screen::Queue, SIZE);
    assert_eq!(model.update(Event::Tick), [Effect::Look(vec![Ask::Jobs])]);
    assert_eq!(model.update(Event::Tick), []);
    model.update(Event::Seen(Vec::new()));
    assert_eq!(model.update(Event::Tick), [Effect::Look(vec![Ask::Jobs])]);
    model.update(Event::Lost("away".into()));
    assert_eq!(model.lost.as_deref(), Some("away"));
    assert_eq!(model.update(Event::Tick), [Effect::Look(vec![Ask::Jobs])]);
    model.update(Event::Seen(Vec::new()));
    assert_eq!(model.lost, None);
}

#[test]
fn nothing_is_ordered_before_it_is_confirmed() {
    let (running, paused) = (JobId(8), JobId(9));
    for (keys, expected) in [
        ("vp", None),
        ("vpn", None),
        ("vp!", None),
        ("vpx", None),
        ("vpy", Some(Order::Pause(running))),
        ("vpxY", Some(Order::Pause(running))),
        ("py", Some(Order::Resume(paused))),
        ("vcy", Some(Order::Cancel(running))),
        ("vn12~", Some(Order::Prioritise(running, 12))),
        ("vn-7~", Some(Order::Prioritise(running, -7))),
        ("vn5000~", None),
        ("vn~", None),
        ("vn5!", None),
        // There is no frame to render anew here.
        ("vry", None),
    ] {
        let terminal = queue().types(keys);
        let ordered = terminal.effects.iter().find_map(|effect| match effect {
            Effect::Order(order) => Some(order.clone()),
            _ => None,
        });
        assert_eq!(ordered, expected, "{keys}");
    }
    let drain = |state, keys| {
        let terminal = Terminal::new(Screen::Workers).sees(Seen::Workers(vec![worker(3, state)]));
        terminal.types(keys).effects
    };
    assert_eq!(drain(WorkerState::Busy, "dy"), [Effect::Order(Order::Drain(WorkerId(3)))]);
    assert_eq!(drain(WorkerState::Drained, "dy"), [Effect::Order(Order::Undrain(WorkerId(3)))]);
    assert_eq!(drain(WorkerState::Busy, "dn"), []);
    let operator = NodeKey([3; 32]);
    let ban = |reason: &str| vec![Effect::Order(Order::Ban(operator, reason.to_owned()))];
    assert_eq!(drain(WorkerState::Busy, "bits box is on fire~"), ban("its box is on fire"));
    assert_eq!(drain(WorkerState::Busy, "bhot!"), []);
    assert_eq!(drain(WorkerState::Busy, "b ~"), []);
    let banned = WorkerState::Banned("wrong".into());
    assert_eq!(drain(banned, "by"), [Effect::Order(Order::Readmit(operator))]);
}

#[test]
fn the_cursor_stays_on_its_job_when_others_come() {
    let terminal = queue().types("v");
    let more = [10, 9, 8, 7].map(|number| job(number, JobState::Running)).to_vec();
    let terminal = terminal.sees(Seen::Jobs(more));
    assert_eq!(terminal.model.selected_job().unwrap().job, JobId(8));
    let terminal = terminal.sees(Seen::Jobs(vec![job(7, JobState::Running)]));
    assert_eq!(terminal.model.selected_job().unwrap().job, JobId(7));
    assert_eq!(terminal.sees(Seen::Jobs(Vec::new())).types("v^~py").effects, []);
}

#[test]
fn a_job_opens_and_a_frame_of_it_with_a_picture_as_large_as_its_place() {
    let open = queue().types("v~");
    assert_eq!(open.asks(), [Ask::Job(JobId(8)), Ask::Frames(JobId(8), None)]);
    let page = FramesSeen { after: None, frames: frames(1..=9), next: None };
    let open = open.sees(Seen::Frames(JobId(8), page)).types(">");
    // Half of 80 columns and 18 of 24 rows, two pixels a cell.
    let wish = PictureWish { width_px_max: 39, height_px_max: 36, exposure_centistops: 0 };
    assert_eq!(open.asks()[2], Ask::Picture(JobId(8), FrameNumber(2), wish));
    let open = open.types("~");
    let wish = PictureWish { width_px_max: 53, height_px_max: 38, exposure_centistops: 0 };
    let expected = [
        Ask::Job(JobId(8)),
        Ask::Tiles(JobId(8), FrameNumber(2)),
        Ask::Picture(JobId(8), FrameNumber(2), wish),
    ];
    assert_eq!(open.asks(), expected);
    let open = open.types("]");
    assert_eq!(open.model.screen, Screen::Frame(JobId(8), FrameNumber(3)));
    let open = open.sees(Seen::Job(Box::new(job(8, JobState::Running))));
    let mut open = open.sees(Seen::Tiles(JobId(8), FrameNumber(3), mosaic(5, 4))).types(">v");
    assert_eq!(open.model.at.tile, 6);
    open.model.looking = false;
    let open = open.types("++-");
    let Some(Ask::Picture(_, _, wish)) = open.model.picture_ask() else { panic!("no picture is asked for") };
    assert_eq!(wish.exposure_centistops, EXPOSURE_STEP);
    assert_eq!(open.types("ry").effects, [Effect::Order(Order::Requeue(JobId(8), FrameNumber(3)))]);
    let closed = queue().types("v~!").model;
    assert_eq!((closed.screen, closed.job), (Screen::Queue, None));
}

fn failure(number: u64) -> FailureEntry {
    FailureEntry {
        ago_ms: 1000 * number,
        worker: WorkerId(number),
        operator: NodeKey([3; 32]),
        tile: Some((FrameNumber(1), 7)),
        failure: Failure { class: FailureClass::Node, log: format!("device lost, {number}") },
    }
}

#[test]
fn why_a_job_waits_is_told_with_its_failures() {
    let why = queue().types("vw");
    assert_eq!(why.asks(), [Ask::Job(JobId(8)), Ask::Reasons(JobId(8)), Ask::Failures(JobId(8))]);
    let reason = Reason { dimension: Dimension::Paused, sentence: "j8 is paused".into() };
    let late = queue().sees(Seen::Reasons(JobId(8), vec![reason.clone()]));
    assert_eq!(late.model.reasons, None);
    let why = why.sees(Seen::Reasons(JobId(8), vec![reason.clone()]));
    let why = why.sees(Seen::Failures(JobId(8), vec![failure(3), failure(2), failure(1)])).types("v");
    assert_eq!((why.model.reasons.as_deref(), why.model.at.failure), (Some(&[reason][..]), 1));
    // Who reads further back is not moved by what comes.
    let why = why.sees(Seen::Failures(JobId(8), [4, 3, 2, 1].map(failure).to_vec()));
    assert_eq!(why.model.at.failure, 2);
    let left = why.types("!");
    assert_eq!((left.model.screen, left.model.failures), (Screen::Job(JobId(8)), None));
}

#[test]
fn what_comes_late_of_another_screen_is_passed_over() {
    let page = FramesSeen { after: None, frames: frames(1..=9), next: None };
    let terminal = queue().types("~").sees(Seen::Frames(JobId(8), page));
    assert!(terminal.model.frames.is_none());
    let late = Seen::Tiles(JobId(9), FrameNumber(1), mosaic(2, 2));
    assert!(terminal.sees(late).model.mosaic.is_none());
}

#[test]
fn a_job_of_many_frames_is_turned_over_page_by_page() {
    let page =
        |after, numbers, next| Seen::Frames(JobId(8), FramesSeen { after, frames: frames(numbers), next });
    let (first, second) = (None, Some(FrameNumber(4)));
    let open = queue().types("v~").sees(page(first, 1..=4, second)).types(">>>>");
    assert!(open.asks().contains(&Ask::Frames(JobId(8), second)));
    let open = open.sees(page(second, 5..=6, None)).types(">>>");
    assert_eq!(open.model.selected_frame().unwrap().frame, FrameNumber(6));
    let open = open.types("<<");
    assert!(open.asks().contains(&Ask::Frames(JobId(8), first)));
}

#[test]
fn lines_of_the_log_are_added_and_begin_anew_with_the_scheduler() {
    let lines = |numbers: std::ops::Range<u64>| {
        let line = |number| LogLine::new(number, 0, LogKind::Job, String::new());
        Seen::Lines(numbers.map(line).collect())
    };
    let log = Terminal::new(Screen::Events).sees(lines(1..5)).sees(lines(5..2000));
    assert_eq!((log.model.lines.len(), log.model.lines[0].number), (LINES_MAX, 2000 - LINES_MAX as u64));
    // Who reads further back is not moved by what comes.
    let log = log.types("^^").sees(lines(2000..2010));
    assert_eq!(log.model.at.line, 12);
    let log = log.sees(lines(1..3));
    assert_eq!((log.model.lines.len(), log.model.at.line), (2, 1));
}

#[test]
fn keys_that_end() {
    assert_eq!(queue().types("q").effects, [Effect::Quit]);
    let mut dialog = queue().types("p").model;
    assert_eq!(dialog.update(Event::Key(Key::Interrupt)), [Effect::Quit]);
    // A letter of a dialog is an answer.
    assert_eq!(queue().types("pq").effects, []);
}
