//! All entries that a filter lets through, as a file: an entry a line, newest first.

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;

use super::{
    api,
    query::{Asker, Query},
};
use crate::{
    audit,
    db::{
        self,
        audit::{Filter, Span},
    },
    domain::moment::Moment,
    web::{AppState, error::Error, extract::Asked, query::Pairs},
};

/// So many entries are read at once.
const CHUNK: i64 = 500;

pub(in crate::web) async fn download(State(state): State<AppState>, Asked(pairs): Pairs) -> Result<Response, Error> {
    let query = Query::parse(&pairs, Asker::Export);
    if let Some(refusal) = api::refusal(&query) {
        return Ok(refusal);
    }
    let span = db::audit::span(state.db.read(), &query.filter).await?;
    let rest = Rest { state, filter: query.filter, span };
    let disposition = format!("attachment; filename=\"audit-{}.jsonl\"", Moment::now().date());
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(stream::try_unfold(rest, Rest::next_lines))).into_response())
}

/// What is still to be sent. It is read as fast as it is taken; with whoever asked it is gone.
struct Rest {
    state: AppState,
    filter: Filter,
    span: Span,
}

impl Rest {
    /// The next lines; none at the end. When µPaaS stops it breaks off, so that nobody takes a part for the whole.
    async fn next_lines(self) -> anyhow::Result<Option<(Bytes, Self)>> {
        let read = db::audit::newest_of(self.state.db.read(), &self.filter, self.span, CHUNK);
        let Some(entries) = self.state.stop.run_until_cancelled(read).await else { anyhow::bail!("µPaaS stops") };
        let entries = entries?;
        let Some(last) = entries.last() else { return Ok(None) };
        let mut lines = Vec::new();
        for entry in &entries {
            serde_json::to_writer(&mut lines, &audit::json(entry))?;
            lines.push(b'\n');
        }
        let span = self.span.before(Some(last.id));
        Ok(Some((lines.into(), Self { span, ..self })))
    }
}
