//! The scheduler as a pure machine: events in, records, messages, replies and effects out. Knows no clock, socket or disk.

pub mod accounting;
pub mod admission;
pub mod api;
pub mod credits;
mod dependencies;
pub mod jobs;
mod judgement;
pub mod known;
pub mod leases;
mod lending;
mod limits;
mod machine;
pub mod odds;
pub mod orders;
pub mod overturn;
pub mod policy;
pub mod record;
pub mod referee;
mod requests;
mod restart;
mod sanity;
pub mod standings;
pub mod state;
pub mod tiles;
mod verify;
mod views;
mod workers;

pub use api::{Config, Event, Output};
pub use machine::Core;
pub use record::Record;
pub use verify::tile_root;
