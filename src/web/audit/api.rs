//! `GET /api/audit`: entries for other programs.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::query::{Asker, Query};
use crate::{
    audit::{self, Line},
    db,
    web::{AppState, error::Error, extract::Asked, query::Pairs},
};

#[derive(Serialize)]
struct Index<'a> {
    /// Newest first.
    entries: Vec<Line<'a>>,
    /// Where those before them are; none when there are no more.
    next: Option<String>,
}

#[derive(Serialize)]
struct Refusal {
    error: String,
}

/// Answers what was asked for wrongly with the first rule that it breaks.
pub(super) fn refusal(query: &Query) -> Option<Response> {
    let wrong = query.wrong().first()?;
    Some((StatusCode::BAD_REQUEST, Json(Refusal { error: wrong.to_string() })).into_response())
}

pub(in crate::web) async fn index(State(state): State<AppState>, Asked(pairs): Pairs) -> Result<Response, Error> {
    let query = Query::parse(&pairs, Asker::Api);
    if let Some(refusal) = refusal(&query) {
        return Ok(refusal);
    }
    let mut entries = db::audit::newest(state.db.read(), &query.filter, query.before, query.limit() + 1).await?;
    let more = entries.len() > query.limit() as usize;
    entries.truncate(query.limit() as usize);
    let next = entries.last().filter(|_| more).map(|last| query.address("/api/audit", Some(last.id)));
    Ok(Json(Index { entries: entries.iter().map(audit::json).collect(), next }).into_response())
}
