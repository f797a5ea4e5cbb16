//! How much longer a farm takes for its jobs under attack than its honest workers take alone, in simulated time:
//! `cargo run -p tessera-sim --example delays -- SEEDS [NAME]`, where a name picks the attacks that contain it.

use tessera_shared::messages::Verify;
use tessera_sim::attacks::attacks;

const POLICIES: [(&str, Verify); 3] = [
    ("confidence=0.999", Verify::Confidence { wrong_ppm: 1000 }),
    ("spot", Verify::Blocks(1)),
    ("double", Verify::Double),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seeds: u64 = arguments.next().map_or(20, |text| text.parse().expect("a number of seeds"));
    let named = arguments.next().unwrap_or_default();
    println!("| attack | policy | farms | alone, s | attacked, s | longer by | at most |");
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for attack in attacks().iter().filter(|attack| attack.name.contains(&named)) {
        for (policy, verify) in POLICIES {
            let played: Vec<(u64, u64)> = (0..seeds).map(|seed| attack.delay_ms(seed, verify)).collect();
            let (attacked, alone) = played.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            let ratio = |attacked: u64, alone: u64| attacked as f64 / alone.max(1) as f64;
            let most = played.iter().map(|(attacked, alone)| ratio(*attacked, *alone)).fold(0.0, f64::max);
            let seconds = |sum: u64| sum as f64 / 1000.0 / seeds as f64;
            println!(
                "| {} | {policy} | {seeds} | {:.1} | {:.1} | {:.2} × | {most:.2} × |",
                attack.name,
                seconds(alone),
                seconds(attacked),
                ratio(attacked, alone)
            );
        }
    }
}
