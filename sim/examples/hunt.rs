//! Runs so many random farms from a first seed on, on all cores, and prints the trace of the first that fails:
//! `cargo xtask sim --seeds N [--first S]`.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tessera_sim::{Checker, Farm, Outcome, Trace};

/// Failing seeds after which the hunt ends.
const FAILURES_MAX: usize = 20;

#[derive(Default)]
struct Totals {
    seeds: u64,
    steps: u64,
    complete: u64,
    ended: u64,
    caught: u64,
    reset: u64,
    deaths: u64,
    records: u64,
    lost: u64,
    snapshots: u64,
    disk_waits: u64,
    lied_to: u64,
    failed: BTreeSet<(u64, String)>,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.steps += outcome.steps;
        self.complete += outcome.jobs_complete;
        self.ended += outcome.jobs_ended;
        self.caught += outcome.caught.len() as u64;
        self.reset += outcome.tiles_reset;
        self.deaths += outcome.deaths;
        self.records += outcome.records_made;
        self.lost += outcome.records_lost;
        self.snapshots += outcome.snapshots;
        self.disk_waits += outcome.disk_waits;
        self.lied_to += u64::from(outcome.lied_to);
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mut count, mut first) = (1_000, 0);
    for pair in arguments.chunks(2) {
        let number = pair.get(1).and_then(|text| text.parse::<u64>().ok());
        match (pair[0].as_str(), number) {
            ("--seeds", Some(number)) => count = number,
            ("--first", Some(number)) => first = number,
            _ => {
                eprintln!("usage: hunt [--seeds N] [--first S]");
                return ExitCode::from(2);
            }
        }
    }
    let start = Instant::now();
    let totals = hunt(first, count);
    println!(
        "{} seeds in {:.0} s, {} steps: {} jobs complete and {} cancelled or failed, {} cheats caught, {} tiles rendered anew",
        totals.seeds,
        start.elapsed().as_secs_f64(),
        totals.steps,
        totals.complete,
        totals.ended,
        totals.caught,
        totals.reset
    );
    println!(
        "{} deaths of the scheduler, {} of {} records lost with them before they were durable, {} snapshots, {} times a full \
         disk was asked again, {} times a disk's lie was seen",
        totals.deaths, totals.lost, totals.records, totals.snapshots, totals.disk_waits, totals.lied_to
    );
    let failed = &totals.failed;
    if let Some((seed, _)) = failed.first() {
        show(*seed);
        failed.iter().for_each(|(seed, message)| println!("seed {seed} fails: {}", shortened(message)));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn hunt(first: u64, count: u64) -> Totals {
    std::panic::set_hook(Box::new(|_| {}));
    let (next, totals) = (AtomicU64::new(first), Mutex::new(Totals::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let over = totals.lock().expect("no thread panics with it").failed.len() >= FAILURES_MAX;
                    if seed >= first + count || over {
                        return;
                    }
                    let run = std::panic::catch_unwind(|| Farm::random(seed).run());
                    let mut totals = totals.lock().expect("no thread panics with it");
                    match run {
                        Ok(outcome) => totals.add(&outcome),
                        Err(panic) => drop(totals.failed.insert((seed, message(&*panic)))),
                    }
                }
            });
        }
    });
    totals.into_inner().expect("no thread panics with it")
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

fn shortened(message: &str) -> String {
    let short: String = message.chars().take(3_000).collect();
    format!("{} ({short})", Checker::of(message))
}

/// Runs the seed again and prints the farm and its last steps.
fn show(seed: u64) {
    let trace = Trace::default();
    let farm = Farm::random(seed).traced(&trace);
    println!("{farm:#?}");
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| farm.run()));
    trace.borrow().iter().for_each(|line| println!("{line}"));
}
