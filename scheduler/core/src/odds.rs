//! What checking buys and costs, as probabilities: whether forged blocks are drawn and exposed, how long a forger lives, how
//! many blocks are rendered twice. Pure numbers for people and tests; the machine decides nothing by them.

use tessera_shared::grid::Grid;
use tessera_shared::ids::TileIndex;
use tessera_shared::messages::Verify;

use crate::api::Config;

/// How a policy samples tile-passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Share of the tile-passes that are checked at all, 0 to 1.
    pub tiles: f64,
    /// Blocks drawn of a checked one; all of them where it has no more.
    pub blocks: u32,
}

impl Sampling {
    /// Nothing is checked.
    pub const NONE: Sampling = Sampling { tiles: 0.0, blocks: 0 };
    /// Every block is rendered twice.
    pub const ALL: Sampling = Sampling { tiles: 1.0, blocks: u32::MAX };

    /// So many blocks of every tile-pass.
    pub fn blocks(blocks: u32) -> Sampling {
        Sampling { tiles: 1.0, blocks }
    }

    /// What a policy draws of a tile-pass of an operator past its probation, at least: under `confidence`, with a record so long
    /// that the floor of this configuration is reached.
    pub fn of(verify: Verify, config: &Config) -> Sampling {
        match verify {
            Verify::None => Sampling::NONE,
            Verify::Blocks(blocks) => Sampling::blocks(blocks),
            Verify::Double => Sampling::ALL,
            Verify::Confidence { .. } => {
                Sampling { tiles: f64::from(config.confidence_floor_ppm) / 1e6, blocks: 1 }
            }
        }
    }

    /// The probability that at least one of `forged` blocks of a tile-pass of `blocks` is drawn.
    pub fn draws(&self, blocks: u32, forged: u32) -> f64 {
        self.tiles * drawn(blocks, forged, self.blocks)
    }

    /// The probability that a tile-pass of `blocks` has a forged block drawn, where its maker forges this share of its blocks.
    pub fn draws_share(&self, blocks: u32, forgery: Forgery) -> f64 {
        let sample = self.blocks.min(blocks);
        let drawn = match forgery {
            _ if sample == 0 => 0.0,
            Forgery::Scattered(share) => 1.0 - (1.0 - share).powf(f64::from(sample)),
            Forgery::WholeTiles(share) => share,
        };
        self.tiles * drawn
    }

    /// Blocks rendered a second time over blocks rendered, for whole frames of the grid. Disputes and probation come on top.
    pub fn overhead(&self, grid: &Grid) -> f64 {
        let (mut rendered, mut checked) = (0u64, 0u64);
        for tile in 0..grid.tile_count() {
            let blocks = grid.tile_block_count(TileIndex(tile));
            rendered += u64::from(blocks);
            checked += u64::from(blocks.min(self.blocks));
        }
        self.tiles * checked as f64 / rendered.max(1) as f64
    }
}

/// What share of its blocks a node forges, 0 to 1, and how it spreads them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forgery {
    /// Each block with this probability, independently.
    Scattered(f64),
    /// Each tile-pass with this probability, and then all of its blocks: the best a forger can do, as one check that finds a
    /// forged block finds no more by its neighbours.
    WholeTiles(f64),
}

/// Who checks on a farm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Checkers {
    /// Share of the checking capacity of strangers that vouches for the forger, 0 to 1: c of DESIGN §2.4.
    pub colluding: f64,
    /// Share of the checks that trusted referees do, 0 to 1: r of DESIGN §2.4.
    pub trusted: f64,
}

impl Checkers {
    /// The probability that a check is honest: 1 − c (1 − r).
    pub fn honest(&self) -> f64 {
        1.0 - self.colluding * (1.0 - self.trusted)
    }

    /// The probability that a forger is exposed by one tile-pass of `blocks`. The drawn blocks of a tile-pass go to one
    /// checker, so they are all checked honestly or none is.
    pub fn expose(&self, sampling: Sampling, blocks: u32, forgery: Forgery) -> f64 {
        self.honest() * sampling.draws_share(blocks, forgery)
    }

