//! `tessera`: renders, and runs and talks to a farm. Reads the command line and hands each command its arguments; what a
//! command does is in its own file.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod bench;
mod console;
mod devices;
mod diff;
mod estimate;
mod failure;
mod farm;
mod limits;
mod log;
mod manual;
mod output;
mod progress;
mod receipt;
mod recheck;
mod referee;
mod render;
mod shot;
mod terminal;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::{Failure, Outcome};
use tessera_shared::control::WorkerOrder;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::start(arguments.log_format, arguments.command.is_full_screen());
    let outcome = match arguments.command {
        Command::Render(arguments) => render::run(arguments),
        Command::Scheduler(arguments) => farm::scheduler::run(*arguments),
        Command::Worker(arguments) => farm::worker::run(arguments),
        Command::Submit(arguments) => farm::submit::run(arguments),
        Command::Watch(arguments) => farm::watch::run(arguments),
        Command::Fetch(arguments) => farm::fetch::run(arguments),
        Command::Jobs(arguments) => farm::lists::jobs(&arguments),
        Command::Workers(arguments) => farm::lists::workers(&arguments),
        Command::Cancel(arguments) => farm::lists::cancel(&arguments),
        Command::Why(arguments) => farm::why::why(&arguments),
        Command::Log(arguments) => farm::why::log(&arguments),
        Command::Pause(arguments) => farm::orders::pause(&arguments),
        Command::Resume(arguments) => farm::orders::resume(&arguments),
        Command::Requeue(arguments) => farm::orders::requeue(&arguments),
        Command::Priority(arguments) => farm::orders::priority(&arguments),
        Command::Web(arguments) => farm::web::run(&arguments),
        Command::Drain(arguments) => farm::orders::drain(&arguments, WorkerOrder::Drain),
        Command::Undrain(arguments) => farm::orders::drain(&arguments, WorkerOrder::Undrain),
        Command::Ban(arguments) => farm::operators::ban(&arguments),
        Command::Readmit(arguments) => farm::operators::readmit(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Verify(arguments) => verify::run(*arguments),
        Command::Recheck(arguments) => recheck::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Journal(arguments) => farm::journal::run(&arguments),
        Command::Devices => devices::list(),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::man(&arguments),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Negative) => ExitCode::from(1),
        Err(Failure { exit, error }) => {
            console::error(format_args!("tessera: {}", failure::sentence(&error)));
            ExitCode::from(exit as u8)
        }
    }
}
