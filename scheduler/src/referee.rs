//! What the scheduler asks of a renderer that it trusts: the digests of blocks. Knows no backend.

use std::sync::Arc;

use tessera_shared::digest::Digest;
use tessera_shared::lease::BlockPass;
use tessera_shared::package::Package;

/// Renders blocks again where a worker's result is in doubt or nobody else can check it. Called on one thread of its own.
pub trait Referee: Send {
    /// The digest of every block, in order. The package has been validated; it may be kept to save work next time.
    fn render(&mut self, package: &Arc<Package>, blocks: &[BlockPass]) -> anyhow::Result<Vec<Digest>>;
}
