//! What dishonest workers do: which pixels they make up, of what, and whom they vouch for. Knows no message and no clock.

use std::collections::{BTreeMap, BTreeSet};

use tessera_shared::ids::{FrameNumber, LeaseId};
use tessera_shared::lease::BlockPass;

use crate::node::{Node, tile_runs};
use crate::picture;
use crate::random::scatter;

/// What is wrong with a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cheat {
    Honest,
    /// Every block it delivers is made up.
    ForgeAll,
    /// One bit of one block of every tile-pass is wrong.
    FlipOne,
    /// Commits to the right pixels and sends others.
    SwapPixels,
    /// Renders honestly and makes its checks up.
    LazyChecker,
    /// Says that every check it does found something else, on a block of each.
    Denier,
    /// Forges what it delivers and vouches for the forgeries of the other colluders.
    Colluder,
    /// Renders the first half of the samples and counts them twice.
    FewerSamples,
    /// Renders a quarter of the blocks and scales them up.
    HalfResolution,
    /// Answers with what another worker has delivered, which it learnt somehow: of the same block where there is one, else of
    /// another. As a checker it vouches for whatever was delivered.
    Copier,
    /// Delivers the frame before.
    OlderFrame,
    /// Delivers the pixels of the lease before.
    StaleLease,
    /// Honest for so many tile-passes; every block after those is made up.
    Sleeper {
        tiles: u32,
    },
    /// Honest, but for one tile-pass after so many: hardware that erred once.
    Glitch {
        tiles: u32,
    },
    /// Honest pixels; every message comes again, out of order and with those of earlier leases.
    Replayer,
    /// Counts more rays in every pixel than it traced, and claims a thousand times its rays for checks.
    RayInflater,
    /// Honest for so many tile-passes; from then on it delivers what has leaked at once, with one wrong bit in each tile-pass.
    Rusher {
        tiles: u32,
    },
    /// Makes up everything it delivers, and says that it has so many devices.
    Braggart {
        devices: u32,
    },
    /// Delivers right pixels, vouches for colluders' forgeries, and says that it has so many devices.
    Accomplice {
        devices: u32,
    },
}

impl Cheat {
    /// It vouches for the forgeries of colluders.
    pub fn colludes(self) -> bool {
        matches!(self, Cheat::Colluder | Cheat::Accomplice { .. })
    }

    /// As a checker it says of this forger's pixels what the forger said.
    pub fn vouches_for(self, forger: Cheat) -> bool {
        self == Cheat::Copier || (self.colludes() && forger == Cheat::Colluder)
    }

    /// Devices that a worker with so many says it has.
    pub fn devices_claimed(self, devices: u32) -> u32 {
        match self {
            Cheat::Accomplice { devices } | Cheat::Braggart { devices } => devices,
            _ => devices,
        }
    }

    /// After so many tile-passes it takes no time for what it delivers.
    pub fn rushes(self, tiles_rendered: u32) -> bool {
        matches!(self, Cheat::Rusher { tiles } if tiles_rendered >= tiles)
    }

    /// Rays that it claims for a check of so many.
    pub fn rays_claimed(self, count: u64) -> u64 {
        if self == Cheat::RayInflater { count.saturating_mul(1000) } else { count }
    }
}

/// What cheats know of each other and of others' work.
#[derive(Debug, Default)]
pub struct Plot {
    /// The forged pixels of colluders.
    forged: BTreeMap<BlockPass, u64>,
    /// What everybody has rendered for delivery, as far as it leaks.
    leaked: BTreeMap<BlockPass, u64>,
    /// Whether anybody wants to know that.
    leaks: bool,
    /// Operators whose hardware has erred.
    glitched: BTreeSet<u64>,
}

impl Plot {
    pub fn new(leaks: bool) -> Plot {
        Plot { leaks, ..Plot::default() }
    }

