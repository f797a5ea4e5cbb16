//! What strangers send a scheduler: hellos, answers of workers, commits and requests. What decodes encodes to the same, and the
//! checks of its content answer. The first byte says which message the others are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_shared::admission::DeviceReport;
use tessera_shared::codec::{self, Message, PREFIX_BYTES};
use tessera_shared::lease::Commit;
use tessera_shared::limits::check_tags;
use tessera_shared::messages::{FromWorker, Hello, Request};

fn survives<M: Message + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Option<M> {
    if let Some(prefix) = bytes.first_chunk::<PREFIX_BYTES>() {
        let _ = codec::payload_length::<M>(*prefix);
    }
    let message: M = codec::decode_payload(bytes).ok()?;
    let frame = codec::encode_frame(&message).expect("what was decoded is no larger when it is encoded");
    let again: M = codec::decode_payload(&frame[PREFIX_BYTES..]).expect("what was encoded decodes");
    assert_eq!(again, message);
    Some(message)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => match survives::<Hello>(bytes) {
            Some(Hello::Worker { tags, .. }) => drop(check_tags(&tags)),
            Some(Hello::Examined { reports, tags, .. } | Hello::Asleep { reports, tags, .. }) => {
                let _ = check_tags(&tags);
                let _ = DeviceReport::all_sound(&reports);
                reports.iter().for_each(|report| drop(report.to_string()));
            }
            _ => {}
        },
        1 => drop(survives::<FromWorker>(bytes)),
        2 => drop(survives::<Commit>(bytes)),
        _ => {
            if let Some(Request::Submit { options, .. }) = survives::<Request>(bytes) {
                let _ = options.limits.check();
            }
        }
    }
});
