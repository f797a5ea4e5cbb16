//! Picks the devices that render. Knows their names and kinds, not how they work.

use std::path::PathBuf;

use anyhow::bail;
use tessera_backends::{Backend, BuildOptions, GpuAdapter, GpuOptions, cpu_backend, gpu_adapters};
use tessera_shared::messages::Mode;
use tessera_worker::{Renderer, renderers};

use crate::args::{BackendChoice, DeviceArguments};
use crate::console;
use crate::failure::{Exit, Failure, OrExit, Outcome};

/// Cores of this machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The devices that the flags ask for; the CPU's threads are split into `workers` of them.
pub fn choose(
    arguments: &DeviceArguments,
    workers: usize,
    mode: Mode,
) -> Result<Vec<Box<dyn Renderer>>, Failure> {
    check(arguments).or_exit(Exit::Usage)?;
    let backends = backends(arguments, workers, mode).or_exit(Exit::Device)?;
    Ok(renderers(backends, BuildOptions::default()))
}

/// The devices that the flags ask for, before anybody renders with them.
pub fn backends_of(arguments: &DeviceArguments, mode: Mode) -> Result<Vec<Box<dyn Backend>>, Failure> {
    check(arguments).or_exit(Exit::Usage)?;
    backends(arguments, 1, mode).or_exit(Exit::Device)
}

/// CPU backends of a machine: so many threads in all, split evenly.
fn cpus(threads: usize, workers: usize) -> Vec<Box<dyn Backend>> {
    let share = |worker: usize| threads / workers + usize::from(worker < threads % workers);
    (0..workers).map(|worker| cpu_backend(share(worker).max(1))).collect()
}

/// Flags that contradict each other.
fn check(arguments: &DeviceArguments) -> anyhow::Result<()> {
    if arguments.backend == BackendChoice::Cpu && arguments.gpu.is_some() {
        bail!("--gpu names a GPU, and --backend cpu asks for none; leave one of them out");
    }
    Ok(())
}

fn backends(
    arguments: &DeviceArguments,
    workers: usize,
    mode: Mode,
) -> anyhow::Result<Vec<Box<dyn Backend>>> {
    let required = arguments.backend == BackendChoice::Gpu || arguments.gpu.is_some();
    if required || arguments.backend == BackendChoice::Auto {
        let gpus = gpus(arguments.gpu.as_deref(), required, mode)?;
        if !gpus.is_empty() {
            return Ok(gpus);
        }
    }
    Ok(cpus(arguments.threads.map_or_else(cores, usize::from), workers))
}

/// GPUs whose name contains `wanted`; without a name, every one that is no software.
fn gpus(wanted: Option<&str>, required: bool, mode: Mode) -> anyhow::Result<Vec<Box<dyn Backend>>> {
    let adapters = gpu_adapters();
    let options = GpuOptions { cache_dir: cache_folder(), mode };
    let mut opened = Vec::new();
    for adapter in adapters.iter().filter(|adapter| fits(adapter, wanted)) {
        match adapter.open(&options) {
            Ok(backend) => opened.push(backend),
            Err(error) if required => return Err(error.into()),
            Err(error) => tracing::warn!("{error}"),
        }
    }
    if opened.is_empty() && required {
        let wanted = wanted.map_or("no hardware GPU".into(), |name| format!("no GPU named `{name}`"));
        let known: Vec<&str> = adapters.iter().map(|adapter| adapter.describe().name.as_str()).collect();
        match known.is_empty() {
            true => bail!("{wanted}: Vulkan shows no device; install a driver, or use --backend cpu"),
            false => bail!("{wanted}; Vulkan shows {}; use --gpu NAME or --backend cpu", known.join(", ")),
        }
    }
    Ok(opened)
}

fn fits(adapter: &GpuAdapter, wanted: Option<&str>) -> bool {
    match wanted {
        Some(wanted) => adapter.describe().name.to_lowercase().contains(&wanted.to_lowercase()),
        None => !adapter.is_software(),
    }
}

/// Where drivers' compiled kernels are kept, if this user has such a place.
fn cache_folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").filter(|base| !base.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    let folder = base.join("tessera");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder)
}

/// The CPU as one device with so many threads.
pub fn cpu(threads: usize) -> Box<dyn Renderer> {
    renderers(cpus(threads.max(1), 1), BuildOptions::default()).remove(0)
}

/// Prints the devices that can render here.
pub fn list() -> Result<Outcome, Failure> {
    let device = cpu_backend(cores()).describe();
    console::print(format_args!("cpu  {} ({})", device.name, device.driver));
    for adapter in gpu_adapters() {
        let kind = if adapter.is_software() { "software gpu" } else { "gpu" };
        let device = adapter.describe();
        console::print(format_args!("{kind}  {} ({})", device.name, device.driver));
    }
    Ok(Outcome::Done)
}