    /// The pixels that a worker makes of a lease's blocks.
    pub fn render(&mut self, node: &Node, lease: LeaseId, items: &[BlockPass], check: bool) -> Vec<u64> {
        let pixels = match check {
            true => self.checked(node, items),
            false => self.delivered(node, lease, items),
        };
        if self.leaks && !check {
            self.leaked.extend(items.iter().cloned().zip(pixels.iter().copied()));
        }
        pixels
    }

    fn checked(&self, node: &Node, items: &[BlockPass]) -> Vec<u64> {
        let mut honest: Vec<u64> = items.iter().map(picture::pixels).collect();
        match node.spec.cheat {
            Cheat::LazyChecker => made_up(node, &honest),
            Cheat::Denier => {
                honest[0] ^= 1;
                honest
            }
            cheat if cheat.colludes() => {
                let known = items.iter().map(|item| self.forged.get(item));
                known.zip(honest).map(|(forged, word)| forged.copied().unwrap_or(word)).collect()
            }
            Cheat::Copier => items.iter().map(|item| self.copied(item)).collect(),
            _ => honest,
        }
    }

    fn delivered(&mut self, node: &Node, lease: LeaseId, items: &[BlockPass]) -> Vec<u64> {
        let honest: Vec<u64> = items.iter().map(picture::pixels).collect();
        if node.spec.patient && node.checks.is_empty() {
            return honest;
        }
        match node.spec.cheat {
            Cheat::ForgeAll | Cheat::Braggart { .. } => made_up(node, &honest),
            Cheat::Sleeper { tiles } if node.tiles_rendered >= tiles => made_up(node, &honest),
            Cheat::Glitch { tiles }
                if node.tiles_rendered >= tiles && self.glitched.insert(node.spec.operator) =>
            {
                honest.iter().map(|word| word ^ 1).collect()
            }
            Cheat::FlipOne => flip_one(lease, items, honest),
            cheat if cheat.rushes(node.tiles_rendered) => flip_one(lease, items, honest),
            Cheat::Colluder => {
                let forged: Vec<u64> = honest.iter().map(|word| scatter(*word)).collect();
                self.forged.extend(items.iter().cloned().zip(forged.iter().copied()));
                forged
            }
            Cheat::FewerSamples => items.iter().map(picture::half_the_samples).collect(),
            Cheat::HalfResolution => items.iter().map(picture::half_resolution).collect(),
            Cheat::OlderFrame => items.iter().map(|item| picture::pixels(&older(item))).collect(),
            Cheat::Copier => items.iter().map(|item| self.copied(item)).collect(),
            Cheat::StaleLease => match node.last_pixels.is_empty() {
                true => honest,
                false => node.last_pixels.iter().cycle().take(items.len()).copied().collect(),
            },
            Cheat::RayInflater => honest.iter().map(|word| word ^ 1 << 63).collect(),
            _ => honest,
        }
    }

    /// What has leaked of the block, or of another; the right pixels where nothing has.
    fn copied(&self, item: &BlockPass) -> u64 {
        let other = || self.leaked.range(item.clone()..).next().or_else(|| self.leaked.iter().next());
        let leaked = self.leaked.get(item).or_else(|| other().map(|(_, word)| word));
        leaked.copied().unwrap_or_else(|| picture::pixels(item))
    }
}

fn made_up(node: &Node, honest: &[u64]) -> Vec<u64> {
    honest.iter().enumerate().map(|(at, word)| scatter(word ^ node.spec.operator ^ at as u64)).collect()
}

fn older(item: &BlockPass) -> BlockPass {
    BlockPass { frame: FrameNumber(item.frame.0.wrapping_sub(1)), ..item.clone() }
}

/// Flips one bit in one block of every tile-pass.
fn flip_one(lease: LeaseId, items: &[BlockPass], mut pixels: Vec<u64>) -> Vec<u64> {
    for (start, end) in tile_runs(items) {
        let at = start + (scatter(lease.0 ^ (start as u64) << 32) % (end - start) as u64) as usize;
        pixels[at] ^= 1 << (lease.0 % 64);
    }
    pixels
}
