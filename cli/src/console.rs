//! Lines for whoever reads this process's outputs. A reader may go away at any time (`tessera jobs | head -1`): what is said
//! after that is dropped, and the command's work goes on. Knows no command.

use std::fmt::{Arguments, Write as _};
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::log::NOTES;

/// Whether anybody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    There,
    Gone,
}

/// A line on standard output: what the command was asked for.
pub fn print(line: Arguments<'_>) -> Reader {
    write_line(&mut stdout().lock(), line)
}

/// Notes and errors are part of the log, which has a form that nothing else may break.
static LOGGED: AtomicBool = AtomicBool::new(false);

/// From now on.
pub fn note_in_log() {
    LOGGED.store(true, Relaxed);
}

/// A line on standard error: what a person should know besides.
pub fn note(line: Arguments<'_>) -> Reader {
    if LOGGED.load(Relaxed) {
        tracing::info!(target: NOTES, "{line}");
        return Reader::There;
    }
    write_line(&mut stderr().lock(), line)
}

/// A line on standard error: why the command did not do its work.
pub fn error(line: Arguments<'_>) {
    if LOGGED.load(Relaxed) {
        tracing::error!(target: NOTES, "{line}");
    } else {
        write_line(&mut stderr().lock(), line);
    }
}

/// Rings the bell of the terminal that standard error is; elsewhere it would be a stray byte in a log.
pub fn ring() {
    let mut output = stderr().lock();
    let is_terminal = output.is_terminal();
    ring_on(&mut output, is_terminal);
}

fn ring_on(output: &mut impl Write, is_terminal: bool) {
    if is_terminal {
        // A bell that nobody hears is not worth an error.
        let _ = output.write_all(b"\x07").and_then(|()| output.flush());
    }
}

/// Written as one piece, so that lines of several threads do not mix.
fn write_line(output: &mut impl Write, line: Arguments<'_>) -> Reader {
    let mut text = String::new();
    // A `Display` that fails ends its line there.
    let _ = text.write_fmt(line);
    text.push('\n');
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Reader::There,
        Err(_) => Reader::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_may_go_away() {
        let (there, mut output) = std::io::pipe().unwrap();
        assert_eq!(write_line(&mut output, format_args!("{} line", 1)), Reader::There);
        drop(there);
        assert_eq!(write_line(&mut output, format_args!("2 lines")), Reader::Gone);
    }

    #[test]
    fn the_bell_rings_on_a_terminal_alone() {
        let mut heard = Vec::new();
        ring_on(&mut heard, false);
        assert_eq!(heard, b"");
        ring_on(&mut heard, true);
        assert_eq!(heard, b"\x07");
    }
}
