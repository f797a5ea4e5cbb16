//! The file of block digests beside a receipt: where each frame's are, and whether they are those whose roots were signed.
//! `docs/receipts.md` states its bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tessera_shared::receipt::Receipt;
use tessera_shared::receipt::blocks::{BLOCK_ENTRY_BYTES, BLOCKS_MAGIC, FrameBlocks};

use super::report::{Finding, TreeName};
use crate::receipt::blocks_path;

/// An open file of block digests. One frame's are in memory at a time.
pub struct BlocksFile {
    path: PathBuf,
    file: File,
    /// Where the digests of each frame begin.
    frames: BTreeMap<u32, u64>,
    frame_bytes: usize,
    /// The frame that was read last.
    last: Option<(u32, FrameBlocks)>,
}

impl BlocksFile {
    /// Finds the frames; lengths are compared with the file's before anything is allocated.
    pub fn open(receipt_path: &Path, receipt: &Receipt) -> Result<BlocksFile> {
        let path = blocks_path(receipt_path);
        let (across, down) = receipt.job.grid()?.blocks();
        let frame_bytes = across as usize * down as usize * BLOCK_ENTRY_BYTES;
        let what =
            || format!("{}, which `tessera fetch` and `render` write beside the receipt", path.display());
        let mut file = File::open(&path).with_context(what)?;
        let length = file.metadata().with_context(what)?.len();
        let mut magic = [0u8; BLOCKS_MAGIC.len()];
        let begins = file.read_exact(&mut magic).is_ok() && &magic == BLOCKS_MAGIC;
        ensure!(begins, "{}: it is no file of block digests", path.display());
        let section = 4 + frame_bytes as u64;
        let rest = length - magic.len() as u64;
        if !rest.is_multiple_of(section) || rest / section != receipt.frames.len() as u64 {
            bail!(
                "{}: {length} bytes; {} frames of {across}×{down} blocks take {}: it was cut, or is of another receipt",
                path.display(),
                receipt.frames.len(),
                magic.len() as u64 + section * receipt.frames.len() as u64
            );
        }
        let mut frames = BTreeMap::new();
        for at in 0..rest / section {
            let place = magic.len() as u64 + at * section;
            let mut number = [0u8; 4];
            file.seek(SeekFrom::Start(place)).with_context(what)?;
            file.read_exact(&mut number).with_context(what)?;
            frames.insert(u32::from_le_bytes(number), place + 4);
        }
        Ok(BlocksFile { path, file, frames, frame_bytes, last: None })
    }

    /// Frames whose digests are not those whose roots the receipt has.
    pub fn check(&mut self, receipt: &Receipt) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for facts in receipt.frames.iter().map(|frame| &frame.facts) {
            if !self.frames.contains_key(&facts.frame) {
                bail!("{}: it lacks frame {}; it is of another receipt", self.path.display(), facts.frame);
            }
            let (signed, found) = (facts.roots(), self.frame(facts.frame)?.roots());
            let trees = [
                (TreeName::Film, signed.film != found.film),
                (TreeName::Exr, signed.exr != found.exr),
                (TreeName::ExrHalf, signed.exr_half != found.exr_half),
            ];
            let wrong = trees.into_iter().filter(|(_, wrong)| *wrong);
            findings.extend(wrong.map(|(tree, _)| Finding::BlockDigests { frame: facts.frame, tree }));
        }
        Ok(findings)
    }

    /// The digests of a frame of the receipt.
    pub fn frame(&mut self, number: u32) -> Result<&FrameBlocks> {
        let known = self.last.as_ref().is_some_and(|(last, _)| *last == number);
        if !known {
            let place = *self.frames.get(&number).with_context(|| format!("no frame {number}"))?;
            let mut bytes = vec![0u8; self.frame_bytes];
            self.file.seek(SeekFrom::Start(place))?;
            self.file.read_exact(&mut bytes).with_context(|| self.path.display().to_string())?;
            let blocks = FrameBlocks::from_bytes(&bytes).context("whole blocks")?;
            self.last = Some((number, blocks));
        }
        match &self.last {
            Some((_, blocks)) => Ok(blocks),
            None => bail!("no frame {number}"),
        }
    }
}
