//! The conformance suite: what a device must answer before it renders for others. Every operation of the exact subset on its
//! vectors, and golden tiles, against digests recorded under the kernel's version. Says what failed; whom that bars from what is
//! for others to decide.
//!
//! The recorded digests are the authority. This machine's CPU is asked only after one did not match, to name the vector or the
//! block that differs: a CPU that lies can hide the name of a failure, never the failure.

mod deep;
mod recorded;
mod tiles;
mod vectors;

use tessera_shared::digest::Digest;
use tessera_shared::grid::BlockAt;

pub use deep::{CheckedOperation, check_operations};
pub use recorded::{RecordError, Recorded};
pub use tiles::GoldenTile;

use crate::backend::Backend;

/// The suite of one kernel version.
#[derive(Clone, Debug)]
pub struct Suite {
    pub tiles: Vec<GoldenTile>,
    pub recorded: Recorded,
}

/// How a device went through the suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Operations and tiles that were compared.
    pub checks: usize,
    /// Vectors of the operations, on which every exact device agrees.
    pub vectors: usize,
    pub failures: Vec<Failure>,
}

/// An operation or a tile that is not what the kernel's version says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The operation in WGSL, or `tile` and the sample's name.
    pub name: String,
    pub difference: Difference,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// So many vectors of so many; the first of them.
    Vectors { failed: usize, of: usize, first: Mismatch },
    /// So many blocks of so many; the first of them.
    Blocks { failed: usize, of: usize, at: BlockAt, wanted: Digest, got: Digest },
    /// The digest is not the recorded one, and this machine's CPU gives the same bits: the two are wrong alike.
    Alike { wanted: Digest, got: Digest },
    /// The device could not answer.
    NoAnswer(String),
    /// Nothing is recorded for this kernel version.
    Unrecorded,
}

/// One vector with two results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// a, b, c and the operation's index.
    pub words: [u32; 4],
    pub device: [u32; 4],
    pub cpu: [u32; 4],
}

impl Suite {
    /// Runs the whole suite on a device. `on_check` hears the name of each check before it runs.
    pub fn run(&self, backend: &mut dyn Backend, on_check: &mut dyn FnMut(&str)) -> Report {
        let mut report = Report::default();
        on_check("operations");
        vectors::check(&self.recorded, backend, &mut report);
        for tile in &self.tiles {
            on_check(&tile.check_name());
            report.checks += 1;
            report.failures.extend(tile.check(&self.recorded, backend));
        }
        report
    }

    /// What the CPU backend says the digests are: to be recorded when the kernel's version is new.
    pub fn measure(&self) -> Result<Recorded, crate::RenderError> {
        let mut cpu = crate::cpu_backend(1);
        let mut recorded = Recorded::default();
        for (name, digest) in vectors::digests(cpu.as_mut())? {
            recorded.insert(name, digest);
        }
        for tile in &self.tiles {
            recorded.insert(tile.check_name(), tile.digest(cpu.as_mut())?);
        }
        Ok(recorded)
    }

    /// Names the suite: the digests that it wants. Another kernel, other vectors or other tiles are another suite.
    pub fn digest(&self) -> Digest {
        self.recorded.digest()
    }
}

impl Report {
    pub fn exact(&self) -> bool {
        self.failures.is_empty()
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.name;
        match &self.difference {
            Difference::Vectors { failed, of, first } => {
                let [a, b, c, _] = first.words;
                let (wanted, got) = (hex(first.cpu), hex(first.device));
                write!(
                    f,
                    "`{name}`: {failed} of {of} vectors differ; of {a:#010x}, {b:#010x}, {c:#010x} wanted {wanted}, got {got}"
                )
            }
            Difference::Blocks { failed, of, at, wanted, got } => write!(
                f,
                "`{name}`: {failed} of {of} blocks differ; block ({}, {}) wanted {wanted:?}, got {got:?}",
                at.x, at.y
            ),
            Difference::Alike { wanted, got } => write!(
                f,
                "`{name}`: wanted {wanted:?}, got {got:?}, and the CPU of this machine gives the same wrong bits"
            ),
            Difference::NoAnswer(reason) => write!(f, "`{name}`: no answer: {reason}"),
            Difference::Unrecorded => {
                write!(f, "`{name}`: nothing is recorded for kernel {}", tessera_shared::KERNEL_VERSION)
            }
        }
    }
}

/// Result words without the zeros behind the last.
fn hex(words: [u32; 4]) -> String {
    let used = words.iter().rposition(|&word| word != 0).unwrap_or(0) + 1;
    let words: Vec<String> = words[..used].iter().map(|word| format!("{word:#010x}")).collect();
    words.join(" ")
}
