//! The queue, the workers and the farm's log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tessera_shared::messages::{JobState, JobStatus, WorkerState, WorkerStatus};
use tessera_shared::watching::{LogKind, LogLine};

use super::{BAD, BUSY, DIM, GOOD, PLAIN, SELECTED, STRONG, WAITS, bar, nothing, scrolled, write};
use crate::progress::{amount, duration, seconds_left};
use crate::terminal::model::Model;

/// Cells of a progress bar in the queue.
const BAR_CELLS: u16 = 10;
/// Cells of a row of the queue without the name, which has what is left of the terminal's width.
const QUEUE_CELLS: u16 = 69;
const NAME_CELLS_MIN: u16 = 11;
const NAME_CELLS_MAX: u16 = 40;

/// A job's state in a word, with its glyph and colour.
pub fn job_state(status: &JobStatus) -> (&'static str, Style) {
    match status.state {
        JobState::Queued | JobState::Running if status.unserved => ("✗ unserved", BAD),
        JobState::Queued => ("· queued", WAITS),
        JobState::Running => ("▶ running", BUSY),
        JobState::Completed => ("✔ completed", GOOD),
        JobState::Cancelled => ("✖ cancelled", DIM),
        JobState::Failed(_) => ("✖ failed", BAD),
        JobState::Paused => ("‖ paused", WAITS),
        JobState::Waiting { .. } => ("… waiting", WAITS),
    }
}

/// Of a job's samples, 0 to 1.
pub fn share(status: &JobStatus) -> f64 {
    status.samples_done as f64 / status.samples_total.max(1) as f64
}

/// The time left in words; a dash where nobody knows.
pub fn left(status: &JobStatus) -> String {
    match (&status.state, seconds_left(status)) {
        (JobState::Running, Some(seconds)) => duration(seconds),
        _ => "–".to_owned(),
    }
}

pub fn queue(model: &Model, buffer: &mut Buffer, area: Rect) {
    let name_cells =
        usize::from(area.width.saturating_sub(QUEUE_CELLS).clamp(NAME_CELLS_MIN, NAME_CELLS_MAX));
    let head = format!(
        "{:<6}{:<name_cells$}{:<12}{:<16}{:>8}  {:<12}{:<9}prio",
        "job", "name", "state", "progress", "frames", "left", "workers"
    );
    write(buffer, area, 0, &[(&head, DIM)]);
    let Some(jobs) = model.jobs.as_ref().filter(|jobs| !jobs.is_empty()) else {
        let empty = "the farm has no jobs; `tessera submit SHOT` adds one";
        return nothing(buffer, area, model.jobs.is_some(), empty);
    };
    let seen = usize::from(area.height.saturating_sub(1));
    let first = scrolled(model.at.job, jobs.len(), seen);
    for (row, (index, job)) in (1..).zip(jobs.iter().enumerate().skip(first).take(seen)) {
        let (state, colour) = job_state(job);
        let id = format!("{:<6}", job.job.to_string());
        let name = format!("{:<name_cells$}", cut(&job.name, name_cells - 1));
        let state = format!("{state:<12}");
        let progress = bar(share(job), BAR_CELLS);
        let rest = format!(
            " {:>3.0} % {:>8}  {:<12}{:<9}{:>4}",
            100.0 * share(job),
            format!("{}/{}", job.frames_done, job.frames_total),
            left(job),
            job.workers,
            job.priority,
        );
        let style = if index == model.at.job { SELECTED } else { STRONG };
        let pieces: [(&str, Style); 5] =
            [(&id, style), (&name, STRONG), (&state, colour), (&progress, colour), (&rest, PLAIN)];
        write(buffer, area, row, &pieces);
    }
}

fn worker_state(status: &WorkerStatus) -> (String, Style) {
    let seconds = |ms: u64| duration(ms as f64 / 1000.0);
    match &status.state {
        WorkerState::Idle => ("· idle".to_owned(), PLAIN),
        WorkerState::Busy => ("▶ busy".to_owned(), BUSY),
        WorkerState::Leaving => ("… leaving".to_owned(), WAITS),
        WorkerState::Quarantined(reason) => (format!("✖ quarantined: {reason}"), BAD),
        WorkerState::Left { ago_ms } => (format!("○ left {} ago", seconds(*ago_ms)), DIM),
        WorkerState::Banned(reason) => (format!("✖ banned: {reason}"), BAD),
        WorkerState::Refused(reason) => (format!("✖ refused: {reason}"), BAD),
        WorkerState::Drained => ("‖ drained".to_owned(), WAITS),
        WorkerState::Asleep { for_ms } => (format!("z asleep for {}", seconds(*for_ms)), DIM),
        WorkerState::Resting { for_ms, reason } => {
            (format!("z resting for {}: {reason}", seconds(*for_ms)), WAITS)
        }
    }
}

pub fn workers(model: &Model, buffer: &mut Buffer, area: Rect) {
    let head = format!(
        "{:<7}{:<17}{:>9}{:>9}{:>7}  state and devices",
        "worker", "name", "rays/s", "tiles", "wrong"
    );
    write(buffer, area, 0, &[(&head, DIM)]);
    let Some(workers) = model.workers.as_ref().filter(|workers| !workers.is_empty()) else {
        let empty = "the farm has no workers; run `tessera worker --join LINK` with the link of its owner";
        return nothing(buffer, area, model.workers.is_some(), empty);
    };
    let seen = usize::from(area.height.saturating_sub(1));
    let first = scrolled(model.at.worker, workers.len(), seen);
    for (row, (index, worker)) in (1..).zip(workers.iter().enumerate().skip(first).take(seen)) {
        let devices: Vec<_> = worker.devices.iter().map(|device| device.name.as_str()).collect();
        let id = format!("{:<7}", worker.worker.to_string());
        let facts = format!(
            "{:<17}{:>9}{:>9}{:>7}  ",
            cut(&worker.name, 16),
            amount(worker.rays_per_second as f64),
            worker.tiles_accepted,
            worker.tiles_rejected,
        );
        let (state, colour) = worker_state(worker);
        let devices = format!("  {}", devices.join(" + "));
        let style = if index == model.at.worker { SELECTED } else { STRONG };
        let pieces: [(&str, Style); 4] = [(&id, style), (&facts, PLAIN), (&state, colour), (&devices, DIM)];
        write(buffer, area, row, &pieces);
    }
}

/// At most so many characters, none of them a control character.
fn cut(text: &str, most: usize) -> String {
    text.chars().filter(|symbol| !symbol.is_control()).take(most).collect()
}

pub fn events(model: &Model, buffer: &mut Buffer, area: Rect) {
    let at = if model.at.line > 0 { "what happened, further back" } else { "what happened, newest last" };
    write(buffer, area, 0, &[(at, DIM)]);
    if model.lines.is_empty() {
        return nothing(buffer, area, true, "nothing has happened yet");
    }
    let seen = usize::from(area.height.saturating_sub(1));
    let end = model.lines.len() - model.at.line.min(model.lines.len());
    let start = end.saturating_sub(seen);
    for (row, line) in (1..).zip(&model.lines[start..end]) {
        write(buffer, area, row, &[line_glyph(line), (&line.text, PLAIN)]);
    }
}

fn line_glyph(line: &LogLine) -> (&'static str, Style) {
    match line.kind {
        LogKind::Job => ("  job      ", BUSY),
        LogKind::Worker => ("± worker   ", GOOD),
        LogKind::Failure => ("✗ failure  ", WAITS),
        LogKind::Verdict => ("! verdict  ", BAD),
    }
}
