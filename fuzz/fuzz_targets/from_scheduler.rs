//! What a scheduler sends workers and artists, and what a film's file begins with. What decodes encodes to the same, and texts for
//! people can be made of it. The first byte says which message the others are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_shared::codec::{self, Message, PREFIX_BYTES};
use tessera_shared::control::{LogReply, OrderReply, WhyReply};
use tessera_shared::messages::{
    BlobReply, CancelReply, CheckingReply, FetchReply, JobStatus, ManifestReply, ReceiptReply, SubmitReply,
    ToWorker, UploadReply, WatchReply, Welcome, WorkerStatus,
};
use tessera_shared::web::WebReply;

fn survives<M: Message + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(message) = codec::decode_payload::<M>(bytes) else { return };
    let frame = codec::encode_frame(&message).expect("what was decoded is no larger when it is encoded");
    let again: M = codec::decode_payload(&frame[PREFIX_BYTES..]).expect("what was encoded decodes");
    assert_eq!(again, message);
    let _ = format!("{message:?}");
}

const READERS: [fn(&[u8]); 17] = [
    survives::<Welcome>,
    survives::<ToWorker>,
    survives::<BlobReply>,
    survives::<UploadReply>,
    survives::<SubmitReply>,
    survives::<WatchReply>,
    survives::<JobStatus>,
    survives::<WorkerStatus>,
    survives::<CancelReply>,
    survives::<ManifestReply>,
    survives::<FetchReply>,
    survives::<CheckingReply>,
    survives::<ReceiptReply>,
    survives::<OrderReply>,
    survives::<LogReply>,
    survives::<WhyReply>,
    survives::<WebReply>,
];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    READERS[usize::from(*kind) % READERS.len()](bytes);
});