    /// The probability that a forger is not exposed in so many tile-passes of `blocks`.
    pub fn survives(&self, sampling: Sampling, blocks: u32, forgery: Forgery, tiles: u32) -> f64 {
        not_in(self.expose(sampling, blocks, forgery), tiles)
    }

    /// The expected number of forged tile-passes that a node which forges only whole tile-passes gets accepted before it is
    /// exposed, however it spreads them: the failures before the first success of Bernoulli trials. Infinite where nothing
    /// is checked honestly.
    pub fn forged_before_exposed(&self, sampling: Sampling) -> f64 {
        let exposed = self.honest() * if sampling.blocks == 0 { 0.0 } else { sampling.tiles };
        (1.0 - exposed) / exposed
    }
}

/// The probability that `sample` different blocks drawn of `blocks` hold at least one of `forged`:
/// 1 − C(blocks − forged, sample) / C(blocks, sample), the hypergeometric distribution.
pub fn drawn(blocks: u32, forged: u32, sample: u32) -> f64 {
    let (forged, sample) = (forged.min(blocks), sample.min(blocks));
    if forged + sample > blocks {
        return 1.0;
    }
    let misses = (0..sample).map(|at| f64::from(blocks - forged - at) / f64::from(blocks - at));
    1.0 - misses.product::<f64>()
}

