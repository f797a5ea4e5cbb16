//! The worker's shells around its pure core (QUIC, devices, caches), and the farm in one process that `tessera render` is.
//! Decides nothing about leases: `worker/core` does.

pub mod local;
pub mod options;
pub mod renderer;

pub use local::{LocalEvent, LocalOptions, render_local};
pub use options::WorkerOptions;
pub use renderer::{BlockItem, Renderer, Scene};
pub use tessera_transport::identity::Identity;
pub use tessera_transport::link::{Link, Role};
