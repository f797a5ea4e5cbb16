//! Events that make a small farm in a core: a job of one frame and a worker. For tests of what shells say of it.

use tessera_scheduler_core::api::{Event, JobSpec, RequestId, WorkerHello};
use tessera_shared::digest::Digest;
use tessera_shared::grid::Grid;
use tessera_shared::ids::{FrameNumber, JobId, NodeKey};
use tessera_shared::messages::{Device, DeviceKind, JobOptions};
use tessera_shared::package::Settings;

/// Who submits the job.
pub(crate) const OWNER: NodeKey = NodeKey([9; 32]);

/// Frames of so many pixels in tiles of one block, one sample each.
pub(crate) fn settings(width_px: u32, height_px: u32) -> Settings {
    Settings {
        grid: Grid { width_px, height_px, tile_px: 8 },
        samples: 1,
        pass_samples: 1,
        seed: 0,
        max_bounces: 8,
        roulette_start: 3,
        film_scale_log2: 20,
        sample_clamp: 10.0,
    }
}

/// A job of one frame of four tiles, submitted and whole.
pub(crate) fn job() -> [Event; 2] {
    let spec = JobSpec {
        owner: OWNER,
        package: Digest([1; 32]),
        name: "shot".into(),
        settings: settings(16, 16),
        frames: vec![FrameNumber(3)],
        options: JobOptions::default(),
    };
    [Event::Submit { request: RequestId(1), spec: Box::new(spec) }, Event::PackageComplete { job: JobId(1) }]
}

/// A worker with one device comes.
pub(crate) fn worker() -> Event {
    let device = Device { name: "card".into(), kind: DeviceKind::Gpu, driver: "1".into() };
    let hello = WorkerHello {
        operator: NodeKey([4; 32]),
        name: "node".into(),
        kernel_version: tessera_shared::KERNEL_VERSION,
        devices: vec![device],
        tags: Vec::new(),
    };
    Event::WorkerConnected { request: RequestId(2), hello: Box::new(hello) }
}
