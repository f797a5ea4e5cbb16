//! Flags of `tessera scheduler` that move its limits; `docs/limits.md` lists them all. Decides nothing about them.

use clap::Args;
use tessera_scheduler::{Limits, SchedulerOptions};

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArguments {
    /// Connections at once [default: 10000]
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// Connections of one key at once [default: 256]
    #[arg(long, value_name = "N")]
    key_connections: Option<usize>,
    /// Jobs that have not ended, of all keys [default: 10000]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Jobs of one key that have not ended [default: 1000]
    #[arg(long, value_name = "N")]
    key_jobs: Option<usize>,
    /// GiB that one key may upload at once and within a day [default: 128]
    #[arg(long, value_name = "GIB")]
    key_upload_gib: Option<u64>,
    /// GiB of blobs on disk [default: 256]
    #[arg(long, value_name = "GIB")]
    disk_gib: Option<u64>,
    /// Pixels of a frame; one that is worked on takes 32 bytes of memory a pixel [default: 134217728]
    #[arg(long, value_name = "N")]
    frame_pixels: Option<u64>,
    /// Frames × tiles × passes of a job, of 64 bytes of memory each [default: 67108864]
    #[arg(long, value_name = "N")]
    job_tile_passes: Option<u64>,
    /// Blobs of a package [default: 262144]
    #[arg(long, value_name = "N")]
    job_blobs: Option<usize>,
}

impl LimitArguments {
    /// The options with what was given.
    pub fn over(self, options: SchedulerOptions) -> SchedulerOptions {
        let gib = |gib: Option<u64>, usual| gib.map_or(usual, |gib| gib.saturating_mul(1 << 30));
        let usual = options.limits.clone();
        let limits = Limits {
            key_connections_max: self.key_connections.unwrap_or(usual.key_connections_max),
            jobs_max: self.jobs.unwrap_or(usual.jobs_max),
            key_jobs_max: self.key_jobs.unwrap_or(usual.key_jobs_max),
            key_upload_bytes_max: gib(self.key_upload_gib, usual.key_upload_bytes_max),
            frame_pixels_max: self.frame_pixels.unwrap_or(usual.frame_pixels_max),
            tile_passes_max: self.job_tile_passes.unwrap_or(usual.tile_passes_max),
            blobs_max: self.job_blobs.unwrap_or(usual.blobs_max),
            ..usual
        };
        SchedulerOptions {
            limits,
            connections_max: self.connections.unwrap_or(options.connections_max),
            disk_bytes_max: gib(self.disk_gib, options.disk_bytes_max),
            ..options
        }
    }
}
