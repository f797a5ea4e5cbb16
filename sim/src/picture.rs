//! What stands for rendering: a block's pixels are one word, the sum of a hash per sample, so that passes add up as the
//! film does and a wrong image is seen exactly.

use tessera_shared::digest::Digest;
use tessera_shared::film::Rays;
use tessera_shared::lease::BlockPass;

use crate::random::scatter;

fn block_word(block: &BlockPass) -> u64 {
    scatter(u64::from(block.frame.0) << 32 | u64::from(block.block.x) << 16 | u64::from(block.block.y))
}

/// Whether every sample of the block is the same and does not change with time, as of a plain background: a quarter of the
/// picture. There, half the samples, half the resolution and the frame before are right.
fn flat(block: &BlockPass) -> bool {
    place_word(block) % 4 == 0
}

fn place_word(block: &BlockPass) -> u64 {
    scatter(0xf1a7 << 32 | u64::from(block.block.x) << 16 | u64::from(block.block.y))
}

fn sample(block: &BlockPass, word: u64, number: u32) -> u64 {
    match flat(block) {
        true => 0x5c1e,
        false => scatter(word.wrapping_add(u64::from(number))),
    }
}

/// The right pixels of a block.
pub fn pixels(block: &BlockPass) -> u64 {
    let samples = block.sample_start..block.sample_end;
    summed(block, block_word(block), samples)
}

fn summed(block: &BlockPass, word: u64, samples: impl Iterator<Item = u32>) -> u64 {
    samples.fold(0, |sum: u64, number| sum.wrapping_add(sample(block, word, number)))
}

/// The pixels of half of the samples, each counted twice.
pub fn half_the_samples(block: &BlockPass) -> u64 {
    let count = block.sample_end - block.sample_start;
    let half = (count / 2).max(1);
    summed(block, block_word(block), (0..count).map(|at| block.sample_start + at % half))
}

/// The pixels of a picture of half the width and height, scaled up.
pub fn half_resolution(block: &BlockPass) -> u64 {
    let word = scatter(block_word(block) ^ 0x4a1f);
    summed(block, word, block.sample_start..block.sample_end)
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
