//! How two Tessera processes meet: a key for every node, links, mutual TLS over QUIC, and framed messages on streams.
//! Knows nothing of jobs, leases or what the messages mean.

pub mod blobs;
pub mod dial;
pub mod frames;
pub mod identity;
pub mod link;
pub mod rehash;
pub mod timing;
pub mod tls;
