//! Tokens of the HTTP interface: who holds one may do what its role may, until it expires or is revoked. They are made from the farm's
//! secret and stored nowhere; a farm that draws new secrets ends them all. The time is an argument.

use std::sync::Arc;

use tessera_shared::digest::Digest;
use tessera_shared::ids::NodeKey;

use super::revocations::{Registry, Stamp};

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

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    pub bearer: Bearer,
    /// It is good before this second since 1970; without one, until it is revoked.
    pub until_s: Option<u64>,
    stamp: Stamp,
}

/// Why a token lets nobody in. The sentences are for whoever holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPass {
    #[error("the farm has not made this token, or has drawn new secrets since; `tessera web` prints another")]
    Unknown,
    #[error("this token has expired; `tessera web` prints another")]
    Expired,
    #[error("this token is revoked; `tessera web` prints another")]
    Revoked,
}

/// First characters of a token, so that one is recognised where it does not belong.
const PREFIX: &str = "tsw_";
/// Bytes of the authentication code: 128 bits.
const CODE_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
/// Kind, key, end, revocations.
const BODY_BYTES: usize = 1 + KEY_BYTES + 8 + 4 + 4;
const BYTES: usize = BODY_BYTES + CODE_BYTES;
/// Characters of the longest text that is looked at.
const TEXT_MAX: usize = 128;

/// Makes and reads tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    secret: [u8; 32],
    pub revoked: Arc<Registry>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// From the farm's secret, which cannot be found out from tokens.
    pub fn new(farm_secret: &[u8; 32], revoked: Arc<Registry>) -> Tokens {
        Tokens { secret: Digest::keyed(farm_secret, b"tessera web tokens 2\0").0, revoked }
    }

    /// The token's text. It is a secret: give it to its holder, never log it.
    pub fn make(&self, bearer: Bearer, until_s: Option<u64>) -> String {
        let stamp = self.revoked.stamp(bearer.key);
        let mut bytes = Vec::with_capacity(BYTES);
        // That a key is there is said here: no key, whatever its bytes, makes a token for every job.
        bytes.push(match (bearer.role, bearer.key) {
            (WebRole::ReadOnly, None) => 0,
            (WebRole::Artist, _) => 1,
            (WebRole::Wrangler, _) => 2,
            (WebRole::ReadOnly, Some(_)) => 3,
        });
        bytes.extend(bearer.key.unwrap_or(NodeKey([0; 32])).0);
        bytes.extend(until_s.unwrap_or(0).to_le_bytes());
        bytes.extend(stamp.all.to_le_bytes());
        bytes.extend(stamp.own.to_le_bytes());
        let code = Digest::keyed(&self.secret, &bytes);
        bytes.extend(&code.0[..CODE_BYTES]);
        format!("{PREFIX}{}", data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    /// What the token says, if it is good now. The time does not depend on where the codes differ.
    pub fn read(&self, text: &str, now_s: u64) -> Result<Pass, NoPass> {
        let pass = self.parse(text).ok_or(NoPass::Unknown)?;
        self.stands(&pass, now_s)?;
        Ok(pass)
    }

    /// Whether a token that was read is still good.
    pub fn stands(&self, pass: &Pass, now_s: u64) -> Result<(), NoPass> {
        if pass.until_s.is_some_and(|until_s| until_s <= now_s) {
            return Err(NoPass::Expired);
        }
        match self.revoked.stamp(pass.bearer.key) == pass.stamp {
            true => Ok(()),
            false => Err(NoPass::Revoked),
        }
    }

    fn parse(&self, text: &str) -> Option<Pass> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() <= TEXT_MAX)?;
        let bytes = data_encoding::BASE32_NOPAD.decode(digits.to_ascii_uppercase().as_bytes()).ok()?;
        let bytes = <[u8; BYTES]>::try_from(bytes).ok()?;
        let (body, code) = bytes.split_at(BODY_BYTES);
        let expected = Digest::keyed(&self.secret, body);
        let differing = expected.0.iter().zip(code).fold(0u8, |bits, (a, b)| bits | (a ^ b));
        if std::hint::black_box(differing) != 0 {
            return None;
        }
        let (kind, rest) = body.split_first()?;
        let (key, rest) = rest.split_first_chunk::<KEY_BYTES>()?;
        let (until_s, rest) = rest.split_first_chunk::<8>()?;
        let (all, rest) = rest.split_first_chunk::<4>()?;
        let own = rest.first_chunk::<4>()?;
        let (role, key) = match kind {
            0 => (WebRole::ReadOnly, None),
            1 => (WebRole::Artist, Some(NodeKey(*key))),
            2 => (WebRole::Wrangler, None),
            3 => (WebRole::ReadOnly, Some(NodeKey(*key))),
            _ => return None,
        };
        let stamp = Stamp { all: u32::from_le_bytes(*all), own: u32::from_le_bytes(*own) };
        let until_s = Some(u64::from_le_bytes(*until_s)).filter(|until_s| *until_s != 0);
        Some(Pass { bearer: Bearer { role, key }, until_s, stamp })
    }
}

