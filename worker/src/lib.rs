//! The worker's shells around its pure core (QUIC, devices, caches), and the farm in one process that `tessera render` is.
//! Decides nothing about leases: `worker/core` does.

pub mod admission;
mod backend;
mod backoff;
mod devices;
mod failures;
mod hours;
pub mod local;
pub mod options;
mod packages;
pub mod renderer;
mod run;
mod session;
mod shell;

pub use backend::{BackendRenderer, renderers};
pub use backoff::BackoffOptions;
pub use devices::{Inexact, MakeSuite};
pub use hours::{Hours, ParseHoursError, Schedule};
pub use local::{LocalError, LocalEvent, LocalOptions, render_local};
pub use options::{Examination, WorkerOptions};
pub use renderer::{BlockItem, Renderer, Scene, Stage};
pub use run::{run, shutdown_signal};
pub use session::WorkerError;
pub use tessera_transport::identity::Identity;
pub use tessera_transport::link::{Link, Role};
pub use tessera_transport::timing::Timing;
