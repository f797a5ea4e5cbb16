//! Writes a job's receipt as its frames come: the signed text, beside it the digests of every frame's blocks, and on request the
//! package. Knows their names and not what they prove.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tessera_scheduler::Identity;
use tessera_shared::film::Film;
use tessera_shared::ids::FrameNumber;
use tessera_shared::messages::{FrameHead, Mode};
use tessera_shared::package::{Package, archive};
use tessera_shared::receipt::blocks::{BLOCKS_MAGIC, FrameBlocks};
use tessera_shared::receipt::{
    Checked, Checker, FrameFacts, JobFacts, Origin, RECEIPT_BYTES_MAX, Receipt, Rendered,
};

use crate::output::Unfinished;

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
}

/// A receipt that was written.
pub struct Written {
    /// Frames whose films are not those of the receipt that it takes the place of.
    pub amended: Vec<FrameNumber>,
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
        Ok(ReceiptFile { path: path.to_owned(), blocks, receipt: None, before })
    }

    /// Adds one frame with the receipt that is signed for it. Its blocks are those that the receipt's roots are of.
    pub fn add(&mut self, signed: Receipt, blocks: &FrameBlocks) -> Result<()> {
        for frame in &signed.frames {
            self.blocks.write(&frame.facts.frame.to_le_bytes())?;
            self.blocks.write(&blocks.to_bytes())?;
        }
        match &mut self.receipt {
            None => self.receipt = Some(signed),
            Some(receipt) => {
                if !receipt.merge(signed) {
                    bail!("the frames' receipts are of different jobs; fetch the job again");
                }
            }
        }
        Ok(())
    }

    /// Writes the files, if there was any frame.
    pub fn finish(self) -> Result<Written> {
        let Some(receipt) = self.receipt else { return Ok(Written { amended: Vec::new() }) };
        self.blocks.finish()?;
        crate::output::write_atomically(&self.path, receipt.to_text().as_bytes())?;
        let before = self.before.filter(|before| before.job == receipt.job && before.key == receipt.key);
        let film_before = |number: u32| {
            let frames = &before.as_ref()?.frames;
            frames.iter().find(|frame| frame.facts.frame == number).map(|frame| frame.facts.film)
        };
        let facts = receipt.frames.iter().map(|frame| &frame.facts);
        let amended = facts.filter(|facts| film_before(facts.frame).is_some_and(|film| film != facts.film));
        Ok(Written { amended: amended.map(|facts| FrameNumber(facts.frame)).collect() })
    }
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

    /// Writes a receipt of these films, which are of frames 1, 2 and so on.
    fn write(path: &Path, folder: &Path, films: &[Film]) -> Written {
        let package = package();
        let signer = OwnSignature::new(Identity::load_or_create(folder).unwrap(), &package, Mode::Exact);
        let mut file = ReceiptFile::begin(path).unwrap();
        for (film, number) in films.iter().zip(1..) {
            let settings = &package.manifest.settings;
            let head = FrameHead::new(FrameNumber(number), "still", package.id(), settings, film.rays);
            let (signed, blocks) = signer.sign(&head, film);
            file.add(signed, &blocks).unwrap();
        }
        file.finish().unwrap()
    }

    #[test]
    fn a_second_receipt_says_which_frames_were_amended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("still.receipt.json");
        let mut films = [Film::new(20, 9, 20), Film::new(20, 9, 20)];
        assert_eq!(write(&path, folder.path(), &films).amended, []);
        assert_eq!(write(&path, folder.path(), &films).amended, []);
        films[1].pixels[0] = FilmPixel { covered: 1, ..FilmPixel::default() };
        assert_eq!(write(&path, folder.path(), &films).amended, [FrameNumber(2)]);
        let receipt = Receipt::from_text(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(receipt.faults(tessera_scheduler::is_signed), []);
        // Two frames of six blocks, and nothing left beside them but the key.
        assert_eq!(std::fs::metadata(blocks_path(&path)).unwrap().len(), 16 + 2 * (4 + 6 * 96));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
        assert!(ReceiptFile::begin(&folder.path().join("still.blocks")).is_err());
    }
}
