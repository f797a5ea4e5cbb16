//! The task that owns the worker's core: messages, packages and rendered pixels in, actions out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tessera_shared::control::{Failure, FailureClass};
use tessera_shared::digest::Digest;
use tessera_shared::film::{BlockPixels, Rays};
use tessera_shared::ids::{FrameNumber, JobId, LeaseId};
use tessera_shared::lease::{BlockPass, Commit};
use tessera_shared::messages::{Device, FromWorker, ToWorker};
use tessera_worker_core::Core;
use tessera_worker_core::api::{Action, Event};
use tokio::sync::mpsc;

use crate::devices::{Devices, Inexact, Outcome, Task};
use crate::failures::{device_of, failure};
use crate::hours::Schedule;
use crate::options::Examination;
use crate::packages::{Packages, Stages};
use crate::renderer::Stage;
use crate::session::{Wire, send_results};

/// How often the time of day is looked at, in case the clock was set or summer time began.
const HOURS_EVERY_MS: u64 = 600_000;

/// What reaches the shell.
pub(crate) enum Input {
    Connected(Wire),
    Disconnected,
    Message(ToWorker),
    Fetched {
        package: Digest,
        outcome: anyhow::Result<Stage>,
    },
    Rendered {
        lease: LeaseId,
        outcome: anyhow::Result<(Vec<Digest>, Rays, Vec<BlockPixels>)>,
    },
    Sent {
        lease: LeaseId,
    },
    /// The devices have been examined; these are not exact any more.
    Examined(Vec<Inexact>),
}

/// A lease that is with a device.
pub(crate) struct Rendering {
    aborted: Arc<AtomicBool>,
    job: JobId,
    /// The first of its frames.
    frame: Option<FrameNumber>,
}

/// The core and everything that it steers.
pub(crate) struct Shell {
    pub core: Core,
    pub devices: Devices,
    pub packages: Arc<Packages>,
    pub stages: Arc<Stages>,
    pub inputs: mpsc::Sender<Input>,
    pub start: Instant,
    pub wire: Option<Wire>,
    pub rendering: BTreeMap<LeaseId, Rendering>,
    pub pixels: BTreeMap<LeaseId, Arc<Vec<BlockPixels>>>,
    pub wake_at: Option<u64>,
    pub leaving: bool,
    pub schedule: Option<Schedule>,
    /// By the schedule it takes nothing.
    pub asleep: bool,
    /// When the schedule is looked at.
    pub hours_due: Option<tokio::time::Instant>,
    pub examination: Option<Examination>,
    /// Devices that failed an examination: the worker ends for them.
    pub inexact: Vec<Inexact>,
}

impl Shell {
    /// Handles inputs until the worker has left.
    pub async fn run(&mut self, inputs: &mut mpsc::Receiver<Input>, leave: impl Future<Output = ()>) {
        let mut leave = std::pin::pin!(leave);
        loop {
            let left = self.leaving && (self.core.idle() || self.wire.is_none());
            if left || !self.inexact.is_empty() {
                return;
            }
            let due =
                self.wake_at.map(|at| tokio::time::Instant::from_std(self.start + Duration::from_millis(at)));
            tokio::select! {
                Some(input) = inputs.recv() => self.input(input),
                () = sleep_until(due) => self.event(Event::Tick),
                () = sleep_until(self.hours_due) => self.keep_hours(),
                () = &mut leave, if !self.leaving => self.leave(),
            }
        }
    }

    fn leave(&mut self) {
        tracing::info!("leaving: what is in hand is finished first");
        self.leaving = true;
        self.tell(FromWorker::Leaving);
    }

