//! A package's manifest: what decodes encodes to the same, and its validator answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_shared::package::Manifest;
use tessera_shared::package::validate::validate_manifest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::decode(bytes) {
        let _ = validate_manifest(&manifest);
        let encoded = manifest.encode();
        let again = Manifest::decode(&encoded).expect("what was decoded encodes");
        // Not the manifests themselves: a number of theirs may be none, and differ from itself.
        assert_eq!(again.encode(), encoded);
    }
});
