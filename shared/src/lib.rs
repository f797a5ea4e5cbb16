//! What two Tessera processes must agree on: ids, digests, the film, the package, leases, messages and their codec, receipts.
//! Knows no socket, clock or file.

pub mod admission;
pub mod codec;
pub mod control;
pub mod digest;
pub mod display;
pub mod film;
pub mod frame_head;
pub mod grid;
pub mod ids;
pub mod job_options;
pub mod lease;
pub mod limits;
pub mod messages;
pub mod package;
pub mod receipt;
pub mod upload;
pub mod watching;
pub mod web;

/// Version of the kernel's image. It moves whenever one bit of any golden image moves; leases go only to workers of the
/// job's kernel version.
pub const KERNEL_VERSION: u32 = 3;
