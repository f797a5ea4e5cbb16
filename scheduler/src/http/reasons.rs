//! What holds a job back and what failed of it, over HTTP: for its owner, and for those whom the farm's owner lets look.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tessera_scheduler_core::api::Asker;
use tessera_shared::control::{LogReply, WhyReply};
use tessera_shared::ids::JobId;

use super::Site;
use super::extract::Path;
use super::problem::Problem;
use super::token::Bearer;

/// What holds a job back.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(super) struct Why {
    /// The weightiest first; if nothing does, one says how it goes.
    sentences: Vec<String>,
}

/// Something that failed.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(super) struct FailureLine {
    /// Since 1970.
    at_ms: u64,
    worker: u64,
    #[schema(required)]
    frame: Option<u32>,
    #[schema(required)]
    tile: Option<u32>,
    /// Whom it is laid to: `node`, `job`, `shortage` or `network`.
    class: String,
    text: String,
}

/// What failed of a job lately, newest first.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(super) struct FailureList {
    failures: Vec<FailureLine>,
}

/// What holds a job back.
#[utoipa::path(get, path = "/api/v1/jobs/{job}/why", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 200, description = "The reasons", body = Why),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn why(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(job): Path<u64>,
) -> Result<Json<Why>, Problem> {
    let (job, by) = (JobId(job), reader(bearer));
    match site.driver.question(move |core, now_ms| core.why(now_ms, job, by)).await? {
        WhyReply::Refused(refusal) => Err(refusal.into()),
        WhyReply::Reasons(reasons) => {
            Ok(Json(Why { sentences: reasons.into_iter().map(|reason| reason.sentence).collect() }))
        }
    }
}

/// What failed of a job lately.
#[utoipa::path(get, path = "/api/v1/jobs/{job}/log", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 200, description = "Its failures", body = FailureList),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn log(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(job): Path<u64>,
) -> Result<Json<FailureList>, Problem> {
    let (job, by) = (JobId(job), reader(bearer));
    let replies = site.driver.question(move |core, now_ms| core.failure_log(now_ms, job, by)).await?;
    let now_unix_ms = site.start_unix_ms + site.now_ms();
    let mut failures = Vec::with_capacity(replies.len());
    for reply in replies.into_iter().rev() {
        match reply {
            LogReply::Refused(refusal) => return Err(refusal.into()),
            LogReply::Entry(entry) => failures.push(FailureLine {
                at_ms: now_unix_ms.saturating_sub(entry.ago_ms),
                worker: entry.worker.0,
                frame: entry.tile.map(|(frame, _)| frame.0),
                tile: entry.tile.map(|(_, tile)| tile),
                class: entry.failure.class.to_string(),
                text: entry.failure.log,
            }),
        }
    }
    Ok(Json(FailureList { failures }))
}

/// Who may look into every job reads as the wrangler does.
fn reader(bearer: Bearer) -> Asker {
    bearer.key.map_or(Asker::Wrangler, Asker::Artist)
}
