//! A whole package in one file: what is kept beside a receipt, so that its image can be rendered again. Bytes: [`MAGIC`], the
//! manifest's length as a little-endian `u64`, the manifest, then every blob in the manifest's order. Knows no path.

use std::io::{Read, Write};

use super::manifest::{DecodeManifestError, MANIFEST_BYTES_MAX};
use super::validate::{InvalidPackage, validate, validate_manifest};
use super::{Manifest, Package};
use crate::digest::Digest;

/// The first bytes of an archive.
pub const MAGIC: &[u8; 17] = b"tessera package 1";

/// The bytes are not a package that a node would take.
#[derive(Debug, thiserror::Error)]
pub enum ReadArchiveError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("it is no package; `tessera render --package` and `tessera submit --package` write one")]
    Magic,
    #[error("a manifest of {0} bytes; at most {MANIFEST_BYTES_MAX} are read")]
    ManifestTooLarge(u64),
    #[error(transparent)]
    Manifest(#[from] DecodeManifestError),
    #[error("{found} bytes; the package in it takes {wanted}: the file was cut or added to")]
    Length { found: u64, wanted: u64 },
    #[error("the bytes of the blob {0} are not those that were written")]
    Digest(Digest),
    #[error("the package is not valid: {0}")]
    Invalid(#[from] InvalidPackage),
}

/// What stands before the blobs, which follow in the order of [`Manifest::blobs`].
pub fn head(manifest: &Manifest) -> Vec<u8> {
    let manifest = manifest.encode();
    [&MAGIC[..], &(manifest.len() as u64).to_le_bytes(), &manifest].concat()
}

/// Whether a file holds the package of this manifest, whole and unharmed. Reads no more than that takes.
pub fn holds(input: &mut impl Read, manifest: &Manifest) -> std::io::Result<bool> {
    let wanted = head(manifest);
    if Digest::of_reader(&mut input.take(wanted.len() as u64))? != Digest::of(&wanted) {
        return Ok(false);
    }
    for (digest, bytes) in manifest.blobs() {
        if Digest::of_reader(&mut input.take(bytes))? != digest {
            return Ok(false);
        }
    }
    Ok(input.take(1).read(&mut [0])? == 0)
}

/// Writes a package with all its blobs. One that it lacks is an error.
pub fn write(package: &Package, output: &mut impl Write) -> std::io::Result<()> {
    output.write_all(&head(&package.manifest))?;
    for (digest, _) in package.manifest.blobs() {
        let missing = || std::io::Error::other(format!("the package lacks the blob {digest}"));
        output.write_all(package.blobs.get(&digest).ok_or_else(missing)?)?;
    }
    Ok(())
}

/// Reads and validates a package from `bytes` bytes. Nothing is allocated that those bytes do not fill.
pub fn read(input: &mut impl Read, bytes: u64) -> Result<Package, ReadArchiveError> {
    let mut head = [0u8; MAGIC.len() + 8];
    if bytes < head.len() as u64 {
        return Err(ReadArchiveError::Magic);
    }
    input.read_exact(&mut head)?;
    let (magic, length) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(ReadArchiveError::Magic);
    }
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
    if length > MANIFEST_BYTES_MAX as u64 {
        return Err(ReadArchiveError::ManifestTooLarge(length));
    }
    let wanted = (head.len() as u64).saturating_add(length);
    if wanted > bytes {
        return Err(ReadArchiveError::Length { found: bytes, wanted });
    }
    let mut encoded = vec![0u8; length as usize];
    input.read_exact(&mut encoded)?;
    let manifest = Manifest::decode(&encoded)?;
    validate_manifest(&manifest)?;
    let listed = manifest.blobs();
    let wanted = listed.iter().fold(wanted, |sum, (_, bytes)| sum.saturating_add(*bytes));
    if wanted != bytes {
        return Err(ReadArchiveError::Length { found: bytes, wanted });
    }
    let mut package = Package { manifest, blobs: Default::default() };
    for (digest, bytes) in listed {
        let too_large = |_| std::io::Error::from(std::io::ErrorKind::OutOfMemory);
        let mut blob = vec![0u8; usize::try_from(bytes).map_err(too_large)?];
        input.read_exact(&mut blob)?;
        if Digest::of(&blob) != digest {
            return Err(ReadArchiveError::Digest(digest));
        }
        package.blobs.insert(digest, blob.into());
    }
    validate(&package)?;
    Ok(package)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::empty::tests::settings;
    use proptest::prelude::*;

    fn archive() -> (Package, Vec<u8>) {
        let package = Package::empty("empty", settings(), 3);
        let mut bytes = Vec::new();
        write(&package, &mut bytes).unwrap();
        (package, bytes)
    }

    fn read_all(bytes: &[u8]) -> Result<Package, ReadArchiveError> {
        read(&mut &bytes[..], bytes.len() as u64)
    }

    #[test]
    fn a_package_is_read_as_it_was_written() {
        let (package, bytes) = archive();
        let read = read_all(&bytes).unwrap();
        assert_eq!((read.id(), read.blobs), (package.id(), package.blobs.clone()));
        let lacking = Package { blobs: Default::default(), ..package };
        assert!(write(&lacking, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_file_holds_its_package_and_no_other() {
        let (mut package, _) = archive();
        package.add_section(crate::package::SectionKind::Texels, &[7; 4096]);
        let mut bytes = Vec::new();
        write(&package, &mut bytes).unwrap();
        let holds = |bytes: &[u8]| holds(&mut &bytes[..], &package.manifest).unwrap();
        assert!(holds(&bytes));
        assert!(!holds(&[&bytes[..], &[0]].concat()));
        assert!(!holds(&bytes[..bytes.len() - 1]));
        for at in [0, 20, 60, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(!holds(&flipped), "{at}");
        }
    }

    #[test]
    fn a_length_that_the_file_does_not_have_is_refused_before_it_is_allocated() {
        let (_, mut bytes) = archive();
        let long = [&bytes[..], &[0]].concat();
        assert!(matches!(read_all(&long), Err(ReadArchiveError::Length { .. })));
        assert!(matches!(read_all(&bytes[..bytes.len() - 1]), Err(ReadArchiveError::Length { .. })));
        assert!(matches!(read_all(&bytes[..20]), Err(ReadArchiveError::Magic)));
        bytes[MAGIC.len()..MAGIC.len() + 8].copy_from_slice(&(MANIFEST_BYTES_MAX as u64).to_le_bytes());
        assert!(matches!(read_all(&bytes), Err(ReadArchiveError::Length { .. })));
        bytes[MAGIC.len()..MAGIC.len() + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(read_all(&bytes), Err(ReadArchiveError::ManifestTooLarge(u64::MAX))));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_refused_or_another_package(at in any::<usize>(), bit in 0u8..8) {
            let (package, mut bytes) = archive();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(read) = read_all(&bytes) {
                prop_assert_ne!(read.id(), package.id());
            }
        }
    }
}
