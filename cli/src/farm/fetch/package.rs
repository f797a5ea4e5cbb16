//! The package of a job, kept beside the receipt: its blobs gather in a folder of their own, so that a fetch which breaks off is gone on
//! with, and the file is there when it is whole.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tessera_scheduler::client::{Client, ClientError};
use tessera_shared::digest::{Digest, Pieces};
use tessera_shared::ids::JobId;
use tessera_shared::package::{Manifest, archive};
use tessera_transport::blobs::{BlobError, BlobStore};

use crate::console;
use crate::failure::{Exit, Failure, OrExit};
use crate::output::Unfinished;

/// Bytes copied at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Where what has come of a package waits for the rest.
fn parts_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".parts");
    name.into()
}

/// Writes the job's package, unless it is there. Blobs are held to their names, and a file that is not whole is never seen.
pub async fn fetch(client: &Client, job: JobId, manifest: &Manifest, path: &Path) -> Result<(), Failure> {
    let there = File::open(path).and_then(|file| archive::holds(&mut BufReader::new(file), manifest));
    if there.unwrap_or(false) {
        return Ok(());
    }
    let parts = parts_path(path);
    let store = BlobStore::open(&parts, u64::MAX).or_exit(Exit::Output)?;
    for blob in manifest.blobs() {
        match client.package_blob(job, blob, &store).await {
            Err(ClientError::Store(error)) => return Err(error).or_exit(Exit::Output),
            fetched => fetched.or_exit(Exit::Farm)?,
        }
    }
    assemble(manifest, &store, path).or_exit(Exit::Output)?;
    store.clear();
    // One that somebody has put something else into stays.
    let _ = std::fs::remove_dir(&parts);
    console::note(format_args!("package {}: {}", Digest::of(&manifest.encode()), path.display()));
    Ok(())
}

/// Puts the blobs behind each other. Each goes from the store once it is in the file, as the disk may not have room for both.
fn assemble(manifest: &Manifest, store: &Arc<BlobStore>, path: &Path) -> anyhow::Result<()> {
    let mut file = Unfinished::begin(path)?;
    file.write(&archive::head(manifest))?;
    for (digest, _) in manifest.blobs() {
        let (mut blob, _) = store.open_blob(&digest)?;
        let (mut come, mut chunk) = (Pieces::default(), vec![0u8; CHUNK_BYTES]);
        loop {
            let read = blob.read(&mut chunk).with_context(|| format!("the blob {digest}"))?;
            if read == 0 {
                break;
            }
            come.add(&chunk[..read]);
            file.write(&chunk[..read])?;
        }
        store.remove(&digest);
        if come.digest() != digest {
            return Err(BlobError::Digest(digest)).context("a disk has changed what had come; fetch again");
        }
    }
    file.finish()
}
