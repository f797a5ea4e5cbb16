//! A Draco stream as the primitive of a glTF file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tessera_scenes::fuzzing::draco(bytes));
