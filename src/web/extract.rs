//! axum's path and query, with our own pages for what does not fit.

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::{AppState, error::Error};

/// The holes of a path. One that cannot be filled (`/deployments/x`) is an address where nothing is.
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for At<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        Path::from_request_parts(parts, state).await.map(|Path(holes)| Self(holes)).map_err(|_| Error::NotFound)
    }
}

/// The query of a URL.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Asked<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let unreadable = |_| Error::BadRequest("The part of the address after the question mark is not understood.".to_owned());
        Query::from_request_parts(parts, state).await.map(|Query(asked)| Self(asked)).map_err(unreadable)
    }
}
