//! The embedded farm of `tessera render`: the scheduler's core and a worker's core for every device, in one process and
//! without sockets. What it renders it trusts, so nothing is hashed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tessera_scheduler_core::Core as SchedulerCore;
use tessera_scheduler_core::api::{
    Answer, CommittedTile, Config, DeliveredTile, Effect, Event, HeldTile, JobSpec, RequestId, WorkerHello,
};
use tessera_shared::KERNEL_VERSION;
use tessera_shared::digest::Digest;
use tessera_shared::film::{BlockPixels, Film, Rays};
use tessera_shared::ids::{FrameNumber, JobId, LeaseId, NodeKey, WorkerId};
use tessera_shared::lease::{BlockPass, Commit};
use tessera_shared::messages::{FrameHead, JobOptions, JobState, JobStatus, Mode, ToWorker, Verify};
use tessera_shared::package::Package;
use tessera_worker_core::Core as WorkerCore;
use tessera_worker_core::api::{Action, Config as WorkerConfig, Event as WorkerEvent};

use crate::devices::{Devices, Outcome, Task};
use crate::failures::failure;
use crate::renderer::{Renderer, Stage};

/// Leases that a device has at hand: it never waits for the thread that merges.
const SLOTS: u32 = 2;
/// No lease of a device of this process expires.
const NEVER_MS: u32 = 1 << 30;
/// Nobody checks, so every digest is this one.
const UNHASHED: Digest = Digest([0; 32]);

/// Options of [`render_local`].
#[derive(Clone, Debug)]
pub struct LocalOptions {
    /// Work that a device is given at once, at its measured rate: how often progress is heard of.
    pub lease_target_ms: u32,
    /// How the devices compute, as they were opened: what frames say of themselves.
    pub mode: Mode,
}

impl Default for LocalOptions {
    fn default() -> LocalOptions {
        LocalOptions { lease_target_ms: 500, mode: Mode::Exact }
    }
}

/// What the caller of [`render_local`] learns while it runs.
#[derive(Debug)]
pub enum LocalEvent {
    Progress(JobStatus),
    /// A frame is finished.
    Frame {
        head: FrameHead,
        film: Film,
    },
}

/// Why [`render_local`] ends early.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("no device to render with; see `tessera render --help` for --backend")]
    NoDevice,
    #[error("no thread can be started for a device: {0}")]
    Thread(#[from] std::io::Error),
    #[error("rendering failed: {0}")]
    Failed(String),
    #[error("stopped before the end")]
    Stopped,
}

/// Renders every frame of a validated package with this machine's devices. `on_event` returns false to stop early.
pub fn render_local(
    package: Arc<Package>,
    renderers: Vec<Box<dyn Renderer>>,
    options: LocalOptions,
    on_event: &mut dyn FnMut(LocalEvent) -> bool,
) -> Result<JobStatus, LocalError> {
    if renderers.is_empty() {
        return Err(LocalError::NoDevice);
    }
    let (rendered, inbox) = mpsc::channel();
    let lanes = renderers.into_iter().map(Lane::start).collect::<std::io::Result<Vec<_>>>()?;
    let config = Config {
        lease_target_ms: options.lease_target_ms,
        lease_grace_ms: NEVER_MS,
        first_lease_grace_ms: NEVER_MS,
        ..Config::new([0; 32])
    };
    let mut farm = Farm {
        package: package.id(),
        mode: options.mode,
        stage: Arc::new(Stage::new(package)),
        scheduler: SchedulerCore::new(config),
        lanes,
        workers: BTreeMap::new(),
        start: Instant::now(),
        events: VecDeque::new(),
        rendered,
        films: BTreeMap::new(),
        pixels: BTreeMap::new(),
        held: BTreeMap::new(),
        job: None,
        scheduler_wake_at: None,
    };
    farm.open();
    farm.run(&inbox, on_event)
}

/// A device with the worker's core that steers it.
struct Lane {
    core: WorkerCore,
    devices: Devices,
    device: tessera_shared::messages::Device,
    aborts: BTreeMap<LeaseId, Arc<AtomicBool>>,
}

