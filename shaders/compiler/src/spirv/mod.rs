//! From validated IR to SPIR-V words that the gate has passed.

pub mod emit;
pub mod gate;
pub mod words;
