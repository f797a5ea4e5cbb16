//! A valid package with sections that the input overwrites: the validator answers.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tessera_shared::digest::Digest;
use tessera_shared::package::{Package, validate};

static PACKAGE: LazyLock<Package> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    tessera_scenes::fuzzing::package(folder.path())
});

fuzz_target!(|bytes: &[u8]| {
    let mut package = PACKAGE.clone();
    // Edits of eight bytes: a section, what is done to it, where, and four bytes of value.
    for edit in bytes.chunks_exact(8) {
        let sections = &mut package.manifest.scenes[0].sections;
        let count = sections.len();
        let section = &mut sections[usize::from(edit[0]) % count];
        let mut blob = package.blobs[&section.blob].to_vec();
        let place = usize::from(u16::from_le_bytes([edit[2], edit[3]]));
        match edit[1] % 4 {
            0 => blob.truncate(place),
            1 => blob.resize(blob.len() + place % 256, edit[4]),
            _ => {
                let at = place * 4 % blob.len().max(1);
                for (byte, value) in blob.iter_mut().skip(at).zip(&edit[4..]) {
                    *byte = *value;
                }
            }
        }
        section.blob = Digest::of(&blob);
        section.bytes = blob.len() as u64;
        package.blobs.insert(section.blob, blob.into());
    }
    let _ = validate::validate(&package);
});
