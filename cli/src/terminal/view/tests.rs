//! The screens as they are drawn, cell by cell.

use expect_test::{Expect, expect};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use tessera_scheduler::client::Picture;
use tessera_shared::control::{Dimension, Failure, FailureClass, FailureEntry, Reason};
use tessera_shared::ids::{FrameNumber, JobId, NodeKey, WorkerId};
use tessera_shared::messages::{JobState, WorkerState};
use tessera_shared::watching::{FrameState, LogKind, LogLine, TileStage, TileWord};

use super::*;
use crate::terminal::layout::{Graphics, Size};
use crate::terminal::model::tests::{frame, frames, job, mosaic, worker};
use crate::terminal::model::{Event, FramesSeen, Key, Seen};

const SIZE: Size = Size { columns: 72, rows: 14, cell_px: [10, 20], graphics: Graphics::TrueColour };

fn model(screen: Screen, seen: Vec<Seen>) -> Model {
    let mut model = Model::new(screen, SIZE);
    model.update(Event::Seen(seen));
    model
}

fn drawn(model: &Model) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(model.size.columns, model.size.rows)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The screen's text, without blanks at the ends of its lines.
fn text(buffer: &Buffer) -> String {
    let row = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}

fn shows(model: &Model, expected: Expect) {
    expected.assert_eq(&text(&drawn(model)));
}

