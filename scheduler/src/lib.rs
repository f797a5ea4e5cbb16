//! The scheduler's shells around its pure core (QUIC, driver, blobs, films), and the library that artists' commands use.
//! Decides nothing about jobs, leases or trust: `scheduler/core` does.

pub mod client;
pub mod options;
pub mod referee;

pub use options::SchedulerOptions;
pub use referee::Referee;
pub use tessera_shared::messages::{JobOptions, JobState, JobStatus, Verify, WorkerState, WorkerStatus};
pub use tessera_transport::identity::Identity;
pub use tessera_transport::link::{Link, Role};
