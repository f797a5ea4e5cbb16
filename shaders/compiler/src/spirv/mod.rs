//! From validated IR to SPIR-V words that the gate has passed.

mod allow;
pub mod emit;
pub mod gate;
pub mod names;
mod operands;
mod shifts;
pub mod words;
