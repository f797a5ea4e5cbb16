//! Writes a job's receipt as its frames come: the signed text, beside it the digests of every frame's blocks, and on request the
//! package. Compares it with the receipt that lay there before. Knows their names and not what they prove.

mod beside;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tessera_scheduler::{Identity, is_signed};
use tessera_shared::film::Film;
use tessera_shared::ids::FrameNumber;
use tessera_shared::messages::{FrameHead, Mode};
use tessera_shared::package::{Package, archive};
use tessera_shared::receipt::blocks::{BLOCKS_MAGIC, FrameBlocks};
use tessera_shared::receipt::{
    Checked, Checker, FrameFacts, JobFacts, Origin, RECEIPT_BYTES_MAX, Receipt, Rendered, SignedFrame,
};

use crate::output::Unfinished;
pub use beside::BlocksFile;

/// The file of block digests beside a receipt.
pub fn blocks_path(receipt: &Path) -> PathBuf {
    receipt.with_extension("blocks")
}

/// Where a receipt's package is looked for.
pub fn package_path(receipt: &Path) -> PathBuf {
    receipt.with_extension("package")
}

/// A receipt that is being written. Nothing is seen of it before its end.
pub struct ReceiptFile {
    path: PathBuf,
    blocks: Unfinished,
    receipt: Option<Receipt>,
    /// What lay there before.
    before: Option<Receipt>,
    /// Frames whose entries of before stay.
    kept: BTreeSet<u32>,
}

/// A frame whose film is not that of the receipt that lay there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amended {
    /// Tile-passes of it that were overturned since.
    pub overturned: u64,
}

impl ReceiptFile {
    /// Fails now rather than after hours of rendering.
    pub fn begin(path: &Path) -> Result<ReceiptFile> {
        if path.extension().is_none_or(|extension| extension != "json") {
            bail!("{}: the name of a receipt must end in .json, such as shot.receipt.json", path.display());
        }
        let mut blocks = Unfinished::begin(&blocks_path(path))?;
        blocks.write(BLOCKS_MAGIC)?;
        let bytes = std::fs::metadata(path).map_or(u64::MAX, |metadata| metadata.len());
        let text = (bytes <= RECEIPT_BYTES_MAX).then(|| std::fs::read(path).ok()).flatten();
        let before = text.and_then(|text| Receipt::from_text(&text).ok());
        Ok(ReceiptFile { path: path.to_owned(), blocks, receipt: None, before, kept: BTreeSet::new() })
    }

    /// Adds one frame with the receipt that is signed for it. Its blocks are those that the receipt's roots are of. Says if the
    /// frame was another one before.
    pub fn add(&mut self, signed: Receipt, blocks: &FrameBlocks) -> Result<Option<Amended>> {
        let amended = signed.frames.iter().find_map(|frame| self.amended(&signed, frame));
        for frame in &signed.frames {
            write_blocks(&mut self.blocks, frame.facts.frame, blocks)?;
        }
        match &mut self.receipt {
            None => self.receipt = Some(signed),
            Some(receipt) => {
                if !receipt.merge(signed) {
                    bail!("the frames' receipts are of different jobs; fetch the job again");
                }
            }
        }
        Ok(amended)
    }

    fn amended(&self, signed: &Receipt, frame: &SignedFrame) -> Option<Amended> {
        let before =
            self.before.as_ref().filter(|before| before.job == signed.job && before.key == signed.key)?;
        let before = &frame_of(before, frame.facts.frame)?.facts;
        let overturned = frame.facts.overturned.saturating_sub(before.overturned);
        (before.film != frame.facts.film).then_some(Amended { overturned })
    }

    /// A frame of a farm's job that is not to be had now. What was written of it before stays as it is, in the receipt too, so
    /// that the next one can say that it was amended. False where nothing was.
    pub fn keep(&mut self, origin: Origin, frame: FrameNumber) -> bool {
        let before = self.before.as_ref().filter(|before| before.job.origin == origin);
        let known = before.is_some_and(|before| frame_of(before, frame.0).is_some());
        if known {
            self.kept.insert(frame.0);
        }
        known
    }

