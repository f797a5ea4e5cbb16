//! The ed25519 key of a process, made at its first start and kept in a file that only its owner can read.

use std::io::Write;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tessera_shared::ids::NodeKey;

/// File name of the key in a data directory.
pub const KEY_FILE: &str = "node.key";
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Largest key file that is read: a PKCS #8 ed25519 key has 83 bytes.
const KEY_FILE_BYTES_MAX: u64 = 4096;

/// A process's key pair and the self-signed certificate that carries it. The secret never shows in `Debug`.
pub struct Identity {
    key: NodeKey,
    certificate: CertificateDer<'static>,
    secret: Vec<u8>,
}

/// Why a process has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("{path}: {source}; give a directory that this user can write with --data")]
    Io { path: PathBuf, source: std::io::Error },
    #[error(
        "{path}: not an ed25519 key in PKCS #8 form; move the file away and a new key is made (links and jobs of the old key are lost)"
    )]
    Malformed { path: PathBuf },
    #[error(
        "{path}: other users can read this key (mode {mode:o}); run `chmod 600` on it, or move it away if they may have copied it"
    )]
    Readable { path: PathBuf, mode: u32 },
    #[error("the key cannot sign its certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.key)
    }
}

impl Identity {
    /// A fresh key that is kept nowhere: for embedded farms and tests.
    pub fn ephemeral() -> Result<Identity, IdentityError> {
        Identity::from_pair(&KeyPair::generate_for(&PKCS_ED25519)?)
    }

    /// The key in `directory`, made at the first start with mode 0600. The directory is created if need be.
    pub fn load_or_create(directory: &Path) -> Result<Identity, IdentityError> {
        let path = directory.join(KEY_FILE);
        let io = |source| IdentityError::Io { path: path.clone(), source };
        std::fs::create_dir_all(directory).map_err(io)?;
        if path.try_exists().map_err(io)? {
            return Identity::load(&path);
        }
        let pair = KeyPair::generate_for(&PKCS_ED25519)?;
        match write_secret(&path, &pair.serialize_der()) {
            Ok(()) => Identity::from_pair(&pair),
            // Another process of this directory was first: its key is the one that counts.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Identity::load(&path),
            Err(error) => Err(io(error)),
        }
    }

    fn load(path: &Path) -> Result<Identity, IdentityError> {
        let io = |source| IdentityError::Io { path: path.to_owned(), source };
        let malformed = || IdentityError::Malformed { path: path.to_owned() };
        let metadata = std::fs::metadata(path).map_err(io)?;
        refuse_readable(path, &metadata)?;
        if metadata.len() > KEY_FILE_BYTES_MAX {
            return Err(malformed());
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let secret = PrivatePkcs8KeyDer::from(bytes.as_slice());
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&secret, &PKCS_ED25519).map_err(|_| malformed())?;
        Identity::from_pair(&pair)
    }

    fn from_pair(pair: &KeyPair) -> Result<Identity, IdentityError> {
        let certificate = CertificateParams::new(vec![SERVER_NAME.to_owned()])?.self_signed(pair)?;
        let key = pair.public_key_raw().try_into().expect("an ed25519 public key has 32 bytes");
        Ok(Identity {
            key: NodeKey(key),
            certificate: certificate.der().clone(),
            secret: pair.serialize_der(),
        })
    }

    /// The public key that others know this process by.
    pub fn key(&self) -> NodeKey {
        self.key
    }

    /// This process's ed25519 signature of a message. What is signed begins with a name of its own, so that no message passes
    /// for one of another purpose.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let pair = Ed25519KeyPair::from_pkcs8(&self.secret).expect("the key was read or made as ed25519");
        pair.sign(message).as_ref().try_into().expect("an ed25519 signature has 64 bytes")
    }

    pub(crate) fn chain(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (vec![self.certificate.clone()], PrivateKeyDer::Pkcs8(self.secret.clone().into()))
    }
}

/// Whether `signature` is the key's of the message (RFC 8032).
pub fn is_signed(key: &NodeKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    UnparsedPublicKey::new(&ED25519, &key.0).verify(message, signature).is_ok()
}

/// The name in every certificate and handshake. It proves nothing: keys are compared, never names.
pub(crate) const SERVER_NAME: &str = "tessera";

/// Writes a new file with mode 0600, complete or not at all; fails with `AlreadyExists` where there is one.
pub fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let partial = path.with_extension(format!("{}.partial", data_encoding::HEXLOWER.encode(&random)));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // A hard link, unlike a rename, does not replace what another process has just written.
    let linked = std::fs::hard_link(&partial, path);
    std::fs::remove_file(&partial)?;
    linked
}

#[cfg(unix)]
fn refuse_readable(path: &Path, metadata: &std::fs::Metadata) -> Result<(), IdentityError> {
    let mode = std::os::unix::fs::MetadataExt::mode(metadata) & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(IdentityError::Readable { path: path.to_owned(), mode }),
    }
}

#[cfg(not(unix))]
fn refuse_readable(_: &Path, _: &std::fs::Metadata) -> Result<(), IdentityError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_outlives_its_process_and_stays_private() {
        let directory = tempfile::tempdir().unwrap();
        let first = Identity::load_or_create(directory.path()).unwrap();
        let second = Identity::load_or_create(directory.path()).unwrap();
        assert_eq!(first.key(), second.key());
        assert_ne!(first.key(), Identity::ephemeral().unwrap().key());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let path = directory.path().join(KEY_FILE);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
            let error = Identity::load_or_create(directory.path()).unwrap_err();
            assert!(matches!(error, IdentityError::Readable { mode: 0o644, .. }), "{error}");
        }
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        let directory = tempfile::tempdir().unwrap();
        Identity::load_or_create(directory.path()).unwrap();
        let signer = Identity::load_or_create(directory.path()).unwrap();
        let signature = signer.sign(b"tessera test 1\0message");
        assert!(is_signed(&signer.key(), b"tessera test 1\0message", &signature));
        assert!(!is_signed(&signer.key(), b"tessera test 1\0Message", &signature));
        let stranger = Identity::ephemeral().unwrap();
        assert!(!is_signed(&stranger.key(), b"tessera test 1\0message", &signature));
        let mut flipped = signature;
        flipped[17] ^= 1;
        assert!(!is_signed(&signer.key(), b"tessera test 1\0message", &flipped));
    }

    #[test]
    fn a_broken_key_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        write_secret(&directory.path().join(KEY_FILE), b"not a key").unwrap();
        let error = Identity::load_or_create(directory.path()).unwrap_err();
        assert!(error.to_string().contains("not an ed25519 key"), "{error}");
    }
}
