//! What a scheduler is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;

use tessera_shared::limits::Pools;
use tessera_transport::timing::Timing;

use crate::limits::Limits;
use crate::trust::TrustOptions;
use crate::webhooks::WebhookOptions;

/// Options of [`crate::serve`]. `Default` suits a studio's machine but for `data`.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// Directory of the key, the tokens, blobs and finished films; created if need be.
    pub data: PathBuf,
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where to serve the page and the HTTP interface, if anywhere; port 0 picks a free one.
    pub http: Option<SocketAddr>,
    /// Host that the printed links name, where it is not the listening address: a machine listening on every interface is
    /// known to others by a name.
    pub advertise: Option<String>,
    /// Most bytes of blobs on disk.
    pub disk_bytes_max: u64,
    /// Largest blob that is taken.
    pub blob_bytes_max: u64,
    /// Largest package that is taken: it is validated in memory.
    pub package_bytes_max: u64,
    /// Most bytes of pixels held in memory until they are accepted.
    pub held_bytes_max: usize,
    /// Most connections at once.
    pub connections_max: usize,
    /// What one connection, one key and one job may ask.
    pub limits: Limits,
    /// The lists of operators that jobs may name as their pool.
    pub pools: Pools,
    /// How much is checked, and by whom.
    pub trust: TrustOptions,
    /// Who is told over HTTP what happens to jobs, if anybody.
    pub webhooks: Option<WebhookOptions>,
    /// When a peer is taken for gone.
    pub timing: Timing,
}

impl Default for SchedulerOptions {
    fn default() -> SchedulerOptions {
        SchedulerOptions {
            data: PathBuf::from("tessera-data"),
            listen: (std::net::Ipv6Addr::UNSPECIFIED, DEFAULT_PORT).into(),
            http: None,
            advertise: None,
            disk_bytes_max: 256 << 30,
            blob_bytes_max: 8 << 30,
            package_bytes_max: 8 << 30,
            held_bytes_max: 2 << 30,
            connections_max: 10_000,
            limits: Limits::default(),
            pools: Pools::new(),
            trust: TrustOptions::default(),
            webhooks: None,
            timing: Timing::default(),
        }
    }
}

/// The UDP port that a scheduler listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 7878;
