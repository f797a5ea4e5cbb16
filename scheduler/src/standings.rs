//! The file in which a scheduler keeps what it knows of operators, so that a restart forgives nobody. Decides when it is written, not
//! what is in it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tessera_scheduler_core::accounting::Operator;
use tessera_scheduler_core::standings::{STANDINGS_BYTES_MAX, from_bytes, to_bytes};
use tessera_scheduler_core::{Core, Record};

use crate::small_file;

/// File in the data directory.
const FILE: &str = "operators";
/// Verdicts are written at once; what operators delivered since, and were credited, this often.
const EVERY: Duration = Duration::from_secs(10);

/// The file of a data directory.
pub(crate) struct Standings {
    path: PathBuf,
    written: Instant,
    changed: bool,
}

impl Standings {
    /// The operators that are known; none without a file.
    pub fn open(directory: &Path) -> std::io::Result<(Standings, Vec<Operator>)> {
        let path = directory.join(FILE);
        let invalid = |reason: String| {
            let reason = format!(
                "{}: {reason}; restore it, or move it away and all operators are new",
                path.display()
            );
            std::io::Error::new(ErrorKind::InvalidData, reason)
        };
        let operators = match std::fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.len() > STANDINGS_BYTES_MAX as u64 => {
                return Err(invalid(format!(
                    "{} bytes; at most {STANDINGS_BYTES_MAX} are read",
                    metadata.len()
                )));
            }
            Ok(_) => from_bytes(&std::fs::read(&path)?).map_err(|error| invalid(error.to_string()))?,
        };
        Ok((Standings { path, written: Instant::now(), changed: false }, operators))
    }

    /// Writes the file where these records, which the core has just made, ask for it.
    pub fn keep(&mut self, core: &Core, records: &[Record]) {
        self.changed |= !records.is_empty();
        let judged = records.iter().any(Record::judges);
        if (judged || (self.changed && self.written.elapsed() >= EVERY))
            && let Err(error) = self.write(core)
        {
            // The journal has all of it; the file is for a farm that begins without one.
            tracing::warn!(path = %self.path.display(), %error, "what is known of operators is not written; it is tried again");
            self.written = Instant::now();
        }
    }

    /// Writes what has changed.
    pub fn close(&mut self, core: &Core) -> std::io::Result<()> {
        if self.changed { self.write(core) } else { Ok(()) }
    }

    fn write(&mut self, core: &Core) -> std::io::Result<()> {
        small_file::replace(&self.path, &to_bytes(&core.operators_to_remember()))?;
        self.written = Instant::now();
        self.changed = false;
        Ok(())
    }
}
