//! The whole farm in one thread, from one seed: the real scheduler core and worker cores, with network, clock, processes,
//! pixels and cheats made up. A failure is a seed.

pub mod attacks;
pub mod cheats;
pub mod curves;
pub mod farm;
pub mod node;
pub mod orders;
mod picture;
mod processes;
mod random;
mod referees;
mod shell;
pub mod tally;
mod world;

pub use cheats::Cheat;
pub use farm::{Farm, Fault, Network, Shot, Trace};
pub use node::operator_key;
pub use orders::Order;
pub use tally::Tally;
pub use world::Outcome;
