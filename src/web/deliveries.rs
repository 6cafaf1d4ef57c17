//! Deliveries: the one address that forges call, and the list of what came.
//!
//! The answer's text is what the operator reads in the forge's delivery history, so it says what became of the delivery and what to do.

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    AppState, apps,
    body::{self, Busy},
    client::Client,
    error::{self, Error},
    extract::{Asked, At},
    frame::When,
    live,
    present::{self, AppLink, Badge},
    security::Uncompressed,
    ui::Ui,
    view::{self, Mood, Piece, View, Watched},
};
use crate::{
    db,
    deploy::{Arrival, Headers},
    domain::{
        app::App,
        delivery::{Delivery, Rejection, Verdict},
        ids::{DeliveryId, WebhookId},
    },
};

/// A page of the list.
const PAGE: i64 = 50;

/// The machine's side: `POST /webhook/{uuid}`.
pub(super) async fn receive(
    State(state): State<AppState>,
    Extension(client): Extension<Client>,
    At(id): At<String>,
    request: Request,
) -> Response {
    let app = match id.parse::<WebhookId>() {
        Ok(id) => state.deployer.app_of_webhook(id).await,
        Err(_) => Ok(None),
    };
    match app {
        Ok(Some(app)) => match answer(&state, app, client, request).await {
            Ok(response) => response,
            Err(err) => failed(err),
        },
        Ok(None) => {
            tracing::debug!("a delivery came to a webhook URL that no app has");
            state.metrics.unknown_delivery();
            body::drain(request.into_body(), Rejection::Unsigned).await;
            plain(StatusCode::NOT_FOUND, "rejected: no app has this webhook URL. Copy it again from the app's page in µPaaS.")
        }
        Err(err) => failed(err.into()),
    }
}

/// Every other method than POST, which Gitea's form offers, too.
pub(super) async fn only_post() -> Response {
    let text = "rejected: this address takes POST only. Choose POST as “HTTP method” in the webhook's settings.";
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text);
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    response
}

async fn answer(state: &AppState, app: App, client: Client, request: Request) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = Headers(parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect());
    // What will be rejected anyhow is not kept in memory.
    let read = match body::unwanted(&parts.headers) {
        Some(unwanted) => unwanted,
        None if !is_json(&parts.headers) => body::drain(body, Rejection::NotJson).await,
        None if !headers.have_signature() => body::drain(body, Rejection::Unsigned).await,
        None => match body::read(body, &state.large_deliveries).await {
            Ok(read) => read,
            Err(Busy) => {
                let text = "rejected: too many large deliveries at once. Press “Redeliver” in a moment.";
                return Ok(plain(StatusCode::SERVICE_UNAVAILABLE, text));
            }
        },
    };
    let slug = app.slug.clone();
    let arrival = Arrival { from: client.address, headers, body: read.body.clone(), length: read.length };
    let delivery = state.deployer.receive(app, arrival).await?;
    let mut text = format!("{}: {}", delivery.verdict, view::undeceptive(&delivery.reason).replace('\n', " "));
    if let Some(number) = delivery.deployment {
        text.push_str(&format!("\n{}/apps/{slug}/deployments/{number}", base_url(state).await?.unwrap_or_default()));
    }
    Ok(plain(StatusCode::from_u16(delivery.answered).unwrap_or(StatusCode::OK), &text))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The external URL of this µPaaS: from the environment, else as it was at setup.
pub(super) async fn base_url(state: &AppState) -> Result<Option<String>, Error> {
    match &state.config.base_url {
        Some(url) => Ok(Some(url.clone())),
        None => Ok(db::settings::base_url(state.db.read()).await?),
    }
}

fn plain(status: StatusCode, text: &str) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{text}\n")).into_response();
    response.extensions_mut().insert(Uncompressed);
    response
}

fn failed(err: Error) -> Response {
    let err = anyhow::Error::from(err);
    if !error::is_panic(&err) {
        tracing::error!(error = format!("{err:#}"), "a delivery could not be received");
    }
    plain(StatusCode::INTERNAL_SERVER_ERROR, "µPaaS failed at this; its log says why. Press “Redeliver” when that is mended.")
}

