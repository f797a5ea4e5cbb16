//! What a scheduler keeps on its disk and reads again: records of its core, and the file of its operators. What decodes encodes to
//! the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_scheduler_core::Record;
use tessera_scheduler_core::standings::{from_bytes, to_bytes};
use tessera_shared::codec::decode_with;
use tessera_shared::digest::Digest;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    if kind % 4 == 0 {
        // As the file begins, so that the digest does not keep the fuzzer outside.
        let file = [b"tessops1".as_slice(), &Digest::of(bytes).0, bytes].concat();
        if let Ok(operators) = from_bytes(&file) {
            let again = from_bytes(&to_bytes(&operators)).expect("what was read is written");
            assert_eq!(again, operators);
        }
        let _ = from_bytes(bytes);
        return;
    }
    let Ok((record, _)) = decode_with::<Record, { 1 << 26 }>(bytes) else { return };
    let encoded = bincode::encode_to_vec(&record, bincode::config::standard()).expect("memory takes it");
    let (again, _) = decode_with::<Record, { 1 << 26 }>(&encoded).expect("what was encoded decodes");
    // Not the records themselves: a number of theirs may be none, and differ from itself.
    assert_eq!(bincode::encode_to_vec(&again, bincode::config::standard()).ok(), Some(encoded));
});
