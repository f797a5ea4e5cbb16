//! A blake3 digest as every part of the farm names content: blobs, packages, blocks and films.

use std::fmt;
use std::str::FromStr;

/// 32 bytes of blake3. Displays as `blake3:HEX` with 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bincode::Encode, bincode::Decode)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of the parts' bytes, one after the other.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        Digest(*hasher.finalize().as_bytes())
    }

    /// The digest of all that a reader has, of which little is in memory at once.
    pub fn of_reader(input: &mut impl std::io::Read) -> std::io::Result<Digest> {
        let mut pieces = Pieces::default();
        pieces.0.update_reader(input)?;
        Ok(pieces.digest())
    }

    /// The keyed digest of `bytes`: unpredictable to who does not know the key.
    pub fn keyed(key: &[u8; 32], bytes: &[u8]) -> Digest {
        Digest(*blake3::keyed_hash(key, bytes).as_bytes())
    }

    /// 64 lower-case hex digits, without the prefix: fit for a file name.
    pub fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

/// Bytes that come piece by piece, of which the digest is wanted.
#[derive(Clone, Debug, Default)]
pub struct Pieces(blake3::Hasher);

impl Pieces {
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all that was added.
    pub fn digest(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blake3:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blake3:{}…", &self.hex()[..12])
    }
}

/// The text is not `blake3:` and 64 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a digest; write `blake3:` and 64 hex digits")]
pub struct ParseDigestError(String);

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Digest, ParseDigestError> {
        let hex = text.strip_prefix("blake3:").unwrap_or(text);
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
        match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
            Some(bytes) => Ok(Digest(bytes)),
            None => Err(ParseDigestError(text.chars().take(80).collect())),
        }
    }
}
