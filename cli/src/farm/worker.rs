//! `tessera worker`: examines this machine's devices and lends those that serve to a farm, until it is asked to end. One that
//! fails while it serves is lent no longer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tessera_backends::{Backend, BuildOptions};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::limits::check_tags;
use tessera_shared::messages::{Device, Mode};
use tessera_worker::admission::{Examiner, Fresh};
use tessera_worker::{
    Examination, Identity, Link, Renderer, Schedule, WorkerError, WorkerOptions, renderers, shutdown_signal,
};

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
    let mut options = WorkerOptions::new(link, data.clone(), arguments.name.unwrap_or_else(machine));
    options.tags = arguments.tag;
    options.cache_bytes_max = arguments.cache_gib.max(1).saturating_mul(1 << 30);
    options.schedule = arguments.hours.map(Schedule::local);
    let runtime = super::runtime()?;
    let mut fresh = Fresh::ByChance;
    loop {
        let (renderers, reports) = admitted(&arguments.device, &data, fresh, arguments.allow_fast)?;
        let exact = reports.iter().any(|report| report.serves == Serves::Every);
        let every = Duration::from_secs(60 * u64::from(arguments.examine_minutes));
        // Devices that serve fast jobs alone are known not to be exact.
        let repeated = exact && !every.is_zero();
        options.examination =
            repeated.then(|| Examination { suite: Arc::new(|| Ok(tessera_benches::suite()?)), every });
        options.reports = reports;
        let nothing = renderers.is_empty();
        match runtime.block_on(tessera_worker::run(options.clone(), renderers, shutdown_signal())) {
            // The farm has been told, and has nothing to say that matters more.
            _ if nothing => {
                return Err(anyhow!(
                    "no device here is exact, so none is lent; try another driver, --backend cpu, or --allow-fast for jobs of mode fast"
                ))
                .or_exit(Exit::Device);
            }
            Err(WorkerError::Inexact { devices, quarantine }) => {
                let examiner = examiner(&data, Fresh::Never);
                devices.iter().for_each(|inexact| examiner.keep_failures(&inexact.device, &inexact.failures));
                if quarantine.is_some() {
                    return Err(WorkerError::Inexact { devices, quarantine }).or_exit(Exit::Farm);
                }
                // It comes again with what is left, and tells the farm which device it refuses and why.
                fresh = Fresh::Never;
            }
            ended => return ended.or_exit(Exit::Farm).map(|()| Outcome::Done),
        }
    }
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
    fresh: Fresh,
    allow_fast: bool,
) -> Result<(Vec<Box<dyn Renderer>>, Vec<DeviceReport>), Failure> {
    let examined =
        examiner(data, fresh).examine(devices::backends_of(device, Mode::Exact)?).or_exit(Exit::Device)?;
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

fn examiner(data: &Path, fresh: Fresh) -> Examiner<'_> {
    Examiner { data, wanted: tessera_benches::wanted(), suite: &suite, fresh }
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
