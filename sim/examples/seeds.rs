//! Runs so many random farms, from a first seed on: `cargo run -p tessera-sim --example seeds -- 1000 [FIRST]`. Prints the
//! trace of the first one that fails.

use std::panic::AssertUnwindSafe;

use tessera_sim::{Farm, Trace};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number of seeds"));
    let (count, first) = (arguments.next().unwrap_or(1000), arguments.next().unwrap_or(0));
    std::panic::set_hook(Box::new(|_| {}));
    let (mut steps, mut complete, mut caught, mut reset, mut survived) = (0, 0, 0, 0, 0);
    for seed in first..first + count {
        match std::panic::catch_unwind(|| Farm::random(seed).run()) {
            Ok(outcome) => {
                steps += outcome.steps;
                complete += outcome.jobs_complete;
                caught += outcome.caught.len();
                reset += outcome.tiles_reset;
                survived += outcome.wrong_survived;
            }
            Err(_) => {
                let trace = Trace::default();
                let farm = Farm::random(seed).traced(&trace);
                println!("{farm:#?}");
                let _ = std::panic::take_hook();
                let _ = std::panic::catch_unwind(AssertUnwindSafe(|| farm.run()));
                trace.borrow().iter().for_each(|line| println!("{line}"));
                println!("seed {seed} fails");
                std::process::exit(1);
            }
        }
    }
    println!(
        "{count} seeds, {steps} steps, {complete} jobs complete, {caught} cheats caught, {reset} tiles rendered anew, \
         {survived} wrong tiles of cheats never caught"
    );
}
