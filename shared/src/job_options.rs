//! What an artist says about a job besides its package: how urgent it is, how it is checked, who may serve it and what it
//! waits for. Knows no farm.

use crate::ids::JobId;
use crate::limits::JobLimits;

/// The least and the greatest priority of a job.
pub const PRIORITY_MIN: i32 = -1000;
pub const PRIORITY_MAX: i32 = 1000;
/// Most jobs that one job waits for.
pub const AFTER_MAX: usize = 64;

/// How a job's results are verified (DESIGN §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Verify {
    None,
    /// So many blocks of every tile-pass are rendered again by another operator or the referee.
    Blocks(u32),
    /// Every block is.
    Double,
    /// One block of as many tile-passes as the operator's clean record makes necessary: of those accepted from it, at most so
    /// many in a million may be expected to be wholly forged.
    Confidence {
        wrong_ppm: u32,
    },
}

/// How a device may compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub enum Mode {
    /// To the bits of the kernel's version.
    #[default]
    Exact,
    /// With the device's own functions and contraction: nobody else gets the same bits, so nothing is verified.
    Fast,
}

/// What an artist says about a job besides its package.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct JobOptions {
    /// Higher goes first; from [`PRIORITY_MIN`] to [`PRIORITY_MAX`].
    pub priority: i32,
    pub verify: Verify,
    pub mode: Mode,
    pub limits: JobLimits,
    /// Nothing of the job is lent before all of these have completed; if one does not complete, the job fails. At most
    /// [`AFTER_MAX`].
    pub after: Vec<JobId>,
}

impl Default for JobOptions {
    fn default() -> JobOptions {
        let (mode, limits) = (Mode::Exact, JobLimits::default());
        JobOptions { priority: 0, verify: Verify::Blocks(1), mode, limits, after: Vec::new() }
    }
}
