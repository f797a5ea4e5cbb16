//! `tessera bench`: validates this machine's devices as a worker's, scores them, and says both in a table or as signed JSON. How a
//! rate is measured is `benches/`'s.

mod disk;
mod farm;
mod signed;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tessera_backends::Backend;
use tessera_benches::score::{Contender, Score, ScoreOptions, score};
use tessera_shared::admission::{DeviceReport, Serves};
use tessera_shared::messages::{DeviceKind, Mode};
use tessera_worker::Identity;
use tessera_worker::admission::{Examiner, Fresh};

use crate::args::{BackendChoice, DeviceArguments};
use crate::console;
use crate::devices;
use crate::failure::{Exit, Failure, OrExit, Outcome};
use crate::farm::worker::{data_folder, suite};

#[derive(Debug, Args)]
pub struct BenchArguments {
    #[command(flatten)]
    pub device: DeviceArguments,
    /// What the timed turns of all devices may take together
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// Decides which blocks are rendered [default: drawn, and printed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u32>,
    /// The worker's folder, for its key and its results [default: in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Asks the idle workers of a farm instead; its artist link
    #[arg(long, value_name = "LINK")]
    pub to: Option<String>,
    /// Prints JSON: of this machine, signed by the worker's key; of a farm's workers, a line each
    #[arg(long)]
    pub json: bool,
}

/// A device with everything that was found of it.
pub struct Row {
    pub report: DeviceReport,
    pub memory_bytes: Option<u64>,
    pub score: Score,
    /// Of the same device in mode fast; `None` for one without such a mode.
    pub fast: Option<Score>,
}

/// What the whole run found.
pub struct Found {
    pub seed: u32,
    pub rows: Vec<Row>,
    pub disk: disk::Rates,
}

pub fn run(arguments: BenchArguments) -> Result<Outcome, Failure> {
    let seed = arguments.seed.unwrap_or_else(drawn);
    if arguments.to.is_some() {
        return farm::run(&arguments, seed);
    }
    let data = match arguments.data {
        Some(data) => data,
        None => data_folder()?,
    };
    let identity = Identity::load_or_create(&data).or_exit(Exit::Output)?;
    let examiner =
        Examiner { data: &data, wanted: tessera_benches::wanted(), suite: &suite, fresh: Fresh::Always };
    let examined = examiner.examine(every(&arguments.device, Mode::Exact)?).or_exit(Exit::Device)?;
    let mut contenders = Vec::new();
    let mut rows = Vec::new();
    for examined in examined {
        let memory_bytes = examined.backend.describe().memory_bytes.or_else(machine_memory_bytes);
        rows.push((examined.report, memory_bytes));
        contenders.push(Contender { backend: examined.backend, verified: true });
    }
    let exact = contenders.len();
    // The CPU's fast mode is its exact one.
    let is_gpu =
        |backend: &dyn Backend| matches!(backend.describe().kind, tessera_backends::DeviceKind::Gpu { .. });
    let fast = every(&arguments.device, Mode::Fast)?.into_iter().filter(|backend| is_gpu(backend.as_ref()));
    contenders.extend(fast.map(|backend| Contender { backend, verified: false }));
    console::note(format_args!("seed {seed}; {} devices in turn for {} s", rows.len(), arguments.seconds));
    let options = ScoreOptions { budget: Duration::from_secs(u64::from(arguments.seconds)), seed };
    let scores = score(&mut contenders, options).or_exit(Exit::Device)?;
    let (scores, mut fast) = (&scores[..exact], scores[exact..].iter());
    let mut found = Found { seed, rows: Vec::new(), disk: disk::measure(&data).or_exit(Exit::Output)? };
    for ((mut report, memory_bytes), score) in rows.into_iter().zip(scores) {
        let right = score.coherent.blocks_wrong + score.incoherent.blocks_wrong == 0;
        report.score_rays_per_second = if right { score.incoherent.rays_per_second } else { 0 };
        examiner.keep_score(&report.device, report.score_rays_per_second).or_exit(Exit::Output)?;
        let fast = if report.device.kind == DeviceKind::Gpu { fast.next().copied() } else { None };
        found.rows.push(Row { report, memory_bytes, score: *score, fast });
    }
    match arguments.json {
        true => drop(console::print(format_args!("{}", signed::line(&found, &identity)))),
        false => table::print(&found),
    };
    let good = |row: &Row| row.report.serves == Serves::Every && row.report.score_rays_per_second > 0;
    Ok(if found.rows.iter().all(good) { Outcome::Done } else { Outcome::Negative })
}

/// The CPU and every GPU that the flags allow: a score says most beside another.
fn every(arguments: &DeviceArguments, mode: Mode) -> Result<Vec<Box<dyn Backend>>, Failure> {
    let mut backends = devices::backends_of(arguments, mode)?;
    let cpu =
        |backend: &dyn Backend| matches!(backend.describe().kind, tessera_backends::DeviceKind::Cpu { .. });
    if arguments.backend == BackendChoice::Auto && !backends.iter().any(|backend| cpu(backend.as_ref())) {
        let flags = DeviceArguments { backend: BackendChoice::Cpu, gpu: None, ..arguments.clone() };
        backends.splice(0..0, devices::backends_of(&flags, mode)?);
    }
    Ok(backends)
}

/// A seed that nobody could foresee.
fn drawn() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish() as u32
}

/// Memory of the machine, for its CPU; `None` where the system does not tell as Linux does.
fn machine_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix(" kB")?;
    Some(kib.parse::<u64>().ok()? * 1024)
}
