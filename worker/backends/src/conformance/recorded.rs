//! The digests that a kernel version gives, as text: `VERSION | NAME | DIGEST`, a line each, other lines being comments. Knows
//! neither files nor what the names stand for.

use std::collections::BTreeMap;
use std::fmt::Write;

use tessera_shared::digest::Digest;

/// Digests by name, of one kernel version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    digests: BTreeMap<String, Digest>,
}

/// A line that is no record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {0} of the recorded digests is not `VERSION | NAME | DIGEST`; `cargo xtask golden` writes such lines"
)]
pub struct RecordError(pub usize);

impl Recorded {
    /// The digests of one version; none if the text has none of it.
    pub fn parse(text: &str, version: u32) -> Result<Recorded, RecordError> {
        let mut recorded = Recorded::default();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // A name may hold bars: the first and the last one count.
            let fields = line.split_once(" | ").and_then(|(version, rest)| {
                let (name, digest) = rest.rsplit_once(" | ")?;
                Some((version.parse::<u32>().ok()?, name, digest.parse::<Digest>().ok()?))
            });
            let (of, name, digest) = fields.ok_or(RecordError(number + 1))?;
            if of == version {
                recorded.insert(name.to_owned(), digest);
            }
        }
        Ok(recorded)
    }

    pub fn get(&self, name: &str) -> Option<Digest> {
        self.digests.get(name).copied()
    }

    pub fn insert(&mut self, name: String, digest: Digest) {
        self.digests.insert(name, digest);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Digest)> {
        self.digests.iter().map(|(name, digest)| (name.as_str(), *digest))
    }

    /// The lines of a version, ascending by name.
    pub fn lines(&self, version: u32) -> String {
        let mut text = String::new();
        for (name, digest) in self.iter() {
            // Writing to memory cannot fail.
            let _ = writeln!(text, "{version} | {name} | {digest}");
        }
        text
    }

    /// One digest of all names and digests.
    pub fn digest(&self) -> Digest {
        Digest::of(self.lines(tessera_shared::KERNEL_VERSION).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_back_and_bad_ones_are_named() {
        let mut recorded = Recorded::default();
        recorded.insert("a | b".into(), Digest::of(b"or"));
        recorded.insert("tile mosaic".into(), Digest::of(b"tile"));
        let text = format!("# a comment\n\n1 | a | {}\n{}", Digest::of(b"old"), recorded.lines(2));
        assert_eq!(Recorded::parse(&text, 2), Ok(recorded));
        assert_eq!(Recorded::parse(&text, 1).unwrap().get("a"), Some(Digest::of(b"old")));
        assert_eq!(Recorded::parse("1 | a | blake3:00", 1), Err(RecordError(1)));
        assert_eq!(Recorded::parse("\none | a", 1), Err(RecordError(2)));
    }
}
