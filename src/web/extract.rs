//! axum's path and query, with our own pages for what does not fit.

use axum::{
    extract::{FromRequestParts, Path, Query, RawPathParams},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::{AppState, error::Error};

/// The hole of a path that holds a deployment's number.
const NUMBER: &str = "n";

/// The holes of a path. One that cannot be filled (`/deployments/x`), or holds a number that is written otherwise (`/deployments/007`), is
/// an address where nothing is.
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for At<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let holes = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Error::NotFound)?;
        if holes.iter().any(|(name, value)| name == NUMBER && !is_as_written(value)) {
            return Err(Error::NotFound);
        }
        Path::from_request_parts(parts, state).await.map(|Path(holes)| Self(holes)).map_err(|_| Error::NotFound)
    }
}

/// Whether a number is written as links of ours write it.
fn is_as_written(number: &str) -> bool {
    number.parse::<i64>().is_ok_and(|it| it.to_string() == number)
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
