//! The scheduler's shells around its pure core (QUIC, driver, blobs, films), and the library that artists' commands use.
//! Decides nothing about jobs, leases or trust: `scheduler/core` does.

pub mod client;
mod clock;
mod connection;
mod deliveries;
mod driver;
mod feed;
mod film_file;
mod films;
mod frames;
mod gate;
mod http;
mod journal;
mod leased;
pub mod limits;
pub mod options;
mod packages;
mod pixels;
mod receipts;
mod recovery;
pub mod referee;
mod secrets;
mod serve;
#[cfg(test)]
mod small_farm;
mod small_file;
mod soundness;
mod standings;
mod storage;
mod throttle;
mod trust;
mod uploads;
pub mod webhooks;

pub use limits::Limits;
pub use options::SchedulerOptions;
pub use referee::Referee;
pub use serve::{Scheduler, ServeError, serve, serve_with};
pub use storage::{Observer, SharedDisk, Storage};
pub use tessera_scheduler_core::api::Config;
pub use tessera_shared::messages::{
    FrameHead, JobOptions, JobState, JobStatus, Verify, WorkerState, WorkerStatus,
};
pub use tessera_transport::identity::{Identity, is_signed};
pub use tessera_transport::link::{Link, Role};
pub use trust::TrustOptions;
