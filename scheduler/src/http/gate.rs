//! Who may ask anything: the token of a request, and how often its client may ask.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Site;
use super::problem::Problem;
use crate::clock::unix_time;
use crate::throttle::Throttles;

/// Requests that a client may make at once: a page with its film strip.
const BURST: u32 = 600;
/// How often it may make one after that.
const EVERY: Duration = Duration::from_millis(10);
/// What a refused token costs, in requests: guessing is slow long before it is useful.
const REFUSED_COST: u32 = 60;
/// Clients that are remembered.
const CLIENTS_MAX: usize = 4096;

/// What who brings no token is told.
pub(super) const NO_TOKEN: &str =
    "a token is needed: `Authorization: Bearer …`, from the link that `tessera web` prints";

/// The client's address, put into each request by who accepted its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client(pub SocketAddr);

/// The buckets of all clients.
pub(super) fn rates() -> Throttles {
    Throttles::new(BURST, EVERY, CLIENTS_MAX)
}

/// Lets a request pass that its client may make now.
pub(crate) async fn rate(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if let Some(client) = client(&request) {
        let (mut rates, now) = (site.rates(), Instant::now());
        let wait = rates.wait(client, now);
        if !wait.is_zero() {
            return too_many((wait.as_millis() as u64).div_ceil(1000).max(1)).into_response();
        }
        rates.spend(client, now, 1);
    }
    next.run(request).await
}

/// Lets a request pass that brings a token of this farm, and notes whose it is.
pub(crate) async fn token(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let Some(text) = bearer(request.headers()) else {
        return Problem::new(StatusCode::UNAUTHORIZED, NO_TOKEN).into_response();
    };
    match site.tokens.read(text, unix_time().as_secs()) {
        Ok(pass) => {
            request.extensions_mut().insert(pass);
            next.run(request).await
        }
        Err(refused) => {
            if let Some(client) = client(&request) {
                site.rates().spend(client, Instant::now(), REFUSED_COST);
            }
            Problem::new(StatusCode::UNAUTHORIZED, refused.to_string()).into_response()
        }
    }
}

fn client(request: &Request) -> Option<std::net::IpAddr> {
    request.extensions().get::<Client>().map(|client| client.0.ip())
}

fn too_many(seconds: u64) -> Problem {
    let detail = format!("more requests than a client may make; try again in {seconds} s");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(seconds)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
