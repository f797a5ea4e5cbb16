//! Messages as the hex of their frames.

use std::fmt::Write;

use expect_test::Expect;
use tessera_shared::codec::{self, Message, PREFIX_BYTES};

/// Frames as hex, long runs of one byte shortened; each must decode to what it was.
pub fn check<M: Message + PartialEq + std::fmt::Debug>(messages: &[M], expected: Expect) {
    let mut text = String::new();
    for message in messages {
        let frame = codec::encode_frame(message).unwrap();
        let prefix = frame[..PREFIX_BYTES].try_into().unwrap();
        assert_eq!(codec::payload_length::<M>(prefix).unwrap(), frame.len() - PREFIX_BYTES);
        assert_eq!(&codec::decode_payload::<M>(&frame[PREFIX_BYTES..]).unwrap(), message);
        for run in frame.chunk_by(|a, b| a == b) {
            match run.len() {
                0..8 => run.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap()),
                count => write!(text, "[{:02x}×{count}]", run[0]).unwrap(),
            }
        }
        text.push('\n');
    }
    expected.assert_eq(&text);
}
