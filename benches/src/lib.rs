//! What CI, `xtask pack`, workers and `tessera bench` share: the conformance suite with its recorded digests, and the score of a
//! device. Knows no farm and no command line.

pub mod samples;
pub mod score;

use std::sync::Arc;

use tessera_backends::conformance::{GoldenTile, Recorded, Suite};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;

pub use samples::{Sample, SampleError, View};

/// Digests of every kernel version, as `cargo xtask golden` records them.
pub const CONFORMANCE: &str = include_str!("../conformance.txt");

/// What a golden tile shows: a frame of 40 blocks, so that a software GPU is done in seconds.
const GOLDEN: View = View { width_px: 64, height_px: 40, samples: 2, seed: 4, max_bounces: 8 };

/// Names the suite of this program's kernel version, as [`Suite::digest`] does, without making it.
pub fn wanted() -> Digest {
    // What the test of the record reads parses.
    Recorded::parse(CONFORMANCE, KERNEL_VERSION).unwrap_or_default().digest()
}

/// The conformance suite of this program's kernel version.
pub fn suite() -> Result<Suite, SampleError> {
    let recorded = Recorded::parse(CONFORMANCE, KERNEL_VERSION)?;
    let tile = |sample: &Sample| {
        let package = Arc::new(sample.package(&GOLDEN)?);
        Ok::<_, SampleError>(GoldenTile { name: sample.name.to_owned(), package })
    };
    Ok(Suite { tiles: Sample::ALL.iter().map(tile).collect::<Result<_, _>>()?, recorded })
}
