//! A contact sheet: every frame of a job small, with its number, in one PNG. Knows films and no farm.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use tessera_shared::display::Display;
use tessera_shared::film::Film;
use tessera_shared::ids::FrameNumber;
use tessera_shared::messages::FrameHead;

use super::{folder_there, write_atomically, write_rgb};

/// Width of a picture where there is room for it.
const PICTURE_WIDTH_PX: u32 = 320;
/// Below it the pictures are not made smaller: the job has too many frames for one sheet.
const PICTURE_WIDTH_MIN_PX: u32 = 8;
/// Most pixels of a sheet.
const SHEET_PX_MAX: u64 = 1 << 26;
/// Around each picture.
const GAP_PX: u32 = 6;
/// Beneath each picture, for its number.
const LABEL_PX: u32 = 14;
/// Pixels of a digit's dot.
const DOT_PX: u32 = 2;
const BACKGROUND: [u8; 3] = [24, 24, 26];
/// Where a picture is to come.
const EMPTY: [u8; 3] = [44, 44, 48];
const INK: [u8; 3] = [230, 230, 230];
/// Digits of three by five dots, a row in three bits.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 3, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 2, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

/// Where everything is on a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    columns: u32,
    rows: u32,
    picture_px: [u32; 2],
}

impl Layout {
    /// About as wide as a screen, for so many frames of this size; `None` if they are too many.
    fn new(frames: usize, [width, height]: [u32; 2]) -> Option<Layout> {
        let frames = u32::try_from(frames).ok()?.max(1);
        let aspect = f64::from(width.max(1)) / f64::from(height.max(1));
        let columns = (f64::from(frames) * 16.0 / 9.0 / aspect).sqrt().ceil();
        let columns = (columns as u32).clamp(1, frames);
        let rows = frames.div_ceil(columns);
        let widths = (PICTURE_WIDTH_MIN_PX..=PICTURE_WIDTH_PX).rev();
        let mut layouts = widths.map(|width| {
            let height = (f64::from(width) / aspect).round().clamp(1.0, f64::from(u32::MAX >> 8));
            Layout { columns, rows, picture_px: [width, height as u32] }
        });
        layouts.find(|layout| {
            let [width, height] = layout.size_px();
            width * height <= SHEET_PX_MAX
        })
    }

    fn cell_px(&self) -> [u32; 2] {
        let [width, height] = self.picture_px;
        [width + GAP_PX, height + LABEL_PX + GAP_PX]
    }

    fn size_px(&self) -> [u64; 2] {
        let [width, height] = self.cell_px().map(u64::from);
        let gap = u64::from(GAP_PX);
        [u64::from(self.columns) * width + gap, u64::from(self.rows) * height + gap]
    }

    /// The left upper corner of a picture.
    fn corner_px(&self, index: usize) -> [u32; 2] {
        let (column, row) = (index as u32 % self.columns, index as u32 / self.columns);
        let [width, height] = self.cell_px();
        [GAP_PX + column * width, GAP_PX + row * height]
    }
}

/// A sheet that fills up. Nothing is written before [`Sheet::finish`].
#[derive(Debug)]
pub struct Sheet {
    path: PathBuf,
    /// Ascending.
    frames: Vec<FrameNumber>,
    layout: Layout,
    display: Display,
    size_px: [u32; 2],
    rgb: Vec<u8>,
}

/// Fails now rather than after hours: the sheet's name and folder.
pub fn check_path(path: &Path) -> Result<()> {
    if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("png")) {
        bail!("{}: the name of a contact sheet must end in .png", path.display());
    }
    folder_there(path).map(drop)
}

impl Sheet {
    /// A sheet for these frames, which ascend and are all of this size.
    pub fn new(path: &Path, frames: Vec<FrameNumber>, frame_px: [u32; 2], stops: f64) -> Result<Sheet> {
        check_path(path)?;
        let Some(layout) = Layout::new(frames.len(), frame_px) else {
            bail!("{} frames are too many for one contact sheet; choose some with --frames", frames.len());
        };
        let size_px = layout.size_px().map(|px| px as u32);
        let rgb = BACKGROUND.repeat(size_px[0] as usize * size_px[1] as usize);
        let path = path.to_owned();
        let mut sheet = Sheet { path, frames, layout, display: Display::new(stops), size_px, rgb };
        for index in 0..sheet.frames.len() {
            let [x, y] = layout.corner_px(index);
            let [width, height] = layout.picture_px;
            sheet.fill([x, y], [width, height], EMPTY);
            sheet.label([x, y + height + 2], sheet.frames[index].0);
        }
        Ok(sheet)
    }

    /// Puts a finished frame in its place.
    pub fn add(&mut self, head: &FrameHead, film: &Film) {
        let Ok(index) = self.frames.binary_search(&head.frame) else { return };
        let [left, top] = self.layout.corner_px(index);
        let [width, height] = self.layout.picture_px;
        let (columns, rows) = (spans(film.width_px, width), spans(film.height_px, height));
        for (y, ys) in (top..).zip(&rows) {
            for (x, xs) in (left..).zip(&columns) {
                let mut sum = [0f64; 3];
                for (x, y) in ys.clone().flat_map(|y| xs.clone().map(move |x| (x, y))) {
                    let pixel = film.resolve(x, y, head.samples);
                    sum.iter_mut().zip(pixel).for_each(|(sum, channel)| *sum += f64::from(channel));
                }
                let count = (xs.len() * ys.len()) as f64;
                self.dot([x, y], sum.map(|sum| self.display.byte((sum / count) as f32)));
            }
        }
    }

