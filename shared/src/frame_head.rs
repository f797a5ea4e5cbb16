//! What travels ahead of a finished frame's pixels. Knows no pixel.

use crate::digest::Digest;
use crate::film::Rays;
use crate::grid::Grid;
use crate::ids::FrameNumber;
use crate::job_options::Mode;
use crate::package::Settings;

/// What a film's pixels need to become a picture.
#[derive(Clone, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct FrameHead {
    pub frame: FrameNumber,
    pub job_name: String,
    pub package: Digest,
    pub kernel_version: u32,
    pub grid: Grid,
    pub samples: u32,
    pub seed: u32,
    pub max_bounces: u32,
    pub film_scale_log2: u32,
    pub rays: Rays,
    /// The film of a fast one is comparable with no other.
    pub mode: Mode,
}

impl FrameHead {
    /// The head of a frame that this program's kernel version rendered exactly.
    pub fn new(
        frame: FrameNumber,
        job_name: &str,
        package: Digest,
        settings: &Settings,
        rays: Rays,
    ) -> FrameHead {
        FrameHead {
            frame,
            job_name: job_name.to_owned(),
            package,
            kernel_version: crate::KERNEL_VERSION,
            grid: settings.grid,
            samples: settings.samples,
            seed: settings.seed,
            max_bounces: settings.max_bounces,
            film_scale_log2: settings.film_scale_log2,
            rays,
            mode: Mode::Exact,
        }
    }
}
