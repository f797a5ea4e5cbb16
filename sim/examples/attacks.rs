//! Plays every attack over so many seeds and prints the table of `benches/results/attacks.md`:
//! `cargo run -p tessera-sim --example attacks -- SEEDS [NAME]`, where a name picks the attacks that contain it.

use std::num::NonZero;

use tessera_shared::messages::Verify;
use tessera_sim::Tally;
use tessera_sim::attacks::{Attack, attacks, long_attack};

const POLICIES: [(&str, Verify); 4] = [
    ("confidence=0.999", Verify::Confidence { wrong_ppm: 1000 }),
    ("spot", Verify::Blocks(1)),
    ("blocks=4", Verify::Blocks(4)),
    ("double", Verify::Double),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seeds: u64 = arguments.next().map_or(100, |text| text.parse().expect("a number of seeds"));
    let named = arguments.next().unwrap_or_default();
    println!(
        "| attack | policy | forged | accepted, at most | accepted | in the images | keys convicted a farm | honest convicted | checks | rendered again |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    // The long one is played by one seed of ten.
    let all = attacks().into_iter().map(|attack| (attack, seeds));
    let all = all.chain([(long_attack(), seeds.div_ceil(10))]);
    for (attack, seeds) in all.filter(|(attack, _)| attack.name.contains(&named)) {
        for (policy, verify) in POLICIES {
            println!("{}", row(attack.name, policy, &played(&attack, verify, seeds)));
        }
    }
}

/// Seeds in turn on all cores.
fn played(attack: &Attack, verify: Verify, seeds: u64) -> Tally {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let part = |first: u64| {
        let mut tally = Tally::default();
        (first..seeds).step_by(cores as usize).for_each(|seed| tally += attack.play_fast(seed, verify));
        tally
    };
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..cores).map(|first| scope.spawn(move || part(first))).collect();
        parts
            .into_iter()
            .for_each(|part| tally += part.join().expect("a farm went wrong; its seed is above"));
    });
    assert_eq!(tally.complete, tally.farms, "{attack:?}: a job did not complete");
    tally
}

fn row(name: &str, policy: &str, tally: &Tally) -> String {
    let Tally { forged, bound, accepted, survived, honest_convicted, .. } = tally;
    let convicted = tally.convicted as f64 / tally.farms as f64;
    let (checks, wasted) = (100.0 * tally.overhead(), 100.0 * tally.wasted());
    format!(
        "| {name} | {policy} | {forged} | {bound:.0} | {accepted} | {survived} | {convicted:.2} | {honest_convicted} | {checks:.1} % | {wasted:.1} % |"
    )
}
