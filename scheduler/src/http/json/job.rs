//! A job as the HTTP interface shows it.

use serde::{Deserialize, Serialize};
use tessera_scheduler_core::api::JobSpec;
use tessera_shared::messages::{JobState, JobStatus, Mode};

use super::hex;
use crate::receipts;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobStateName {
    Queued,
    Running,
    Completed,
    Cancelled,
    Failed,
    Paused,
    /// For another job.
    Waiting,
}

impl JobStateName {
    #[cfg(test)]
    pub const ALL: [JobStateName; 7] = [
        JobStateName::Queued,
        JobStateName::Running,
        JobStateName::Completed,
        JobStateName::Cancelled,
        JobStateName::Failed,
        JobStateName::Paused,
        JobStateName::Waiting,
    ];

    pub fn of(state: &JobState) -> JobStateName {
        match state {
            JobState::Queued => JobStateName::Queued,
            JobState::Running => JobStateName::Running,
            JobState::Completed => JobStateName::Completed,
            JobState::Cancelled => JobStateName::Cancelled,
            JobState::Failed(_) => JobStateName::Failed,
            JobState::Paused => JobStateName::Paused,
            JobState::Waiting { .. } => JobStateName::Waiting,
        }
    }
}

/// Rays by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Rays {
    camera: u64,
    bounce: u64,
    shadow: u64,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Job {
    job: u64,
    name: String,
    /// Key that submitted it.
    owner: String,
    state: JobStateName,
    /// Why it failed, or what it waits for.
    #[schema(required)]
    reason: Option<String>,
    priority: i32,
    /// `exact` or `fast`.
    mode: &'static str,
    /// How its results are checked.
    verify: String,
    width_px: u32,
    height_px: u32,
    /// Of a pixel.
    samples: u32,
    tile_px: u32,
    frames_total: u32,
    frames_done: u32,
    /// Tile-passes of the whole job.
    tiles_total: u64,
    tiles_done: u64,
    samples_total: u64,
    samples_done: u64,
    rays: Rays,
    rays_checked: u64,
    /// Tile-passes that were accepted, then doubted and rendered again.
    tiles_overturned: u64,
    /// That hold a lease of it now.
    workers: u32,
    elapsed_ms: u64,
    /// At the pace so far.
    #[schema(required)]
    left_ms: Option<u64>,
    /// Its limits shut out every connected worker.
    unserved: bool,
    package: String,
}

/// A page of jobs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct JobList {
    pub jobs: Vec<Job>,
    /// Ask with `before` this for the next page.
    #[schema(required)]
    pub next: Option<u64>,
}

impl Job {
    pub fn new(status: JobStatus, spec: &JobSpec) -> Job {
        let settings = &spec.settings;
        let reason = match &status.state {
            JobState::Failed(reason) => Some(reason.clone()),
            JobState::Waiting { after } => Some(format!("waits for {after}")),
            _ => None,
        };
        Job {
            job: status.job.0,
            owner: hex(&status.owner),
            state: JobStateName::of(&status.state),
            reason,
            priority: status.priority,
            mode: match spec.options.mode {
                Mode::Exact => "exact",
                Mode::Fast => "fast",
            },
            verify: receipts::policy(spec.options.verify),
            width_px: settings.grid.width_px,
            height_px: settings.grid.height_px,
            samples: settings.samples,
            tile_px: settings.grid.tile_px,
            frames_total: status.frames_total,
            frames_done: status.frames_done,
            tiles_total: status.tiles_total,
            tiles_done: status.tiles_done,
            samples_total: status.samples_total,
            samples_done: status.samples_done,
            rays: Rays { camera: status.rays.camera, bounce: status.rays.bounce, shadow: status.rays.shadow },
            rays_checked: status.rays_checked,
            tiles_overturned: status.tiles_overturned,
            workers: status.workers,
            elapsed_ms: status.elapsed_ms,
            left_ms: left_ms(&status),
            unserved: status.unserved,
            package: status.package.hex(),
            name: status.name,
        }
    }
}

/// At the pace of the whole job so far; none before a thousandth is done, and none where nothing moves.
fn left_ms(status: &JobStatus) -> Option<u64> {
    let begun = status.samples_done.checked_mul(1000)? >= status.samples_total && status.samples_done > 0;
    if status.state != JobState::Running || !begun {
        return None;
    }
    let left = u128::from(status.samples_total - status.samples_done) * u128::from(status.elapsed_ms);
    u64::try_from(left / u128::from(status.samples_done)).ok()
}
