//! Workers over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tessera_scheduler_core::Core;
use tessera_shared::control::OrderRefusal;
use tessera_shared::ids::WorkerId;

use super::Site;
use super::extract::{Path, Query};
use super::json::{Worker, WorkerList};
use super::problem::Problem;
use super::token::Bearer;

/// Workers of a page.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 500;

/// Which page of the workers.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// That joined after this one.
    after: Option<u64>,
    /// Of the page, at most 500; 100 unless said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Workers in the order they joined; those lately left among them.
#[utoipa::path(get, path = "/api/v1/workers", tag = "workers", params(Page), responses(
    (status = 200, description = "A page of workers", body = WorkerList),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    _: Bearer,
    Query(page): Query<Page>,
) -> Result<Json<WorkerList>, Problem> {
    let limit = super::jobs::limit(page.limit, LIMIT, LIMIT_MAX)?;
    let after = page.after.map(WorkerId);
    let workers = site.driver.question(move |core, now_ms| {
        let found = core.workers(now_ms, after, limit).into_iter();
        found
            .map(|status| {
                let job = core.job_in_hand(status.worker);
                (status.worker, Worker::new(status, job))
            })
            .collect::<Vec<_>>()
    });
    let workers = workers.await?;
    let next = (workers.len() == limit).then(|| workers.last().map(|(id, _)| id.0)).flatten();
    Ok(Json(WorkerList { workers: workers.into_iter().map(|(_, worker)| worker).collect(), next }))
}

/// One worker.
#[utoipa::path(get, path = "/api/v1/workers/{worker}", tag = "workers", params(("worker" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 200, description = "The worker", body = Worker),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    _: Bearer,
    Path(worker): Path<u64>,
) -> Result<Json<Worker>, Problem> {
    let found = site.driver.question(move |core, now_ms| view(core, now_ms, WorkerId(worker))).await?;
    found.map(Json).ok_or_else(|| OrderRefusal::UnknownWorker.into())
}

/// A worker as it is now.
pub(super) fn view(core: &Core, now_ms: u64, worker: WorkerId) -> Option<Worker> {
    let status = core.worker_status(now_ms, worker)?;
    Some(Worker::new(status, core.job_in_hand(worker)))
}