    /// Writes the files, if there was any frame.
    pub fn finish(mut self) -> Result<()> {
        self.take_over()?;
        let Some(receipt) = self.receipt else { return Ok(()) };
        self.blocks.finish()?;
        crate::output::write_atomically(&self.path, receipt.to_text().as_bytes())
    }

    /// Adds the entries of before that stay. One that does not prove itself, or is of another job, goes.
    fn take_over(&mut self) -> Result<()> {
        let (Some(receipt), Some(before)) = (&mut self.receipt, self.before.take()) else { return Ok(()) };
        let Ok(mut beside) = BlocksFile::open(&self.path, &before) else { return Ok(()) };
        for number in std::mem::take(&mut self.kept) {
            let Some(frame) = frame_of(&before, number) else { continue };
            let alone = Receipt { frames: vec![frame.clone()], ..shell(&before) };
            let Ok(blocks) = beside.frame(number) else { continue };
            let proven = blocks.roots() == frame.facts.roots() && alone.faults(is_signed).is_empty();
            if proven && receipt.merge(alone) {
                write_blocks(&mut self.blocks, number, blocks)?;
            }
        }
        Ok(())
    }
}

/// A frame's digests in the file beside the receipt.
fn write_blocks(file: &mut Unfinished, frame: u32, blocks: &FrameBlocks) -> Result<()> {
    file.write(&frame.to_le_bytes())?;
    file.write(&blocks.to_bytes())
}

/// The receipt without its frames.
fn shell(receipt: &Receipt) -> Receipt {
    Receipt {
        key: receipt.key,
        job: receipt.job.clone(),
        job_seals: receipt.job_seals.clone(),
        frames: Vec::new(),
    }
}

fn frame_of(receipt: &Receipt, number: u32) -> Option<&SignedFrame> {
    let at = receipt.frames.binary_search_by_key(&number, |frame| frame.facts.frame).ok()?;
    receipt.frames.get(at)
}

/// This machine's own word for what it rendered: nobody else checked.
pub struct OwnSignature {
    identity: Identity,
    job: JobFacts,
}

impl OwnSignature {
    pub fn new(identity: Identity, package: &Package, mode: Mode) -> OwnSignature {
        let manifest = &package.manifest;
        let job = JobFacts::new(Origin::Render, &manifest.name, package.id(), &manifest.settings, "none");
        OwnSignature { identity, job: job.in_mode(mode) }
    }

    pub fn sign(&self, head: &FrameHead, film: &Film) -> (Receipt, FrameBlocks) {
        let blocks = FrameBlocks::of(film, head.samples);
        let (roots, key) = (blocks.roots(), self.identity.key());
        let tile_passes = self.job.tile_passes();
        let facts = FrameFacts {
            frame: head.frame.0,
            signed_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            overturned: 0,
            film: film.digest(),
            film_tree: roots.film,
            exr_tree: roots.exr,
            exr_half_tree: roots.exr_half,
            rays: head.rays,
            rendered: vec![Rendered { operator: key, tile_passes, rays: head.rays }],
            checked: vec![Checked { by: Checker::Nobody, tile_passes }],
        };
        let signed = Receipt::sign(key, self.job.clone(), facts, |statement| self.identity.sign(statement));
        (signed, blocks)
    }
}