    /// Writes the sheet, whole.
    pub fn finish(self) -> Result<PathBuf> {
        let [width, height] = self.size_px;
        write_atomically(&self.path, &write_rgb(width, height, &self.rgb)?)?;
        Ok(self.path)
    }

    /// A number, as far as the picture's width goes.
    fn label(&mut self, [left, top]: [u32; 2], number: u32) {
        let digit_px = 4 * DOT_PX;
        for (place, digit) in number.to_string().bytes().enumerate() {
            let x0 = left + place as u32 * digit_px;
            if x0 + 3 * DOT_PX > left + self.layout.picture_px[0] {
                return;
            }
            for (row, bits) in DIGITS[usize::from(digit - b'0')].into_iter().enumerate() {
                for column in (0..3).filter(|column| bits & (4 >> column) != 0) {
                    let at = [x0 + column * DOT_PX, top + row as u32 * DOT_PX];
                    self.fill(at, [DOT_PX; 2], INK);
                }
            }
        }
    }

    fn fill(&mut self, [left, top]: [u32; 2], [width, height]: [u32; 2], colour: [u8; 3]) {
        for y in top..top + height {
            (left..left + width).for_each(|x| self.dot([x, y], colour));
        }
    }

    fn dot(&mut self, [x, y]: [u32; 2], colour: [u8; 3]) {
        let at = (y as usize * self.size_px[0] as usize + x as usize) * 3;
        self.rgb[at..at + 3].copy_from_slice(&colour);
    }
}

/// Which of `from` pixels each of `to` stands for: at least one.
fn spans(from: u32, to: u32) -> Vec<std::ops::Range<u32>> {
    let at = |index: u32| (u64::from(index) * u64::from(from) / u64::from(to)) as u32;
    (0..to).map(|index| at(index)..at(index + 1).max(at(index) + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_shared::film::FilmPixel;

    #[test]
    fn sheets_are_about_as_wide_as_a_screen_and_never_too_large() {
        for (frames, size, columns, rows, picture) in [
            (1, [1920, 1080], 1, 1, [320, 180]),
            (24, [1920, 1080], 5, 5, [320, 180]),
            (24, [100, 1000], 21, 2, [320, 3200]),
            (10_000, [64, 64], 134, 75, [68, 68]),
        ] {
            let layout = Layout::new(frames, size).unwrap();
            assert_eq!(
                (layout.columns, layout.rows, layout.picture_px),
                (columns, rows, picture),
                "{frames}"
            );
            let [width, height] = layout.size_px();
            assert!(width * height <= SHEET_PX_MAX);
        }
        assert_eq!(Layout::new(usize::MAX, [64, 64]), None);
        assert_eq!(Layout::new(1, [1, u32::MAX]), None);
    }

    #[test]
    fn a_picture_stands_for_every_pixel_once_or_is_repeated() {
        assert_eq!(spans(5, 2), [0..2, 2..5]);
        assert_eq!(spans(2, 4), [0..1, 0..1, 1..2, 1..2]);
    }

    #[test]
    fn frames_are_put_in_their_places_and_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sheet.png");
        let frames = vec![FrameNumber(7), FrameNumber(10)];
        let mut sheet = Sheet::new(&path, frames, [2, 2], 0.0).unwrap();
        let mut film = Film::new(2, 2, 20);
        film.pixels = vec![FilmPixel { rgb: [1 << 20, 0, 0], covered: 1, clamped: 0 }; 4];
        let settings = tessera_shared::package::Settings {
            grid: tessera_shared::grid::Grid::new(2, 2, 8).unwrap(),
            samples: 1,
            pass_samples: 1,
            seed: 0,
            max_bounces: 0,
            roulette_start: 0,
            film_scale_log2: 20,
            sample_clamp: 1.0,
        };
        let package = tessera_shared::digest::Digest([0; 32]);
        sheet.add(&FrameHead::new(FrameNumber(10), "shot", package, &settings, film.rays), &film);
        sheet.finish().unwrap();
        let mut reader = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap()))
            .read_info()
            .unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.width, info.height), (2 * 326 + 6, 340 + 6));
        let at = |x: u32, y: u32| {
            let at = (y * info.width + x) as usize * 3;
            [rgb[at], rgb[at + 1], rgb[at + 2]]
        };
        assert_eq!((at(6, 6), at(332, 6), at(332 + 319, 6 + 319)), (EMPTY, [255, 0, 0], [255, 0, 0]));
        // The rows of a seven, and behind it the one and nought of a ten.
        let row = |x0: u32, dots: u32, y: u32| -> String {
            let ink = |dot| at(x0 + dot * DOT_PX, 328 + y * DOT_PX) == INK;
            (0..dots).map(|dot| if ink(dot) { '#' } else { '.' }).collect()
        };
        assert_eq!((0..5).map(|y| row(6, 3, y)).collect::<Vec<_>>(), ["###", "..#", ".#.", ".#.", ".#."]);
        let ten: Vec<_> = (0..5).map(|y| row(332, 7, y)).collect();
        assert_eq!(ten, [".#..###", "##..#.#", ".#..#.#", ".#..#.#", "###.###"]);
    }

    #[test]
    fn a_sheet_is_a_png_in_a_folder_that_is_there() {
        assert!(check_path(Path::new("a.jpg")).unwrap_err().to_string().contains("must end in .png"));
        assert!(check_path(Path::new("no/such/a.png")).unwrap_err().to_string().contains("create it first"));
    }
}
