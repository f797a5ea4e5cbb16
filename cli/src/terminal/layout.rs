//! Where things are on the screen, so that what is asked of the farm fits what is shown. Draws nothing.

use ratatui::layout::Rect;
use tessera_shared::watching::PICTURE_SIDE_PX_MAX;

use super::model::{Model, Screen};

/// Columns from which a picture has room beside a grid.
const BESIDE_COLUMNS: u16 = 60;
/// Rows above a job's grid and a frame's: title, bar, facts, a blank line.
const JOB_HEAD_ROWS: u16 = 4;
const FRAME_HEAD_ROWS: u16 = 3;

/// How pictures reach the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Graphics {
    /// Two pixels a cell, in 24-bit colour.
    TrueColour,
    /// The same in the terminal's 256 colours.
    Palette,
    /// By kitty's protocol, as pixels.
    Kitty,
}

/// A terminal's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
    /// Pixels of a cell, as far as the terminal tells.
    pub cell_px: [u16; 2],
    pub graphics: Graphics,
}

impl Size {
    /// Everything between the header and the footer.
    pub fn body(&self) -> Rect {
        Rect::new(0, 1, self.columns, self.rows.saturating_sub(2))
    }
}

/// Rows of a list that are seen beneath its head.
pub fn list_rows(size: Size) -> usize {
    usize::from(size.body().height.saturating_sub(1)).max(1)
}

/// The grid of a job's frames or a frame's tiles, and the picture beside it where there is room.
pub fn grid_and_picture(model: &Model) -> (Rect, Option<Rect>) {
    let head = match model.screen {
        Screen::Job(_) => JOB_HEAD_ROWS,
        Screen::Frame(..) | Screen::Queue | Screen::Why(_) | Screen::Workers | Screen::Events => {
            FRAME_HEAD_ROWS
        }
    };
    let body = model.size.body();
    let (y, height) = (body.y + head, body.height.saturating_sub(head));
    if body.width < BESIDE_COLUMNS || height == 0 {
        return (Rect::new(0, y, body.width, height), None);
    }
    // A frame's picture is what its screen is for; a job's frames need the room for themselves.
    let grid = match model.screen {
        Screen::Frame(..) => body.width / 3,
        _ => body.width / 2,
    };
    let picture = Rect::new(grid + 1, y, body.width - grid - 1, height);
    (Rect::new(0, y, grid, height), Some(picture))
}

/// The largest picture for which there is room.
pub fn picture_px(model: &Model) -> Option<[u32; 2]> {
    let (_, area) = grid_and_picture(model);
    let area = area?;
    let [width, height] = match model.size.graphics {
        Graphics::TrueColour | Graphics::Palette => [1, 2],
        Graphics::Kitty => model.size.cell_px,
    };
    let sides = [(area.width, width), (area.height, height)];
    let px = |(cells, px): (u16, u16)| u32::from(cells) * u32::from(px.max(1));
    Some(sides.map(|side| px(side).clamp(1, PICTURE_SIDE_PX_MAX)))
}

/// Columns of a frame in the grid: a glyph, its number, a blank.
pub fn frame_columns(model: &Model) -> u16 {
    let last = model.frames.as_ref().and_then(|page| page.frames.last());
    let digits = last.map_or(1, |status| status.frame.0.to_string().len()) as u16;
    digits + 3
}

/// Frames beside and beneath each other in the grid.
pub fn frame_grid(model: &Model) -> (usize, usize) {
    let (area, _) = grid_and_picture(model);
    let columns = (area.width / frame_columns(model)).max(1);
    (usize::from(columns), usize::from(area.height).max(1))
}
