//! `tessera worker`: lends this machine's devices to a farm until it is asked to end.

use anyhow::Context;
use tessera_shared::limits::check_tags;
use tessera_worker::{Identity, Link, WorkerOptions, shutdown_signal};

use crate::args::WorkerArguments;
use crate::console;
use crate::devices;
use crate::failure::{Exit, Failure, OrExit, Outcome};

pub fn run(arguments: WorkerArguments) -> Result<Outcome, Failure> {
    let link: Link = arguments.join.trim().parse().context("the farm's link").or_exit(Exit::Usage)?;
    let data = match arguments.data {
        Some(data) => data,
        None => super::folder("XDG_DATA_HOME", ".local/share").or_exit(Exit::Output)?.join("worker"),
    };
    check_tags(&arguments.tag).context("--tag").or_exit(Exit::Usage)?;
    let key = Identity::load_or_create(&data).or_exit(Exit::Output)?.key();
    console::note(format_args!("operator {}", key.hex()));
    let renderers = devices::choose(&arguments.device, 1)?;
    for renderer in &renderers {
        let device = renderer.device();
        console::note(format_args!("lending {} ({})", device.name, device.driver));
    }
    let mut options = WorkerOptions::new(link, data, arguments.name.unwrap_or_else(machine));
    options.tags = arguments.tag;
    options.cache_bytes_max = arguments.cache_gib.max(1).saturating_mul(1 << 30);
    super::runtime()?
        .block_on(tessera_worker::run(options, renderers, shutdown_signal()))
        .or_exit(Exit::Farm)?;
    Ok(Outcome::Done)
}

/// The machine's name for people.
fn machine() -> String {
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "worker".into() } else { name.into() }
}
