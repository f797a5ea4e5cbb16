//! The interface's own document, made from the handlers and their types.

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// The document of version 1.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tessera",
        description = "A render farm: its jobs, frames, tiles, workers and what happens on it."
    ),
    paths(
        super::farm::farm,
        super::jobs::list,
        super::jobs::one,
        super::orders::cancel,
        super::orders::pause,
        super::orders::resume,
        super::orders::requeue,
        super::orders::priority,
        super::orders::drain,
        super::orders::undrain,
        super::operators::ban,
        super::operators::readmit,
        super::reasons::why,
        super::reasons::log,
        super::frames::list,
        super::frames::tiles,
        super::picture::picture,
        super::workers::list,
        super::workers::one,
        super::events::stream,
        super::events::log,
    ),
    modifiers(&Tokens),
    security(("token" = []))
)]
struct Document;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