#[test]
fn the_queue() {
    let mut hostile = job(12, JobState::Failed("no\x1b[2J".into()));
    hostile.name = "\x1b]0;owned\x07 shot".into();
    let states = [
        job(11, JobState::Running),
        job(10, JobState::Queued),
        job(9, JobState::Paused),
        job(8, JobState::Completed),
        job(7, JobState::Cancelled),
        job(6, JobState::Waiting { after: JobId(3) }),
    ];
    let jobs: Vec<_> = [hostile].into_iter().chain(states).collect();
    let model = model(Screen::Queue, vec![Seen::Jobs(jobs)]);
    shows(
        &model,
        expect![[r#"
            tessera  1 jobs   2 workers   3 events
            job   name       state       progress          frames  left        worke
            j12   ]0;owned s ✖ failed    ██▌·······  25 %     6/24  –           2
            j11   shot 11    ▶ running   ██▌·······  25 %     6/24  1 min 30 s  2
            j10   shot 10    · queued    ██▌·······  25 %     6/24  –           2
            j9    shot 9     ‖ paused    ██▌·······  25 %     6/24  –           2
            j8    shot 8     ✔ completed ██▌·······  25 %     6/24  –           2
            j7    shot 7     ✖ cancelled ██▌·······  25 %     6/24  –           2
            j6    shot 6     … waiting   ██▌·······  25 %     6/24  –           2




            enter open  w why  p pause/resume  c cancel  n priority  ? help  q quit
        "#]],
    );
    let buffer = drawn(&model);
    let controls = |cell: &ratatui::buffer::Cell| cell.symbol().contains(char::is_control);
    assert!(!buffer.content.iter().any(controls), "what a name holds must not reach the terminal");
    assert_eq!((buffer[(24, 3)].fg, buffer[(24, 5)].fg), (Color::Cyan, Color::Yellow));
}

#[test]
fn an_empty_farm() {
    shows(
        &model(Screen::Queue, vec![Seen::Jobs(Vec::new())]),
        expect![[r#"
            tessera  1 jobs   2 workers   3 events
            job   name       state       progress          frames  left        worke
            the farm has no jobs; `tessera submit SHOT` adds one










            enter open  w why  p pause/resume  c cancel  n priority  ? help  q quit
        "#]],
    );
    let mut lost = model(Screen::Workers, vec![Seen::Workers(Vec::new())]);
    lost.update(Event::Lost("timed out".into()));
    shows(
        &lost,
        expect![[r#"
            tessera  1 jobs   2 workers   3 events   no connection: timed out
            worker name                rays/s    tiles  wrong  state and devices
            the farm has no workers; run `tessera worker --join LINK` with the link










            d drain/undrain  b ban/readmit  ? help  q quit
        "#]],
    );
}

#[test]
fn workers_and_events() {
    let workers = vec![
        worker(1, WorkerState::Busy),
        worker(2, WorkerState::Drained),
        worker(3, WorkerState::Quarantined("wrong block (3, 4)".into())),
        worker(4, WorkerState::Left { ago_ms: 75_000 }),
    ];
    shows(
        &model(Screen::Workers, vec![Seen::Workers(workers)]),
        expect![[r#"
            tessera  1 jobs   2 workers   3 events
            worker name                rays/s    tiles  wrong  state and devices
            w1     node 1              3.50 M      120      0  ▶ busy
            w2     node 2              3.50 M      120      0  ‖ drained
            w3     node 3              3.50 M      120      0  ✖ quarantined: wrong
            w4     node 4              3.50 M      120      0  ○ left 1 min 15 s ago







            d drain/undrain  b ban/readmit  ? help  q quit
        "#]],
    );
    let line = |number, kind, text: &str| LogLine::new(number, 0, kind, text.to_owned());
    let lines = vec![
        line(1, LogKind::Job, "j1 `shot` is submitted"),
        line(2, LogKind::Worker, "w1 `node` joined with card"),
        line(3, LogKind::Failure, "w1 is late with l3 of j1"),
        line(4, LogKind::Verdict, "w1 `node` is banned for fraud: it rendered blocks wrongly"),
    ];
    shows(
        &model(Screen::Events, vec![Seen::Lines(lines)]),
        expect![[r#"
        tessera  1 jobs   2 workers   3 events
        what happened, newest last
          job      j1 `shot` is submitted
        ± worker   w1 `node` joined with card
        ✗ failure  w1 is late with l3 of j1
        ! verdict  w1 `node` is banned for fraud: it rendered blocks wrongly







        arrows scroll  ? help  q quit
    "#]],
    );
}

#[test]
fn why_a_job_waits() {
    let reason = |dimension, sentence: &str| Reason { dimension, sentence: sentence.to_owned() };
    let entry = |ago_ms, log: &str| FailureEntry {
        ago_ms,
        worker: WorkerId(3),
        operator: NodeKey([3; 32]),
        tile: Some((FrameNumber(12), 40)),
        failure: Failure { class: FailureClass::Node, log: log.to_owned() },
    };
    let open = vec![
        Seen::Job(Box::new(job(8, JobState::Running))),
        Seen::Reasons(
            JobId(8),
            vec![reason(
                Dimension::Tags,
                "no connected worker has the tag `gpu`; start one with `tessera worker --tag gpu`, or submit without it",
            )],
        ),
        Seen::Failures(
            JobId(8),
            vec![entry(90_000, "older"), entry(2_000, "the device was lost\nVK_ERROR\x1b[2J")],
        ),
    ];
    shows(
        &model(Screen::Why(JobId(8)), open),
        expect![[r#"
        tessera  1 jobs   2 workers   3 events
        j8 shot 8

        no connected worker has the tag `gpu`; start one with `tessera worker --
        tag gpu`, or submit without it

        2 failures, newest first
        2.0 s ago  w3  frame 12 tile 40  node
        the device was lost
        VK_ERROR [2J
        1 min 30 s ago  w3  frame 12 tile 40  node
        older

        arrows scroll  esc the job  ? help  q quit
    "#]],
    );
}

/// Two pixels beside each other, a red one and one without samples, as wide and high as is said.
fn picture(width_px: u32, height_px: u32) -> Picture {
    let rgba = [[255, 0, 0, 255], [0; 4]].concat().repeat((width_px * height_px / 2) as usize);
    Picture { width_px, height_px, finished: false, rgba }
}

#[test]
fn a_job_with_its_frames_and_the_picture_of_the_selected_one() {
    let mut shown = frames(95..=104);
    shown[0] = frame(95, FrameState::Finished, 10);
    shown[1] = frame(96, FrameState::Rendering, 1);
    shown[2] = frame(97, FrameState::Rendering, 4);
    shown[3] = frame(98, FrameState::Rendering, 9);
    let page = FramesSeen { after: None, frames: shown, next: None };
    let seen = vec![
        Seen::Job(Box::new(job(8, JobState::Running))),
        Seen::Frames(JobId(8), page),
        Seen::Picture(JobId(8), FrameNumber(95), picture(6, 3)),
    ];
    let mut model = model(Screen::Job(JobId(8)), seen);
    shows(
        &model,
        expect![[r#"
            tessera  1 jobs   2 workers   3 events
            j8 shot 8  ▶ running
            ██████████······························ 25 %  1 min 30 s left
            6 of 24 frames  60 of 240 tiles  1.00 M rays  2 workers  priority 5

            █  95 ░  96 ▒  97 ▓  98 ·  99 · 100  ▀▀▀▀▀▀
            · 101 · 102 · 103 · 104              ▀▀▀▀▀▀






            enter open  w why  p pause/resume  c cancel  n priority  r requeue  esc
        "#]],
    );
    model.update(Event::Key(Key::Right));
    // The picture is of another frame now.
    assert!(text(&drawn(&model)).contains('…'));
    model.update(Event::Key(Key::Char('p')));
    shows(
        &model,
        expect![[r#"
            tessera  1 jobs   2 workers   3 events
            j8 shot 8  ▶ running
            ██████████······························ 25 %  1 min 30 s left
            6 of 24 frames  60 of 240 tiles  1.00 M rays  2 workers  priority 5
                           ┌───────────────────────────────────────┐
            █  95 ░  96 ▒  │ Pause j8: nothing more of it is lent? │
            · 101 · 102 · 1│                                       │
                           │ y yes   n no                          │
                           └───────────────────────────────────────┘




            enter open  w why  p pause/resume  c cancel  n priority  r requeue  esc
        "#]],
    );
}

#[test]
fn a_frame_as_tiles_beside_its_picture() {
    let mut tiles = mosaic(8, 2);
    let stages = [
        (TileStage::Leased, 0, None),
        (TileStage::Delivered, 1, None),
        (TileStage::Checking, 1, None),
        (TileStage::Disputed, 3, None),
        (TileStage::Accepted, 4, Some(TileWord::Worker)),
        (TileStage::Waiting, 2, Some(TileWord::Referee)),
    ];
    for (tile, (stage, passes_done, word)) in tiles.tiles.iter_mut().zip(stages) {
        (tile.stage, tile.passes_done, tile.word, tile.worker) =
            (stage, passes_done, word, Some(WorkerId(3)));
    }
    let (job_id, number) = (JobId(8), FrameNumber(5));
    let seen = vec![
        Seen::Job(Box::new(job(8, JobState::Running))),
        Seen::Tiles(job_id, number, tiles),
        Seen::Picture(job_id, number, picture(6, 3)),
    ];
    let mut model = model(Screen::Frame(job_id, number), seen);
    (0..4).for_each(|_| drop(model.update(Event::Key(Key::Right))));
    shows(
        &model,
        expect![[r#"
        tessera  1 jobs   2 workers   3 events
        frame 5  j8 shot 8  1 of 16 tiles  512×128
        tile 4: accepted, 4 of 4 passes, w3, checked by another operator

        ◌ ○ ◐ ✗ ● ▄ · ·          ▀▀▀▀▀▀
        · · · · · · · ·          ▀▀▀▀▀▀







        arrows tile  [ ] frame  r requeue  +- exposure  esc back  ? help
    "#]],
    );
    // The picture begins in the second third: red above red, and nothing beneath the last row.
    let buffer = drawn(&model);
    let (red, empty) = (Color::Rgb(255, 0, 0), Color::Rgb(38, 38, 38));
    assert_eq!((buffer[(25, 4)].fg, buffer[(25, 4)].bg), (red, red));
    assert_eq!((buffer[(26, 4)].fg, buffer[(25, 5)].bg), (empty, Color::Reset));
    model.size.graphics = Graphics::Palette;
    assert_eq!(drawn(&model)[(25, 4)].fg, Color::Indexed(196));
    model.size.graphics = Graphics::Kitty;
    assert_eq!(drawn(&model)[(25, 4)].symbol(), " ", "the terminal shows it itself");
}

#[test]
fn a_mosaic_without_room_shows_what_is_furthest_behind() {
    let mut tiles = mosaic(60, 34);
    tiles.tiles.iter_mut().for_each(|tile| tile.stage = TileStage::Accepted);
    tiles.tiles[33 * 60 + 59].stage = TileStage::Checking;
    let model =
        model(Screen::Frame(JobId(8), FrameNumber(5)), vec![Seen::Tiles(JobId(8), FrameNumber(5), tiles)]);
    shows(
        &model,
        expect![[r#"
        tessera  1 jobs   2 workers   3 events
        frame 5  2039 of 2040 tiles  3840×2176
        tile 0: accepted, 0 of 4 passes

        ● ● ● ● ● ● ● ● ● ● ● ●  …
        ● ● ● ● ● ● ● ● ● ● ● ●
        ● ● ● ● ● ● ● ● ● ● ● ●
        ● ● ● ● ● ● ● ● ● ● ● ●
        ● ● ● ● ● ● ● ● ● ● ● ●
        ● ● ● ● ● ● ● ● ● ● ● ●
        ● ● ● ● ● ● ● ● ● ● ● ◐


        arrows tile  [ ] frame  r requeue  +- exposure  esc back  ? help
    "#]],
    );
}

#[test]
fn a_terminal_of_any_size_is_drawn_on() {
    let page = FramesSeen { after: None, frames: frames(1..=300), next: None };
    let seen = vec![
        Seen::Job(Box::new(job(8, JobState::Running))),
        Seen::Frames(JobId(8), page),
        Seen::Jobs((1..300).rev().map(|number| job(number, JobState::Running)).collect()),
        Seen::Picture(JobId(8), FrameNumber(1), picture(400, 400)),
    ];
    for screen in [Screen::Queue, Screen::Job(JobId(8)), Screen::Frame(JobId(8), FrameNumber(1))] {
        let mut model = model(screen, seen.clone());
        model.update(Event::Seen(vec![Seen::Tiles(JobId(8), FrameNumber(1), mosaic(60, 34))]));
        for keys in ["", "?", "n"] {
            keys.chars().for_each(|key| drop(model.update(Event::Key(Key::Char(key)))));
            for (columns, rows) in [(1, 1), (20, 3), (21, 5), (60, 6), (300, 90)] {
                model.update(Event::Resized(Size { columns, rows, ..SIZE }));
                drawn(&model);
            }
            model.update(Event::Key(Key::Escape));
        }
    }
}
