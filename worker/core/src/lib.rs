//! A lease's life on a worker, as a pure machine: events in, actions out. Knows no clock, socket, device or pixel.

pub mod api;
mod examination;
mod items;
mod machine;

pub use api::{Action, Config, Event, Output};
pub use machine::Core;
