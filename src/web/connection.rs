//! An app's way to its repository: the deploy key, the connection test, the server's host key.

use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::{
    AppState, apps,
    error::Error,
    extract::At,
    form::Typed,
    frame::When,
    present::{self, Badge, Commit},
    ui::Ui,
    view::Fragment,
};
use crate::{
    db,
    domain::{
        app::App,
        connection::{ConnectionCheck, HostKey, Verdict},
    },
};

/// The part of an app's page that is about its repository.
#[derive(Serialize)]
pub(super) struct Connect {
    public_key: Option<String>,
    key_settings_url: Option<String>,
    check: Option<Check>,
    test_url: String,
    needs_key: bool,
}

#[derive(Serialize)]
struct Check {
    badge: Badge,
    when: When,
    sentence: String,
    hint: Option<String>,
    tip: Option<Commit>,
    offer: Option<Offer>,
}

/// A host key that waits for the operator.
#[derive(Serialize)]
struct Offer {
    host: String,
    algorithm: String,
    fingerprint: String,
    changed: bool,
    previous: Option<String>,
    confirm_url: String,
}

#[derive(Serialize)]
struct Section {
    connect: Connect,
}

impl Fragment for Section {
    const TEMPLATE: &'static str = "apps/_connection.html";
}

impl Connect {
    pub(super) async fn load(state: &AppState, app: &App) -> Result<Self, Error> {
        let url = &app.config.source.repo_url;
        let check = db::connections::check(state.db.read(), app.id).await?;
        let trusted = db::connections::host_key(state.db.read(), url.host(), url.port()).await?;
        Ok(Self {
            public_key: url.is_ssh().then(|| app.deploy_key_public.clone()),
            key_settings_url: url.is_ssh().then(|| url.deploy_keys_page()),
            check: check.map(|check| Check::new(app, check, trusted)),
            test_url: format!("{}/connection-test", present::app_url(app)),
            needs_key: url.is_ssh(),
        })
    }
}

impl Check {
    fn new(app: &App, check: ConnectionCheck, trusted: Option<HostKey>) -> Self {
        let url = &app.config.source.repo_url;
        // Confirmed meanwhile, on another app's page: nothing is left to ask.
        let open = check.offered.filter(|offered| trusted.as_ref() != Some(offered));
        Self {
            badge: check.verdict.into(),
            when: check.checked_at.into(),
            sentence: check.sentence,
            hint: check.hint,
            tip: None,
            offer: open.map(|key| Offer {
                host: format!("{}:{}", url.host(), url.port()),
                algorithm: key.algorithm().to_owned(),
                fingerprint: key.fingerprint,
                changed: check.verdict == Verdict::Changed,
                previous: trusted.map(|key| key.fingerprint),
                confirm_url: format!("{}/host-key", present::app_url(app)),
            }),
        }
    }
}

pub(super) async fn test(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    ui.state.deployer.test_connection(&app).await?;
    show(&ui, &app).await
}

pub(super) async fn confirm_host_key(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    ui.state.deployer.confirm_host_key(&app, typed.text("fingerprint"), &ui.actor()).await?;
    show(&ui, &app).await
}

/// The section alone for htmx, the page for everybody else.
async fn show(ui: &Ui, app: &App) -> Result<Response, Error> {
    if ui.wants_fragment {
        return ui.fragment(&Section { connect: Connect::load(&ui.state, app).await? });
    }
    Ok(Redirect::to(&format!("{}#connection", present::app_url(app))).into_response())
}
