//! A job: how far it is, its frames as a grid, and the picture of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tessera_shared::messages::{JobState, JobStatus};
use tessera_shared::watching::{FrameState, FrameStatus};

use super::lists::{job_state, left, share};
use super::{BUSY, DIM, GOOD, PLAIN, SELECTED, STRONG, WAITS, bar, picture, scrolled, write};
use crate::progress::amount;
use crate::terminal::layout;
use crate::terminal::model::Model;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let Some(job) = &model.job else { return super::nothing(buffer, area, false, "") };
    head(job, buffer, area);
    let (grid, beside) = layout::grid_and_picture(model);
    frames(model, buffer, grid.intersection(buffer.area));
    if let (Some(area), Some(selected)) = (beside, model.selected_frame()) {
        picture::draw(model, selected.frame, buffer, area.intersection(buffer.area));
    }
}

fn head(job: &JobStatus, buffer: &mut Buffer, area: Rect) {
    let (state, colour) = job_state(job);
    let id = format!("{} ", job.job);
    let reason = match &job.state {
        JobState::Failed(reason) => format!(": {reason}"),
        JobState::Waiting { after } => format!(" for {after}"),
        _ => String::new(),
    };
    write(
        buffer,
        area,
        0,
        &[(&id, STRONG), (&job.name, STRONG), ("  ", PLAIN), (state, colour), (&reason, colour)],
    );
    let percent = format!(" {:.0} %  {} left", 100.0 * share(job), left(job));
    write(buffer, area, 1, &[(&bar(share(job), area.width.min(40)), colour), (&percent, PLAIN)]);
    let mut facts = format!(
        "{} of {} frames  {} of {} tiles  {} rays  {} workers  priority {}",
        job.frames_done,
        job.frames_total,
        job.tiles_done,
        job.tiles_total,
        amount(job.rays.total() as f64),
        job.workers,
        job.priority,
    );
    if job.tiles_overturned > 0 {
        facts.push_str(&format!("  {} overturned", job.tiles_overturned));
    }
    write(buffer, area, 2, &[(&facts, DIM)]);
}

/// A frame's state as a glyph, the fuller the farther.
fn glyph(frame: &FrameStatus) -> (&'static str, Style) {
    match frame.state {
        FrameState::Waiting => ("·", DIM),
        FrameState::Finished if frame.overturned > 0 => ("█", WAITS),
        FrameState::Finished => ("█", GOOD),
        FrameState::Rendering => match 3 * frame.tiles_done / frame.tiles_total.max(1) {
            0 => ("░", BUSY),
            1 => ("▒", BUSY),
            _ => ("▓", BUSY),
        },
    }
}

fn frames(model: &Model, buffer: &mut Buffer, area: Rect) {
    let Some(page) = &model.frames else { return };
    let (columns, rows) = layout::frame_grid(model);
    let wide = layout::frame_columns(model);
    let rows_in_all = page.frames.len().div_ceil(columns);
    let first = scrolled(model.at.frame / columns, rows_in_all, rows);
    for (index, frame) in page.frames.iter().enumerate().skip(first * columns).take(columns * rows) {
        let (column, row) = (index % columns, index / columns - first);
        let cell = Rect::new(area.x + column as u16 * wide, area.y, wide, area.height).intersection(area);
        let number = format!("{:>1$}", frame.frame.0, usize::from(wide) - 3);
        let style = if index == model.at.frame { SELECTED } else { PLAIN };
        write(buffer, cell, row as u16, &[glyph(frame), (" ", PLAIN), (&number, style)]);
    }
}
