//! The kernel: WGSL, its checked SPIR-V, and the CPU backend generated from it.
//! Knows no scene, no package and no device.

pub mod float_controls;
pub mod native;
pub mod operations;
pub mod vectors;

#[path = "../compiler/src/prelude.rs"]
pub mod wgsl;

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

/// Counts of values that no result may depend on, by WGSL line, from the audited CPU backend.
#[cfg(all(feature = "audit", kernel))]
pub mod audit {
    pub use crate::cpu_audit::report;
    pub use crate::wgsl::Counts;
}
