//! What a request says, read with the interface's own words for what is wrong with it.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;

use super::problem::Problem;
use super::token::{Bearer, Pass};

/// Parts of the path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub T);

/// The query.
#[derive(Debug)]
pub(crate) struct Query<T>(pub T);

/// The body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Path<T>, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Path(value))
            .map_err(|error: PathRejection| Problem::bad_request(error.body_text()))
    }
}

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Query<T>, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| Query(value))
            .map_err(|error: QueryRejection| Problem::bad_request(error.body_text()))
    }
}

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        let read = axum::Json::<T>::from_request(request, state).await;
        read.map(|axum::Json(value)| Body(value))
            .map_err(|error: JsonRejection| Problem::new(error.status(), error.body_text()))
    }
}

/// Every request behind the login has one: the gate put it there.
impl<S: Send + Sync> FromRequestParts<S> for Pass {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Pass, Problem> {
        let pass = parts.extensions.get::<Pass>().copied();
        pass.ok_or_else(|| Problem::new(axum::http::StatusCode::UNAUTHORIZED, super::gate::NO_TOKEN))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Bearer, Problem> {
        Ok(Pass::from_request_parts(parts, state).await?.bearer)
    }
}
