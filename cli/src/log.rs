//! How this process writes its log to standard error: as lines for people, or as one JSON object a line for machines. What is logged
//! is decided where it happens.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The target of what a person is told besides the log. As JSON it is part of the log, whatever is filtered.
pub const NOTES: &str = "tessera::notes";

/// What a line of standard error looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// A JSON object a line, notes included: timestamp, level, target, fields with the message, spans
    Json,
}

/// Starts the log. `TESSERA_LOG` filters it as `tracing` does, warnings and errors by default. Where it would be written into a screen
/// that is drawn, there is none.
pub fn start(format: LogFormat, is_full_screen: bool) {
    if is_full_screen && std::io::stderr().is_terminal() {
        return;
    }
    let filter = EnvFilter::try_from_env("TESSERA_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // Where nobody reads standard error, a line that is lost is not worth a panic.
    let log = tracing_subscriber::fmt().log_internal_errors(false).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            log.with_env_filter(filter).with_ansi(std::io::stderr().is_terminal()).init();
        }
        LogFormat::Json => {
            let notes = format!("{NOTES}=info").parse().expect("a directive");
            log.with_env_filter(filter.add_directive(notes)).json().with_current_span(false).init();
            crate::console::note_in_log();
            std::panic::set_hook(Box::new(|panic| tracing::error!(target: NOTES, "{panic}")));
        }
    }
}
