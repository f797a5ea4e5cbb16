//! Hunts through random farms of the simulator. Knows no farm: the simulator's example `hunt` runs them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::test::cargo;

/// From so many seeds on, building for speed costs less than it saves.
const RELEASE_SEEDS: u64 = 5_000;

/// Runs with `--seeds N` and `--first S`, both optional.
pub fn hunt(root: &Path, arguments: &[&str]) -> Result<()> {
    let mut seeds = 1_000u64;
    for pair in arguments.chunks(2) {
        let [name @ ("--seeds" | "--first"), value] = pair else {
            bail!("`{}` is no option of `sim`; give --seeds N and --first S", pair.join(" "));
        };
        let number = value.parse().with_context(|| format!("{name} takes a number, not `{value}`"))?;
        if *name == "--seeds" {
            seeds = number;
        }
    }
    let mut all = vec!["run", "-q", "-p", "tessera-sim", "--example", "hunt"];
    if seeds >= RELEASE_SEEDS {
        all.push("--release");
    }
    all.push("--");
    all.extend(arguments);
    cargo(root, &all)
}
