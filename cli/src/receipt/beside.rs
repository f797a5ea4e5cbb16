//! The file of block digests beside a receipt: where each frame's are. `docs/receipts.md` states its bytes. Does not know whether
//! they are those whose roots were signed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tessera_shared::receipt::Receipt;
use tessera_shared::receipt::blocks::{BLOCK_ENTRY_BYTES, BLOCKS_MAGIC, FrameBlocks};

use super::blocks_path;

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
    /// Finds the frames, which are to be those of the receipt; lengths are compared with the file's before anything is allocated.
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
        if let Some(lacked) = receipt.frames.iter().find(|frame| !frames.contains_key(&frame.facts.frame)) {
            bail!("{}: it lacks frame {}; it is of another receipt", path.display(), lacked.facts.frame);
        }
        Ok(BlocksFile { path, file, frames, frame_bytes, last: None })
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
