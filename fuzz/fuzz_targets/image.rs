//! A picture in any format that is read. Panics inside a decoder that the product catches are no finding: only one that comes
//! out aborts, and the run prints its input's path.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // The usual hook aborts before anybody can catch.
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| tessera_scenes::fuzzing::image(bytes)
);
