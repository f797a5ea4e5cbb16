//! What lies over the screen: the question before an order, a number to type, the keys.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget};
use tessera_shared::job_options::{PRIORITY_MAX, PRIORITY_MIN};

use super::{DIM, PLAIN, STRONG, write};
use crate::terminal::model::Dialog;

const KEYS: [&str; 13] = [
    "1 2 3, tab     jobs, workers, events",
    "arrows, hjkl   move",
    "enter          open",
    "esc            back",
    "p              pause or resume the job",
    "c              cancel the job",
    "n              give the job another priority",
    "r              render the frame anew",
    "d              drain or undrain the worker",
    "[ ]            frame before, frame after",
    "+ - 0          brighter, darker, as it is",
    "?              these keys",
    "q              quit; the job goes on",
];

pub fn draw(dialog: &Dialog, buffer: &mut Buffer, area: Rect) {
    let (lines, answers): (Vec<String>, &str) = match dialog {
        Dialog::Confirm(order) => (vec![format!("{}?", order.question())], "y yes   n no"),
        Dialog::Priority(job, digits) => (
            vec![format!("Priority of {job}, {PRIORITY_MIN} to {PRIORITY_MAX}: {digits}_")],
            "enter give   esc leave",
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
