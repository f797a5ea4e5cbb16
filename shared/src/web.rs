//! Asking a farm for a link to its page, and what it answers. Knows no HTTP and decides nothing.

use crate::message;

/// What the holder of a link may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WebAccess {
    /// As much as who asks.
    Own,
    /// See as much as who asks and order nothing.
    ReadOnly,
}

/// What a link to the page ends in: a secret. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct WebToken(pub String);

impl std::fmt::Debug for WebToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebToken(…)")
    }
}

/// Where the page is, for who asked.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct WebPage {
    /// A name, an IPv4 address or an IPv6 address in brackets; none if any that leads to the scheduler will do.
    pub host: Option<String>,
    pub port: u16,
    pub token: WebToken,
}

/// Why there is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode, thiserror::Error)]
pub enum WebRefusal {
    #[error("the farm serves no page; ask its owner to start `tessera scheduler` with --http")]
    NotServed,
}

/// Answer to [`crate::messages::Request::Web`].
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WebReply {
    Page(WebPage),
    Refused(WebRefusal),
}

message!(WebReply, 4 << 10);
