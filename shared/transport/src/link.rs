//! Links: what a person copies from the scheduler to an artist or a worker. A link names an address, the scheduler's key
//! fingerprint and the token of one role: `tessera://HOST:PORT/ROLE/FINGERPRINT/TOKEN`.

use std::fmt;
use std::str::FromStr;

use tessera_shared::digest::Digest;
use tessera_shared::ids::NodeKey;
use tessera_shared::messages::Token;

/// Longest link that is read.
const LINK_BYTES_MAX: usize = 512;

/// What the holder of a link may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Submit jobs, watch, fetch.
    Artist,
    /// Render leases.
    Worker,
    /// What an artist may, and order every job and the workers.
    Wrangler,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Artist => "artist",
            Role::Worker => "worker",
            Role::Wrangler => "wrangler",
        })
    }
}

/// 160 bits of the blake3 of a scheduler's public key. Displays as 32 lower-case base32 digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    pub fn of(key: &NodeKey) -> Fingerprint {
        let digest = Digest::of(&[b"tessera key 1\0".as_slice(), &key.0].concat());
        Fingerprint(digest.0[..20].try_into().expect("a digest has 32 bytes"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An invitation to a farm. `Debug` hides the token; `Display` is the link itself, so it must not be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// A name, an IPv4 address or an IPv6 address in brackets.
    pub host: String,
    pub port: u16,
    pub role: Role,
    pub fingerprint: Fingerprint,
    pub token: Token,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Link { host, port, role, fingerprint, token } = self;
        write!(f, "tessera://{host}:{port}/{role}/{fingerprint}/{}", base32(&token.0))
    }
}

/// Why a text is not a link. The text is not repeated, as it may hold a token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseLinkError {
    #[error("a link starts with tessera://; copy it whole from the lines that `tessera scheduler` prints")]
    Scheme,
    #[error("a link of {0} bytes; at most {LINK_BYTES_MAX} are read")]
    Long(usize),
    #[error(
        "a link has the form tessera://HOST:PORT/ROLE/FINGERPRINT/TOKEN; copy it whole from the lines that `tessera scheduler` prints"
    )]
    Form,
    #[error("the link's address `{0}` is not HOST:PORT (write IPv6 addresses in brackets)")]
    Address(String),
    #[error("the link's role `{0}` is none of `artist`, `worker` and `wrangler`")]
    Role(String),
    #[error(
        "the link's fingerprint is damaged; copy the link whole from the lines that `tessera scheduler` prints"
    )]
    Fingerprint,
    #[error(
        "the link's token is damaged; copy the link whole from the lines that `tessera scheduler` prints"
    )]
    Token,
    #[error(
        "this is the farm's {found} link; this command needs the {needed} link, another line that `tessera scheduler` prints"
    )]
    WrongRole { needed: Role, found: Role },
}

impl Link {
    /// The link itself if it gives what `needed` may do.
    pub fn require(self, needed: Role) -> Result<Link, ParseLinkError> {
        // A wrangler is an artist too.
        if self.role == needed || (needed, self.role) == (Role::Artist, Role::Wrangler) {
            Ok(self)
        } else {
            Err(ParseLinkError::WrongRole { needed, found: self.role })
        }
    }
}

impl FromStr for Link {
    type Err = ParseLinkError;

    fn from_str(text: &str) -> Result<Link, ParseLinkError> {
        let text = text.trim();
        if text.len() > LINK_BYTES_MAX {
            return Err(ParseLinkError::Long(text.len()));
        }
        let rest = text.strip_prefix("tessera://").ok_or(ParseLinkError::Scheme)?;
        let parts: Vec<&str> = rest.split('/').collect();
        let [address, role, fingerprint, token] = parts[..] else { return Err(ParseLinkError::Form) };
        let (host, port) =
            parse_address(address).ok_or_else(|| ParseLinkError::Address(address.to_owned()))?;
        let role = match role {
            "artist" => Role::Artist,
            "worker" => Role::Worker,
            "wrangler" => Role::Wrangler,
            other => return Err(ParseLinkError::Role(other.to_owned())),
        };
        let fingerprint = unbase32(fingerprint).map(Fingerprint).ok_or(ParseLinkError::Fingerprint)?;
        let token = unbase32(token).map(Token).ok_or(ParseLinkError::Token)?;
        Ok(Link { host, port, role, fingerprint, token })
    }
}

fn parse_address(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let sound = !host.is_empty() && (bracketed || !host.contains(':'));
    let port: u16 = port.parse().ok()?;
    (sound && port != 0).then(|| (host.to_owned(), port))
}

fn base32(bytes: &[u8]) -> String {
    data_encoding::BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

fn unbase32<const N: usize>(text: &str) -> Option<[u8; N]> {
    data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        let fingerprint = Fingerprint::of(&NodeKey([7; 32]));
        Link {
            host: "farm.example".into(),
            port: 7878,
            role: Role::Worker,
            fingerprint,
            token: Token([9; 16]),
        }
    }

    #[test]
    fn a_link_survives_its_text() {
        let text = link().to_string();
        assert_eq!(text.parse(), Ok(link()));
        assert_eq!(format!(" {text}\n").parse(), Ok(link()));
        let six = Link { host: "[::1]".into(), ..link() };
        assert_eq!(six.to_string().parse(), Ok(six));
    }

    #[test]
    fn a_damaged_link_says_where() {
        let text = link().to_string();
        let parse = |text: &str| text.parse::<Link>().unwrap_err();
        assert_eq!(parse("http://x"), ParseLinkError::Scheme);
        assert_eq!(parse("tessera://farm:1/worker"), ParseLinkError::Form);
        assert_eq!(
            parse(&text.replace("7878", "78780")),
            ParseLinkError::Address("farm.example:78780".into())
        );
        assert_eq!(parse(&text.replace("/worker/", "/root/")), ParseLinkError::Role("root".into()));
        assert_eq!(parse(&text[..text.len() - 1]), ParseLinkError::Token);
        assert_eq!(parse(&text.replace(&link().fingerprint.to_string(), "abc")), ParseLinkError::Fingerprint);
        assert_eq!(
            parse(&text.replace("farm.example", &"x".repeat(600))),
            ParseLinkError::Long(text.len() + 588)
        );
        let needed = link().require(Role::Artist).unwrap_err();
        assert_eq!(needed, ParseLinkError::WrongRole { needed: Role::Artist, found: Role::Worker });
    }

    #[test]
    fn a_wrangler_is_an_artist_and_no_worker() {
        let wrangler = Link { role: Role::Wrangler, ..link() };
        assert_eq!(wrangler.to_string().parse(), Ok(wrangler.clone()));
        assert_eq!(wrangler.clone().require(Role::Artist), Ok(wrangler.clone()));
        let refused = Err(ParseLinkError::WrongRole { needed: Role::Worker, found: Role::Wrangler });
        assert_eq!(wrangler.require(Role::Worker), refused);
        assert!(Link { role: Role::Artist, ..link() }.require(Role::Wrangler).is_err());
    }

    #[test]
    fn debug_hides_the_token() {
        let secret = base32(&link().token.0);
        assert!(!format!("{:?}", link()).contains(&secret));
        assert!(!format!("{:?}", link()).contains('9'));
    }
}
