//! Writes a job's receipt as its frames come: the signed text, beside it the digests of every frame's blocks, and on request the
//! package. Knows their names and not what they prove.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tessera_scheduler::Identity;
use tessera_shared::film::Film;
use tessera_shared::messages::FrameHead;
use tessera_shared::package::{Package, archive};
use tessera_shared::receipt::blocks::{BLOCKS_MAGIC, FrameBlocks};
use tessera_shared::receipt::{Checked, Checker, FrameFacts, JobFacts, Origin, Receipt, Rendered};

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
}

impl ReceiptFile {
    /// Fails now rather than after hours of rendering.
    pub fn begin(path: &Path) -> Result<ReceiptFile> {
        if path.extension().is_none_or(|extension| extension != "json") {
            bail!("{}: the name of a receipt must end in .json, such as shot.receipt.json", path.display());
        }
        let mut blocks = Unfinished::begin(&blocks_path(path))?;
        blocks.write(BLOCKS_MAGIC)?;
        Ok(ReceiptFile { path: path.to_owned(), blocks, receipt: None })
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

    /// Writes the files, if there was any frame; returns the receipt's.
    pub fn finish(self) -> Result<Option<PathBuf>> {
        let Some(receipt) = self.receipt else { return Ok(None) };
        self.blocks.finish()?;
        crate::output::write_atomically(&self.path, receipt.to_text().as_bytes())?;
        Ok(Some(self.path))
    }
}

/// This machine's own word for what it rendered: nobody else checked.
pub struct OwnSignature {
    identity: Identity,
    job: JobFacts,
}

impl OwnSignature {
    pub fn new(identity: Identity, package: &Package) -> OwnSignature {
        let manifest = &package.manifest;
        let job = JobFacts::new(Origin::Render, &manifest.name, package.id(), &manifest.settings, "none");
        OwnSignature { identity, job }
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
