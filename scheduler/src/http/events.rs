//! The stream of events and the log over HTTP.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use tessera_shared::ids::JobId;
use tokio::sync::watch;

use super::Site;
use super::board::News;
use super::extract::Query;
use super::json::{Entry, EntryList};
use super::problem::Problem;
use super::token::{Bearer, Pass};
use crate::clock::unix_time;
use crate::feed::Watching;

/// A line that says nothing is sent after so long without news, so that a dead connection is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Lines of a page of the log.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 500;

/// What the stream tells of.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Watched {
    /// The job whose frames and tiles are told as well.
    job: Option<u64>,
}

/// What changes on the farm, as it changes: server-sent events `jobs`, `workers`, `log`, and for `job` also `frames` and `tiles`,
/// each with the documents that changed; after each batch `seen` with its number as the event's id; `resync` when too much was
/// missed. Goes on behind the header Last-Event-ID.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(Watched), responses(
    (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn stream(
    State(site): State<Arc<Site>>,
    pass: Pass,
    Query(watched): Query<Watched>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let cursor = match headers.get("last-event-id") {
        None => site.board.cursor(site.now_ms()),
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.parse().ok());
            id.ok_or_else(|| {
                Problem::bad_request("the header Last-Event-ID is not a number that this stream gave")
            })?
        }
    };
    let reader = Reader {
        newest: site.board.newest(),
        watching: watched.job.map(|job| site.feed.watch(JobId(job))),
        cursor,
        // The first bytes tell the client that the stream is open.
        ready: VecDeque::from([Bytes::from_static(b": tessera\n\n")]),
        pass,
        site,
    };
    let news = futures_util::stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), reader))
    });
    let mut response = Response::new(Body::from_stream(news));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy that gathers before it passes on would make news old.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Who reads the stream, and where it is.
struct Reader {
    site: Arc<Site>,
    pass: Pass,
    newest: watch::Receiver<u64>,
    /// Keeps the job's tiles noted while the stream is open.
    watching: Option<Watching>,
    cursor: u64,
    /// Pieces that come next.
    ready: VecDeque<Bytes>,
}

impl Reader {
    /// The next piece of the stream; `None` when the scheduler stops, or the token is worth nothing any more.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.site.tokens.stands(&self.pass, unix_time().as_secs()).ok()?;
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            self.newest.borrow_and_update();
            if self.read() {
                continue;
            }
            match tokio::time::timeout(HEARTBEAT, self.newest.changed()).await {
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
                Ok(changed) => changed.ok()?,
            }
        }
    }

    /// Takes what is new; whether anything was.
    fn read(&mut self) -> bool {
        match self.site.board.after(self.cursor) {
            News::Resync(cursor) => {
                let mut bytes = Vec::new();
                super::pump::event(&mut bytes, "resync", &serde_json::json!({}));
                bytes.extend(super::board::seen(cursor));
                self.ready.push_back(Bytes::from(bytes));
                self.cursor = cursor;
            }
            News::Batches(batches, cursor) => {
                let job = self.watching.as_ref().map(Watching::job);
                self.ready.extend(batches.iter().flat_map(|batch| batch.pieces(job)));
                self.cursor = cursor;
            }
        }
        !self.ready.is_empty()
    }
}

/// Which page of the log.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Older than this line.
    before: Option<u64>,
    /// Of the page, at most 500; 100 unless said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// The farm's log since the scheduler's start, newest first: verdicts, failures, who came and went.
#[utoipa::path(get, path = "/api/v1/events/log", tag = "events", params(Page), responses(
    (status = 200, description = "A page of the log", body = EntryList),
    (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn log(
    State(site): State<Arc<Site>>,
    _: Bearer,
    Query(page): Query<Page>,
) -> Result<Json<EntryList>, Problem> {
    let limit = super::jobs::limit(page.limit, LIMIT, LIMIT_MAX)?;
    let lines = site.feed.lines_before(page.before, limit).into_iter();
    let entries: Vec<_> = lines.map(|line| Entry::new(line, site.start_unix_ms)).collect();
    let next = if entries.len() == limit { entries.last().map(|entry| entry.id) } else { None };
    Ok(Json(EntryList { entries, next }))
}
