//! The GPU backend: the kernel's checked SPIR-V through Vulkan, handed to the driver as it is.

mod adapters;
mod device;
mod memory;
#[cfg(test)]
mod paging;
mod render;
mod upload;

pub use adapters::{GpuAdapter, GpuOptions, OpenDeviceError, gpu_adapters};
pub use device::{ComputeBuffer, DeviceError};
pub(crate) use upload::scene_sections;
