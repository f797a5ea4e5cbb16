//! The scheduler as a pure machine: events in, records, messages, replies and effects out. Knows no clock, socket or disk.

pub mod api;
pub mod record;
pub mod verify;

pub use verify::tile_root;