impl Lane {
    fn start(renderer: Box<dyn Renderer>) -> std::io::Result<Lane> {
        let device = renderer.device();
        let core = WorkerCore::new(WorkerConfig { slots: SLOTS, ..WorkerConfig::default() });
        Ok(Lane { core, devices: Devices::start(vec![renderer])?, device, aborts: BTreeMap::new() })
    }
}

/// A device's answer.
struct Rendered {
    lane: usize,
    lease: LeaseId,
    outcome: Outcome,
}

/// What one core has for another. Handled one after the other, never nested.
enum Turn {
    Scheduler(Event),
    Worker(usize, WorkerEvent),
}

type HeldPass = Option<Vec<BlockPixels>>;

struct Farm {
    package: Digest,
    mode: Mode,
    stage: Arc<Stage>,
    scheduler: SchedulerCore,
    lanes: Vec<Lane>,
    workers: BTreeMap<WorkerId, usize>,
    start: Instant,
    events: VecDeque<Turn>,
    rendered: Sender<Rendered>,
    films: BTreeMap<FrameNumber, Film>,
    /// Rendered and not yet delivered.
    pixels: BTreeMap<LeaseId, Vec<BlockPixels>>,
    /// Delivered and not yet accepted.
    held: BTreeMap<LeaseId, Vec<HeldPass>>,
    job: Option<JobId>,
    scheduler_wake_at: Option<u64>,
}

impl Farm {
    fn open(&mut self) {
        let manifest = &self.stage.package.manifest;
        let spec = JobSpec {
            owner: NodeKey([0; 32]),
            package: self.package,
            name: manifest.name.clone(),
            settings: manifest.settings.clone(),
            frames: manifest.frames.iter().map(|frame| frame.number).collect(),
            options: JobOptions { verify: Verify::None, ..JobOptions::default() },
        };
        let submit = Event::Submit { request: RequestId(u64::MAX), spec: Box::new(spec) };
        self.events.push_back(Turn::Scheduler(submit));
        for (number, lane) in self.lanes.iter().enumerate() {
            let hello = WorkerHello {
                // Operators of their own, so that a fault of one device is not held against another.
                operator: NodeKey([number as u8 + 1; 32]),
                name: lane.device.name.clone(),
                kernel_version: KERNEL_VERSION,
                tags: Vec::new(),
                devices: vec![lane.device.clone()],
            };
            let request = RequestId(number as u64);
            let connected = Event::WorkerConnected { request, hello: Box::new(hello) };
            self.events.push_back(Turn::Scheduler(connected));
        }
    }

    fn run(
        &mut self,
        inbox: &Receiver<Rendered>,
        on_event: &mut dyn FnMut(LocalEvent) -> bool,
    ) -> Result<JobStatus, LocalError> {
        loop {
            while let Some(turn) = self.events.pop_front() {
                match turn {
                    Turn::Scheduler(event) => self.schedule(event, on_event)?,
                    Turn::Worker(lane, event) => self.work(lane, event),
                }
            }
            let job = self.job.ok_or_else(|| LocalError::Failed("the job was not taken".to_owned()))?;
            let status = self.scheduler.job(self.now_ms(), job);
            let status = status.ok_or_else(|| LocalError::Failed("the job is gone".to_owned()))?;
            if !on_event(LocalEvent::Progress(status.clone())) {
                return self.stop();
            }
            match status.state {
                JobState::Completed => {
                    self.lanes.drain(..).for_each(|lane| lane.devices.finish());
                    return Ok(status);
                }
                JobState::Failed(reason) => return Err(LocalError::Failed(reason)),
                _ => self.wait(inbox),
            }
        }
    }

    fn stop(&mut self) -> Result<JobStatus, LocalError> {
        for aborted in self.lanes.iter().flat_map(|lane| lane.aborts.values()) {
            aborted.store(true, Ordering::Relaxed);
        }
        Err(LocalError::Stopped)
    }

