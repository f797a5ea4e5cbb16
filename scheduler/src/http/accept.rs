//! Connections of the HTTP interface: how many, and how long one may take to say what it wants.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::gate::Client;

/// Connections at once; 200 watchers with six each.
const CONNECTIONS_MAX: usize = 2048;
/// How long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// The pause after the system had no file or memory for a connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts for ever.
pub(super) async fn run(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    let service = router.clone().layer(axum::Extension(Client(client)));
                    connections.spawn(async move {
                        let served = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .header_read_timeout(HEAD_TIMEOUT)
                            .max_headers(HEADERS_MAX)
                            .max_buf_size(HEAD_BYTES_MAX)
                            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
                        if let Err(error) = served.await {
                            tracing::debug!(%client, %error, "an HTTP connection broke off");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "an HTTP connection was not taken");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => if let Err(panic) = ended {
                tracing::error!(%panic, "an HTTP connection's task failed");
            },
        }
    }
}
