//! A frame: its tiles by glyph and colour, what is known of the selected one, and the picture so far.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use tessera_scheduler::client::Mosaic;
use tessera_shared::ids::FrameNumber;
use tessera_shared::watching::{TileStage, TileStatus, TileWord};

use super::{BAD, BUSY, DIM, GOOD, PLAIN, SELECTED, STRONG, WAITS, picture, write};
use crate::terminal::layout;
use crate::terminal::model::Model;

/// Cells of a tile beside each other: a cell is about twice as high as wide.
const TILE_CELLS: u16 = 2;

pub fn draw(model: &Model, number: FrameNumber, buffer: &mut Buffer, area: Rect) {
    let (grid, beside) = layout::grid_and_picture(model);
    if let Some(area) = beside {
        picture::draw(model, number, buffer, area.intersection(buffer.area));
    }
    let name = model.job.as_ref().map_or(String::new(), |job| format!("  {} {}", job.job, job.name));
    let title = format!("frame {}", number.0);
    let Some(mosaic) = &model.mosaic else {
        return write(buffer, area, 0, &[(&title, STRONG), (&name, PLAIN)]);
    };
    let accepted = mosaic.tiles.iter().filter(|tile| tile.stage == TileStage::Accepted).count();
    let (width, height) = (mosaic.grid.width_px, mosaic.grid.height_px);
    let done = format!("  {accepted} of {} tiles  {width}×{height}", mosaic.tiles.len());
    let stops = match model.exposure_centistops {
        0 => String::new(),
        centistops => format!("  {:+.1} stops", f64::from(centistops) / 100.0),
    };
    write(buffer, area, 0, &[(&title, STRONG), (&name, PLAIN), (&done, PLAIN), (&stops, WAITS)]);
    if let Some(tile) = mosaic.tiles.get(model.at.tile) {
        write(buffer, area, 1, &[(&told(model.at.tile, tile, mosaic.grid.passes), PLAIN)]);
    }
    tiles(model, mosaic, buffer, grid.intersection(buffer.area));
}

/// What is known of a tile, in words.
fn told(index: usize, tile: &TileStatus, passes: u32) -> String {
    let stage = match tile.stage {
        TileStage::Waiting => "waiting",
        TileStage::Leased => "being rendered",
        TileStage::Delivered => "delivered, a check is owed",
        TileStage::Checking => "being checked",
        TileStage::Disputed => "disputed, the referee decides",
        TileStage::Accepted => "accepted",
    };
    let worker = tile.worker.map_or(String::new(), |worker| format!(", {worker}"));
    let word = match tile.word {
        None => "",
        Some(TileWord::Nobody) => ", checked by nobody",
        Some(TileWord::Worker) => ", checked by another operator",
        Some(TileWord::Referee) => ", checked by the referee",
    };
    format!("tile {index}: {stage}, {} of {passes} passes{worker}{word}", tile.passes_done)
}

fn glyph(tile: &TileStatus, passes: u32) -> (&'static str, Style) {
    const PASSES: [&str; 7] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇"];
    match tile.stage {
        TileStage::Waiting if tile.passes_done == 0 => ("·", DIM),
        TileStage::Waiting => {
            let eighths = u64::from(tile.passes_done) * 7 / u64::from(passes.max(1));
            (PASSES[(eighths as usize).min(6)], GOOD)
        }
        TileStage::Leased => ("◌", BUSY),
        TileStage::Delivered => ("○", WAITS),
        TileStage::Checking => ("◐", WAITS),
        TileStage::Disputed => ("✗", BAD),
        TileStage::Accepted => ("●", GOOD),
    }
}

/// Draws the tiles; where there is no room for each, one glyph stands for a square of them, by the one that is furthest behind.
fn tiles(model: &Model, mosaic: &Mosaic, buffer: &mut Buffer, area: Rect) {
    let (columns, rows) = (mosaic.grid.columns as usize, mosaic.grid.rows as usize);
    let room = (usize::from(area.width / TILE_CELLS).max(1), usize::from(area.height).max(1));
    let step = columns.div_ceil(room.0).max(rows.div_ceil(room.1)).max(1);
    let chosen = (model.at.tile % columns / step, model.at.tile / columns / step);
    for row in 0..rows.div_ceil(step) {
        for column in 0..columns.div_ceil(step) {
            let ys = row * step..rows.min((row + 1) * step);
            let xs = || column * step..columns.min((column + 1) * step);
            let square = ys.flat_map(|y| xs().map(move |x| y * columns + x));
            let behind = square.filter_map(|index| mosaic.tiles.get(index)).min_by_key(|tile| rank(tile));
            let Some(tile) = behind else { continue };
            let (glyph, style) = glyph(tile, mosaic.grid.passes);
            let style = if (column, row) == chosen { style.patch(SELECTED) } else { style };
            let x = area.x + column as u16 * TILE_CELLS;
            let cell = Rect::new(x, area.y, TILE_CELLS, area.height).intersection(area);
            write(buffer, cell, row as u16, &[(glyph, style)]);
        }
    }
}

/// What needs looking at comes first.
fn rank(tile: &TileStatus) -> (u8, u32) {
    let stage = match tile.stage {
        TileStage::Disputed => 0,
        TileStage::Leased => 1,
        TileStage::Delivered => 2,
        TileStage::Checking => 3,
        TileStage::Waiting => 4,
        TileStage::Accepted => 5,
    };
    (stage, tile.passes_done)
}
