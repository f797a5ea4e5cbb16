//! Which of this machine's devices may serve a farm: each goes through the conformance suite, and its result is kept in the data
//! directory until its driver, the kernel or the program changes, or chance asks for another run. Knows no farm.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use tessera_backends::Backend;
use tessera_backends::conformance::Suite;
use tessera_shared::admission::{DeviceReport, FAILURES_MAX, Serves};
use tessera_shared::digest::Digest;
use tessera_shared::messages::Device;

use crate::backend::{described, failures};

/// Folder of the results in a data directory.
const FOLDER: &str = "conformance";
/// Largest result that is read.
const RESULT_BYTES_MAX: u64 = 64 << 10;
/// One start in so many runs the suite though its result is known.
pub const AGAIN_ONE_IN: u64 = 8;
/// Name of a device's score in the folder, behind the name of its result.
const SCORE: &str = "score";

/// How devices are examined.
pub struct Examiner<'a> {
    /// The worker's data directory.
    pub data: &'a Path,
    /// The digest of the suite that `suite` makes.
    pub wanted: Digest,
    /// Makes the suite: called once, and only where a device must run it.
    pub suite: &'a dyn Fn() -> anyhow::Result<Suite>,
    /// When a known result does not count.
    pub fresh: Fresh,
}

/// When the suite runs although its result is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    Never,
    /// Once in [`AGAIN_ONE_IN`] times: hardware ages, and files can be edited.
    ByChance,
    Always,
}

/// A device and how it went.
pub struct Examined {
    pub backend: Box<dyn Backend>,
    pub report: DeviceReport,
    /// The result was known: the suite did not run.
    pub known: bool,
}

impl Examiner<'_> {
    /// Examines every device, in order. One that is not exact serves nothing: whether it serves fast jobs its owner says.
    pub fn examine(&self, backends: Vec<Box<dyn Backend>>) -> anyhow::Result<Vec<Examined>> {
        let mut suite = None;
        let mut examined = Vec::with_capacity(backends.len());
        for mut backend in backends {
            let device = described(backend.as_ref());
            let file = self.file(&device);
            let again = match self.fresh {
                Fresh::Never => false,
                Fresh::ByChance => chance(AGAIN_ONE_IN),
                Fresh::Always => true,
            };
            let kept = if again { None } else { read(&file) };
            let known = kept.is_some();
            let failures = match kept {
                Some(failures) => failures,
                None => {
                    let suite = match &suite {
                        Some(suite) => suite,
                        None => suite.insert((self.suite)()?),
                    };
                    let failures = failures(suite, backend.as_mut());
                    write(&file, &failures);
                    failures
                }
            };
            let serves = if failures.is_empty() { Serves::Every } else { Serves::None };
            let score_rays_per_second = self.score(&device);
            let report = DeviceReport { device, suite: self.wanted, failures, serves, score_rays_per_second };
            examined.push(Examined { backend, report, known });
        }
        Ok(examined)
    }

    /// Keeps what a device failed since: it is refused until its driver, the suite or the program changes, or another run
    /// finds it exact.
    pub fn keep_failures(&self, device: &Device, failures: &[String]) {
        write(&self.file(device), failures);
    }

    /// What the device scored when `tessera bench` last ran with this data directory; 0 if it did not.
    pub fn score(&self, device: &Device) -> u64 {
        let text = std::fs::read_to_string(self.file(device).with_extension(SCORE)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Keeps a score, in rays a second.
    pub fn keep_score(&self, device: &Device, rays_per_second: u64) -> std::io::Result<()> {
        std::fs::create_dir_all(self.data.join(FOLDER))?;
        std::fs::write(self.file(device).with_extension(SCORE), format!("{rays_per_second}\n"))
    }

    /// Where the result of a device stands: the name says device, driver, suite (and with it the kernel) and program.
    fn file(&self, device: &Device) -> PathBuf {
        let (kind, program) = (format!("{:?}", device.kind), env!("CARGO_PKG_VERSION"));
        let mut bytes = b"tessera conformance 1\0".to_vec();
        for part in [&device.name, &device.driver, &kind, program] {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes.extend(self.wanted.0);
        self.data.join(FOLDER).join(Digest::of(&bytes).hex())
    }
}

/// The first line of a result says that it is whole.
const EXACT: &str = "exact";
const FAILED: &str = "failed";

/// The failures of a kept result; `None` where there is none that can be read.
fn read(file: &Path) -> Option<Vec<String>> {
    if std::fs::metadata(file).ok()?.len() > RESULT_BYTES_MAX {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    let mut lines = text.lines();
    let verdict = lines.next()?;
    let failures: Vec<String> = lines.take(FAILURES_MAX).map(DeviceReport::told).collect();
    match (verdict, failures.is_empty()) {
        (EXACT, true) | (FAILED, false) => Some(failures),
        _ => None,
    }
}

/// A result that cannot be kept costs another run, nothing else.
fn write(file: &Path, failures: &[String]) {
    let verdict = if failures.is_empty() { EXACT } else { FAILED };
    let lines = failures.iter().map(|failure| failure.replace('\n', " "));
    let text: String = std::iter::once(verdict.to_owned()).chain(lines).map(|line| line + "\n").collect();
    let kept =
        file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(file, text));
    if let Err(error) = kept {
        tracing::warn!(path = %file.display(), %error, "the result of the conformance suite is not kept");
    }
}

/// True once in `n`, by the randomness that the standard library has for its hash maps.
fn chance(n: u64) -> bool {
    RandomState::new().build_hasher().finish().is_multiple_of(n)
}
