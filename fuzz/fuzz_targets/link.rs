//! The short texts that people paste: links, pools, keys, digests, job ids. What parses is printed as a text that parses to the same,
//! and no error repeats a link's token.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera_shared::digest::Digest;
use tessera_shared::ids::{JobId, NodeKey};
use tessera_shared::limits::parse_pool;
use tessera_shared::messages::Token;
use tessera_transport::link::Link;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Link>() {
        Ok(link) => {
            assert_eq!(link.to_string().parse::<Link>().as_ref(), Ok(&link));
            let other = Link { token: Token(link.token.0.map(|byte| !byte)), ..link.clone() };
            assert_eq!(format!("{link:?}"), format!("{other:?}"), "what is shown tells of the token");
        }
        Err(error) => assert!(error.to_string().len() < 4096),
    }
    if let Ok((name, keys)) = parse_pool(text) {
        let listed: Vec<String> = keys.iter().map(NodeKey::hex).collect();
        assert_eq!(parse_pool(&format!("{name}={}", listed.join(","))).ok(), Some((name, keys)));
    }
    if let Ok(key) = text.parse::<NodeKey>() {
        assert_eq!(key.hex().parse::<NodeKey>().ok(), Some(key));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.hex().parse::<Digest>().ok(), Some(digest));
    }
    if let Ok(job) = text.parse::<JobId>() {
        assert_eq!(job.to_string().parse::<JobId>().ok(), Some(job));
    }
});