/// Writes the package that `--package` asks for.
pub fn write_package(path: Option<&Path>, package: &Package) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    let mut file = Unfinished::begin(path)?;
    let mut buffered = std::io::BufWriter::new(file.writer());
    archive::write(package, &mut buffered)
        .and_then(|()| buffered.flush())
        .with_context(|| format!("{} cannot be written", path.display()))?;
    drop(buffered);
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_shared::film::FilmPixel;
    use tessera_shared::grid::Grid;
    use tessera_shared::package::Settings;

    fn package() -> Package {
        let settings = Settings {
            grid: Grid::new(20, 9, 8).unwrap(),
            samples: 2,
            pass_samples: 1,
            seed: 0,
            max_bounces: 0,
            roulette_start: 0,
            film_scale_log2: 20,
            sample_clamp: 1.0,
        };
        Package::empty("still", settings, 2)
    }

    /// Writes a receipt of these films, which are of frames 1, 2 and so on; one that is none is not to be had. Returns the frames
    /// that were amended.
    fn write(path: &Path, folder: &Path, films: &[Option<&Film>]) -> Vec<u32> {
        let package = package();
        let signer = OwnSignature::new(Identity::load_or_create(folder).unwrap(), &package, Mode::Exact);
        let mut file = ReceiptFile::begin(path).unwrap();
        let mut amended = Vec::new();
        for (film, number) in films.iter().zip(1..) {
            let Some(film) = film else {
                file.keep(Origin::Render, FrameNumber(number));
                continue;
            };
            let settings = &package.manifest.settings;
            let head = FrameHead::new(FrameNumber(number), "still", package.id(), settings, film.rays);
            let (signed, blocks) = signer.sign(&head, film);
            amended.extend(file.add(signed, &blocks).unwrap().map(|_| number));
        }
        file.finish().unwrap();
        amended
    }

    /// Two films of one size.
    fn films() -> [Film; 2] {
        let mut films = [Film::new(20, 9, 20), Film::new(20, 9, 20)];
        films[1].pixels[0] = FilmPixel { covered: 1, ..FilmPixel::default() };
        films
    }

    /// The frames of a receipt that is without fault, with its digests beside it.
    fn frames(path: &Path) -> Vec<u32> {
        let receipt = Receipt::from_text(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(receipt.faults(is_signed), []);
        let mut beside = BlocksFile::open(path, &receipt).unwrap();
        let facts = receipt.frames.iter().map(|frame| &frame.facts);
        facts
            .map(|facts| {
                assert_eq!(beside.frame(facts.frame).unwrap().roots(), facts.roots());
                facts.frame
            })
            .collect()
    }

    #[test]
    fn a_second_receipt_says_which_frames_were_amended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("still.receipt.json");
        let [a, b] = &films();
        let write = |films: &[Option<&Film>]| write(&path, folder.path(), films);
        assert_eq!(write(&[Some(a), Some(a)]), [0; 0]);
        assert_eq!(write(&[Some(a), Some(a)]), [0; 0]);
        assert_eq!(write(&[Some(a), Some(b)]), [2]);
        assert_eq!(frames(&path), [1, 2]);
        // Two frames of six blocks, and nothing left beside them but the key.
        assert_eq!(std::fs::metadata(blocks_path(&path)).unwrap().len(), 16 + 2 * (4 + 6 * 96));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        assert!(ReceiptFile::begin(&folder.path().join("still.blocks")).is_err());
    }

    #[test]
    fn a_frame_that_is_not_to_be_had_keeps_its_entry_until_it_is_amended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("still.receipt.json");
        let [a, b] = &films();
        let write = |films: &[Option<&Film>]| write(&path, folder.path(), films);
        write(&[Some(a), Some(a), Some(a)]);
        assert_eq!(write(&[None, Some(b), None]), [2]);
        assert_eq!(frames(&path), [1, 2, 3]);
        assert_eq!(write(&[Some(b), Some(b), Some(a)]), [1]);
        // Digests that are not those signed are not handed on.
        let mut bytes = std::fs::read(blocks_path(&path)).unwrap();
        let last = bytes.last_mut().unwrap();
        *last ^= 1;
        std::fs::write(blocks_path(&path), bytes).unwrap();
        write(&[None, Some(b), None]);
        assert_eq!(frames(&path), [1, 2]);
        // Of nothing, nothing is written.
        write(&[None, None, None]);
        assert_eq!(frames(&path), [1, 2]);
    }
}
