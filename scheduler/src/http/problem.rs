//! What goes wrong, as a client of the HTTP interface reads it: problem details (RFC 9457) with a status and a sentence.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tessera_shared::control::OrderRefusal;
use tessera_shared::messages::JobRefusal;

use crate::driver::Stopped;

/// A problem's document.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Problem {
    /// `about:blank`: the status says what kind it is.
    #[serde(rename = "type")]
    kind: &'static str,
    title: String,
    status: u16,
    /// What happened and what to do next.
    detail: String,
    /// Seconds after which to try again; also in the header of that name.
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        let title = status.canonical_reason().unwrap_or("Problem").to_owned();
        Problem {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            detail: detail.into(),
            retry_after_s: None,
        }
    }

    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn retry_after(self, seconds: u64) -> Problem {
        Problem { retry_after_s: Some(seconds), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after_s = self.retry_after_s;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Stopped> for Problem {
    fn from(stopped: Stopped) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, stopped.to_string())
    }
}

impl From<OrderRefusal> for Problem {
    fn from(refusal: OrderRefusal) -> Problem {
        let status = match &refusal {
            OrderRefusal::Job(refusal) => return refusal.clone().into(),
            OrderRefusal::UnknownWorker | OrderRefusal::UnknownOperator => StatusCode::NOT_FOUND,
            OrderRefusal::NoWrangler => StatusCode::FORBIDDEN,
            OrderRefusal::Archived | OrderRefusal::Drained(_) => StatusCode::CONFLICT,
            OrderRefusal::Priority(_) | OrderRefusal::Ranges(_) | OrderRefusal::Reason(_) => {
                StatusCode::BAD_REQUEST
            }
        };
        Problem::new(status, refusal.to_string())
    }
}

impl From<JobRefusal> for Problem {
    fn from(refusal: JobRefusal) -> Problem {
        let status = match refusal {
            JobRefusal::Unknown | JobRefusal::NoFrame => StatusCode::NOT_FOUND,
            JobRefusal::Foreign => StatusCode::FORBIDDEN,
            JobRefusal::Storage => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::CONFLICT,
        };
        Problem::new(status, refusal.to_string())
    }
}
