//! What a shot will cost: renders a few of its blocks at few samples on this machine's CPU, and scales. Knows no farm.

use std::sync::Arc;
use std::time::Instant;

use tessera_shared::digest::Digest;
use tessera_shared::film::BlockPixels;
use tessera_shared::grid::BlockAt;
use tessera_shared::ids::FrameNumber;
use tessera_shared::lease::BlockPass;
use tessera_shared::package::{Manifest, Package};
use tessera_worker::Stage;

/// Frames that are looked at: the first, the last and some between. Each may be a scene to prepare.
const FRAMES_MAX: usize = 3;
/// Blocks of a frame that are rendered.
const BLOCKS_MAX: u32 = 96;
/// Samples of their pixels.
const SAMPLES_MAX: u32 = 8;

/// An estimate of a whole job.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Rays of all frames at all samples, nothing rendered twice.
    pub rays: f64,
    /// Standard error of `rays` as a share of it, from how much the blocks differ.
    pub deviation: f64,
    /// Of this machine's CPU.
    pub rays_per_second: f64,
    /// What it was made of: blocks in all, of so many frames, at so many samples.
    pub blocks: usize,
    pub frames: usize,
    pub samples: u32,
}

/// Renders the sample on so many threads. The blocks are the same for every run; only the rate depends on the machine.
pub fn estimate(package: &Arc<Package>, threads: usize) -> anyhow::Result<Estimate> {
    let manifest = &package.manifest;
    let frames = frames(manifest);
    let samples = manifest.settings.samples.min(SAMPLES_MAX);
    let key = Digest::of(&manifest.encode());
    let blocks: Vec<BlockPass> =
        frames.iter().flat_map(|frame| blocks(manifest, *frame, samples, &key)).collect();
    let stage = Stage::new(package.clone());
    let mut renderer = crate::devices::cpu(threads);
    // Preparing the scenes is none of the rate.
    for frame in &frames {
        let first = blocks.iter().find(|block| block.frame == *frame).cloned();
        stage.render(renderer.as_mut(), first.as_slice())?;
    }
    let start = Instant::now();
    let pixels = stage.render(renderer.as_mut(), &blocks)?;
    let seconds = start.elapsed().as_secs_f64().max(1e-6);
    let rays: Vec<f64> = pixels.iter().map(BlockPixels::rays).map(|rays| rays.total() as f64).collect();
    let (mean, deviation) = mean_and_error(&rays);
    let (columns, rows) = manifest.settings.grid.blocks();
    let all = f64::from(columns) * f64::from(rows) * manifest.frames.len() as f64;
    let passes = f64::from(manifest.settings.samples) / f64::from(samples.max(1));
    Ok(Estimate {
        rays: mean * all * passes,
        deviation,
        rays_per_second: rays.iter().sum::<f64>() / seconds,
        blocks: blocks.len(),
        frames: frames.len(),
        samples,
    })
}

/// Frames spread over the job, ascending.
fn frames(manifest: &Manifest) -> Vec<FrameNumber> {
    let (count, all) = (manifest.frames.len().min(FRAMES_MAX), manifest.frames.len());
    let place = |at: usize| if count > 1 { at * (all - 1) / (count - 1) } else { 0 };
    (0..count).map(|at| manifest.frames[place(at)].number).collect()
}

/// Blocks spread over a frame in reading order, one at random of each of as many stretches.
fn blocks(manifest: &Manifest, frame: FrameNumber, samples: u32, key: &Digest) -> Vec<BlockPass> {
    let (columns, rows) = manifest.settings.grid.blocks();
    let all = u64::from(columns) * u64::from(rows);
    let count = all.min(u64::from(BLOCKS_MAX));
    let place = |at: u64| {
        let (start, end) = (at * all / count, (at + 1) * all / count);
        let mut input = [0; 12];
        input[..4].copy_from_slice(&frame.0.to_le_bytes());
        input[4..].copy_from_slice(&at.to_le_bytes());
        let word =
            Digest::keyed(&key.0, &input).0[..8].iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        start + word % (end - start)
    };
    let pass = |place: u64| BlockPass {
        frame,
        block: BlockAt { x: (place % u64::from(columns)) as u16, y: (place / u64::from(columns)) as u16 },
        sample_start: 0,
        sample_end: samples,
    };
    (0..count).map(place).map(pass).collect()
}

/// The mean, and its standard error as a share of it.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
    (mean, if mean > 0.0 { error / mean } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_mean() {
        assert_eq!(mean_and_error(&[]), (0.0, 0.0));
        assert_eq!(mean_and_error(&[4.0]), (4.0, 0.0));
        let (mean, error) = mean_and_error(&[1.0, 3.0, 1.0, 3.0]);
        assert_eq!(mean, 2.0);
        assert!((error - (4.0f64 / 3.0 / 4.0).sqrt() / 2.0).abs() < 1e-12, "{error}");
    }
}
