//! Whose tokens were revoked how often, kept in a file of the data directory: a token that was made before the last time is worth
//! nothing. Knows no token.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use tessera_shared::ids::NodeKey;

use super::json::hex;
use crate::small_file;

/// File in the data directory.
const FILE: &str = "web-revocations";
/// Keys of which note is kept.
const KEYS_MAX: usize = 1 << 16;
/// Bytes of a line of the file, at most.
const LINE_BYTES_MAX: u64 = 80;

/// Whose tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those that keep to a key, or those of wranglers, which keep to none.
    Of(Option<NodeKey>),
    Everybody,
}

/// How often tokens like this one had been revoked when it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub all: u32,
    pub own: u32,
}

/// Why nothing is revoked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RevokeError {
    #[error("note is kept of {KEYS_MAX} keys")]
    Full,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// How often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Revocations {
    all: u32,
    /// Since the last time that everybody's were.
    own: BTreeMap<Option<NodeKey>, u32>,
}

/// The revocations of a farm, in memory and on disk.
#[derive(Debug)]
pub(crate) struct Registry {
    path: PathBuf,
    current: RwLock<Revocations>,
    writing: Mutex<()>,
}

impl Revocations {
    fn stamp(&self, key: Option<NodeKey>) -> Stamp {
        Stamp { all: self.all, own: self.own.get(&key).copied().unwrap_or(0) }
    }

    fn revoke(&mut self, whose: Whose) -> Result<(), RevokeError> {
        match whose {
            Whose::Everybody => {
                self.all = self.all.wrapping_add(1);
                self.own.clear();
            }
            Whose::Of(key) => {
                if self.own.len() >= KEYS_MAX && !self.own.contains_key(&key) {
                    return Err(RevokeError::Full);
                }
                let times = self.own.entry(key).or_default();
                *times = times.wrapping_add(1);
            }
        }
        Ok(())
    }

    /// A line each: whose, and how often.
    fn to_text(&self) -> String {
        let mut text = format!("all {}\n", self.all);
        for (key, times) in &self.own {
            let key = key.as_ref().map_or_else(|| "wranglers".to_owned(), hex);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key} {times}");
        }
        text
    }

    fn from_text(text: &str) -> Option<Revocations> {
        let mut read = Revocations::default();
        for (at, line) in text.lines().enumerate() {
            let (whose, times) = line.split_once(' ')?;
            let times = times.parse().ok()?;
            match whose {
                "all" if at == 0 => read.all = times,
                "wranglers" => drop(read.own.insert(None, times)),
                key => drop(read.own.insert(Some(key.parse().ok()?), times)),
            }
        }
        (read.own.len() <= KEYS_MAX && text.starts_with("all ")).then_some(read)
    }
}

impl Registry {
    /// Reads what the processes before have kept; nothing without a file.
    pub fn open(directory: &Path) -> std::io::Result<Registry> {
        let path = directory.join(FILE);
        let read = match std::fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Revocations::default()),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.len() > LINE_BYTES_MAX * (KEYS_MAX as u64 + 1) => None,
            Ok(_) => Revocations::from_text(&String::from_utf8_lossy(&std::fs::read(&path)?)),
        };
        let Some(read) = read else {
            let reason = "it is damaged; restore it, or move it and the file `secrets` away, which ends all tokens and links";
            let reason = format!("{}: {reason}", path.display());
            return Err(std::io::Error::new(ErrorKind::InvalidData, reason));
        };
        Ok(Registry { path, current: RwLock::new(read), writing: Mutex::default() })
    }

    /// What a token for this key is made with, and has to have.
    pub fn stamp(&self, key: Option<NodeKey>) -> Stamp {
        self.current.read().unwrap_or_else(PoisonError::into_inner).stamp(key)
    }

    /// Ends these tokens, for good once this returns. Waits for the disk.
    pub fn revoke(&self, whose: Whose) -> Result<(), RevokeError> {
        let _one_by_one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        next.revoke(whose)?;
        small_file::replace(&self.path, next.to_text().as_bytes())?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Option<NodeKey> {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_le_bytes());
        Some(NodeKey(key))
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let mut kept = Revocations::default();
        assert_eq!(Revocations::from_text(&kept.to_text()), Some(kept.clone()));
        for whose in [Whose::Everybody, Whose::Of(key(7)), Whose::Of(None), Whose::Of(key(7))] {
            kept.revoke(whose).unwrap();
            assert_eq!(Revocations::from_text(&kept.to_text()), Some(kept.clone()));
        }
        assert_eq!(kept.stamp(key(7)), Stamp { all: 1, own: 2 });
        assert_eq!(
            (kept.stamp(None), kept.stamp(key(8))),
            (Stamp { all: 1, own: 1 }, Stamp { all: 1, own: 0 })
        );
        for text in
            ["", "all", "all x\n", "wranglers 1\n", "all 1\nall 2\n", "all 1\nkey 1\n", "all 1\nwranglers\n"]
        {
            assert_eq!(Revocations::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn note_is_kept_of_bounded_keys_and_ending_all_makes_room() {
        let mut kept = Revocations::default();
        (0..KEYS_MAX as u32).for_each(|number| kept.revoke(Whose::Of(key(number))).unwrap());
        assert!(matches!(kept.revoke(Whose::Of(None)), Err(RevokeError::Full)));
        kept.revoke(Whose::Of(key(5))).unwrap();
        assert!(kept.to_text().len() as u64 <= LINE_BYTES_MAX * (KEYS_MAX as u64 + 1));
        kept.revoke(Whose::Everybody).unwrap();
        kept.revoke(Whose::Of(None)).unwrap();
        assert_eq!((kept.stamp(None), kept.own.len()), (Stamp { all: 1, own: 1 }, 1));
    }

    #[test]
    fn what_cannot_be_written_is_not_revoked_and_a_damaged_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let registry = Registry::open(directory.path()).unwrap();
        std::fs::create_dir(directory.path().join("web-revocations.partial")).unwrap();
        assert!(matches!(registry.revoke(Whose::Everybody), Err(RevokeError::Io(_))));
        assert_eq!(registry.stamp(None), Stamp::default());
        std::fs::write(directory.path().join(FILE), "half").unwrap();
        let refused = Registry::open(directory.path()).unwrap_err().to_string();
        assert!(refused.contains("it is damaged; restore it"), "{refused}");
    }
}
