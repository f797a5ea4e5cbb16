//! Renders blocks of a package on this machine's CPU or on a GPU, to the same bits. Knows no farm: it is given a prepared
//! scene, a frame and items, and returns pixels.

mod accel;
mod backend;
pub mod conformance;
mod cpu;
mod gpu;
mod pages;
mod params;
pub mod probe;
mod scene;

pub use accel::{BuildOptions, Quality};
pub use backend::{Backend, BlockItem, DeviceDescription, DeviceKind, FloatControls, FrameView, RenderError};
pub use cpu::cpu_backend;
pub use gpu::{ComputeBuffer, DeviceError, GpuAdapter, GpuOptions, OpenDeviceError, gpu_adapters};
pub use params::KernelParams;
pub use scene::{PrepareError, PreparedScene, prepare};
