//! What one connection, one key and one job may ask of a scheduler, and how long a peer may keep it waiting. `docs/limits.md` has the
//! whole list, and what happens at each limit. Counts nothing.

use std::time::Duration;

/// The least that a peer must send or take on average, in bytes a second, once [`Limits::stall`] is over.
pub const RATE_MIN: u64 = 16 << 10;

/// Limits of [`crate::SchedulerOptions`]. The defaults suit a farm that strangers can reach.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that have not said hello yet. A newcomer takes the place of the one that has been silent for longest.
    pub strangers_max: usize,
    /// How long a client may take from its first packet to the end of its hello.
    pub hello: Duration,
    /// How long a peer may keep a stream waiting before [`RATE_MIN`] counts.
    pub stall: Duration,
    /// Connections of one key at once.
    pub key_connections_max: usize,
    /// Wrong tokens from one address, or from one IPv6 network of 64 bits, before it is refused without a word.
    pub wrong_tokens_max: u32,
    /// One wrong token is forgiven so often.
    pub wrong_token_forgiven: Duration,
    /// Requests of one connection a second; more wait.
    pub requests_per_second: u32,
    /// Uploads of one key at once; more wait.
    pub key_uploads_max: usize,
    /// Bytes that one key may announce to upload at once, and within a day.
    pub key_upload_bytes_max: u64,
    /// Jobs of one key, and of all, that have not ended.
    pub key_jobs_max: usize,
    pub jobs_max: usize,
    /// Pixels of a frame: its film takes 32 bytes each in memory.
    pub frame_pixels_max: u64,
    /// Tile-passes of a job: frames × tiles × passes, of about 64 bytes each in memory once they are accepted.
    pub tile_passes_max: u64,
    /// Blobs of a package.
    pub blobs_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            strangers_max: 1024,
            hello: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            key_connections_max: 256,
            wrong_tokens_max: 32,
            wrong_token_forgiven: Duration::from_secs(2),
            requests_per_second: 2000,
            key_uploads_max: 64,
            key_upload_bytes_max: 128 << 30,
            key_jobs_max: 1000,
            jobs_max: 10_000,
            frame_pixels_max: 1 << 27,
            tile_passes_max: 1 << 26,
            blobs_max: 1 << 18,
        }
    }
}

impl Limits {
    /// How long so many bytes may take.
    pub fn patience(&self, bytes: u64) -> Duration {
        self.stall + Duration::from_millis(bytes.saturating_mul(1000) / RATE_MIN)
    }
}
