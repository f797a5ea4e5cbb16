//! Jobs over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tessera_scheduler_core::Core;
use tessera_shared::ids::JobId;
use tessera_shared::messages::JobRefusal;

use super::Site;
use super::extract::{Path, Query};
use super::json::{Job, JobList, JobStateName};
use super::problem::Problem;
use super::token::Bearer;

/// Jobs of a page.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Jobs that are looked through for one page of a state.
const SEARCHED_MAX: usize = 20_000;

/// Which page of the jobs.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Older than this job.
    before: Option<u64>,
    /// Of the page, at most 200; 50 unless said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// In this state alone.
    state: Option<JobStateName>,
}

/// The limit that was asked for.
pub(super) fn limit(asked: Option<usize>, unless_said: usize, most: usize) -> Result<usize, Problem> {
    match asked.unwrap_or(unless_said) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        limit => Err(Problem::bad_request(format!("`limit` is {limit}; 1 to {most} are given at once"))),
    }
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(Page), responses(
    (status = 200, description = "A page of jobs", body = JobList),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    _: Bearer,
    Query(page): Query<Page>,
) -> Result<Json<JobList>, Problem> {
    let limit = limit(page.limit, LIMIT, LIMIT_MAX)?;
    let (before, state) = (page.before.map(JobId), page.state);
    let (jobs, next) =
        site.driver.question(move |core, now_ms| search(core, now_ms, before, limit, state)).await?;
    Ok(Json(JobList { jobs, next }))
}

/// A page of jobs, and where the next one begins if there may be one.
fn search(
    core: &Core,
    now_ms: u64,
    mut before: Option<JobId>,
    limit: usize,
    state: Option<JobStateName>,
) -> (Vec<Job>, Option<u64>) {
    let (mut jobs, mut searched) = (Vec::new(), 0);
    loop {
        let found = core.jobs(now_ms, before, LIMIT_MAX);
        if found.is_empty() {
            return (jobs, None);
        }
        for status in found {
            before = Some(status.job);
            searched += 1;
            if state.is_none_or(|state| state == JobStateName::of(&status.state)) {
                let spec = &core.state().jobs[&status.job].spec;
                jobs.push(Job::new(status, spec));
            }
            if jobs.len() == limit || searched == SEARCHED_MAX {
                return (jobs, before.map(|job| job.0));
            }
        }
    }
}

/// A job as it is now.
pub(crate) fn view(core: &Core, now_ms: u64, job: JobId) -> Option<Job> {
    let status = core.job(now_ms, job)?;
    Some(Job::new(status, &core.state().jobs.get(&job)?.spec))
}

/// One job.
#[utoipa::path(get, path = "/api/v1/jobs/{job}", tag = "jobs", params(("job" = u64, Path, description = "Its number", example = 1)), responses(
    (status = 200, description = "The job", body = Job),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn one(
    State(site): State<Arc<Site>>,
    _: Bearer,
    Path(job): Path<u64>,
) -> Result<Json<Job>, Problem> {
    let job = JobId(job);
    let found = site.driver.question(move |core, now_ms| view(core, now_ms, job)).await?;
    found.map(Json).ok_or_else(|| JobRefusal::Unknown.into())
}