    /// Takes leases or none, by the time of day, and looks again when that should change.
    fn keep_hours(&mut self) {
        self.hours_due = None;
        let Some(schedule) = &self.schedule else { return };
        let day_ms = (schedule.clock)();
        let asleep_for_ms = schedule.hours.asleep_for_ms(day_ms);
        let again_ms = schedule.hours.changes_in_ms(day_ms).min(HOURS_EVERY_MS);
        self.hours_due = Some(tokio::time::Instant::now() + Duration::from_millis(again_ms));
        match asleep_for_ms {
            Some(for_ms) if !self.asleep => {
                tracing::info!(for_ms, "asleep by its hours: what is in hand is finished");
                self.asleep = true;
                self.tell(FromWorker::Asleep { for_ms });
            }
            None if self.asleep => {
                tracing::info!("awake by its hours");
                self.asleep = false;
                self.tell(FromWorker::Awake);
            }
            _ => {}
        }
    }

    fn input(&mut self, input: Input) {
        match input {
            Input::Connected(wire) => {
                self.packages.connect(Some(wire.connection.clone()));
                // What was said when it was made; the time may have come or gone since.
                self.asleep = wire.asleep;
                self.wire = Some(wire);
                self.event(Event::Connected);
                self.keep_hours();
                if self.leaving {
                    self.tell(FromWorker::Leaving);
                }
            }
            Input::Disconnected => {
                self.packages.connect(None);
                self.wire = None;
                self.event(Event::Disconnected);
            }
            Input::Message(ToWorker::Lease(lease)) => self.event(Event::Lease(lease)),
            Input::Message(ToWorker::Revoke(lease)) => self.event(Event::Revoke(lease)),
            Input::Fetched { package, outcome } => self.fetched(package, outcome),
            Input::Rendered { lease, outcome } => self.rendered(lease, outcome),
            Input::Sent { lease } => self.event(Event::ResultsSent { lease }),
            Input::Examined(failed) => self.examined(failed),
        }
    }

    fn fetched(&mut self, package: Digest, outcome: anyhow::Result<Stage>) {
        match outcome {
            Ok(stage) => {
                let grid = stage.package.manifest.settings.grid;
                for gone in self.stages.keep(package, stage) {
                    self.event(Event::PackageDropped { package: gone });
                }
                self.event(Event::PackageReady { package, grid });
            }
            Err(error) => {
                let failure = failure(&error);
                tracing::warn!(%package, class = %failure.class, error = failure.log, "a package cannot be had");
                self.event(Event::PackageFailed { package, failure });
            }
        }
    }

    fn rendered(&mut self, lease: LeaseId, outcome: anyhow::Result<(Vec<Digest>, Rays, Vec<BlockPixels>)>) {
        // Rendering brings scenes into memory.
        for gone in self.stages.trim() {
            self.event(Event::PackageDropped { package: gone });
        }
        // An aborted lease is not the core's any more.
        let Some(Rendering { job, frame, .. }) = self.rendering.remove(&lease) else { return };
        match outcome {
            Ok((digests, rays, pixels)) => {
                self.pixels.insert(lease, Arc::new(pixels));
                self.event(Event::Rendered { lease, digests, rays });
            }
            Err(error) => {
                let (device, failure) = (device_of(&error), failure(&error));
                let frame = frame.map(|frame| frame.0);
                tracing::warn!(
                    device, %job, frame, %lease, class = %failure.class, error = failure.log,
                    "a lease could not be rendered"
                );
                self.event(Event::RenderFailed { lease, failure });
            }
        }
    }

    fn event(&mut self, event: Event) {
        let now_ms = self.start.elapsed().as_millis() as u64;
        let output = self.core.handle(now_ms, event);
        self.wake_at = output.wake_at;
        for action in output.actions {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Fetch { package } => self.fetch(package),
            Action::Render { lease, job, package, items } => self.render(lease, job, package, items),
            Action::Abort { lease } => {
                if let Some(rendering) = self.rendering.remove(&lease) {
                    rendering.aborted.store(true, Ordering::Relaxed);
                }
            }
            Action::SendResults { commit } => self.send(commit),
            Action::SendChecked(checked) => self.tell(FromWorker::Checked(checked)),
            Action::SendFailed { lease, failure } => self.tell(FromWorker::CannotDo { lease, failure }),
            Action::DropPixels { lease } => {
                self.pixels.remove(&lease);
            }
            Action::Examine => self.examine(),
            // The shell ends as soon as it knows of a device that failed.
            Action::Leave => {}
        }
    }