/// The probability that what happens with this probability does not happen in so many independent trials.
fn not_in(probability: f64, trials: u32) -> f64 {
    match (probability >= 1.0, trials) {
        (_, 0) => 1.0,
        (true, _) => 0.0,
        (false, _) => (f64::from(trials) * (-probability).ln_1p()).exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{found}, {expected} expected");
    }

    /// Every subset of `sample` of `blocks`, as bits.
    fn subsets(blocks: u32, sample: u32) -> impl Iterator<Item = u32> {
        (0..1u32 << blocks).filter(move |set| set.count_ones() == sample)
    }

    #[test]
    fn draws_are_those_of_all_subsets() {
        for blocks in 1..=10 {
            for forged in 0..=blocks {
                for sample in 0..=blocks {
                    let all = subsets(blocks, sample).count();
                    let hit = subsets(blocks, sample).filter(|set| set & ((1 << forged) - 1) != 0).count();
                    near(drawn(blocks, forged, sample), hit as f64 / all as f64);
                }
            }
        }
    }

    #[test]
    fn scattered_forgery_is_the_mean_over_all_patterns_of_forged_blocks() {
        for (blocks, sample, share) in [(6, 1, 0.05), (6, 4, 0.05), (8, 3, 0.4), (5, 9, 0.2)] {
            let mean: f64 = (0..1u32 << blocks)
                .map(|pattern| {
                    let forged = pattern.count_ones();
                    let weight = share_to(share, forged) * share_to(1.0 - share, blocks - forged);
                    weight * drawn(blocks, forged, sample)
                })
                .sum();
            near(Sampling::blocks(sample).draws_share(blocks, Forgery::Scattered(share)), mean);
        }
    }

    fn share_to(share: f64, times: u32) -> f64 {
        (0..times).fold(1.0, |product, _| product * share)
    }

    #[test]
    fn whole_tiles_are_the_forgers_best() {
        for sampling in [Sampling::blocks(1), Sampling::blocks(4), Sampling::ALL] {
            let a_block = |forged: u32| sampling.draws(64, forged) / f64::from(forged);
            assert!((1..64).all(|forged| a_block(64) <= a_block(forged)), "{sampling:?}");
            let (whole, scattered) = (Forgery::WholeTiles(0.05), Forgery::Scattered(0.05));
            assert!(sampling.draws_share(64, whole) <= sampling.draws_share(64, scattered) + 1e-15);
        }
    }

    #[test]
    fn a_policy_that_draws_no_block_exposes_nobody() {
        let checkers = Checkers { colluding: 0.0, trusted: 1.0 };
        for forgery in [Forgery::Scattered(1.0), Forgery::WholeTiles(1.0)] {
            assert_eq!(checkers.survives(Sampling::NONE, 64, forgery, 1000), 1.0);
            assert_eq!(checkers.survives(Sampling::blocks(0), 64, forgery, 1000), 1.0);
        }
        assert_eq!(checkers.forged_before_exposed(Sampling::blocks(0)), f64::INFINITY);
    }

    #[test]
    fn a_known_farm() {
        let strangers = Checkers { colluding: 0.3, trusted: 0.05 };
        near(strangers.honest(), 0.715);
        let spot = Sampling::blocks(1);
        near(strangers.expose(spot, 64, Forgery::WholeTiles(1.0)), 0.715);
        near(strangers.survives(spot, 64, Forgery::WholeTiles(0.01), 100), 0.992_85f64.powi(100));
        near(strangers.forged_before_exposed(spot), 0.285 / 0.715);
        let honest = Checkers { colluding: 0.0, trusted: 0.0 };
        assert_eq!(honest.survives(Sampling::ALL, 64, Forgery::WholeTiles(1.0), 1), 0.0);
        assert_eq!(honest.survives(Sampling::ALL, 64, Forgery::WholeTiles(1.0), 0), 1.0);
        near(honest.survives(Sampling::blocks(4), 64, Forgery::Scattered(0.05), 10), 0.95f64.powi(40));
    }

    #[test]
    fn overhead_counts_the_blocks_of_partial_tiles() {
        let whole = Grid::new(640, 640, 64).unwrap();
        near(Sampling::blocks(1).overhead(&whole), 1.0 / 64.0);
        near(Sampling::ALL.overhead(&whole), 1.0);
        near(Sampling { tiles: 0.25, blocks: 1 }.overhead(&whole), 1.0 / 256.0);
        // 9 × 8 blocks: a tile of 64 and one of 8.
        let ragged = Grid::new(72, 64, 64).unwrap();
        near(Sampling::blocks(16).overhead(&ragged), 24.0 / 72.0);
    }

    /// Farms played out: tile after tile, blocks forged and drawn, a checker that colludes or does not.
    #[test]
    fn survival_is_that_of_farms_played_out() {
        let mut random = Played(7);
        let checkers = Checkers { colluding: 0.3, trusted: 0.1 };
        for (sampling, forgery, tiles) in [
            (Sampling::blocks(1), Forgery::WholeTiles(0.05), 10),
            (Sampling::blocks(4), Forgery::Scattered(0.05), 10),
            (Sampling { tiles: 0.5, blocks: 2 }, Forgery::Scattered(0.02), 30),
        ] {
            let farms = 20_000;
            let survived = (0..farms).filter(|_| random.survives(checkers, sampling, forgery, tiles)).count();
            let expected = checkers.survives(sampling, 64, forgery, tiles);
            let deviation = (expected * (1.0 - expected) / f64::from(farms)).sqrt();
            let found = survived as f64 / f64::from(farms);
            assert!((found - expected).abs() < 4.5 * deviation, "{forgery:?}: {found}, {expected} expected");
        }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    struct Played(u64);

    impl Played {
        fn word(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        }

        fn happens(&mut self, probability: f64) -> bool {
            (self.word() >> 11) as f64 / ((1u64 << 53) as f64) < probability
        }

        fn survives(&mut self, checkers: Checkers, sampling: Sampling, forgery: Forgery, tiles: u32) -> bool {
            (0..tiles).all(|_| {
                let forged: Vec<bool> = match forgery {
                    Forgery::Scattered(share) => (0..64).map(|_| self.happens(share)).collect(),
                    Forgery::WholeTiles(share) => vec![self.happens(share); 64],
                };
                let mut drawn = std::collections::BTreeSet::new();
                while drawn.len() < sampling.blocks as usize {
                    drawn.insert((self.word() % 64) as usize);
                }
                let seen = self.happens(sampling.tiles) && drawn.iter().any(|block| forged[*block]);
                let colludes = !self.happens(checkers.trusted) && self.happens(checkers.colluding);
                !seen || colludes
            })
        }
    }
}
