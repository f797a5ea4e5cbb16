//! `tessera journal`: what happened on a farm, from its scheduler's data.

use tessera_journal::history::history;

use crate::args::JournalArguments;
use crate::console::{self, Reader};
use crate::failure::{Exit, Failure, OrExit, Outcome};

pub fn run(arguments: &JournalArguments) -> Result<Outcome, Failure> {
    let passed = history(&arguments.data, |entry| {
        let said = match arguments.json {
            true => console::print(format_args!("{}", entry.json())),
            false => console::print(format_args!("{}", entry.line())),
        };
        said == Reader::There
    })
    .or_exit(Exit::Output)?;
    if passed.first_batch > 1 {
        let first = passed.first_batch;
        console::note(format_args!("what was recorded before batch {first} is in a snapshot alone"));
    }
    for (name, bytes) in &passed.torn {
        console::note(format_args!("{name}: {bytes} bytes that a crash left were never acted on"));
    }
    Ok(Outcome::Done)
}
