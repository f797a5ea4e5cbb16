//! The page's own files, part of the program. They hold nothing of the farm and are the only thing that is served without a
//! token.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tessera_shared::digest::Digest;

use super::Site;

/// What the page may load and do: its own files and nothing else.
const POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

macro_rules! files {
    ($($path:literal $file:literal $kind:literal;)*) => {
        /// Path, media type and bytes.
        const FILES: &[(&str, &str, &[u8])] =
            &[$(($path, $kind, include_bytes!(concat!("../../page/", $file)))),*];
    };
}

files! {
    "/actions.js" "actions.js" "text/javascript; charset=utf-8";
    "/api.js" "api.js" "text/javascript; charset=utf-8";
    "/app.css" "app.css" "text/css; charset=utf-8";
    "/app.js" "app.js" "text/javascript; charset=utf-8";
    "/bar.js" "bar.js" "text/javascript; charset=utf-8";
    "/compare.js" "compare.js" "text/javascript; charset=utf-8";
    "/controls.js" "controls.js" "text/javascript; charset=utf-8";
    "/dialog.js" "dialog.js" "text/javascript; charset=utf-8";
    "/dom.js" "dom.js" "text/javascript; charset=utf-8";
    "/events.js" "events.js" "text/javascript; charset=utf-8";
    "/farm.js" "farm.js" "text/javascript; charset=utf-8";
    "/format.js" "format.js" "text/javascript; charset=utf-8";
    "/frame.css" "frame.css" "text/css; charset=utf-8";
    "/frame.js" "frame.js" "text/javascript; charset=utf-8";
    "/icon.svg" "icon.svg" "image/svg+xml";
    "/" "index.html" "text/html; charset=utf-8";
    "/job.js" "job.js" "text/javascript; charset=utf-8";
    "/keys.js" "keys.js" "text/javascript; charset=utf-8";
    "/list.js" "list.js" "text/javascript; charset=utf-8";
    "/lists.css" "lists.css" "text/css; charset=utf-8";
    "/login.js" "login.js" "text/javascript; charset=utf-8";
    "/mosaic.js" "mosaic.js" "text/javascript; charset=utf-8";
    "/parts.css" "parts.css" "text/css; charset=utf-8";
    "/pictures.js" "pictures.js" "text/javascript; charset=utf-8";
    "/preview.js" "preview.js" "text/javascript; charset=utf-8";
    "/queue.js" "queue.js" "text/javascript; charset=utf-8";
    "/stage.js" "stage.js" "text/javascript; charset=utf-8";
    "/stream.js" "stream.js" "text/javascript; charset=utf-8";
    "/strip.js" "strip.js" "text/javascript; charset=utf-8";
    "/tiles.js" "tiles.js" "text/javascript; charset=utf-8";
    "/viewport.js" "viewport.js" "text/javascript; charset=utf-8";
    "/views.css" "views.css" "text/css; charset=utf-8";
    "/workers.js" "workers.js" "text/javascript; charset=utf-8";
}

/// A route for each file.
pub(super) fn routes() -> Router<Arc<Site>> {
    let mut router = Router::new();
    for (path, kind, bytes) in FILES {
        router =
            router.route(path, get(move |headers: HeaderMap| async move { file(kind, bytes, &headers) }));
    }
    router
}

fn file(kind: &'static str, bytes: &'static [u8], asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", &Digest::of(bytes).hex()[..32]);
    let same = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = match same {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => bytes.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::json::{JobStateName, WorkerStateName};

    /// Words of the interface that the page acts on are the page's words.
    #[test]
    fn the_page_knows_every_state() {
        let files = FILES.iter().map(|(_, _, bytes)| std::str::from_utf8(bytes).unwrap());
        let page: String = files.collect();
        let jobs = JobStateName::ALL.iter().map(|state| serde_json::to_string(state).unwrap());
        let workers = WorkerStateName::ALL.iter().map(|state| serde_json::to_string(state).unwrap());
        for word in jobs.chain(workers) {
            assert!(page.contains(&word), "the page does not know {word}");
        }
    }
}
