//! `GET /metrics`, for Prometheus. Whatever the engine and the disk do, it is answered within seconds: what does not say how it stands
//! in time is left out.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{Instant, timeout},
};

use super::{AppState, error::Error, live::STREAMS_MAX};
use crate::{
    config::MetricsLogin,
    db,
    deploy::Sight,
    domain::{
        app::{App, DesiredState},
        deployment::{Deployment, Status},
        moment::Moment,
    },
    metrics::{AppNow, Snapshot, Stored},
};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How long the database may take.
const DATABASE_DEADLINE: Duration = Duration::from_secs(1);

/// The last text, and when its making began. Held while one is made.
#[derive(Default)]
pub(super) struct Scrapes(Mutex<Option<(Instant, Bytes)>>);

pub(super) async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, Error> {
    if let Some(login) = &state.config.metrics_login
        && !is_login(login, &headers)
    {
        let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"metrics\", charset=\"UTF-8\"")];
        return Ok((StatusCode::UNAUTHORIZED, ask, "METRICS_USERNAME and METRICS_PASSWORD are needed.\n").into_response());
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], state.scrapes.text(&state).await?).into_response())
}

/// Whether a request carries the name and the password. Hashes are compared, so that time tells nothing, not even how long they are.
fn is_login(login: &MetricsLogin, headers: &HeaderMap) -> bool {
    let presented = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, credentials) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials.trim()).ok())?
    });
    let expected = format!("{}:{}", login.username, login.password.reveal());
    Sha256::digest(presented.unwrap_or_default()).ct_eq(&Sha256::digest(expected)).into()
}

impl Scrapes {
    /// The text. However many ask, one is made at a time; who asked before it was begun gets the same.
    async fn text(&self, state: &AppState) -> Result<Bytes, Error> {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((began, text)) = &*last
            && *began >= asked
        {
            return Ok(text.clone());
        }
        let began = Instant::now();
        let now = snapshot(state).await;
        let metrics = state.metrics.clone();
        let rendering = spawn_blocking(move || Bytes::from(metrics.render(&now)));
        let text = rendering.await.map_err(|err| Error::Internal(err.into()))?;
        *last = Some((began, text.clone()));
        Ok(text)
    }
}

/// What the database says.
struct Rows {
    apps: Vec<App>,
    unfinished: Vec<Deployment>,
    /// The deployments whose containers serve.
    live: Vec<Deployment>,
    backlog: db::audit::Backlog,
}

/// How things stand now.
async fn snapshot(state: &AppState) -> Snapshot {
    let rows = match timeout(DATABASE_DEADLINE, rows(state)).await {
        Ok(Ok(rows)) => Some(rows),
        silent => {
            tracing::warn!(answer = ?silent.map(|it| it.err()), "the database does not say how things stand");
            None
        }
    };
    let (stored, space, used, ready) = tokio::join!(
        async {
            match &rows {
                Some(rows) => Some(stored(state, rows).await),
                None => None,
            }
        },
        state.health.space(),
        state.deployer.disk_used(),
        state.health.ready()
    );
    Snapshot {
        engine_up: state.deployer.engine().is_up(),
        ready,
        stored,
        space,
        used: used.parts,
        sse_clients: STREAMS_MAX - state.streams.available_permits(),
    }
}

async fn rows(state: &AppState) -> Result<Rows, db::Error> {
    let db = state.db.read();
    let apps = db::apps::all(db).await?;
    let mut live = db::deployments::newest_and_live(db).await?;
    live.retain(|it| apps.iter().any(|app| app.live_deployment == Some(it.id)));
    Ok(Rows { apps, unfinished: db::deployments::all_unfinished(db).await?, live, backlog: db::audit::backlog(db).await? })
}

async fn stored(state: &AppState, rows: &Rows) -> Stored {
    let now = Moment::now();
    let (sights, usages) = tokio::join!(state.deployer.containers(&rows.live), state.deployer.usage(&rows.live));
    let app_now = |app: &App| {
        let running: Vec<_> = rows.unfinished.iter().filter(|it| it.app == app.id && it.status != Status::Queued).collect();
        let since = running.iter().filter_map(|it| it.times.began()).min();
        let live = app.live_deployment;
        let sight = live.filter(|_| app.desired_state == DesiredState::Running).and_then(|live| sights.get(&live));
        let usage = live.and_then(|live| usages.get(&live));
        AppNow {
            id: app.id,
            slug: app.slug.clone(),
            in_flight: running.len(),
            running: waited(since, now),
            healthy: sight.and_then(Sight::is_healthy),
            cpu: usage.map(|it| it.cpu),
            memory_bytes: usage.map(|it| it.memory_bytes),
        }
    };
    let queued = || rows.unfinished.iter().filter(|it| it.status == Status::Queued);
    Stored {
        apps: rows.apps.iter().map(app_now).collect(),
        queue_length: queued().count(),
        queue_oldest: waited(queued().map(|it| it.times.queued).min(), now),
        audit_backlog: u64::try_from(rows.backlog.entries).unwrap_or(0),
        audit_oldest: waited(rows.backlog.oldest, now),
        outbox_backlog: 0,
    }
}

/// How long ago; zero when there is nothing.
fn waited(since: Option<Moment>, now: Moment) -> Duration {
    since.map_or(Duration::ZERO, |since| Duration::from_millis(now.since(since)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    #[test]
    fn only_the_name_and_the_password_together_open() {
        let login = MetricsLogin { username: "prom".to_owned(), password: Secret::new("a:bä c") };
        let opens = |value: &str| {
            let headers = [(header::AUTHORIZATION, value.parse().expect("a header's value"))];
            is_login(&login, &headers.into_iter().collect())
        };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(opens(&basic("prom:a:bä c")));
        assert!(opens(&basic("prom:a:bä c").replace("Basic", "basic")));
        for wrong in ["", "prom:", ":a:bä c", "prom:a:bä", "prom:a:bä c ", "Prom:a:bä c", "prom"] {
            assert!(!opens(&basic(wrong)), "{wrong}");
        }
        assert!(!opens("Basic") && !opens("Basic %%%") && !opens(&basic("prom:a:bä c").replace("Basic", "Bearer")));
        assert!(!is_login(&login, &HeaderMap::new()));
    }
}
