//! From what an artist has, a glTF scene and a job file, to the package that nodes render. Knows no node, network or
//! device: everything that needs libm, a file system or a choice happens here, once, where the job is submitted.

mod affine;
pub mod compile;
mod environment;
mod extensions;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod import;
mod label;
mod limits;
mod notice;
pub mod shot;
mod srgb;

pub use compile::{CompileError, Compiled, compile};
pub use environment::EnvironmentError;
pub use import::{ImportError, Selection};
pub use limits::ImportLimits;
pub use notice::Notice;
pub use shot::{ReadShotError, Shot, ShotKeys};
