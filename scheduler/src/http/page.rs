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
    "/" "index.html" "text/html; charset=utf-8";
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
