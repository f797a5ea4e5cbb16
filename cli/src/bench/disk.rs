//! How fast blobs go into a worker's store and come out of it again, hashed both ways as a worker does. Knows no network.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use tessera_shared::digest::Digest;
use tessera_transport::blobs::BlobStore;

/// Bytes of the blob that is written and read.
const BLOB_BYTES: usize = 64 << 20;
/// As they come from the network.
const CHUNK_BYTES: usize = 256 << 10;
const TURNS: usize = 3;

/// Bytes a second; medians.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    pub write_bytes_per_second: u64,
    pub read_bytes_per_second: u64,
}

/// Measures in a folder of its own below the worker's.
pub fn measure(data: &Path) -> anyhow::Result<Rates> {
    std::fs::create_dir_all(data)?;
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(data)?;
    let blobs = BlobStore::open(folder.path(), 4 * BLOB_BYTES as u64)?;
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for turn in 0..TURNS as u32 {
        let words = (0..BLOB_BYTES as u32 / 4).map(|word| (word ^ turn << 28).wrapping_mul(0x9e37_79b1));
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        let digest = Digest::of(&bytes);
        let start = Instant::now();
        blobs.make_room(BLOB_BYTES as u64, &BTreeSet::new());
        let mut partial = blobs.begin(digest, BLOB_BYTES as u64)?;
        for chunk in bytes.chunks(CHUNK_BYTES) {
            partial.write(chunk)?;
        }
        partial.finish()?;
        writes.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        blobs.read(&digest)?;
        reads.push(start.elapsed().as_secs_f64());
    }
    let rate = |mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        (BLOB_BYTES as f64 / seconds[TURNS / 2].max(1e-6)) as u64
    };
    Ok(Rates { write_bytes_per_second: rate(writes), read_bytes_per_second: rate(reads) })
}
