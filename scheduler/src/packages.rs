//! Packages from the blob store: whole, validated, and the last ones kept in memory. Calls block.

use std::sync::{Arc, Mutex};

use tessera_shared::digest::Digest;
use tessera_shared::package::manifest::{DecodeManifestError, MANIFEST_BYTES_MAX};
use tessera_shared::package::validate::{InvalidPackage, validate, validate_manifest};
use tessera_shared::package::{Manifest, Package};
use tessera_transport::blobs::{BlobError, BlobStore};
use tessera_transport::rehash::rehash;

/// The packages of one blob store.
#[derive(Debug)]
pub(crate) struct Packages {
    blobs: Arc<BlobStore>,
    /// Most bytes of a package, and of those kept.
    bytes_max: u64,
    /// Most recently used last; all validated.
    kept: Mutex<Vec<(Digest, Arc<Package>)>>,
}

/// Why a package cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    #[error("the manifest has {0} bytes; at most {MANIFEST_BYTES_MAX} are read")]
    ManifestTooLarge(u64),
    #[error(transparent)]
    Manifest(#[from] DecodeManifestError),
    #[error("the package has {bytes} bytes; the farm takes at most {bytes_max}")]
    TooLarge { bytes: u64, bytes_max: u64 },
    #[error("the manifest says {said} bytes for {digest}, which has {found}")]
    Length { digest: Digest, said: u64, found: u64 },
    #[error("the package is not valid: {0}")]
    Invalid(#[from] InvalidPackage),
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl Packages {
    pub fn new(blobs: Arc<BlobStore>, bytes_max: u64) -> Packages {
        Packages { blobs, bytes_max, kept: Mutex::default() }
    }

    /// The manifest, and which of the package's blobs are not here.
    pub fn manifest(&self, package: &Digest) -> Result<(Manifest, Vec<Digest>), PackageError> {
        match self.blobs.bytes_of(package) {
            None => return Err(BlobError::Absent(*package).into()),
            Some(bytes) if bytes > MANIFEST_BYTES_MAX as u64 => {
                return Err(PackageError::ManifestTooLarge(bytes));
            }
            Some(_) => {}
        }
        let manifest = Manifest::decode(&self.blobs.read(package)?)?;
        validate_manifest(&manifest)?;
        let listed = manifest.blobs();
        let bytes = listed.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        if bytes > self.bytes_max {
            return Err(PackageError::TooLarge { bytes, bytes_max: self.bytes_max });
        }
        let mut missing = Vec::new();
        for (digest, said) in listed {
            match self.blobs.bytes_of(&digest) {
                None => missing.push(digest),
                // Of another length: by the manifest's fault, or by the disk's.
                Some(found) if found != said => match rehash(&self.blobs, &digest) {
                    Ok(()) => return Err(PackageError::Length { digest, said, found }),
                    Err(_) => missing.push(digest),
                },
                Some(_) => {}
            }
        }
        Ok((manifest, missing))
    }

    /// The validated package, from memory or from disk.
    pub fn load(&self, id: &Digest) -> Result<Arc<Package>, PackageError> {
        if let Some(package) = self.kept(id) {
            return Ok(package);
        }
        let (manifest, missing) = self.manifest(id)?;
        if let Some(digest) = missing.first() {
            return Err(BlobError::Absent(*digest).into());
        }
        let mut package = Package { manifest, blobs: Default::default() };
        for (digest, _) in package.manifest.blobs() {
            package.blobs.insert(digest, self.blobs.read(&digest)?);
        }
        validate(&package)?;
        let package = Arc::new(package);
        self.keep(*id, package.clone());
        Ok(package)
    }

    /// A blob's bytes, if a package in memory has them.
    pub fn in_memory(&self, blob: &Digest) -> Option<Arc<[u8]>> {
        let kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let of = |(id, package): &(Digest, Arc<Package>)| match id == blob {
            true => Some(package.manifest.encode().into()),
            false => package.blobs.get(blob).cloned(),
        };
        kept.iter().find_map(of)
    }

    fn kept(&self, id: &Digest) -> Option<Arc<Package>> {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at = kept.iter().position(|(kept, _)| kept == id)?;
        let entry = kept.remove(at);
        let package = entry.1.clone();
        kept.push(entry);
        Some(package)
    }

    fn keep(&self, id: Digest, package: Arc<Package>) {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        kept.push((id, package));
        let bytes = |(_, package): &(Digest, Arc<Package>)| {
            package.blobs.values().map(|blob| blob.len() as u64).sum::<u64>()
        };
        let mut total: u64 = kept.iter().map(bytes).sum();
        while kept.len() > 1 && total > self.bytes_max {
            total -= bytes(&kept.remove(0));
        }
    }
}
