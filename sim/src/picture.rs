//! What stands for rendering: a block's pixels are one word, the sum of a hash per sample, so that passes add up as the
//! film does and a wrong image is seen exactly.

use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::lease::BlockPass;

use crate::random::scatter;

fn block_word(block: &BlockPass) -> u64 {
    scatter(u64::from(block.frame.0) << 32 | u64::from(block.block.x) << 16 | u64::from(block.block.y))
}

/// The right pixels of a block.
pub fn pixels(block: &BlockPass) -> u64 {
    let base = block_word(block);
    let samples = block.sample_start..block.sample_end;
    samples.fold(0, |sum: u64, sample| sum.wrapping_add(scatter(base.wrapping_add(u64::from(sample)))))
}

/// What is committed to for these pixels.
pub fn digest(block: &BlockPass, pixels: u64) -> Digest {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&block_word(block).to_le_bytes());
    bytes[8..12].copy_from_slice(&block.sample_start.to_le_bytes());
    bytes[12..16].copy_from_slice(&block.sample_end.to_le_bytes());
    bytes[16..].copy_from_slice(&pixels.to_le_bytes());
    Digest::of(&bytes)
}

/// What the block costs: more in some places of the picture than in others.
pub fn rays(block: &BlockPass) -> Rays {
    let camera = 64 * u64::from(block.sample_end - block.sample_start);
    let bounces = block_word(block) % 9;
    Rays { camera, bounce: camera * bounces, shadow: camera * (bounces + 1) / 2 }
}
