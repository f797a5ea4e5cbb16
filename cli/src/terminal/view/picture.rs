//! A picture as half blocks: each cell shows two pixels, one above the other. Where the terminal shows pixels itself, their
//! place is left blank.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use tessera_scheduler::client::Picture;
use tessera_shared::ids::FrameNumber;

use super::{DIM, write};
use crate::terminal::layout::Graphics;
use crate::terminal::model::Model;

/// The two tones of the checkerboard where there are no samples yet.
const EMPTY: [[u8; 3]; 2] = [[38; 3], [48; 3]];

pub fn draw(model: &Model, frame: FrameNumber, buffer: &mut Buffer, area: Rect) {
    match (&model.picture, &model.no_picture) {
        (_, Some(reason)) => write(buffer, area, 0, &[("no picture: ", DIM), (reason, DIM)]),
        (Some((of, picture)), None) if *of == frame => match model.size.graphics {
            Graphics::Kitty => {}
            Graphics::TrueColour => half_blocks(picture, buffer, area, |[r, g, b]| Color::Rgb(r, g, b)),
            Graphics::Palette => half_blocks(picture, buffer, area, indexed),
        },
        (_, None) => write(buffer, area, 0, &[("…", DIM)]),
    }
}

fn half_blocks(picture: &Picture, buffer: &mut Buffer, area: Rect, colour: impl Fn([u8; 3]) -> Color) {
    let rows = picture.height_px.div_ceil(2);
    for (y, row) in (area.y..area.bottom()).zip(0..rows) {
        for (x, column) in (area.x..area.right()).zip(0..picture.width_px) {
            let Some(cell) = buffer.cell_mut((x, y)) else { continue };
            let above = pixel(picture, column, 2 * row);
            let style = Style::new().fg(colour(above));
            match 2 * row + 1 < picture.height_px {
                true => cell.set_style(style.bg(colour(pixel(picture, column, 2 * row + 1)))),
                false => cell.set_style(style),
            };
            cell.set_symbol("▀");
        }
    }
}

fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 3] {
    let at = (y as usize * picture.width_px as usize + x as usize) * 4;
    match picture.rgba.get(at..at + 4) {
        Some(&[r, g, b, 255]) => [r, g, b],
        _ => EMPTY[((x / 4 + y / 4) % 2) as usize],
    }
}

/// The nearest of the 6×6×6 colours that terminals of 256 colours have.
fn indexed(rgb: [u8; 3]) -> Color {
    let [r, g, b] = rgb.map(|channel| (u16::from(channel) * 5 + 127) / 255);
    Color::Indexed((16 + 36 * r + 6 * g + b) as u8)
}