    /// Has every device examined; the answer is [`Input::Examined`].
    pub fn examine(&mut self) {
        let inputs = self.inputs.clone();
        let answer = move |failed| {
            // Where the worker has ended, nobody wants to know.
            let _ = inputs.blocking_send(Input::Examined(failed));
        };
        // A core without an examination asks for none.
        if let Some(examination) = &self.examination {
            self.devices.examine(examination.suite.clone(), answer);
        }
    }

    /// Frees the devices: nobody wants what they render.
    pub fn abort(&mut self) {
        for Rendering { aborted, .. } in std::mem::take(&mut self.rendering).into_values() {
            aborted.store(true, Ordering::Relaxed);
        }
    }

    fn examined(&mut self, failed: Vec<Inexact>) {
        for inexact in &failed {
            let Device { name, driver, .. } = &inexact.device;
            tracing::error!(device = name, driver, failures = ?inexact.failures, "a device is not exact any more: it is lent no longer");
        }
        let exact = failed.is_empty();
        self.inexact = failed;
        self.event(Event::Examined { exact });
    }

    fn fetch(&mut self, package: Digest) {
        let (packages, inputs) = (self.packages.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let outcome = packages.stage(package).await;
            let _ = inputs.send(Input::Fetched { package, outcome }).await;
        });
    }

    fn render(&mut self, lease: LeaseId, job: JobId, package: Digest, blocks: Vec<BlockPass>) {
        let Some(stage) = self.stages.stage(&package) else {
            let failure = Failure::new(FailureClass::Node, "the package is not in memory");
            return self.event(Event::RenderFailed { lease, failure });
        };
        let aborted = Arc::new(AtomicBool::new(false));
        let frame = blocks.first().map(|block| block.frame);
        self.rendering.insert(lease, Rendering { aborted: aborted.clone(), job, frame });
        let inputs = self.inputs.clone();
        let runtime = tokio::runtime::Handle::current();
        let done = move |outcome: Outcome, blocks: Vec<BlockPass>| {
            let Some(outcome) = outcome else { return };
            // Hashing does not keep the device from its next lease.
            runtime.spawn_blocking(move || {
                let outcome = outcome.map(|pixels| digest(&blocks, pixels));
                let _ = inputs.blocking_send(Input::Rendered { lease, outcome });
            });
        };
        self.devices.render(Task { stage, blocks, aborted, done: Box::new(done) });
    }

    fn send(&mut self, commit: Commit) {
        let (Some(wire), Some(pixels)) = (&self.wire, self.pixels.get(&commit.lease)) else { return };
        let (connection, pixels, inputs) = (wire.connection.clone(), pixels.clone(), self.inputs.clone());
        tokio::spawn(async move {
            if send_results(&connection, &commit, &pixels).await {
                let _ = inputs.send(Input::Sent { lease: commit.lease }).await;
            }
        });
    }

    fn tell(&mut self, message: FromWorker) {
        let Some(wire) = &self.wire else { return };
        if wire.outbox.try_send(message).is_err() {
            // The scheduler does not read: a new connection sends everything again.
            wire.connection
                .close((tessera_shared::messages::CloseCode::Slow as u32).into(), b"messages pile up");
        }
    }
}

fn digest(blocks: &[BlockPass], pixels: Vec<BlockPixels>) -> (Vec<Digest>, Rays, Vec<BlockPixels>) {
    let mut rays = Rays::default();
    let digests = blocks.iter().zip(&pixels).map(|(block, pixels)| {
        rays += pixels.rays();
        pixels.digest(block.block, block.sample_start..block.sample_end)
    });
    (digests.collect(), rays, pixels)
}

async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
