//! A picture in any format that is read.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tessera_scenes::fuzzing::image(bytes));
