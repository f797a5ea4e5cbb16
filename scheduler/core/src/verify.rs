//! What a check looks at: the root of a tile-pass's block digests.

use tessera_shared::digest::Digest;

/// The digest that stands for all block digests of a tile-pass, in grid order. Equal roots mean equal pixels.
pub fn tile_root(blocks: &[Digest]) -> Digest {
    let label: &[u8] = b"tessera tile 1\0";
    Digest::of_parts(std::iter::once(label).chain(blocks.iter().map(|block| block.0.as_slice())))
}
