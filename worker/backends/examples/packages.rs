//! The long run of `tests/packages.rs`: `cargo run -p tessera-backends --example packages -- COUNT [FIRST]` crafts so many
//! packages, from a first seed on, and prints every one that devices render in two ways.

#[path = "../tests/packages/mod.rs"]
mod crafted;

use crafted::{Devices, play, samples};

fn main() -> Result<(), String> {
    let number = |text: String| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
    let mut arguments = std::env::args().skip(1).map(number);
    let count = arguments.next().unwrap_or(Ok(1000))?;
    let first = arguments.next().unwrap_or(Ok(0))?;
    let samples = samples();
    let mut devices = Devices::open();
    let start = std::time::Instant::now();
    let (mut changes, mut findings, mut refused, mut slowest) = (0, 0, 0, (0.0, 0));
    for seed in first..first + count {
        let played = play(seed, &samples, &mut devices);
        changes += played.changes.len() - 1;
        refused += played.refused;
        if played.seconds > slowest.0 {
            slowest = (played.seconds, seed);
        }
        if let Some(finding) = played.finding {
            findings += 1;
            println!("seed {seed}: {finding}\n    {}", played.changes.join("; "));
        }
    }
    println!(
        "{count} packages, {changes} changes, three trees and {:?}: {findings} findings, {refused} refused by a device; the slowest render took {:.2} s (seed {}); {:.0} s",
        devices.gpu_names(),
        slowest.0,
        slowest.1,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