#[derive(Serialize)]
struct Index {
    app: AppLink,
    deliveries: Vec<DeliveryRow>,
    older: Option<String>,
    newer: Option<String>,
}

impl View for Index {
    const TEMPLATE: &'static str = "deliveries/index.html";
}

impl Watched for Index {
    const PIECES: &'static [Piece] = &[Piece { id: "deliveries", template: "deliveries/_list.html" }];

    fn title(&self) -> String {
        format!("Deliveries of {}", self.app.name)
    }

    fn mood(&self) -> Mood {
        Mood::Ok
    }
}

/// A delivery, on a line.
#[derive(Serialize)]
pub(super) struct DeliveryRow {
    when: When,
    badge: Badge,
    event: String,
    reference: Option<String>,
    commit: Option<String>,
    pusher: Option<String>,
    reason: String,
    skipped: Option<String>,
    answered: u16,
    deployment: Option<DeploymentLink>,
}

#[derive(Serialize)]
struct DeploymentLink {
    number: i64,
    url: String,
}

impl DeliveryRow {
    pub(super) fn new(app: &App, delivery: Delivery) -> Self {
        Self {
            when: delivery.received_at.into(),
            badge: delivery.verdict.into(),
            event: delivery.event,
            reference: delivery.reference.map(|full| full.strip_prefix("refs/heads/").map_or(full.clone(), str::to_owned)),
            commit: delivery.commit.map(|commit| commit.short().to_owned()),
            pusher: delivery.pusher,
            reason: delivery.reason,
            skipped: delivery.skipped,
            answered: delivery.answered,
            deployment: delivery.deployment.map(|number| DeploymentLink { number, url: present::deployment_url(app, number) }),
        }
    }
}

impl From<Verdict> for Badge {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Deploy => Self { kind: "success", icon: "check", word: "Deploy" },
            Verdict::Ignored => Self { kind: "idle", icon: "arrow-right", word: "Ignored" },
            Verdict::Rejected => Self { kind: "failed", icon: "cross", word: "Rejected" },
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Place {
    before: Option<String>,
}

impl Place {
    fn id(self) -> Result<Option<DeliveryId>, Error> {
        let unknown = |_| Error::BadRequest("There is no such place in the list of deliveries.".to_owned());
        self.before.map(|id| id.parse::<DeliveryId>()).transpose().map_err(unknown)
    }
}

pub(super) async fn index(ui: Ui, At(slug): At<String>, Asked(place): Asked<Place>) -> Result<Response, Error> {
    let before = place.id()?;
    let page = load_index(&ui, &slug, before).await?;
    let from = before.map(|before| format!("?before={before}")).unwrap_or_default();
    ui.watched(&page, format!("{}/events{from}", ui.path()))
}

pub(super) async fn index_events(ui: Ui, At(slug): At<String>, Asked(place): Asked<Place>) -> Result<Response, Error> {
    let before = place.id()?;
    live::stream(ui, None, move |ui| {
        let slug = slug.clone();
        async move { load_index(&ui, &slug, before).await }
    })
    .await
}

async fn load_index(ui: &Ui, slug: &str, before: Option<DeliveryId>) -> Result<Index, Error> {
    let app = apps::by_slug(&ui.state, slug).await?;
    let mut deliveries = db::deliveries::before(ui.state.db.read(), app.id, before, PAGE + 1).await?;
    let more = deliveries.len() > PAGE as usize;
    deliveries.truncate(PAGE as usize);
    let url = format!("{}/deliveries", present::app_url(&app));
    Ok(Index {
        older: deliveries.last().filter(|_| more).map(|last| format!("{url}?before={}", last.id)),
        newer: before.map(|_| url),
        deliveries: deliveries.into_iter().map(|it| DeliveryRow::new(&app, it)).collect(),
        app: AppLink::new(&app),
    })
}
