//! `tessera worker`: examines this machine's devices and lends those that serve to a farm, until it is asked to end.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use tessera_backends::{Backend, BuildOptions};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::limits::check_tags;
use tessera_shared::messages::{Device, Mode};
use tessera_worker::admission::{Examiner, Fresh};
use tessera_worker::{Identity, Link, Renderer, Schedule, WorkerOptions, renderers, shutdown_signal};

use crate::args::{DeviceArguments, WorkerArguments};
use crate::console;
use crate::devices;
use crate::failure::{Exit, Failure, OrExit, Outcome};

pub fn run(arguments: WorkerArguments) -> Result<Outcome, Failure> {
    let link: Link = arguments.join.trim().parse().context("the farm's link").or_exit(Exit::Usage)?;
    let data = match arguments.data {
        Some(data) => data,
        None => data_folder()?,
    };
    check_tags(&arguments.tag).context("--tag").or_exit(Exit::Usage)?;
    let key = Identity::load_or_create(&data).or_exit(Exit::Output)?.key();
    console::note(format_args!("operator {}", key.hex()));
    let (renderers, reports) = admitted(&arguments.device, &data, arguments.allow_fast)?;
    let mut options = WorkerOptions::new(link, data, arguments.name.unwrap_or_else(machine));
    options.tags = arguments.tag;
    options.cache_bytes_max = arguments.cache_gib.max(1).saturating_mul(1 << 30);
    options.reports = reports;
    options.schedule = arguments.hours.map(Schedule::local);
    let nothing = renderers.is_empty();
    let ended = super::runtime()?.block_on(tessera_worker::run(options, renderers, shutdown_signal()));
    if nothing {
        // The farm has been told, and has nothing to say that matters more.
        return Err(anyhow!(
            "no device here is exact, so none is lent; try another driver, --backend cpu, or --allow-fast for jobs of mode fast"
        ))
        .or_exit(Exit::Device);
    }
    ended.or_exit(Exit::Farm)?;
    Ok(Outcome::Done)
}

/// Where a worker's key, cache and results stand unless --data says otherwise.
pub fn data_folder() -> Result<PathBuf, Failure> {
    Ok(super::folder("XDG_DATA_HOME", ".local/share").or_exit(Exit::Output)?.join("worker"))
}

/// The devices that serve, and what all of them made of the conformance suite. Where none is exact and their owner allows it, all
/// that are not serve jobs of mode fast.
fn admitted(
    device: &DeviceArguments,
    data: &Path,
    allow_fast: bool,
) -> Result<(Vec<Box<dyn Renderer>>, Vec<DeviceReport>), Failure> {
    let examiner =
        Examiner { data, wanted: tessera_benches::wanted(), suite: &suite, fresh: Fresh::ByChance };
    let examined = examiner.examine(devices::backends_of(device, Mode::Exact)?).or_exit(Exit::Device)?;
    let (backends, mut reports): (Vec<_>, Vec<_>) =
        examined.into_iter().map(|examined| (examined.backend, examined.report)).unzip();
    let exact = reports.iter().any(|report| report.serves == Serves::Every);
    let serving: Vec<Box<dyn Backend>> = match exact || !allow_fast {
        true => backends
            .into_iter()
            .zip(&reports)
            .filter_map(|(backend, report)| (report.serves == Serves::Every).then_some(backend))
            .collect(),
        false => {
            reports.iter_mut().for_each(|report| report.serves = Serves::Fast);
            drop(backends);
            devices::backends_of(device, Mode::Fast)?
        }
    };
    for report in &reports {
        let Device { name, driver, .. } = &report.device;
        match report.serves {
            Serves::Every => console::note(format_args!("lending {name} ({driver}): it is exact")),
            Serves::Fast => console::note(format_args!("lending for fast jobs alone: {report}")),
            Serves::None => console::note(format_args!("refused: {report}")),
        };
        for failure in report.failures.iter().skip(1) {
            console::note(format_args!("  also {failure}"));
        }
    }
    Ok((renderers(serving, BuildOptions::default()), reports))
}

/// The conformance suite of this program's kernel.
pub fn suite() -> anyhow::Result<tessera_backends::conformance::Suite> {
    console::note(format_args!("examining this machine's devices for kernel {KERNEL_VERSION}"));
    Ok(tessera_benches::suite()?)
}

/// The machine's name for people.
fn machine() -> String {
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "worker".into() } else { name.into() }
}
