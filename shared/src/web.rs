//! Asking a farm for links to its page and to end them, and what it answers. Knows no HTTP and decides nothing.

use crate::ids::NodeKey;
use crate::message;

/// Days that a link is good unless who asks says otherwise.
pub const LINK_DAYS: u16 = 30;

/// What the holder of a link may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WebAccess {
    /// As much as who asks.
    Own,
    /// See as much as who asks and order nothing.
    ReadOnly,
}

/// Whose links are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WebHolder {
    /// Those of who asks: of the key, or with the wrangler link of all who have it.
    Own,
    /// Those that this key asked for. A wrangler's request, or the key's own.
    Key(NodeKey),
    /// Everybody's. A wrangler's request alone.
    Everybody,
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

/// Why there is no link, or none is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode, thiserror::Error)]
pub enum WebRefusal {
    #[error("the farm serves no page; ask its owner to start `tessera scheduler` with --http")]
    NotServed,
    #[error("the wrangler alone ends links of others; give the wrangler link with --to")]
    NotYours,
    #[error(
        "the farm keeps note of no more keys; `tessera web --revoke all` with the wrangler link ends every link and makes room"
    )]
    Full,
    #[error(
        "the scheduler cannot write to its disk, so no link is ended; ask the farm's owner to look at its log"
    )]
    NotKept,
}

/// Answer to [`crate::messages::Request::Web`], `WebLink` and `WebEnd`.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum WebReply {
    Page(WebPage),
    Refused(WebRefusal),
    /// The links are worth nothing from now on, on this scheduler and the next.
    Ended,
}

message!(WebReply, 4 << 10);
