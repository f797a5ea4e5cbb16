//! `tessera recheck`: renders what a verdict is about again on this machine's CPU, and prints the digest that it gives, so that
//! anybody can tell who was right. Knows no farm and no receipt.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use tessera_scheduler::Referee;
use tessera_scheduler_core::tile_root;
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::grid::BlockAt;
use tessera_shared::ids::{FrameNumber, TileIndex};
use tessera_shared::lease::BlockPass;
use tessera_shared::package::Package;

use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::referee::CpuReferee;

#[derive(Debug, Args)]
pub struct RecheckArguments {
    /// The job's package, as --package of `fetch` or `submit` wrote it
    #[arg(long, value_name = "PATH")]
    pub package: PathBuf,
    /// The frame that the verdict names
    #[arg(long, value_name = "N")]
    pub frame: u32,
    /// The block that it names
    #[arg(long, value_name = "X,Y", value_parser = block, required_unless_present = "tile", conflicts_with = "tile")]
    pub block: Option<BlockAt>,
    /// The tile that it names: then the digest is the root over the tile's blocks
    #[arg(long, value_name = "N")]
    pub tile: Option<u32>,
    /// The samples that it names
    #[arg(long, value_name = "FIRST..END", value_parser = samples)]
    pub samples: (u32, u32),
    /// Threads to render with, at most 1024 [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

fn block(text: &str) -> Result<BlockAt, String> {
    let pair = text.split_once(',').and_then(|(x, y)| Some((x.trim().parse().ok()?, y.trim().parse().ok()?)));
    pair.map(|(x, y)| BlockAt { x, y }).ok_or_else(|| "a block is two numbers, as in 1,2".to_owned())
}

fn samples(text: &str) -> Result<(u32, u32), String> {
    let pair = text.split_once("..").and_then(|(first, end)| Some((first.parse().ok()?, end.parse().ok()?)));
    pair.filter(|(first, end)| first < end).ok_or_else(|| "samples are a range, as in 0..16".to_owned())
}

pub fn run(arguments: RecheckArguments) -> Result<Outcome, Failure> {
    let path = &arguments.package;
    let shown = || path.display().to_string();
    let package = crate::verify::read_package(path).with_context(shown).or_exit(Exit::Output)?;
    let kernel_version = package.manifest.kernel_version;
    if kernel_version != KERNEL_VERSION {
        return Err(anyhow::anyhow!(
            "the package is of kernel {kernel_version}, and this program renders by kernel {KERNEL_VERSION}: other bits"
        ))
        .or_exit(Exit::Device);
    }
    let blocks = blocks(&arguments, &package).or_exit(Exit::Usage)?;
    let threads = arguments.threads.map_or_else(crate::devices::cores, usize::from);
    let pixels = CpuReferee::new(threads).render(&package, &blocks).or_exit(Exit::Device)?;
    let digests: Vec<Digest> = blocks
        .iter()
        .zip(&pixels)
        .map(|(pass, pixels)| pixels.digest(pass.block, pass.sample_start..pass.sample_end))
        .collect();
    let digest = match (arguments.tile, &digests[..]) {
        (None, [digest]) => *digest,
        _ => tile_root(&digests),
    };
    console::note(format_args!("of package {}, as this machine's CPU renders it:", package.id()));
    console::print(format_args!("{digest}"));
    Ok(Outcome::Done)
}

/// What is to be rendered, if the package has it.
fn blocks(arguments: &RecheckArguments, package: &Arc<Package>) -> anyhow::Result<Vec<BlockPass>> {
    let settings = &package.manifest.settings;
    let (grid, frame, (sample_start, sample_end)) =
        (settings.grid, FrameNumber(arguments.frame), arguments.samples);
    let known = package.manifest.frames.binary_search_by_key(&frame, |frame| frame.number).is_ok();
    ensure!(known, "--frame: the package has no frame {}", frame.0);
    ensure!(sample_end <= settings.samples, "--samples: the package has {}", settings.samples);
    let pass = |block| BlockPass { frame, block, sample_start, sample_end };
    if let Some(tile) = arguments.tile {
        ensure!(tile < grid.tile_count(), "--tile: the frame has {}, counted from 0", grid.tile_count());
        return Ok(grid.tile_blocks(TileIndex(tile)).map(pass).collect());
    }
    let (across, down) = grid.blocks();
    let inside = |at: &BlockAt| u32::from(at.x) < across && u32::from(at.y) < down;
    let at = arguments.block.filter(inside);
    Ok(vec![pass(at.with_context(|| format!("--block: the frame has {across}×{down}"))?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_verdict_names_is_read_as_it_writes_it() {
        assert_eq!(block("1,2"), Ok(BlockAt { x: 1, y: 2 }));
        assert_eq!(block("1, 2"), Ok(BlockAt { x: 1, y: 2 }));
        assert!(block("1").is_err() && block("1,70000").is_err());
        assert_eq!(samples("0..16"), Ok((0, 16)));
        assert!(samples("16..16").is_err() && samples("0-16").is_err());
    }
}
