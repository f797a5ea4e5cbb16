//! Compares renders of job files with each other and with references, by running the release binary as a person would.
//! Knows nothing of how an image is made.

mod matrix;
mod process;
mod reference;
mod turns;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
cargo run --release -p tessera-benches -- COMMAND

  matrix SPP [--gpu NAME] JOB…       the film digest of each job over backends, tile sizes, passes and worker counts
  reference SPP FOLDER JOB…          each job's mean inside FOLDER/NAME.mask.png against FOLDER/NAME.exr
  turns SPP ROUNDS [--gpu NAME] [--cycles SCRIPT] JOB…
                                     seconds of the CPU backend, an adapter and Cycles in turn
  farm SPP ROUNDS JOB                two one-thread workers under a scheduler against `render` with two threads

The binary is `tessera` beside this one.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["matrix", spp, "--gpu", name, jobs @ ..] => matrix::run(spp, Some(name), jobs),
        ["matrix", spp, jobs @ ..] => matrix::run(spp, None, jobs),
        ["reference", spp, folder, jobs @ ..] => reference::run(spp, Path::new(folder), jobs),
        ["turns", spp, rounds, rest @ ..] => timed(spp, rounds, rest),
        ["farm", spp, rounds, job] => {
            rounds.parse().map_err(Into::into).and_then(|rounds| turns::farm(spp, rounds, job))
        }
        _ => {
            print!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn timed(spp: &str, rounds: &str, mut rest: &[&str]) -> anyhow::Result<bool> {
    let mut turns = turns::Turns { spp, rounds: rounds.parse()?, gpu: None, cycles: None };
    loop {
        match rest {
            ["--gpu", name, jobs @ ..] => (turns.gpu, rest) = (Some(*name), jobs),
            ["--cycles", script, jobs @ ..] => (turns.cycles, rest) = (Some(*script), jobs),
            jobs => return turns::run(&turns, jobs),
        }
    }
}
