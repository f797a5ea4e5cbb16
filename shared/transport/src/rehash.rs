//! Whether a stored blob still has the bytes of its name. Disks forget; who hands a blob on has to look once.

use std::io::Read;

use tessera_shared::digest::Digest;

use crate::blobs::{BlobError, BlobStore};

/// Bytes read from disk at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Reads a blob once through. A damaged one is dropped, so that it can be had again, and is an error. Blocks.
pub fn rehash(store: &BlobStore, digest: &Digest) -> Result<(), BlobError> {
    let (file, bytes) = store.open_blob(digest)?;
    // A file that grew on disk is damaged: read no more of it than shows that.
    let (mut file, mut hasher) = (file.take(bytes.saturating_add(1)), blake3::Hasher::new());
    let mut chunk = vec![0u8; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&chunk[..read]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // What the disk cannot give is as lost as what it changed.
            Err(_) => {
                store.remove(digest);
                return Err(BlobError::Digest(*digest));
            }
        }
    }
    if Digest(*hasher.finalize().as_bytes()) == *digest {
        return Ok(());
    }
    store.remove(digest);
    Err(BlobError::Digest(*digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_a_lost_end_and_a_longer_file_are_damage_and_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = vec![7u8; CHUNK_BYTES + 9];
        let digest = Digest::of(&bytes);
        let path = directory.path().join(digest.hex());
        let flipped = [&[6u8], &bytes[1..]].concat();
        let longer = [&bytes[..], &[0]].concat();
        for (found, sound) in
            [(&bytes[..], true), (&flipped, false), (&bytes[..CHUNK_BYTES], false), (&longer, false)]
        {
            std::fs::write(&path, found).unwrap();
            let store = BlobStore::open(directory.path(), 1 << 30).unwrap();
            assert_eq!(rehash(&store, &digest).is_ok(), sound, "{}", found.len());
            assert_eq!((store.bytes_of(&digest).is_some(), path.exists()), (sound, sound));
        }
        let store = BlobStore::open(directory.path(), 1 << 30).unwrap();
        assert!(matches!(rehash(&store, &digest), Err(BlobError::Absent(_))));
    }
}
