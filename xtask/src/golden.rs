//! Records golden digests under the kernel's version. A version's digests never change; new bits need a new version.

use std::path::Path;

use anyhow::Result;

use crate::test::cargo;

/// Renders the golden scenes and adds their digests to the record, unless the version stands there already.
pub fn record(root: &Path) -> Result<()> {
    cargo(root, &["run", "--release", "--package", "tessera-benches", "--bin", "golden", "--", "record"])
}
