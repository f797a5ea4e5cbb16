//! How commands end: documented exit codes, and errors that carry theirs.

/// A command that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// It ran, and the answer is no: images differ, a job failed.
    Negative,
}

/// Exit codes, as `tessera --help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Usage = 2,
    Scene = 3,
    Farm = 4,
    Device = 5,
    Output = 6,
}

/// A command that could not do its work.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub error: anyhow::Error,
}

/// Gives an error its exit code.
pub trait OrExit<T> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }
}

/// An error and its causes, outermost first. Many errors end with their cause's words; those are not said again.
pub fn sentence(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |said, cause| match cause.to_string() {
        cause if said.is_empty() => cause,
        cause if said.contains(&cause) => said,
        cause => format!("{said}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::sentence;
    use anyhow::{Context, anyhow};

    #[test]
    fn a_cause_is_said_once() {
        let error =
            anyhow!("no such file").context("a.glb cannot be read: no such file").context("the scene");
        assert_eq!(sentence(&error), "the scene: a.glb cannot be read: no such file");
        let nested = Err::<(), _>(anyhow!("disk full")).context("b.exr cannot be written").unwrap_err();
        assert_eq!(sentence(&nested), "b.exr cannot be written: disk full");
    }
}
