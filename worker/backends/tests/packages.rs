//! No package that the validator takes may split honest devices: a few hundred crafted ones, on every tree and adapter. The long
//! run is `examples/packages.rs`.

#[path = "packages/mod.rs"]
mod crafted;

use crafted::{Devices, play, samples};

const SEEDS: u64 = 60;

#[test]
fn crafted_packages_give_one_picture_everywhere() {
    let samples = samples();
    let mut devices = Devices::open();
    println!("beside the CPU: {:?}", devices.gpu_names());
    let (mut changed, mut refused, mut slowest) = (0, 0, 0.0f64);
    for seed in 0..SEEDS {
        let played = play(seed, &samples, &mut devices);
        assert_eq!(played.finding, None, "seed {seed}: {:?}", played.changes);
        changed += played.changes.len() - 1;
        refused += played.refused;
        slowest = slowest.max(played.seconds);
    }
    println!("{changed} changes, {refused} refused by a device, the slowest render took {slowest:.2} s");
    assert!(changed as u64 > SEEDS, "only {changed} changes were valid");
}
