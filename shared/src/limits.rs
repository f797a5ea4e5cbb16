//! Who may serve a job: the tags, operators and pool that it names, with the bounds and the spelling of each. Knows no worker,
//! and no pool's keys.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{NodeKey, ParseNodeKeyError};

/// Most tags of a worker or a job.
pub const TAGS_MAX: usize = 16;
/// Most bytes of a tag's or a pool's name.
pub const NAME_BYTES_MAX: usize = 64;
/// Most operators that a job names.
pub const OPERATORS_MAX: usize = 256;

/// The named lists of operators that a farm's owner keeps.
pub type Pools = BTreeMap<String, BTreeSet<NodeKey>>;

/// What a job asks of those who render and check it. All of it must hold; what is empty asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct JobLimits {
    /// Every one must be among the worker's own. A worker's tags are its claim: they choose machines and protect nothing.
    pub tags: Vec<String>,
    /// Only these keys.
    pub operators: Vec<NodeKey>,
    /// Only keys of this pool, as the farm's owner keeps it.
    pub pool: Option<String>,
}

/// Why limits cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    #[error("{0} tags; give at most {TAGS_MAX}")]
    Tags(usize),
    #[error(
        "`{0}` is no name of a tag or a pool; use 1 to {NAME_BYTES_MAX} of the letters a-z and A-Z, digits, `-`, `_` and `.`"
    )]
    Name(String),
    #[error("{0} operators; give at most {OPERATORS_MAX}, or ask the farm's owner for a pool")]
    Operators(usize),
    #[error("`{0}` is no pool; write NAME=KEY,KEY with the keys that `tessera worker` prints")]
    Pool(String),
    #[error(transparent)]
    Key(#[from] ParseNodeKeyError),
}

impl JobLimits {
    /// Everybody may serve.
    pub fn is_open(&self) -> bool {
        self.tags.is_empty() && self.is_open_to_operators()
    }

    /// No operator is shut out.
    pub fn is_open_to_operators(&self) -> bool {
        self.operators.is_empty() && self.pool.is_none()
    }

    /// Compares them with the bounds.
    pub fn check(&self) -> Result<(), LimitsError> {
        check_tags(&self.tags)?;
        if self.operators.len() > OPERATORS_MAX {
            return Err(LimitsError::Operators(self.operators.len()));
        }
        self.pool.iter().try_for_each(|pool| check_name(pool))
    }
}

/// Compares tags with the bounds.
pub fn check_tags(tags: &[String]) -> Result<(), LimitsError> {
    if tags.len() > TAGS_MAX {
        return Err(LimitsError::Tags(tags.len()));
    }
    tags.iter().try_for_each(|tag| check_name(tag))
}

fn check_name(name: &str) -> Result<(), LimitsError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain) {
        true => Ok(()),
        false => Err(LimitsError::Name(shown(name))),
    }
}

/// Reads `NAME=KEY,KEY`, a pool as its owner writes it.
pub fn parse_pool(text: &str) -> Result<(String, BTreeSet<NodeKey>), LimitsError> {
    let (name, keys) = text.split_once('=').ok_or_else(|| LimitsError::Pool(shown(text)))?;
    check_name(name)?;
    let keys = keys.split(',').map(|key| key.trim().parse()).collect::<Result<_, ParseNodeKeyError>>()?;
    Ok((name.to_owned(), keys))
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_meant_is_named() {
        let tags = |tags: &[&str]| JobLimits {
            tags: tags.iter().map(|tag| tag.to_string()).collect(),
            ..JobLimits::default()
        };
        assert_eq!(tags(&["studio-a", "gpu_2.x"]).check(), Ok(()));
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for name in ["", "a b", "a,b", "gpü", "a\n", &long] {
            assert_eq!(tags(&["fine", name]).check(), Err(LimitsError::Name(shown(name))), "{name}");
            let pool = JobLimits { pool: Some(name.to_owned()), ..JobLimits::default() };
            assert_eq!(pool.check(), Err(LimitsError::Name(shown(name))), "{name}");
        }
        assert_eq!(tags(&["x"; TAGS_MAX + 1]).check(), Err(LimitsError::Tags(TAGS_MAX + 1)));
        let operators = vec![NodeKey([1; 32]); OPERATORS_MAX + 1];
        let crowd = JobLimits { operators, ..JobLimits::default() };
        assert_eq!(crowd.check(), Err(LimitsError::Operators(OPERATORS_MAX + 1)));
    }

    #[test]
    fn pools_are_read_and_malformed_keys_named() {
        let (one, two) = (NodeKey([0xab; 32]), NodeKey([7; 32]));
        let text = format!("night={}, {}", one.hex(), two.hex().to_uppercase());
        assert_eq!(parse_pool(&text), Ok(("night".to_owned(), BTreeSet::from([one, two]))));
        assert_eq!(parse_pool("night"), Err(LimitsError::Pool("night".into())));
        assert_eq!(parse_pool(&format!("=,{}", one.hex())), Err(LimitsError::Name(String::new())));
        for keys in ["", "ab", &one.to_string(), &format!("{},", one.hex()), &"g".repeat(64)] {
            let error = parse_pool(&format!("night={keys}")).unwrap_err();
            assert!(error.to_string().contains("64 hexadecimal digits"), "{error}");
        }
    }
}
