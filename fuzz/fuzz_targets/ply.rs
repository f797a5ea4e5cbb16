//! A PLY file, compiled.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|bytes: &[u8]| tessera_scenes::fuzzing::scene(FOLDER.path(), "scene.ply", bytes));
