//! Detection by the core against the odds, over so many jobs a line: `cargo run -p tessera-sim --example curves -- 100000`.

use tessera_scheduler_core::odds::{Checkers, Forgery};
use tessera_shared::messages::Verify;
use tessera_sim::curves::{Forger, TILE_BLOCKS};
use tessera_sim::tally::sampling;

fn main() {
    let jobs: u64 = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("a number of jobs"));
    println!("| policy | forged | tiles | caught | analytic | difference in standard errors |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (policy, verify) in [("spot", Verify::Blocks(1)), ("blocks=4", Verify::Blocks(4))] {
        for share in [0.01, 0.05] {
            for tiles in [1, 10, 40] {
                println!("{}", row(policy, Forger { verify, tiles, share }, jobs));
            }
        }
    }
}

fn row(policy: &str, forger: Forger, jobs: u64) -> String {
    let caught = (0..jobs).filter(|seed| forger.is_caught(*seed)).count() as f64 / jobs as f64;
    let checkers = Checkers { colluding: 0.0, trusted: 1.0 };
    let forgery = Forgery::Scattered(forger.share);
    let survives = checkers.survives(sampling(forger.verify), TILE_BLOCKS, forgery, forger.tiles);
    let deviation = (survives * (1.0 - survives) / jobs as f64).sqrt();
    let errors = (caught - (1.0 - survives)) / deviation.max(f64::MIN_POSITIVE);
    format!(
        "| {policy} | {:.0} % of the blocks | {} | {:.4} | {:.4} | {errors:+.1} |",
        100.0 * forger.share,
        forger.tiles,
        caught,
        1.0 - survives
    )
}
