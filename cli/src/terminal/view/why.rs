//! Why a job waits, in sentences, and what failed of it with the failures' logs, newest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tessera_shared::control::{Dimension, FailureEntry};

use super::{BAD, DIM, GOOD, PLAIN, STRONG, WAITS, write};
use crate::farm::why::when_and_what;
use crate::terminal::model::Model;

pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) {
    let (Some(job), Some(reasons)) = (&model.job, &model.reasons) else {
        return super::nothing(buffer, area, false, "");
    };
    let id = format!("{} ", job.job);
    write(buffer, area, 0, &[(&id, STRONG), (&job.name, STRONG)]);
    let mut left = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    for reason in reasons {
        let (said, style) = match reason.dimension {
            Dimension::Nothing => (format!("nothing holds it back: {}", reason.sentence), GOOD),
            _ => (reason.sentence.clone(), WAITS),
        };
        left = paragraph(&said, style, buffer, left);
    }
    let failures = model.failures.as_deref().unwrap_or_default();
    left = below(left, 1);
    let head = match (failures.len(), model.at.failure) {
        (0, _) => "nothing of it failed".to_owned(),
        (count, 0) => format!("{count} failures, newest first"),
        (count, passed) => format!("{count} failures, newest first, from the {}. on", passed + 1),
    };
    write(buffer, left, 0, &[(&head, DIM)]);
    left = below(left, 1);
    for failure in failures.iter().rev().skip(model.at.failure) {
        write(buffer, left, 0, &[(&headline(failure), BAD)]);
        left = paragraph(&failure.failure.log, PLAIN, buffer, below(left, 1));
    }
}

fn headline(entry: &FailureEntry) -> String {
    let (ago, what) = when_and_what(entry);
    format!("{ago}  {}  {what}  {}", entry.worker, entry.failure.class)
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// Writes text in as many rows as it needs; returns what is left of the area.
fn paragraph(text: &str, style: Style, buffer: &mut Buffer, area: Rect) -> Rect {
    if area.height == 0 || area.width == 0 {
        return area;
    }
    // What a worker wrote may hold anything.
    let plain: String = text
        .chars()
        .map(|symbol| if symbol == '\n' || !symbol.is_control() { symbol } else { ' ' })
        .collect();
    let letters: Vec<Vec<char>> = plain.lines().map(|line| line.chars().collect()).collect();
    let wide = usize::from(area.width);
    let rows: Vec<String> = letters
        .iter()
        .flat_map(|line| line.chunks(wide).chain(line.is_empty().then_some(&[][..])))
        .take(usize::from(area.height))
        .map(|row| row.iter().collect())
        .collect();
    for (row, text) in (0..).zip(&rows) {
        write(buffer, area, row, &[(text, style)]);
    }
    below(area, rows.len() as u16)
}
