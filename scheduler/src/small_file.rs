//! A small file of the data directory that is replaced whole: a crash leaves the old content or the new. Knows neither.

use std::fs::File;
use std::io::{Result, Write};
use std::path::Path;

use tessera_journal::folder::sync_folder;

/// Replaces the file, durably once this returns; an error leaves it as it was. One caller at a time.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}
