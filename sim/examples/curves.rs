//! Detection by the core against the odds, over so many jobs a line: `cargo run -p tessera-sim --example curves -- JOBS [POLICY]`,
//! where a policy picks its lines.

use tessera_shared::messages::Verify;
use tessera_sim::curves::Forger;

fn main() {
    let jobs: u64 = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("a number of jobs"));
    println!("| policy | forged | tiles | caught | analytic | difference in standard errors |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let spot = [(0.01, 1), (0.01, 10), (0.01, 40), (0.05, 1), (0.05, 10), (0.05, 40)];
    let long = [(0.01, 10), (0.01, 40), (0.01, 100), (0.05, 10), (0.05, 40)];
    let lines = [
        ("spot", Verify::Blocks(1), &spot[..]),
        ("blocks=4", Verify::Blocks(4), &spot[..]),
        ("confidence=0.999", Verify::Confidence { wrong_ppm: 1000 }, &long[..]),
        ("confidence=0.98", Verify::Confidence { wrong_ppm: 20_000 }, &long[..]),
    ];
    let wanted = std::env::args().nth(2).unwrap_or_default();
    let mut first = 0;
    for (policy, verify, points) in lines {
        for &(share, tiles) in points.iter().filter(|_| policy.contains(&wanted)) {
            println!("{}", row(policy, Forger { verify, tiles, share }, first..first + jobs));
            first += jobs;
        }
    }
}

/// Every line has jobs of its own, so that their errors are independent.
fn row(policy: &str, forger: Forger, seeds: std::ops::Range<u64>) -> String {
    let jobs = (seeds.end - seeds.start) as f64;
    let caught = seeds.filter(|seed| forger.is_caught(*seed)).count() as f64 / jobs;
    let expected = forger.expected();
    let deviation = (expected * (1.0 - expected) / jobs).sqrt();
    let errors = (caught - expected) / deviation.max(f64::MIN_POSITIVE);
    let Forger { tiles, share, .. } = forger;
    let percent = 100.0 * share;
    format!(
        "| {policy} | {percent:.0} % of the blocks | {tiles} | {caught:.4} | {expected:.4} | {errors:+.1} |"
    )
}
