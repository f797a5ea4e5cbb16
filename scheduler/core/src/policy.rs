//! How much of a commit is checked: by the job's policy, the operator's clean record, and whether it is on probation. Draws no block.

use tessera_shared::messages::Verify;

use crate::api::Config;

/// What a commit's tile-pass is checked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many blocks, or all where there are fewer.
    Blocks(u32),
    Whole,
    /// One block of so many tile-passes in a million.
    Chance {
        ppm: u32,
    },
}

/// What an operator's record says of its commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Tile-passes found right since it last was wrong.
    pub clean: u64,
    /// It has to prove itself, on the farm or in this job.
    pub on_probation: bool,
}

/// Whether an operator with this clean record is on probation on the whole farm.
pub fn on_probation(config: &Config, clean: u64) -> bool {
    clean < config.probation_tiles
}

/// What is checked under a policy. `checkers` says that an operator is connected who may check this one.
pub fn extent(config: &Config, policy: Verify, record: Record, checkers: bool) -> Extent {
    match policy {
        Verify::None => Extent::Blocks(0),
        Verify::Double => Extent::Whole,
        Verify::Blocks(_) | Verify::Confidence { .. } if record.on_probation => match (checkers, policy) {
            (true, _) => Extent::Whole,
            (false, Verify::Blocks(blocks)) => Extent::Blocks(blocks.max(config.probation_blocks)),
            (false, _) => Extent::Blocks(config.probation_blocks),
        },
        Verify::Blocks(blocks) => Extent::Blocks(blocks),
        Verify::Confidence { wrong_ppm } => {
            Extent::Chance { ppm: confidence_ppm(config, wrong_ppm, record.clean) }
        }
    }
}

/// How many tile-passes in a million are checked so that at most `wrong_ppm` in a million are wholly forged and accepted.
///
/// Somebody who forges a part s of its tile-passes has k clean checks with probability (1 − s)^k, so the next one is forged and
/// the record clean with s (1 − s)^k, whatever s at most k^k / (k + 1)^(k + 1) < 1 / (e k) (the argument of Sarmenta 2002,
/// "Sabotage-tolerance mechanisms for volunteer computing systems", §4, without his assumption of how many forge). A checked
/// tile-pass that is wholly forged is exposed, so with a part q checked the bound is (1 − q) / (e k), and q must be at least
/// 1 − wrong e k. The bound is for a constant s: against somebody who is honest first, the floor alone helps.
pub fn confidence_ppm(config: &Config, wrong_ppm: u32, clean: u64) -> u32 {
    const MILLION: u128 = 1_000_000;
    // e in millionths, rounded down.
    let unchecked = u128::from(wrong_ppm) * 2_718_281 * u128::from(clean) / MILLION;
    let needed = MILLION.saturating_sub(unchecked);
    (needed as u32).max(config.confidence_floor_ppm.min(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config { probation_tiles: 8, ..Config::new([0; 32]) }
    }

    #[test]
    fn confidence_falls_with_the_clean_record_and_never_below_its_floor() {
        let rate = |wrong_ppm, clean| confidence_ppm(&config(), wrong_ppm, clean);
        assert_eq!(rate(1000, 0), 1_000_000);
        // 1 − 0.001 · e · 100.
        assert_eq!(rate(1000, 100), 1_000_000 - 271_828);
        assert_eq!(rate(1000, 1_000_000), 62_500);
        assert_eq!(rate(u32::MAX, u64::MAX >> 32), 62_500);
        assert!((0..200).all(|clean| rate(1000, clean + 1) <= rate(1000, clean)));
        // The bound holds for every way to forge at random, until the floor is reached.
        for clean in 1..340u64 {
            let q = f64::from(rate(1000, clean)) / 1e6;
            let forged = (1..100).map(|s| f64::from(s) / 100.0).map(|s| s * (1.0 - s).powi(clean as i32));
            assert!((1.0 - q) * forged.fold(0.0, f64::max) <= 0.001, "{clean}");
        }
    }

    #[test]
    fn probation_is_checked_whole_by_others_and_in_part_by_the_referee() {
        let extent = |policy, clean, checkers| {
            let record = Record { clean, on_probation: on_probation(&config(), clean) };
            extent(&config(), policy, record, checkers)
        };
        assert_eq!(extent(Verify::Blocks(1), 0, true), Extent::Whole);
        assert_eq!(extent(Verify::Blocks(1), 7, false), Extent::Blocks(8));
        assert_eq!(extent(Verify::Blocks(20), 7, false), Extent::Blocks(20));
        assert_eq!(extent(Verify::Blocks(1), 8, true), Extent::Blocks(1));
        assert_eq!(extent(Verify::Confidence { wrong_ppm: 1000 }, 3, true), Extent::Whole);
        assert_eq!(extent(Verify::Double, 1_000, false), Extent::Whole);
        assert_eq!(extent(Verify::None, 0, true), Extent::Blocks(0));
    }
}
