//! The options of `tessera scheduler` that say how much is checked and by whom. Their names are the configuration's.

use std::collections::BTreeSet;

use anyhow::anyhow;
use clap::Args;
use tessera_scheduler::TrustOptions;
use tessera_shared::ids::NodeKey;
use tessera_shared::limits::Pools;

use crate::failure::{Exit, Failure, OrExit};

/// How far the farm's owner trusts whom.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Trust (docs/trust.md)")]
pub struct TrustArguments {
    /// A pool, or an operator's key, whose workers referee in the scheduler's place; may be given more than once
    #[arg(long, value_name = "POOL_OR_KEY")]
    pub trusted: Vec<String>,
    /// Tiles of a new operator that are checked whole, and found right, before its probation ends; at most 100000 [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=100_000))]
    pub probation_tiles: Option<u64>,
    /// Milliseconds that an operator stays out after a wrong result, at most 30 days [default: 600000]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=2_592_000_000))]
    pub quarantine_ms: Option<u64>,
    /// Of a thousand checks, those that a referee does whoever else is there [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub referee_permille: Option<u32>,
    /// Rays that the scheduler's own referee may spend in a minute, 1 to 1000000000000 [default: 600000000]
    #[arg(long, value_name = "RAYS", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
    pub referee_rays_per_minute: Option<u64>,
    /// Known tiles that are mixed into the checks of a thousand [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub known_permille: Option<u32>,
}

impl TrustArguments {
    /// The options, with the names of pools replaced by their keys.
    pub fn options(self, pools: &Pools) -> Result<TrustOptions, Failure> {
        let mut trusted = BTreeSet::new();
        for name in &self.trusted {
            trusted.extend(keys(name, pools)?);
        }
        Ok(TrustOptions {
            trusted,
            probation_tiles: self.probation_tiles,
            quarantine_ms: self.quarantine_ms,
            referee_permille: self.referee_permille,
            referee_rays_per_minute: self.referee_rays_per_minute,
            known_permille: self.known_permille,
        })
    }
}

/// The keys of a pool, or the one that the text is.
fn keys(name: &str, pools: &Pools) -> Result<BTreeSet<NodeKey>, Failure> {
    match (pools.get(name), name.parse::<NodeKey>()) {
        (Some(pool), _) => Ok(pool.clone()),
        (None, Ok(key)) => Ok(BTreeSet::from([key])),
        (None, Err(error)) => Err(anyhow!(
            "--trusted {name}: it is no pool given with --pool NAME=KEY,KEY, and no key: {error}; `tessera workers` shows keys"
        ))
        .or_exit(Exit::Usage),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        trust: TrustArguments,
    }

    fn parsed(line: &[&str]) -> Result<TrustArguments, String> {
        let line = ["tessera"].iter().chain(line);
        Line::try_parse_from(line).map(|line| line.trust).map_err(|error| error.to_string())
    }

    #[test]
    fn pools_and_keys_are_trusted_and_other_names_are_not() {
        let (studio, own) = (NodeKey([7; 32]), NodeKey([9; 32]));
        let pools = Pools::from([("studio".to_owned(), BTreeSet::from([studio]))]);
        let options = |name: &str| parsed(&["--trusted", name]).unwrap().options(&pools);
        assert_eq!(options("studio").unwrap().trusted, BTreeSet::from([studio]));
        assert_eq!(options(&own.hex()).unwrap().trusted, BTreeSet::from([own]));
        assert!(options("stodio").is_err());
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_with_the_bounds() {
        for (flag, value, bound) in [
            ("--probation-tiles", "100001", "100000"),
            ("--quarantine-ms", "2592000001", "2592000000"),
            ("--referee-permille", "1001", "1000"),
            ("--referee-rays-per-minute", "0", "1..="),
            ("--known-permille", "1001", "1000"),
        ] {
            let error = parsed(&[flag, value]).unwrap_err();
            assert!(error.contains(flag) && error.contains(bound), "{error}");
        }
        let options = parsed(&["--probation-tiles", "3"]).unwrap().options(&Pools::new()).unwrap();
        let expected = TrustOptions { probation_tiles: Some(3), ..TrustOptions::default() };
        assert_eq!(options, expected);
    }
}
