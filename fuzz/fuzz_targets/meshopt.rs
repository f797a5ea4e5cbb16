//! A meshopt stream behind four bytes that choose its layout.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tessera_scenes::fuzzing::meshopt(bytes));
