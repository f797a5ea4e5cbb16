//! Draws the model into a buffer of cells. Decides nothing and remembers nothing.

mod dialog;
mod frame;
mod job;
mod lists;
mod picture;
mod why;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::model::{Model, Notice, Screen};

pub const DIM: Style = Style::new().fg(Color::DarkGray);
pub const PLAIN: Style = Style::new();
pub const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
pub const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);
pub const GOOD: Style = Style::new().fg(Color::Green);
pub const BUSY: Style = Style::new().fg(Color::Cyan);
pub const WAITS: Style = Style::new().fg(Color::Yellow);
pub const BAD: Style = Style::new().fg(Color::Red);

/// Draws everything.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.height < 3 || area.width < 20 {
        write(buffer, area, 0, &[("too small", PLAIN)]);
        return;
    }
    header(model, buffer, area);
    let body = model.size.body().intersection(area);
    match model.screen {
        Screen::Queue => lists::queue(model, buffer, body),
        Screen::Workers => lists::workers(model, buffer, body),
        Screen::Events => lists::events(model, buffer, body),
        Screen::Job(_) => job::draw(model, buffer, body),
        Screen::Why(_) => why::draw(model, buffer, body),
        Screen::Frame(_, number) => frame::draw(model, number, buffer, body),
    }
    footer(model, buffer, area);
    if let Some(open) = &model.dialog {
        dialog::draw(open, buffer, area);
    }
}

/// Writes pieces of text one after the other into a row of the area, as far as it is wide.
pub fn write(buffer: &mut Buffer, area: Rect, row: u16, pieces: &[(&str, Style)]) {
    if row >= area.height {
        return;
    }
    let mut x = area.x;
    for (text, style) in pieces {
        let room = area.right().saturating_sub(x);
        (x, _) = buffer.set_stringn(x, area.y + row, text, usize::from(room), *style);
    }
}

fn header(model: &Model, buffer: &mut Buffer, area: Rect) {
    let tab = |name: &'static str, on: bool| (name, if on { SELECTED } else { DIM });
    let jobs = matches!(model.screen, Screen::Queue | Screen::Job(_) | Screen::Frame(..) | Screen::Why(_));
    let mut pieces = vec![
        ("tessera ", STRONG),
        tab(" 1 jobs ", jobs),
        (" ", PLAIN),
        tab(" 2 workers ", model.screen == Screen::Workers),
        (" ", PLAIN),
        tab(" 3 events ", model.screen == Screen::Events),
    ];
    let lost = model.lost.as_ref().map(|reason| format!("  no connection: {reason}"));
    pieces.extend(lost.as_deref().map(|lost| (lost, BAD)));
    write(buffer, area, 0, &pieces);
}

fn footer(model: &Model, buffer: &mut Buffer, area: Rect) {
    let keys = match model.screen {
        Screen::Queue => "enter open  w why  p pause/resume  c cancel  n priority  ? help  q quit",
        Screen::Job(_) => {
            "enter open  w why  p pause/resume  c cancel  n priority  r requeue  esc back  ? help"
        }
        Screen::Frame(..) => "arrows tile  [ ] frame  r requeue  +- exposure  esc back  ? help",
        Screen::Why(_) => "arrows scroll  esc the job  ? help  q quit",
        Screen::Workers => "d drain/undrain  b ban/readmit  ? help  q quit",
        Screen::Events => "arrows scroll  ? help  q quit",
    };
    let line = match &model.notice {
        None => (keys, DIM),
        Some(Notice::Done(said)) => (said.as_str(), GOOD),
        Some(Notice::Refused(said)) => (said.as_str(), BAD),
    };
    write(buffer, area, area.height - 1, &[line]);
}

/// What stands in for a list that has not come yet, or has nothing in it.
fn nothing(buffer: &mut Buffer, area: Rect, loaded: bool, empty: &str) {
    write(buffer, area, 1, &[(if loaded { empty } else { "…" }, DIM)]);
}

/// A bar of so many cells for a share of 0 to 1.
fn bar(share: f64, cells: u16) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * f64::from(cells) * 8.0).floor() as usize;
    let mut bar = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    let drawn = eighths / 8 + usize::from(eighths % 8 > 0);
    bar.push_str(&"·".repeat(usize::from(cells).saturating_sub(drawn)));
    bar
}

/// The first of `count` rows that are seen, so that the selected one is.
fn scrolled(selected: usize, count: usize, seen: usize) -> usize {
    let last = count.saturating_sub(seen);
    selected.saturating_sub(seen / 2).min(last)
}

#[cfg(test)]
mod tests;
