//! What lies over the screen: the question before an order, a number to type, the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget};
use tessera_shared::job_options::{PRIORITY_MAX, PRIORITY_MIN};

use super::{DIM, PLAIN, STRONG, write};
use crate::terminal::model::Dialog;

const KEYS: [&str; 15] = [
    "1 2 3, tab     jobs, workers, events",
    "arrows, hjkl   move",
    "enter          open",
    "esc            back",
    "p              pause or resume the job",
    "c              cancel the job",
    "n              give the job another priority",
    "r              render the frame anew",
    "w              why the job waits, and what failed of it",
    "d              drain or undrain the worker",
    "b              ban the worker's operator, or let it in again",
    "[ ]            frame before, frame after",
    "+ - 0          brighter, darker, as it is",
    "?              these keys",
    "q              quit; the job goes on",
];

/// Letters of a reason that is being typed.
const REASON_SHOWN: usize = 60;

/// The last so many characters.
fn last(text: &str, most: usize) -> &str {
    let start = text.char_indices().rev().nth(most.saturating_sub(1)).map_or(0, |(at, _)| at);
    &text[start..]
}

pub fn draw(dialog: &Dialog, buffer: &mut Buffer, area: Rect) {
    let (lines, answers): (Vec<String>, &str) = match dialog {
        Dialog::Confirm(order) => (vec![format!("{}?", order.question())], "y yes   n no"),
        Dialog::Priority(job, digits) => (
            vec![format!("Priority of {job}, {PRIORITY_MIN} to {PRIORITY_MAX}: {digits}_")],
            "enter give   esc leave",
        ),
        Dialog::Ban(worker, operator, reason) => (
            vec![
                format!("Ban operator {operator} with {worker} and all its workers: what rests on their"),
                "work is rendered anew where it can be. They are told why:".to_owned(),
                format!("{}_", last(reason, REASON_SHOWN)),
            ],
            "enter ban   esc leave",
        ),
        Dialog::Help => (KEYS.map(str::to_owned).to_vec(), "any key closes"),
    };
    let longest = lines.iter().map(|line| line.chars().count()).chain([answers.len()]).max().unwrap_or(0);
    let (width, height) = (longest as u16 + 4, lines.len() as u16 + 4);
    let (width, height) = (width.min(area.width), height.min(area.height));
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let place = Rect::new(x, y, width, height);
    Clear.render(place, buffer);
    Block::bordered().render(place, buffer);
    let inner = Rect::new(x + 2.min(width), y + 1, width.saturating_sub(4), height.saturating_sub(2));
    for (row, line) in (0..).zip(&lines) {
        write(buffer, inner, row, &[(line, if lines.len() == 1 { STRONG } else { PLAIN })]);
    }
    write(buffer, inner, inner.height.saturating_sub(1), &[(answers, DIM)]);
}
