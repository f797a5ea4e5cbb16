//! What people decide over HTTP about jobs and workers. Who may decide what is the core's to say.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use tessera_scheduler_core::api::{Answer, Asker, Event, RequestId};
use tessera_shared::control::{FRAME_RANGES_MAX, FrameRange, JobOrder, WorkerOrder};
use tessera_shared::ids::{FrameNumber, JobId, WorkerId};

use super::Site;
use super::extract::{Body, Path};
use super::problem::Problem;
use super::token::{Bearer, WebRole};

/// Frames to render anew.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Requeue {
    /// Numbers and ranges such as `3,7-10`.
    #[schema(pattern = "^[0-9]{1,10}(-[0-9]{1,10})?(,[0-9]{1,10}(-[0-9]{1,10})?)*$")]
    frames: String,
}

/// Another priority.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Priority {
    /// Higher goes first.
    priority: i32,
}

/// Ends a job; its finished frames stay.
#[utoipa::path(post, path = "/api/v1/jobs/{job}/cancel", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 204, description = "It is cancelled"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn cancel(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(job): Path<u64>,
) -> Result<StatusCode, Problem> {
    let by = asker(bearer)?;
    decide(&site, move |request| Event::Cancel { request, job: JobId(job), by }).await
}

/// Lends nothing more of a job; what is in hand is finished and used.
#[utoipa::path(post, path = "/api/v1/jobs/{job}/pause", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 204, description = "It is paused"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn pause(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(job): Path<u64>,
) -> Result<StatusCode, Problem> {
    order(&site, bearer, job, JobOrder::Pause).await
}

/// Goes on with a paused job.
#[utoipa::path(post, path = "/api/v1/jobs/{job}/resume", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 204, description = "It goes on"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn resume(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(job): Path<u64>,
) -> Result<StatusCode, Problem> {
    order(&site, bearer, job, JobOrder::Resume).await
}

/// Renders frames anew.
#[utoipa::path(post, path = "/api/v1/jobs/{job}/requeue", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1)),
    request_body = Requeue, responses(
    (status = 204, description = "They wait to be rendered"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn requeue(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(job): Path<u64>,
    Body(wanted): Body<Requeue>,
) -> Result<StatusCode, Problem> {
    let ranges = ranges(&wanted.frames).map_err(Problem::bad_request)?;
    order(&site, bearer, job, JobOrder::Requeue(ranges)).await
}

/// Gives a job another priority.
#[utoipa::path(post, path = "/api/v1/jobs/{job}/priority", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1)),
    request_body = Priority, responses(
    (status = 204, description = "It has the priority"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn priority(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(job): Path<u64>,
    Body(wanted): Body<Priority>,
) -> Result<StatusCode, Problem> {
    order(&site, bearer, job, JobOrder::Prioritise(wanted.priority)).await
}

/// Gives a worker nothing more; it finishes what it holds. The wrangler's to decide.
#[utoipa::path(post, path = "/api/v1/workers/{worker}/drain", tag = "workers", params(("worker" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 204, description = "It gets nothing more"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn drain(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(worker): Path<u64>,
) -> Result<StatusCode, Problem> {
    order_worker(&site, bearer, worker, WorkerOrder::Drain).await
}

/// Lets a drained worker work again. The wrangler's to decide.
#[utoipa::path(post, path = "/api/v1/workers/{worker}/undrain", tag = "workers", params(("worker" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 204, description = "It works again"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn undrain(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(worker): Path<u64>,
) -> Result<StatusCode, Problem> {
    order_worker(&site, bearer, worker, WorkerOrder::Undrain).await
}

async fn order(site: &Site, bearer: Bearer, job: u64, order: JobOrder) -> Result<StatusCode, Problem> {
    let by = asker(bearer)?;
    decide(site, move |request| Event::Order { request, job: JobId(job), by, order }).await
}

async fn order_worker(
    site: &Site,
    bearer: Bearer,
    worker: u64,
    order: WorkerOrder,
) -> Result<StatusCode, Problem> {
    let by = asker(bearer)?;
    decide(site, move |request| Event::OrderWorker { request, worker: WorkerId(worker), by, order }).await
}

/// In whose name the token decides.
pub(super) fn asker(bearer: Bearer) -> Result<Asker, Problem> {
    match (bearer.role, bearer.key) {
        (WebRole::Wrangler, _) => Ok(Asker::Wrangler),
        (WebRole::Artist, Some(key)) => Ok(Asker::Artist(key)),
        _ => Err(Problem::new(StatusCode::FORBIDDEN, "this token may look and decide nothing")),
    }
}

pub(super) async fn decide(
    site: &Site,
    event: impl FnOnce(RequestId) -> Event + Send + 'static,
) -> Result<StatusCode, Problem> {
    match site.driver.ask(event).await? {
        Answer::JobRefused(refusal) => Err(refusal.into()),
        Answer::OrderRefused(refusal) => Err(refusal.into()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// Reads numbers and ranges of frames.
fn ranges(text: &str) -> Result<Vec<FrameRange>, String> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().map(FrameNumber)
    };
    let mut ranges = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => ranges.push(FrameRange { first, last }),
            _ => {
                let part: String = part.chars().take(40).collect();
                return Err(format!(
                    "`frames`: `{part}` is neither a frame nor a range; write them as 3,7-10"
                ));
            }
        }
        if ranges.len() > FRAME_RANGES_MAX {
            return Err(format!("`frames` names more than {FRAME_RANGES_MAX} ranges; give fewer at once"));
        }
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_words() {
        let range = |first, last| FrameRange { first: FrameNumber(first), last: FrameNumber(last) };
        assert_eq!(ranges("3,7-10"), Ok(vec![range(3, 3), range(7, 10)]));
        assert_eq!(ranges("4294967295"), Ok(vec![range(u32::MAX, u32::MAX)]));
        for text in ["", "3,", "a", "10-7", "-1", "1-2-3", "+3", "4294967296", "1x2", " 1"] {
            assert!(ranges(text).unwrap_err().contains("write them as"), "{text}");
        }
        assert!(ranges(&"1,".repeat(2000)).is_err());
    }
}
