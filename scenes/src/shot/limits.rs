//! The keys that say who may serve a job: tags, operators, a pool. Which pools there are the farm knows.

use tessera_shared::limits::{JobLimits, LimitsError};

use super::{ReadShotError, ShotKeys};

pub(super) fn limits(keys: &ShotKeys) -> Result<JobLimits, ReadShotError> {
    let operators = listed("operators", keys.operators.as_ref())?;
    let operators = operators.iter().map(|key| key.parse().map_err(LimitsError::Key));
    let limits = JobLimits {
        tags: listed("tags", keys.tags.as_ref())?.to_vec(),
        operators: operators.collect::<Result<_, _>>().map_err(refused("operators"))?,
        pool: keys.pool.clone(),
    };
    limits.check().map_err(|source| refused(key_of(&source))(source))?;
    Ok(limits)
}

/// An empty list would shut nobody out where it looks as if it shut out all.
fn listed<'a>(key: &'static str, list: Option<&'a Vec<String>>) -> Result<&'a [String], ReadShotError> {
    match list {
        None => Ok(&[]),
        Some(list) if list.is_empty() => {
            let range = "a list of at least one; leave the key out where anybody may render".into();
            Err(ReadShotError::Range { key, value: "empty".into(), range })
        }
        Some(list) => Ok(list),
    }
}

fn key_of(error: &LimitsError) -> &'static str {
    match error {
        LimitsError::Operators(_) | LimitsError::Key(_) => "operators",
        LimitsError::Tags(_) => "tags",
        LimitsError::Name(_) | LimitsError::Pool(_) => "tags, pool",
    }
}

fn refused(key: &'static str) -> impl Fn(LimitsError) -> ReadShotError {
    move |source| ReadShotError::Limits { key, source }
}

#[cfg(test)]
mod tests {
    use tessera_shared::ids::NodeKey;

    use super::*;

    fn read(toml: &str) -> Result<JobLimits, String> {
        let keys = ShotKeys::from_map(toml::from_str(toml).unwrap()).unwrap();
        limits(&keys).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_become_limits() {
        assert_eq!(read(""), Ok(JobLimits::default()));
        let key = "0123456789abcdef".repeat(4);
        let toml = format!("tags = [\"gpu\", \"studio-a\"]\noperators = [\"{key}\"]\npool = \"night\"");
        let limits = read(&toml).unwrap();
        assert_eq!((limits.tags.len(), limits.pool.as_deref()), (2, Some("night")));
        assert_eq!(limits.operators.iter().map(NodeKey::hex).collect::<Vec<_>>(), [key]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        for (toml, says) in [
            ("tags = []", "`tags` is empty"),
            ("operators = []", "`operators` is empty"),
            (
                "operators = [\"abc\"]",
                "`operators`: `abc` is no operator's key; a key is 64 hexadecimal digits",
            ),
            ("pool = \"a b\"", "`a b` is no name of a tag or a pool"),
            ("tags = [\"\"]", "`` is no name of a tag or a pool"),
        ] {
            let error = read(toml).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
