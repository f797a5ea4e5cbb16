//! Which Vulkan adapters there are and what they promise. Decides what is usable and what is software; opens nothing.

use std::path::{Path, PathBuf};

use ash::vk;
use tessera_shaders::cpu::BINDINGS;
use tessera_shaders::spirv;
use tessera_shared::messages::Mode;

use super::device::{ComputeBuffer, DeviceError, OpenDevice};
use super::memory::device_memory_bytes;
use super::render::GpuBackend;
use crate::backend::{Backend, DeviceDescription, DeviceKind, FloatControls};

/// A Vulkan adapter of this machine.
#[derive(Clone, Debug)]
pub struct GpuAdapter {
    adapter: wgpu::Adapter,
    description: DeviceDescription,
}

/// How a device is opened.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// Folder for what the driver compiled, so that the next start need not; none is kept without it.
    pub cache_dir: Option<PathBuf>,
    /// Which of the kernel's two sets of words the device runs.
    pub mode: Mode,
}

/// Why an adapter cannot render.
#[derive(Debug, thiserror::Error)]
pub enum OpenDeviceError {
    #[error("`{device}` takes no SPIR-V as it is; use --backend cpu")]
    Passthrough { device: String },
    #[error(
        "`{device}` binds {buffers} storage buffers at once, and the kernel needs {needed}; use --backend cpu"
    )]
    Buffers { device: String, buffers: u32, needed: u32 },
    #[error("`{device}` runs {lanes} lanes in a workgroup, and the kernel needs 64; use --backend cpu")]
    Lanes { device: String, lanes: u32 },
    #[error("`{device}` cannot be opened: {reason}; check its driver, or use --backend cpu")]
    Driver { device: String, reason: String },
}

/// Vulkan adapters in the driver's order, software ones included. Empty where there is no Vulkan.
pub fn gpu_adapters() -> Vec<GpuAdapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN;
    descriptor.flags = wgpu::InstanceFlags::empty();
    let instance = wgpu::Instance::new(descriptor);
    let adapters = super::device::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    adapters.into_iter().map(GpuAdapter::new).collect()
}

impl GpuAdapter {
    fn new(adapter: wgpu::Adapter) -> GpuAdapter {
        let info = adapter.get_info();
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let floats = float_controls(&adapter).unwrap_or_default();
        let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
        let kind = DeviceKind::Gpu { software, floats };
        let memory_bytes = device_memory_bytes(&adapter);
        GpuAdapter { adapter, description: DeviceDescription { name: info.name, kind, driver, memory_bytes } }
    }

    pub fn describe(&self) -> &DeviceDescription {
        &self.description
    }

    /// Rasterisers on the CPU. Nobody wants one unasked: the CPU backend is several times as fast.
    pub fn is_software(&self) -> bool {
        matches!(self.description.kind, DeviceKind::Gpu { software: true, .. })
    }

    /// Opens the device and compiles the kernel.
    pub fn open(&self, options: &GpuOptions) -> Result<Box<dyn Backend>, OpenDeviceError> {
        self.check()?;
        let backend = GpuBackend::open(self.clone(), options.clone());
        backend
            .map(|backend| Box::new(backend) as Box<dyn Backend>)
            .map_err(|error| self.driver_error(&error))
    }

    /// Runs one checked kernel once: buffers by binding, in order, each returned as it is afterwards if it was writable.
    /// For admission and tests.
    pub fn run_compute(
        &self,
        spirv: &[u32],
        entry_point: &str,
        buffers: &[ComputeBuffer<'_>],
        workgroups: [u32; 3],
    ) -> Result<Vec<Vec<u8>>, OpenDeviceError> {
        self.check()?;
        let device = self.open_device(None).map_err(|error| self.driver_error(&error))?;
        device.run_compute(spirv, entry_point, buffers, workgroups).map_err(|error| self.driver_error(&error))
    }

    /// The results of `operations.wgsl` for these vectors, in order.
    pub fn run_operations(&self, mode: Mode, vectors: &[[u32; 4]]) -> Result<Vec<[u32; 4]>, OpenDeviceError> {
        let words = match mode {
            Mode::Exact => spirv::OPERATIONS,
            Mode::Fast => spirv::OPERATIONS_FAST,
        };
        let zeros = vec![0u8; vectors.len() * 16];
        let buffers = [
            ComputeBuffer { bytes: bytemuck::cast_slice(vectors), writable: false },
            ComputeBuffer { bytes: &zeros, writable: true },
        ];
        let groups = (vectors.len() as u32).div_ceil(64);
        let written = self.run_compute(words, "operations", &buffers, [groups, 1, 1])?;
        Ok(bytemuck::pod_collect_to_vec(&written[0]))
    }

    pub(super) fn open_device(&self, cache_dir: Option<&Path>) -> Result<OpenDevice, DeviceError> {
        let DeviceKind::Gpu { floats, .. } = self.description.kind else {
            return Err(DeviceError::Other("it is no GPU".to_owned()));
        };
        OpenDevice::open(&self.adapter, floats, cache_dir)
    }

    pub(super) fn adapter(&self) -> &wgpu::Adapter {
        &self.adapter
    }

    fn driver_error(&self, error: &DeviceError) -> OpenDeviceError {
        OpenDeviceError::Driver { device: self.description.name.clone(), reason: error.to_string() }
    }

    fn check(&self) -> Result<(), OpenDeviceError> {
        let device = self.description.name.clone();
        let limits = self.adapter.limits();
        let (buffers, needed) = (limits.max_storage_buffers_per_shader_stage, BINDINGS.len() as u32);
        let lanes = limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x);
        if !self.adapter.features().contains(wgpu::Features::PASSTHROUGH_SHADERS) {
            Err(OpenDeviceError::Passthrough { device })
        } else if buffers < needed {
            Err(OpenDeviceError::Buffers { device, buffers, needed })
        } else if lanes < 64 {
            Err(OpenDeviceError::Lanes { device, lanes })
        } else {
            Ok(())
        }
    }
}

/// What the driver reports of `f32`; wgpu does not tell. `None` where the driver is older than Vulkan 1.2.
fn float_controls(adapter: &wgpu::Adapter) -> Option<FloatControls> {
    // SAFETY: the handles are used while the adapter is borrowed, for a query that changes nothing.
    let hal = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = hal.shared_instance();
    if instance.instance_api_version() < vk::API_VERSION_1_1 {
        return None;
    }
    let mut controls = vk::PhysicalDeviceFloatControlsProperties::default();
    let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut controls);
    // SAFETY: the physical device belongs to this instance, and both structs live until the call returns.
    unsafe {
        instance.raw_instance().get_physical_device_properties2(hal.raw_physical_device(), &mut properties);
    }
    if properties.properties.api_version < vk::API_VERSION_1_2 {
        return None;
    }
    Some(FloatControls {
        rounds_to_nearest_even: controls.shader_rounding_mode_rte_float32 == vk::TRUE,
        preserves_signed_zero_inf_nan: controls.shader_signed_zero_inf_nan_preserve_float32 == vk::TRUE,
        preserves_denormals: controls.shader_denorm_preserve_float32 == vk::TRUE,
        flushes_denormals: controls.shader_denorm_flush_to_zero_float32 == vk::TRUE,
    })
}
