//! Starting a worker and ending it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tessera_transport::blobs::BlobStore;
use tessera_transport::identity::Identity;
use tessera_transport::link::Role;
use tessera_worker_core::Core;
use tessera_worker_core::api::Config;
use tokio::sync::mpsc;

use crate::devices::Devices;
use crate::options::WorkerOptions;
use crate::packages::{Packages, Stages};
use crate::renderer::Renderer;
use crate::session::{self, WorkerError, random_u64};
use crate::shell::{Input, Shell};

/// Inputs that wait for the shell.
const INPUTS: usize = 1024;
/// How long a worker that leaves tries to tell the farm so.
const GOODBYE_MAX: Duration = Duration::from_secs(3);
/// How a process says that it was interrupted: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;
/// Leases under way a device: one renders while the one before it is hashed.
const SLOTS_PER_DEVICE: u32 = 2;

/// Works for a farm until `leave` completes and what is in hand is delivered, or until a reason comes that does not go away
/// by itself.
pub async fn run(
    options: WorkerOptions,
    renderers: Vec<Box<dyn Renderer>>,
    leave: impl Future<Output = ()>,
) -> Result<(), WorkerError> {
    // One whose devices all failed still says so to its farm, which refuses it.
    if renderers.is_empty() && options.reports.is_empty() {
        return Err(WorkerError::NoDevice);
    }
    let link = options.link.clone().require(Role::Worker)?;
    let identity = Identity::load_or_create(&options.data)?;
    let blobs = BlobStore::open(&options.data.join("blobs"), options.cache_bytes_max)?;
    let described: Vec<_> = renderers.iter().map(|renderer| renderer.device()).collect();
    let slots = SLOTS_PER_DEVICE * renderers.len() as u32;
    let (inputs, mut inbox) = mpsc::channel(INPUTS);
    let schedule = options.schedule.clone();
    let mut shell = Shell {
        core: Core::new(config(&options, slots)),
        devices: Devices::start(renderers)?,
        packages: Arc::new(Packages::new(blobs, options.cache_bytes_max)),
        stages: Arc::new(Stages::new(options.scenes_bytes_max)),
        inputs: inputs.clone(),
        start: Instant::now(),
        wire: None,
        rendering: Default::default(),
        pixels: Default::default(),
        wake_at: None,
        leaving: false,
        schedule: schedule.clone(),
        asleep: false,
        hours_due: Some(tokio::time::Instant::now()),
        examination: options.examination,
        inexact: Vec::new(),
    };
    let hello = session::Greeting {
        token: link.token,
        name: options.name,
        devices: described,
        reports: options.reports,
        tags: options.tags,
        schedule,
    };
    let call = session::Call { link, identity, hello, timing: options.timing, backoff: options.backoff };
    let connected = session::keep_connected(call, inputs);
    let ended = tokio::select! {
        error = connected => Err(error),
        () = shell.run(&mut inbox, leave) => Ok(()),
    };
    let ended = match ended {
        Err(WorkerError::Quarantined(reason)) => Err(quarantined(&mut shell, &mut inbox, reason).await),
        Ok(()) if !shell.inexact.is_empty() => {
            Err(WorkerError::Inexact { devices: std::mem::take(&mut shell.inexact), quarantine: None })
        }
        ended => ended,
    };
    if let Some(wire) = shell.wire.take() {
        wire.connection
            .close((tessera_shared::messages::CloseCode::Done as u32).into(), b"the worker leaves");
        // A process that ended at once would take the message with it, and the farm would wait for its silence to be long.
        let _ = tokio::time::timeout(GOODBYE_MAX, wire.endpoint.wait_idle()).await;
    }
    ended
}

fn config(options: &WorkerOptions, slots: u32) -> Config {
    let every = options.examination.as_ref().map(|examination| examination.every);
    Config {
        slots,
        results_bytes_max: options.results_bytes_max,
        examine_every_ms: every.map_or(0, |every| every.as_millis() as u64),
        seed: random_u64(),
        ..Config::default()
    }
}

/// Asks the devices at once whether the farm was right.
async fn quarantined(shell: &mut Shell, inbox: &mut mpsc::Receiver<Input>, reason: String) -> WorkerError {
    if shell.examination.is_none() {
        return WorkerError::Quarantined(reason);
    }
    shell.abort();
    shell.examine();
    // Its own sender keeps the inbox open.
    while let Some(input) = inbox.recv().await {
        if let Input::Examined(devices) = input {
            return match devices.is_empty() {
                true => WorkerError::Quarantined(format!(
                    "{reason}; its devices were examined at once and are exact"
                )),
                false => WorkerError::Inexact { devices, quarantine: Some(reason) },
            };
        }
    }
    WorkerError::Quarantined(reason)
}

/// Completes when the user or the system asks the process to end: Ctrl-C, or SIGTERM where there are signals. Asked once more, the
/// process ends at once, whatever it has in hand.
pub async fn shutdown_signal() {
    asked_to_end().await;
    tokio::spawn(async {
        asked_to_end().await;
        tracing::warn!("asked again to end: what is in hand is left");
        std::process::exit(INTERRUPTED);
    });
}

async fn asked_to_end() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminate {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
