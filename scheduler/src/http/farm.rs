//! The farm in one document.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tessera_scheduler_core::Core;
use tessera_shared::KERNEL_VERSION;

use super::json::{Farm, JobCounts, WorkerCounts};
use super::problem::Problem;
use super::token::Pass;
use super::{Site, json};

/// What the farm is and does.
#[utoipa::path(get, path = "/api/v1/farm", tag = "farm", responses(
    (status = 200, description = "The farm", body = Farm),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn farm(State(site): State<Arc<Site>>, pass: Pass) -> Result<Json<Farm>, Problem> {
    let cursor = site.board.cursor(site.now_ms());
    let (workers, jobs, rays_per_second) =
        site.driver.question(|core, _| (workers(core), jobs(core), core.rays_per_second())).await?;
    Ok(Json(Farm {
        version: env!("CARGO_PKG_VERSION"),
        kernel_version: KERNEL_VERSION,
        uptime_ms: site.now_ms(),
        role: pass.bearer.role,
        key: pass.bearer.key.map(|key| json::hex(&key)),
        until_ms: pass.until_s.map(|until_s| until_s.saturating_mul(1000)),
        workers,
        jobs,
        rays_per_second,
        cursor,
    }))
}

/// Counts of connected workers.
pub(super) fn workers(core: &Core) -> WorkerCounts {
    let connected = core.state().workers.len() as u64;
    WorkerCounts { connected, busy: core.workers_busy(), quarantined: core.operators_out() }
}

/// Counts of listed jobs.
pub(super) fn jobs(core: &Core) -> JobCounts {
    let mut counts = JobCounts::default();
    for state in core.job_states() {
        *match json::JobStateName::of(&state) {
            json::JobStateName::Queued => &mut counts.queued,
            json::JobStateName::Running => &mut counts.running,
            json::JobStateName::Paused => &mut counts.paused,
            json::JobStateName::Waiting => &mut counts.waiting,
            json::JobStateName::Completed => &mut counts.completed,
            json::JobStateName::Cancelled => &mut counts.cancelled,
            json::JobStateName::Failed => &mut counts.failed,
        } += 1;
    }
    counts
}