    /// Waits for a device's answer or for the scheduler's time.
    fn wait(&mut self, inbox: &Receiver<Rendered>) {
        let due_ms = self.scheduler_wake_at.unwrap_or(u64::MAX).saturating_sub(self.now_ms());
        match inbox.recv_timeout(Duration::from_millis(due_ms.min(u64::from(NEVER_MS)))) {
            Ok(rendered) => self.rendered(rendered),
            Err(RecvTimeoutError::Timeout) => self.events.push_back(Turn::Scheduler(Event::Tick)),
            // Impossible while the farm holds a sender.
            Err(RecvTimeoutError::Disconnected) => {}
        }
    }

    fn rendered(&mut self, Rendered { lane, lease, outcome }: Rendered) {
        if self.lanes[lane].aborts.remove(&lease).is_none() {
            return;
        }
        let event = match outcome {
            None => return,
            Some(Ok(pixels)) => {
                let mut rays = Rays::default();
                pixels.iter().for_each(|block| rays += block.rays());
                let digests = vec![UNHASHED; pixels.len()];
                self.pixels.insert(lease, pixels);
                WorkerEvent::Rendered { lease, digests, rays }
            }
            Some(Err(error)) => WorkerEvent::RenderFailed { lease, failure: failure(&error) },
        };
        self.events.push_back(Turn::Worker(lane, event));
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn schedule(
        &mut self,
        event: Event,
        on_event: &mut dyn FnMut(LocalEvent) -> bool,
    ) -> Result<(), LocalError> {
        let output = self.scheduler.handle(self.now_ms(), event);
        self.scheduler_wake_at = output.wake_at;
        for (request, answer) in output.replies {
            match answer {
                Answer::Submitted(job) => {
                    self.job = Some(job);
                    self.events.push_back(Turn::Scheduler(Event::PackageComplete { job }));
                }
                Answer::Welcome(worker) => {
                    let lane = request.0 as usize;
                    self.workers.insert(worker, lane);
                    self.events.push_back(Turn::Worker(lane, WorkerEvent::Connected));
                }
                Answer::Refused(reason) => return Err(LocalError::Failed(reason)),
                Answer::Cancelled | Answer::JobRefused(_) | Answer::Done | Answer::OrderRefused(_) => {}
            }
        }
        for outbound in output.messages {
            let Some(lane) = self.workers.get(&outbound.worker) else { continue };
            let event = match outbound.message {
                ToWorker::Lease(lease) => WorkerEvent::Lease(lease),
                ToWorker::Revoke(lease) => WorkerEvent::Revoke(lease),
            };
            self.events.push_back(Turn::Worker(*lane, event));
        }
        for effect in output.effects {
            self.effect(effect, on_event)?;
        }
        Ok(())
    }

    fn effect(
        &mut self,
        effect: Effect,
        on_event: &mut dyn FnMut(LocalEvent) -> bool,
    ) -> Result<(), LocalError> {
        match effect {
            Effect::Accept { lease, tiles, .. } => self.merge(lease, &tiles),
            Effect::Discard { lease, tiles } => {
                for tile in &tiles {
                    self.take(lease, tile);
                }
            }
            Effect::DeliveryIgnored { lease } => drop(self.held.remove(&lease)),
            Effect::FrameComplete { frame, rays, .. } => {
                let Some(film) = self.films.remove(&frame) else { return Ok(()) };
                let manifest = &self.stage.package.manifest;
                let head = FrameHead::new(frame, &manifest.name, self.package, &manifest.settings, rays);
                let head = FrameHead { mode: self.mode, ..head };
                if !on_event(LocalEvent::Frame { head, film }) {
                    self.stop()?;
                }
            }
            // The process ends with its job: nothing is archived.
            Effect::JobComplete { .. } | Effect::JobEnded { .. } | Effect::SettleFilms { .. } => {}
            // Only verification asks for these, and a job of one's own machine is not verified.
            Effect::ResetTile { .. }
            | Effect::RefereeRequest { .. }
            | Effect::RefereeCancel { .. }
            | Effect::Overruled { .. }
            | Effect::TooFast { .. }
            | Effect::Inconclusive { .. } => {}
            // A farm of one process has no wrangler.
            Effect::Banned { .. } => {}
            Effect::Quarantined { evidence, .. } => return Err(LocalError::Failed(evidence.to_string())),
        }
        Ok(())
    }

    fn take(&mut self, lease: LeaseId, tile: &HeldTile) -> Option<Vec<BlockPixels>> {
        let tiles = self.held.get_mut(&lease)?;
        let taken = tiles.get_mut(tile.at as usize).and_then(Option::take);
        if tiles.iter().all(Option::is_none) {
            self.held.remove(&lease);
        }
        taken
    }

    fn merge(&mut self, lease: LeaseId, tiles: &[HeldTile]) {
        let settings = self.stage.package.manifest.settings.clone();
        let grid = settings.grid;
        for tile in tiles {
            let Some(blocks) = self.take(lease, tile) else { continue };
            let empty = || Film::new(grid.width_px, grid.height_px, settings.film_scale_log2);
            let film = self.films.entry(tile.pass.frame).or_insert_with(empty);
            for (at, block) in grid.tile_blocks(tile.pass.tile).zip(&blocks) {
                film.add(at, block);
            }
        }
    }

    fn work(&mut self, lane: usize, event: WorkerEvent) {
        let now_ms = self.now_ms();
        // No wake-up is kept: leases of this process never expire.
        let output = self.lanes[lane].core.handle(now_ms, event);
        for action in output.actions {
            self.act(lane, action);
        }
    }

    fn act(&mut self, lane: usize, action: Action) {
        match action {
            Action::Fetch { package } => {
                let grid = self.stage.package.manifest.settings.grid;
                self.events.push_back(Turn::Worker(lane, WorkerEvent::PackageReady { package, grid }));
            }
            Action::Render { lease, items, .. } => self.render(lane, lease, items),
            Action::Abort { lease } => {
                if let Some(aborted) = self.lanes[lane].aborts.remove(&lease) {
                    aborted.store(true, Ordering::Relaxed);
                }
            }
            Action::SendResults { commit } => self.deliver(lane, commit),
            Action::SendChecked(answer) => {
                self.tell(lane, |worker| Event::Checked { worker, answer });
            }
            Action::SendFailed { lease, failure } => {
                self.tell(lane, |worker| Event::LeaseFailed { worker, lease, failure });
            }
            Action::DropPixels { lease } => drop(self.pixels.remove(&lease)),
            // A core that is not asked to examine does not.
            Action::Examine | Action::Leave => {}
        }
    }

    fn render(&mut self, lane: usize, lease: LeaseId, blocks: Vec<BlockPass>) {
        let aborted = Arc::new(AtomicBool::new(false));
        let rendered = self.rendered.clone();
        let done = move |outcome: Outcome, _: Vec<BlockPass>| {
            // The farm may have been stopped.
            let _ = rendered.send(Rendered { lane, lease, outcome });
        };
        let stage = self.stage.clone();
        self.lanes[lane].aborts.insert(lease, aborted.clone());
        self.lanes[lane].devices.render(Task { stage, blocks, aborted, done: Box::new(done) });
    }

    /// A lease's commit and pixels, in the order in which they would come over the network.
    fn deliver(&mut self, lane: usize, commit: Commit) {
        let lease = commit.lease;
        let Some(pixels) = self.pixels.remove(&lease) else { return };
        let mut pixels = pixels.into_iter();
        let (mut committed, mut delivered, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for blocks in commit.tiles {
            let tile: Vec<BlockPixels> = pixels.by_ref().take(blocks.len()).collect();
            let mut rays = Rays::default();
            tile.iter().for_each(|block| rays += block.rays());
            delivered.push(DeliveredTile { root: UNHASHED, blocks: Vec::new(), rays });
            committed.push(CommittedTile { root: UNHASHED, blocks });
            held.push(Some(tile));
        }
        self.held.insert(lease, held);
        self.tell(lane, |worker| Event::Committed { worker, lease, tiles: committed });
        self.tell(lane, |worker| Event::Delivered { worker, lease, tiles: delivered });
        self.events.push_back(Turn::Worker(lane, WorkerEvent::ResultsSent { lease }));
    }

    fn tell(&mut self, lane: usize, event: impl FnOnce(WorkerId) -> Event) {
        let worker = self.workers.iter().find(|(_, at)| **at == lane).map(|(worker, _)| *worker);
        if let Some(worker) = worker {
            self.events.push_back(Turn::Scheduler(event(worker)));
        }
    }
}
