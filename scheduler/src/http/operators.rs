//! What the wrangler decides over HTTP about operators, who own workers. Whether it may be is the core's to say.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use tessera_scheduler_core::api::Event;
use tessera_shared::control::OperatorOrder;
use tessera_shared::ids::NodeKey;

use super::Site;
use super::extract::{Body, Path};
use super::orders::{asker, decide};
use super::problem::Problem;
use super::token::Bearer;

/// Why an operator is banned.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ban {
    /// One line, at most 400 bytes. The operator's workers are told it.
    #[schema(min_length = 1, max_length = 400)]
    reason: String,
}

/// Gives an operator's workers nothing more and lets none join; what rests on their work is rendered anew. The wrangler's to
/// decide.
#[utoipa::path(post, path = "/api/v1/operators/{operator}/ban", tag = "workers",
    params(("operator" = String, Path, description = "Its key", pattern = "^[0-9a-f]{64}$")),
    request_body = Ban, responses(
    (status = 204, description = "It is banned"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn ban(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(operator): Path<String>,
    Body(wanted): Body<Ban>,
) -> Result<StatusCode, Problem> {
    order(&site, bearer, &operator, OperatorOrder::Ban { reason: wanted.reason }).await
}

/// Lets an operator join again, on probation, whatever it is out for. The wrangler's to decide.
#[utoipa::path(post, path = "/api/v1/operators/{operator}/readmit", tag = "workers",
    params(("operator" = String, Path, description = "Its key", pattern = "^[0-9a-f]{64}$")),
    responses(
    (status = 204, description = "It may join"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn readmit(
    State(site): State<Arc<Site>>,
    bearer: Bearer,
    Path(operator): Path<String>,
) -> Result<StatusCode, Problem> {
    order(&site, bearer, &operator, OperatorOrder::Readmit).await
}

async fn order(
    site: &Site,
    bearer: Bearer,
    operator: &str,
    order: OperatorOrder,
) -> Result<StatusCode, Problem> {
    let by = asker(bearer)?;
    let operator: NodeKey = operator.parse().map_err(|_| {
        Problem::bad_request(
            "an operator is named by its key, 64 hexadecimal digits; `/api/v1/workers` has them",
        )
    })?;
    decide(site, move |request| Event::OrderOperator { request, operator, by, order }).await
}
