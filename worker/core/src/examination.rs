//! When a worker examines its devices again: at moments that nobody can foretell, once no device renders. Knows no suite.

use crate::api::Config;

/// Where the examination of a worker's devices stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Examination {
    /// None is asked for.
    Never,
    /// The first time is not drawn yet.
    Undrawn,
    At(u64),
    /// Waits until no device renders.
    Due,
    Running,
    /// A device failed: nothing is taken any more.
    Failed,
}

impl Examination {
    pub fn new(config: &Config) -> Examination {
        if config.examine_every_ms == 0 { Examination::Never } else { Examination::Undrawn }
    }

    /// No lease may begin.
    pub fn holds_back(self) -> bool {
        matches!(self, Examination::Due | Examination::Running | Examination::Failed)
    }

    /// When it is due, if that is a matter of time.
    pub fn at_ms(self) -> Option<u64> {
        match self {
            Examination::At(at_ms) => Some(at_ms),
            _ => None,
        }
    }
}

/// A time between half and one and a half of `every_ms` from now, as the random number says.
pub(crate) fn draw(now_ms: u64, every_ms: u64, random: u64) -> u64 {
    now_ms.saturating_add(every_ms / 2).saturating_add(random % every_ms.max(1))
}

/// The next random number of a seed (SplitMix64).
pub(crate) fn next_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
