//! What a worker is told at its start.

use std::path::PathBuf;
use std::time::Duration;

use tessera_shared::admission::DeviceReport;
use tessera_transport::link::Link;
use tessera_transport::timing::Timing;

use crate::backoff::BackoffOptions;
use crate::devices::MakeSuite;
use crate::hours::Schedule;

/// How devices are examined while a worker runs: at moments that nobody can foretell, and at once when its farm quarantines it.
#[derive(Clone)]
pub struct Examination {
    /// Makes the suite, each time anew: between two times it takes no memory.
    pub suite: MakeSuite,
    /// The time between two, on average.
    pub every: Duration,
}

impl std::fmt::Debug for Examination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "every {:?}", self.every)
    }
}

/// Options of [`crate::run`].
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// The farm's worker link.
    pub link: Link,
    /// Directory of the key and of the blob cache; created if need be. One process at a time uses it.
    pub data: PathBuf,
    /// Name for people, such as the machine's.
    pub name: String,
    /// Most bytes of blobs kept on disk; at least the blobs of one package are.
    pub cache_bytes_max: u64,
    /// Most bytes of packages kept in memory, ready to render; at least one is.
    pub scenes_bytes_max: u64,
    /// Most bytes of results that wait in memory to be taken. While a connection stands, no lease begins beyond it; without
    /// one, the results that were due first are dropped.
    pub results_bytes_max: u64,
    /// What its devices made of the conformance suite, those included that serve nothing; empty if they were not examined.
    pub reports: Vec<DeviceReport>,
    /// Whether its devices are examined again while it runs.
    pub examination: Option<Examination>,
    /// What it says that it is, for jobs that ask for it; see [`tessera_shared::limits`].
    pub tags: Vec<String>,
    /// When of a day it takes leases; always if none.
    pub schedule: Option<Schedule>,
    /// When the farm is taken for gone.
    pub timing: Timing,
    /// The pauses before connecting again.
    pub backoff: BackoffOptions,
}

impl WorkerOptions {
    /// The usual limits.
    pub fn new(link: Link, data: PathBuf, name: String) -> WorkerOptions {
        WorkerOptions {
            link,
            data,
            name,
            cache_bytes_max: 32 << 30,
            scenes_bytes_max: 4 << 30,
            results_bytes_max: 1 << 30,
            reports: Vec::new(),
            examination: None,
            tags: Vec::new(),
            schedule: None,
            timing: Timing::default(),
            backoff: BackoffOptions::default(),
        }
    }
}
