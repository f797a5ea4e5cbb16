//! The farm over HTTP: what the page, scripts and monitoring read, and what people decide there. Shows what the core says and
//! asks it for what is to change; decides nothing itself.

mod accept;
mod board;
pub(crate) mod doorway;
mod events;
mod extract;
mod farm;
mod frames;
mod gate;
mod jobs;
pub(crate) mod json;
mod metrics;
mod openapi;
mod operators;
mod orders;
mod pace;
mod page;
mod picture;
mod problem;
mod pump;
mod reasons;
pub(crate) mod revocations;
pub(crate) mod token;
mod workers;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::clock::unix_time;
use crate::driver::Driver;
use crate::feed::Feed;
use crate::films::Films;
use crate::throttle::Throttles;
use crate::webhooks::Webhooks;
use board::Board;
pub(crate) use jobs::view as job_view;
use problem::Problem;
use token::Tokens;

/// Longest body that is read.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Pictures that are made at once: each may hold a whole frame.
const PICTURES_AT_ONCE: usize = 2;

/// What every request shares.
pub(crate) struct Site {
    pub driver: Driver,
    pub films: Films,
    pub feed: Arc<Feed>,
    pub tokens: Tokens,
    pub board: Arc<Board>,
    webhooks: Arc<Webhooks>,
    rates: Mutex<Throttles>,
    drawing: Semaphore,
    start: Instant,
    start_unix_ms: u64,
}

impl Site {
    pub fn new(
        driver: Driver,
        films: Films,
        feed: Arc<Feed>,
        tokens: Tokens,
        webhooks: Arc<Webhooks>,
    ) -> Site {
        Site {
            driver,
            films,
            feed,
            tokens,
            board: Arc::default(),
            webhooks,
            rates: Mutex::new(gate::rates()),
            drawing: Semaphore::new(PICTURES_AT_ONCE),
            start: Instant::now(),
            start_unix_ms: unix_time().as_millis() as u64,
        }
    }

    fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn rates(&self) -> MutexGuard<'_, Throttles> {
        self.rates.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Serves until the listener's task is dropped.
pub(crate) async fn serve(site: Arc<Site>, listener: TcpListener) {
    let pump = pump::run(site.clone());
    let accept = accept::run(listener, router(site));
    tokio::join!(pump, accept);
}

fn router(site: Arc<Site>) -> Router {
    let version_1 = Router::new()
        .route("/farm", get(farm::farm))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{job}", get(jobs::one))
        .route("/jobs/{job}/cancel", post(orders::cancel))
        .route("/jobs/{job}/log", get(reasons::log))
        .route("/jobs/{job}/pause", post(orders::pause))
        .route("/jobs/{job}/priority", post(orders::priority))
        .route("/jobs/{job}/requeue", post(orders::requeue))
        .route("/jobs/{job}/resume", post(orders::resume))
        .route("/jobs/{job}/frames", get(frames::list))
        .route("/jobs/{job}/frames/{frame}/picture.png", get(picture::picture))
        .route("/jobs/{job}/frames/{frame}/tiles", get(frames::tiles))
        .route("/jobs/{job}/why", get(reasons::why))
        .route("/workers", get(workers::list))
        .route("/workers/{worker}", get(workers::one))
        .route("/workers/{worker}/drain", post(orders::drain))
        .route("/workers/{worker}/undrain", post(orders::undrain))
        .route("/operators/{operator}/ban", post(operators::ban))
        .route("/operators/{operator}/readmit", post(operators::readmit))
        .route("/events", get(events::stream))
        .route("/events/log", get(events::log));
    let private = Router::new()
        .nest("/api/v1", version_1)
        .route("/openapi.json", get(openapi::document))
        .route("/metrics", get(metrics::metrics))
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(site.clone(), gate::token));
    Router::new()
        .merge(page::routes())
        .merge(private)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(site.clone(), gate::rate))
        .layer(from_fn(careful))
        .with_state(site)
}

async fn unknown() -> Problem {
    Problem::not_found("there is nothing at this path; /openapi.json lists what there is")
}

async fn not_allowed() -> Problem {
    Problem::new(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        "this path takes another method; /openapi.json lists them",
    )
}

/// Headers that keep a browser from guessing, framing and sending the address on.
async fn careful(request: axum::extract::Request, next: axum::middleware::Next) -> Response {
    let mut response = next.run(request).await.into_response();
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
