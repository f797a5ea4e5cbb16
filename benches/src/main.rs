//! Compares renders of job files with each other and with references, by running the release binary as a person would, and a
//! GPU's arithmetic with the CPU's. Knows nothing of how an image is made.

mod matrix;
mod models;
mod overhead;
mod process;
mod reference;
mod sheet;
mod turns;
mod vectors;

use std::path::Path;
use std::process::ExitCode;

use reference::References;

const HELP: &str = "\
cargo run --release -p tessera-benches -- COMMAND

  matrix SPP [--gpu NAME] JOB…       the film digest of each job over backends, tile sizes, passes and worker counts
  models SPP SIDE FRAMES ENVIRONMENT NAME FILE…
                                     the films of each model's frames on the CPU and on the adapter called NAME, and what is not shown
  conformance [NAME]                 the conformance suite on the CPU and on the adapter called NAME
  vectors NAME                       thirty times the suite's vectors on the adapter called NAME against the CPU
  record FILE                        adds the suite's digests of a new kernel version to FILE
  reference SPP FOLDER JOB…          a table: each job inside FOLDER/NAME.mask.png against FOLDER/NAME.exr, the means'
                                     ratios, FLIP and our seconds
  sheet OUT.png FOLDER [--spp SPP] JOB…
                                     the same table, and a contact sheet: ours, the reference, where FLIP sees a difference
  turns SPP ROUNDS [--gpu NAME] [--cycles SCRIPT] JOB…
                                     seconds of the CPU backend, an adapter and Cycles in turn
  overhead SPP ROUNDS JOB            what `spot` costs against `none` on a farm of two operators: rays and processor seconds
  farm SPP ROUNDS JOB                two one-thread workers under a scheduler against `render` with two threads

The binary is `tessera` beside this one.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["matrix", spp, "--gpu", name, jobs @ ..] => matrix::run(spp, Some(name), jobs),
        ["matrix", spp, jobs @ ..] => matrix::run(spp, None, jobs),
        ["models", spp, side, frames, environment, gpu, files @ ..] => {
            models::run(&models::Models { spp, side, frames, environment, gpu }, files)
        }
        ["conformance"] => vectors::conformance(None),
        ["conformance", name] => vectors::conformance(Some(name)),
        ["vectors", name] => vectors::deep(name),
        ["record", file] => vectors::record(Path::new(file)),
        ["reference", spp, folder, jobs @ ..] => {
            reference::run(&References { folder: Path::new(folder), spp: Some(spp) }, jobs)
        }
        ["sheet", out, folder, "--spp", spp, jobs @ ..] => {
            sheet::run(Path::new(out), &References { folder: Path::new(folder), spp: Some(spp) }, jobs)
        }
        ["sheet", out, folder, jobs @ ..] => {
            sheet::run(Path::new(out), &References { folder: Path::new(folder), spp: None }, jobs)
        }
        ["turns", spp, rounds, rest @ ..] => timed(spp, rounds, rest),
        ["farm", spp, rounds, job] => {
            rounds.parse().map_err(Into::into).and_then(|rounds| turns::farm(spp, rounds, job))
        }
        ["overhead", spp, rounds, job] => {
            rounds.parse().map_err(Into::into).and_then(|rounds| overhead::run(spp, rounds, job))
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