#[cfg(test)]
mod tests {
    use super::super::revocations::Whose;
    use super::*;

    const ARTIST: Bearer = Bearer { role: WebRole::Artist, key: Some(NodeKey([3; 32])) };
    const WRANGLER: Bearer = Bearer { role: WebRole::Wrangler, key: None };

    fn tokens(directory: &tempfile::TempDir, secret: u8) -> Tokens {
        Tokens::new(&[secret; 32], Arc::new(Registry::open(directory.path()).unwrap()))
    }

    fn bearer(read: Result<Pass, NoPass>) -> Result<Bearer, NoPass> {
        read.map(|pass| pass.bearer)
    }

    #[test]
    fn a_token_says_whose_it_is_and_bears_no_change() {
        let directory = tempfile::tempdir().unwrap();
        let made = tokens(&directory, 7);
        for holder in [
            ARTIST,
            WRANGLER,
            Bearer { role: WebRole::ReadOnly, key: None },
            Bearer { role: WebRole::ReadOnly, ..ARTIST },
        ] {
            for until_s in [None, Some(9), Some(u64::MAX)] {
                let pass = made.read(&made.make(holder, until_s), 8).unwrap();
                assert_eq!((pass.bearer, pass.until_s), (holder, until_s));
            }
        }
        let text = made.make(ARTIST, Some(9));
        for at in PREFIX.len()..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
            let read = made.read(std::str::from_utf8(&forged).unwrap(), 8);
            assert_eq!(read, Err(NoPass::Unknown), "character {at}");
        }
        assert_eq!(tokens(&directory, 8).read(&text, 8), Err(NoPass::Unknown), "another farm's");
        for text in ["", "tsw_", "tsw_!", &"tsw_a".repeat(9999), text.trim_start_matches(PREFIX)] {
            assert_eq!(made.read(text, 8), Err(NoPass::Unknown));
        }
    }

    #[test]
    fn a_token_is_good_until_its_last_second() {
        let directory = tempfile::tempdir().unwrap();
        let tokens = tokens(&directory, 7);
        let (short, endless) = (tokens.make(ARTIST, Some(1000)), tokens.make(ARTIST, None));
        for (now_s, expected) in [
            (0, Ok(ARTIST)),
            (999, Ok(ARTIST)),
            (1000, Err(NoPass::Expired)),
            (u64::MAX, Err(NoPass::Expired)),
        ] {
            assert_eq!(bearer(tokens.read(&short, now_s)), expected, "{now_s}");
            assert_eq!(bearer(tokens.read(&endless, now_s)), Ok(ARTIST));
        }
        let pass = tokens.read(&short, 999).unwrap();
        assert_eq!(tokens.stands(&pass, 1000), Err(NoPass::Expired), "while it is used");
    }

    #[test]
    fn tokens_are_revoked_by_whom_they_are_for_and_stay_so() {
        let directory = tempfile::tempdir().unwrap();
        let first = tokens(&directory, 7);
        let other = Bearer { role: WebRole::Artist, key: Some(NodeKey([4; 32])) };
        let wall = Bearer { role: WebRole::ReadOnly, ..ARTIST };
        let holders = [ARTIST, wall, other, WRANGLER];
        let made = holders.map(|holder| first.make(holder, None));
        let good = |tokens: &Tokens| made.each_ref().map(|text| tokens.read(text, 1).is_ok());
        let pass = first.read(&made[0], 1).unwrap();
        assert_eq!(good(&first), [true; 4]);
        first.revoked.revoke(Whose::Of(ARTIST.key)).unwrap();
        assert_eq!(good(&first), [false, false, true, true]);
        assert_eq!(first.read(&made[0], 1), Err(NoPass::Revoked));
        assert_eq!(first.stands(&pass, 1), Err(NoPass::Revoked), "while it is used");
        assert_eq!(bearer(first.read(&first.make(ARTIST, None), 1)), Ok(ARTIST), "a new one is good");
        first.revoked.revoke(Whose::Of(None)).unwrap();
        // The next process.
        let second = tokens(&directory, 7);
        assert_eq!(good(&second), [false, false, true, false]);
        let again = second.make(ARTIST, None);
        second.revoked.revoke(Whose::Everybody).unwrap();
        let third = tokens(&directory, 7);
        assert_eq!((good(&third), third.read(&again, 1)), ([false; 4], Err(NoPass::Revoked)));
        assert_eq!(bearer(third.read(&third.make(other, None), 1)), Ok(other));
    }
}
