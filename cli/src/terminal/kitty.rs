//! Pictures by kitty's graphics protocol: what to write to a terminal so that it shows one, and takes it away again.
//! Writes nothing itself.

use data_encoding::BASE64;
use ratatui::layout::Rect;
use tessera_scheduler::client::Picture;

use super::layout::{self, Graphics};
use super::model::Model;

/// The number of the one picture that is shown.
const IMAGE: u32 = 7007;
/// Most bytes of a piece of a picture, as the protocol has it.
const PIECE_BYTES: usize = 4096;
/// What pixels without samples show.
const EMPTY: [u8; 3] = [43; 3];

/// Takes away every picture that is on the screen.
pub const DELETE_ALL: &[u8] = b"\x1b_Ga=d,d=A,q=2\x1b\\";

/// Remembers what the terminal shows, so that it is told of changes alone.
#[derive(Debug, Default)]
pub struct Painter {
    shown: Option<(Rect, Picture)>,
}

impl Painter {
    /// What to write behind the cells that the view has drawn.
    pub fn paint(&mut self, model: &Model) -> Vec<u8> {
        let wanted = wanted(model);
        let shown = self.shown.as_ref().map(|(area, picture)| (*area, picture));
        if wanted == shown {
            return Vec::new();
        }
        let mut written = Vec::new();
        match wanted {
            None => written.extend(DELETE_ALL),
            Some((area, picture)) => place(&mut written, area, picture, model.size.cell_px),
        }
        self.shown = wanted.map(|(area, picture)| (area, picture.clone()));
        written
    }
}

/// The picture that is to be seen, and where.
fn wanted(model: &Model) -> Option<(Rect, &Picture)> {
    // What lies over the screen would lie under the picture.
    if model.size.graphics != Graphics::Kitty || model.dialog.is_some() || model.no_picture.is_some() {
        return None;
    }
    let frame = model.open_frame()?;
    let (of, picture) = model.picture.as_ref()?;
    let (_, area) = layout::grid_and_picture(model);
    (*of == frame).then_some((area?, picture))
}

/// Sends the picture in pieces and places it at the area's corner, no larger than the area.
fn place(written: &mut Vec<u8>, area: Rect, picture: &Picture, cell_px: [u16; 2]) {
    let rgb: Vec<u8> = picture.rgba.as_chunks::<4>().0.iter().flat_map(shown).collect();
    let cells =
        |px: u32, cell: u16, most: u16| px.div_ceil(u32::from(cell.max(1))).clamp(1, u32::from(most.max(1)));
    let columns = cells(picture.width_px, cell_px[0], area.width);
    let rows = cells(picture.height_px, cell_px[1], area.height);
    written.extend(format!("\x1b[{};{}H", area.y + 1, area.x + 1).bytes());
    let encoded = BASE64.encode(&rgb);
    let pieces = encoded.as_bytes().chunks(PIECE_BYTES);
    let last = pieces.len().saturating_sub(1);
    for (index, piece) in pieces.enumerate() {
        let more = u8::from(index < last);
        let head = match index {
            0 => format!(
                "a=T,f=24,s={},v={},i={IMAGE},p=1,c={columns},r={rows},C=1,q=2,m={more}",
                picture.width_px, picture.height_px
            ),
            _ => format!("m={more}"),
        };
        written.extend(b"\x1b_G");
        written.extend(head.bytes());
        written.push(b';');
        written.extend(piece);
        written.extend(b"\x1b\\");
    }
}

fn shown(pixel: &[u8; 4]) -> [u8; 3] {
    match pixel {
        [r, g, b, 255] => [*r, *g, *b],
        _ => EMPTY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::model::{Dialog, Event, Screen, Seen};
    use tessera_shared::ids::{FrameNumber, JobId};

    fn model(width_px: u32, height_px: u32) -> Model {
        let cell_px = [10, 20];
        let size = layout::Size { columns: 80, rows: 24, cell_px, graphics: Graphics::Kitty };
        let mut model = Model::new(Screen::Frame(JobId(3), FrameNumber(5)), size);
        let rgba = [[1, 2, 3, 255], [9, 9, 9, 0]].concat().repeat((width_px * height_px / 2) as usize);
        let picture = Picture { width_px, height_px, finished: false, rgba };
        model.update(Event::Seen(vec![Seen::Picture(JobId(3), FrameNumber(5), picture)]));
        model
    }

    #[test]
    fn a_picture_is_placed_once_and_taken_away_beneath_a_dialog() {
        let mut model = model(2, 1);
        let mut painter = Painter::default();
        let painted = String::from_utf8(painter.paint(&model)).unwrap();
        let expected = "\x1b[5;28H\x1b_Ga=T,f=24,s=2,v=1,i=7007,p=1,c=1,r=1,C=1,q=2,m=0;AQIDKysr\x1b\\";
        assert_eq!(painted, expected);
        assert!(painter.paint(&model).is_empty());
        model.dialog = Some(Dialog::Help);
        assert_eq!(painter.paint(&model), DELETE_ALL);
        assert!(painter.paint(&model).is_empty());
        model.dialog = None;
        assert_eq!(painter.paint(&model), expected.as_bytes());
        model.size.graphics = Graphics::TrueColour;
        assert_eq!(painter.paint(&model), DELETE_ALL);
    }

    #[test]
    fn a_large_picture_goes_in_pieces_and_keeps_within_its_area() {
        let model = model(100, 60);
        let painted = String::from_utf8(Painter::default().paint(&model)).unwrap();
        let pieces: Vec<_> = painted.split("\x1b\\").filter(|piece| !piece.is_empty()).collect();
        assert_eq!(pieces.len(), (100 * 60 * 3 * 4 / 3usize).div_ceil(PIECE_BYTES));
        assert!(pieces[0].contains("c=10,r=3,") && pieces[0].contains(",m=1;"), "{}", pieces[0]);
        assert!(pieces[1].starts_with("\x1b_Gm=1;") && pieces.last().unwrap().starts_with("\x1b_Gm=0;"));
        let encoded: String = pieces
            .iter()
            .map(|piece| {
                piece.split_once(';').map_or("", |(head, rest)| {
                    // The cursor's place has a semicolon of its own.
                    if head.contains("_G") { rest } else { rest.split_once(';').unwrap().1 }
                })
            })
            .collect();
        let rgb = BASE64.decode(encoded.as_bytes()).unwrap();
        assert_eq!((rgb.len(), &rgb[..6]), (100 * 60 * 3, &[1, 2, 3, 43, 43, 43][..]));
    }
}
