//! Tokens of the HTTP interface: who holds one may do what its role may. They are made from the farm's secret and stored
//! nowhere; a farm that draws new secrets revokes them all.

use tessera_shared::digest::Digest;
use tessera_shared::ids::NodeKey;

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WebRole {
    /// See what its maker sees, change nothing.
    ReadOnly,
    /// See the lists, and see into and decide about the jobs of its key.
    Artist,
    /// Decide about every job and worker.
    Wrangler,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub role: WebRole,
    /// The key whose jobs alone it may see into and decide about, always there for an artist; without one it is every job.
    pub key: Option<NodeKey>,
}

/// First characters of a token, so that one is recognised where it does not belong.
const PREFIX: &str = "tsw_";
/// Bytes of the authentication code: 128 bits.
const CODE_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const BYTES: usize = 1 + KEY_BYTES + CODE_BYTES;
/// Characters of the longest text that is looked at.
const TEXT_MAX: usize = 128;

/// Makes and reads tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    secret: [u8; 32],
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// From the farm's secret, which cannot be found out from tokens.
    pub fn new(farm_secret: &[u8; 32]) -> Tokens {
        Tokens { secret: Digest::keyed(farm_secret, b"tessera web tokens 1\0").0 }
    }

    /// The token's text. It is a secret: give it to its holder, never log it.
    pub fn make(&self, bearer: Bearer) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        // That a key is there is said here: no key, whatever its bytes, makes a token for every job.
        bytes.push(match (bearer.role, bearer.key) {
            (WebRole::ReadOnly, None) => 0,
            (WebRole::Artist, _) => 1,
            (WebRole::Wrangler, _) => 2,
            (WebRole::ReadOnly, Some(_)) => 3,
        });
        bytes.extend(bearer.key.unwrap_or(NodeKey([0; 32])).0);
        let code = Digest::keyed(&self.secret, &bytes);
        bytes.extend(&code.0[..CODE_BYTES]);
        format!("{PREFIX}{}", data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    /// Whose token it is; `None` if this farm has not made it. The time does not depend on where the codes differ.
    pub fn read(&self, text: &str) -> Option<Bearer> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() <= TEXT_MAX)?;
        let bytes = data_encoding::BASE32_NOPAD.decode(digits.to_ascii_uppercase().as_bytes()).ok()?;
        let bytes = <[u8; BYTES]>::try_from(bytes).ok()?;
        let (body, code) = bytes.split_at(1 + KEY_BYTES);
        let expected = Digest::keyed(&self.secret, body);
        let differing = expected.0.iter().zip(code).fold(0u8, |bits, (a, b)| bits | (a ^ b));
        if std::hint::black_box(differing) != 0 {
            return None;
        }
        let key = NodeKey(body[1..].try_into().expect("32 bytes"));
        match body[0] {
            0 => Some(Bearer { role: WebRole::ReadOnly, key: None }),
            1 => Some(Bearer { role: WebRole::Artist, key: Some(key) }),
            2 => Some(Bearer { role: WebRole::Wrangler, key: None }),
            3 => Some(Bearer { role: WebRole::ReadOnly, key: Some(key) }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is_and_bears_no_change() {
        let tokens = Tokens::new(&[7; 32]);
        let artist = Bearer { role: WebRole::Artist, key: Some(NodeKey([3; 32])) };
        for bearer in [
            artist,
            Bearer { role: WebRole::ReadOnly, key: None },
            Bearer { role: WebRole::ReadOnly, ..artist },
            Bearer { role: WebRole::Wrangler, key: None },
        ] {
            assert_eq!(tokens.read(&tokens.make(bearer)), Some(bearer));
        }
        let text = tokens.make(artist);
        for at in PREFIX.len()..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
            let read = tokens.read(std::str::from_utf8(&forged).unwrap());
            assert_eq!(read, None, "character {at}");
        }
        assert_eq!(Tokens::new(&[8; 32]).read(&text), None, "another farm's");
        for text in ["", "tsw_", "tsw_!", &"tsw_a".repeat(9999), text.trim_start_matches(PREFIX)] {
            assert_eq!(tokens.read(text), None);
        }
    }
}
