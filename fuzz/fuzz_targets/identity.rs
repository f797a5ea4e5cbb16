//! A key file: whatever is in it, it is a key that signs or an error that names the file.
#![no_main]

use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tessera_transport::identity::{Identity, KEY_FILE, is_signed};

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.path().join(KEY_FILE);
    std::fs::write(&path, bytes).expect("a file");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("its mode");
    match Identity::load_or_create(FOLDER.path()) {
        Ok(identity) => {
            let signature = identity.sign(b"tessera fuzz 1\0");
            assert!(is_signed(&identity.key(), b"tessera fuzz 1\0", &signature));
        }
        Err(error) => assert!(error.to_string().contains(KEY_FILE), "{error}"),
    }
});
