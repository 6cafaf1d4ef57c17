//! The history of an app: its deployments, newest first, those that a filter lets through, and what the last ones come to.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::query::Query;
use crate::{
    db::deployments::history,
    domain::{
        deployment::{Cause, Trigger},
        history::Outcome,
    },
    web::{
        apps,
        error::Error,
        extract::{Asked, At},
        form::FormView,
        live,
        present::{self, AppLink, DeploymentRow, RecordView},
        query::Pairs,
        ui::Ui,
        view::{Mood, Piece, View, Watched},
    },
};

/// A page of the list.
const PAGE: i64 = 50;

#[derive(Serialize)]
struct Index {
    app: AppLink,
    url: String,
    form: FormView,
    outcomes: &'static [Outcome],
    triggers: &'static [Trigger],
    /// Each cause with its word for people.
    causes: Vec<(Cause, &'static str)>,
    record: Option<RecordView>,
    deployments: Vec<DeploymentRow>,
    filtered: bool,
    /// Whether the filter is not understood; then there are no deployments.
    wrong: bool,
    older: Option<String>,
    newest: Option<String>,
    #[serde(skip)]
    busy: bool,
}

impl View for Index {
    const TEMPLATE: &'static str = "deployments/index.html";
}

impl Watched for Index {
    const PIECES: &'static [Piece] =
        &[Piece { id: "record", template: "deployments/_record.html" }, Piece { id: "deployments", template: "deployments/_list.html" }];

    fn title(&self) -> String {
        present::title(self.mood(), format!("Deployments of {}", self.app.name))
    }

    fn mood(&self) -> Mood {
        if self.busy { Mood::Busy } else { Mood::Ok }
    }
}

pub(in crate::web) async fn index(ui: Ui, At(slug): At<String>, Asked(pairs): Pairs) -> Result<Response, Error> {
    let query = Query::parse(&pairs);
    let page = load(&ui, &slug, &query).await?;
    if page.wrong {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, ui.page(&page.title(), &page)?).into_response());
    }
    let stream = query.address(&format!("{}/events", ui.path()), query.before);
    ui.watched(&page, stream)
}

pub(in crate::web) async fn index_events(ui: Ui, At(slug): At<String>, Asked(pairs): Pairs) -> Result<Response, Error> {
    let query = Query::parse(&pairs);
    if let Some(wrong) = query.first_wrong() {
        return Err(Error::BadRequest(wrong));
    }
    live::stream(ui, None, move |ui| {
        let (slug, query) = (slug.clone(), query.clone());
        async move { load(&ui, &slug, &query).await }
    })
    .await
}

async fn load(ui: &Ui, slug: &str, query: &Query) -> Result<Index, Error> {
    let app = apps::by_slug(&ui.state, slug).await?;
    let wrong = query.is_wrong();
    let mut rows = match wrong {
        true => Vec::new(),
        false => history::before(ui.state.db.read(), app.id, &query.filter, query.before.unwrap_or(i64::MAX), PAGE + 1).await?,
    };
    let more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let record = history::record(ui.state.db.read(), app.id).await?;
    let kept = ui.state.deployer.kept(&app).await?;
    let url = format!("{}/deployments", present::app_url(&app));
    Ok(Index {
        form: query.form(),
        outcomes: Outcome::ALL,
        triggers: Trigger::ALL,
        causes: Cause::ALL.iter().map(|cause| (*cause, present::cause(*cause))).collect(),
        record: RecordView::new(&record),
        filtered: query.is_filtered(),
        wrong,
        older: rows.last().filter(|_| more).map(|last| query.address(&url, Some(last.number))),
        newest: query.before.map(|_| query.address(&url, None)),
        busy: rows.iter().any(|it| !it.status.is_end()),
        deployments: rows.iter().map(|it| DeploymentRow::new(&app, it, &kept)).collect(),
        app: AppLink::new(&app),
        url,
    })
}
