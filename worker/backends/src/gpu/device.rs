//! An open device: kernels, buffers, dispatches and what went wrong with them. Knows no scene.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tessera_shaders::float_controls;

use crate::backend::FloatControls;

/// A device that does not answer for this long is taken for lost. Dispatches are a small part of it.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// What went wrong on a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    #[error("the device was lost ({0})")]
    Lost(String),
    #[error("its memory is full ({0})")]
    OutOfMemory(String),
    #[error("{0}")]
    Other(String),
}

/// A buffer of [`super::GpuAdapter::run_compute`].
#[derive(Clone, Copy, Debug)]
pub struct ComputeBuffer<'a> {
    pub bytes: &'a [u8],
    pub writable: bool,
}

pub(super) struct OpenDevice {
    pub device: wgpu::Device,
    queue: wgpu::Queue,
    /// The first thing that went wrong and nobody has asked for.
    failure: Arc<Mutex<Option<DeviceError>>>,
    cache: Option<CacheFile>,
    floats: float_controls::FloatControls,
}

/// A kernel ready to run. Its bindings are 0, 1, 2, … of group 0.
pub(super) struct Kernel {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// wgpu's futures on Vulkan are ready when they are made.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::yield_now();
    }
}

impl OpenDevice {
    pub fn open(
        adapter: &wgpu::Adapter,
        floats: FloatControls,
        cache_dir: Option<&Path>,
    ) -> Result<OpenDevice, DeviceError> {
        let wanted = wgpu::Features::PASSTHROUGH_SHADERS | wgpu::Features::PIPELINE_CACHE;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("tessera"),
            required_features: adapter.features() & wanted,
            required_limits: adapter.limits(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) = block_on(adapter.request_device(&descriptor))
            .map_err(|error| DeviceError::Other(format!("no device: {error}")))?;
        let failure = Arc::new(Mutex::new(None));
        let record = |failure: &Mutex<Option<DeviceError>>, error| {
            if let Ok(mut first) = failure.lock() {
                first.get_or_insert(error);
            }
        };
        let errors = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let text = error.to_string();
            let out_of_memory = matches!(error, wgpu::Error::OutOfMemory { .. });
            record(
                &errors,
                if out_of_memory { DeviceError::OutOfMemory(text) } else { DeviceError::Other(text) },
            );
        }));
        let losses = failure.clone();
        device.set_device_lost_callback(move |reason, text| {
            // A loss explains whatever else failed.
            if let Ok(mut first) = losses.lock() {
                *first = Some(DeviceError::Lost(format!("{reason:?}: {text}")));
            }
        });
        let has_cache = device.features().contains(wgpu::Features::PIPELINE_CACHE);
        let cache = cache_dir.filter(|_| has_cache).and_then(|dir| CacheFile::open(&device, adapter, dir));
        let floats = float_controls::FloatControls {
            rounding_mode_rte: floats.rounds_to_nearest_even,
            signed_zero_inf_nan_preserve: floats.preserves_signed_zero_inf_nan,
        };
        Ok(OpenDevice { device, queue, failure, cache, floats })
    }

    /// Fails with what went wrong since the last call.
    pub fn check(&self) -> Result<(), DeviceError> {
        let failure = self.failure.lock().ok().and_then(|mut failure| failure.take());
        failure.map_or(Ok(()), Err)
    }

    /// Compiles a kernel whose binding i is written if `writable[i]`.
    pub fn kernel(&self, spirv: &[u32], entry_point: &str, writable: &[bool]) -> Result<Kernel, DeviceError> {
        let entries: Vec<_> =
            writable.iter().enumerate().map(|(i, &writable)| layout_entry(i as u32, writable)).collect();
        let descriptor = wgpu::BindGroupLayoutDescriptor { label: Some(entry_point), entries: &entries };
        let layout = self.device.create_bind_group_layout(&descriptor);
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(entry_point),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let point = wgpu::PassthroughShaderEntryPoint {
            name: Cow::Borrowed(entry_point),
            workgroup_size: (64, 1, 1),
        };
        let descriptor = wgpu::ShaderModuleDescriptorPassthrough {
            label: Some(entry_point),
            entry_points: Cow::Owned(vec![point]),
            spirv: Some(Cow::Owned(float_controls::request(spirv, self.floats))),
            ..Default::default()
        };
        // SAFETY: the words come from naga over validated IR and through the build's gate; the host keeps every index that
        // they follow within its buffer.
        let module = unsafe { self.device.create_shader_module_passthrough(descriptor) };
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry_point),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(entry_point),
            compilation_options: Default::default(),
            cache: self.cache.as_ref().map(|cache| &cache.cache),
        });
        self.check()?;
        if let Some(cache) = &self.cache {
            cache.save();
        }
        Ok(Kernel { pipeline, layout })
    }

    /// A storage buffer with these bytes; at least 16, as an empty one cannot be bound.
    pub fn upload(&self, label: &str, bytes: &[u8], writable: bool) -> wgpu::Buffer {
        let size = (bytes.len().max(16) as u64).next_multiple_of(4);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let usage = if writable { usage | wgpu::BufferUsages::COPY_SRC } else { usage };
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        let whole = bytes.len() / 4 * 4;
        if whole > 0 {
            self.queue.write_buffer(&buffer, 0, &bytes[..whole]);
        }
        buffer
    }

    /// Replaces the head of a buffer. The length is a multiple of 4.
    pub fn write(&self, buffer: &wgpu::Buffer, bytes: &[u8]) {
        self.queue.write_buffer(buffer, 0, bytes);
    }

    /// A buffer that the host can read.
    pub fn readback(&self, bytes: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size: bytes,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        })
    }

    pub fn bind(&self, kernel: &Kernel, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        let bound = buffers.iter().enumerate();
        let entries: Vec<_> = bound
            .map(|(i, buffer)| wgpu::BindGroupEntry {
                binding: i as u32,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let descriptor = wgpu::BindGroupDescriptor { label: None, layout: &kernel.layout, entries: &entries };
        self.device.create_bind_group(&descriptor)
    }

    /// Runs a kernel, then copies `copies` (from, to, bytes), and waits until all is done.
    pub fn run(
        &self,
        kernel: &Kernel,
        group: &wgpu::BindGroup,
        workgroups: [u32; 3],
        copies: &[(&wgpu::Buffer, &wgpu::Buffer, u64)],
    ) -> Result<(), DeviceError> {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&kernel.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(workgroups[0], workgroups[1], workgroups[2]);
        }
        for (from, to, bytes) in copies {
            encoder.copy_buffer_to_buffer(from, 0, to, 0, *bytes);
        }
        self.queue.submit([encoder.finish()]);
        self.wait()
    }

    fn wait(&self) -> Result<(), DeviceError> {
        let polled =
            self.device.poll(wgpu::PollType::Wait { submission_index: None, timeout: Some(ANSWER_MAX) });
        self.check()?;
        match polled {
            Ok(_) => Ok(()),
            Err(wgpu::PollError::Timeout) => {
                Err(DeviceError::Lost(format!("no answer in {} seconds", ANSWER_MAX.as_secs())))
            }
            Err(error) => Err(DeviceError::Other(error.to_string())),
        }
    }

    /// The first bytes of a readback buffer, handed to `take`.
    pub fn read<T>(
        &self,
        buffer: &wgpu::Buffer,
        bytes: u64,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, DeviceError> {
        let (sender, receiver) = mpsc::channel();
        let slice = buffer.slice(..bytes);
        slice.map_async(wgpu::MapMode::Read, move |result| {
            // The receiver waits below; where it has gone, nobody wants the answer.
            let _ = sender.send(result);
        });
        self.wait()?;
        match receiver.try_recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(DeviceError::Other(format!("its memory cannot be read: {error}"))),
            Err(error) => return Err(DeviceError::Other(format!("its memory was not mapped: {error}"))),
        }
        let view = slice.get_mapped_range().map_err(|error| DeviceError::Other(error.to_string()))?;
        let taken = take(&view);
        drop(view);
        buffer.unmap();
        Ok(taken)
    }

    pub fn run_compute(
        &self,
        spirv: &[u32],
        entry_point: &str,
        buffers: &[ComputeBuffer<'_>],
        workgroups: [u32; 3],
    ) -> Result<Vec<Vec<u8>>, DeviceError> {
        let writable: Vec<bool> = buffers.iter().map(|buffer| buffer.writable).collect();
        let kernel = self.kernel(spirv, entry_point, &writable)?;
        let on_device: Vec<_> =
            buffers.iter().map(|buffer| self.upload(entry_point, buffer.bytes, buffer.writable)).collect();
        let group = self.bind(&kernel, &on_device.iter().collect::<Vec<_>>());
        let written: Vec<usize> = (0..buffers.len()).filter(|&i| buffers[i].writable).collect();
        let targets: Vec<_> = written.iter().map(|&i| self.readback(on_device[i].size())).collect();
        let copies: Vec<_> =
            written.iter().zip(&targets).map(|(&i, target)| (&on_device[i], target, target.size())).collect();
        self.run(&kernel, &group, workgroups, &copies)?;
        written
            .iter()
            .zip(&targets)
            .map(|(&i, target)| {
                self.read(target, target.size(), |bytes| bytes[..buffers[i].bytes.len()].to_vec())
            })
            .collect()
    }
}

fn layout_entry(binding: u32, writable: bool) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage { read_only: !writable },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}

/// What the driver compiled, on disk. Any failure here costs time alone, so it is told to the log and no one else.
struct CacheFile {
    cache: wgpu::PipelineCache,
    path: PathBuf,
}

impl CacheFile {
    fn open(device: &wgpu::Device, adapter: &wgpu::Adapter, dir: &Path) -> Option<CacheFile> {
        let path = dir.join(wgpu::util::pipeline_cache_key(&adapter.get_info())?);
        let data = std::fs::read(&path).ok();
        let descriptor = wgpu::PipelineCacheDescriptor { label: None, data: data.as_deref(), fallback: true };
        // SAFETY: the file is written by `save` alone, below a folder of the operator's own; wgpu checks that its header
        // names this adapter and driver.
        let cache = unsafe { device.create_pipeline_cache(&descriptor) };
        Some(CacheFile { cache, path })
    }

    fn save(&self) {
        let Some(data) = self.cache.get_data() else { return };
        let partial = self.path.with_extension("partial");
        let saved = self.path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let saved = saved
            .and_then(|()| std::fs::write(&partial, data))
            .and_then(|()| std::fs::rename(&partial, &self.path));
        if let Err(error) = saved {
            tracing::warn!(path = %self.path.display(), %error, "compiled kernels are not kept");
        }
    }
}
