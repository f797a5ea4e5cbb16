//! The whole farm in one thread, from one seed: the real scheduler core and worker cores, with network, clock, processes,
//! pixels and cheats made up. A failure is a seed.

mod arrivals;
pub mod attacks;
mod audit;
pub mod cheats;
mod checkers;
pub mod curves;
mod deaths;
mod disk;
mod durable;
mod fairness;
pub mod farm;
mod network;
pub mod node;
mod obedience;
pub mod orders;
mod people;
mod picture;
mod plant;
mod processes;
mod random;
mod random_farm;
mod referees;
mod replay;
mod scheduler;
mod shell;
mod storage;
pub mod tally;
mod world;

pub use cheats::Cheat;
pub use checkers::{CHECKERS, Checker};
pub use deaths::Moment;
pub use farm::{Farm, Fault, Shot, Trace};
pub use network::{Network, Ordering};
pub use node::operator_key;
pub use orders::Order;
pub use plant::Bug;
pub use tally::Tally;
pub use world::Outcome;
