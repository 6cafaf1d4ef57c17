//! The part of an app's page that is about its webhook: the URL, the secret on demand, the steps in Gitea, the last delivery, and
//! whether pushes deploy at all.

use std::net::IpAddr;

use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::{
    AppState, app_page, apps,
    deliveries::{self, DeliveryRow},
    error::Error,
    extract::At,
    form::Typed,
    frame::When,
    present,
    ui::Ui,
    view::Fragment,
};
use crate::{db, domain::app::App};

#[derive(Serialize)]
pub(super) struct Webhook {
    /// What Gitea calls, whole.
    url: String,
    /// In clear, when it was asked for.
    secret: Option<String>,
    reveal_url: String,
    branch: String,
    /// The page in Gitea that makes a webhook.
    new_hook_url: String,
    /// What Gitea's `ALLOWED_HOST_LIST` must name so that it may call us.
    allow: Allow,
    last: Option<DeliveryRow>,
    deliveries_url: String,
    paused: Option<Paused>,
    auto_deploy_url: String,
}

#[derive(Serialize)]
struct Allow {
    /// The value: `loopback`, `private`, or this server's name.
    value: String,
    /// Whether Gitea refuses to call us without it, as far as the URL shows.
    needed: bool,
}

#[derive(Serialize)]
struct Paused {
    by: String,
    when: When,
}

#[derive(Serialize)]
struct Section {
    webhook: Webhook,
}

impl Fragment for Section {
    const TEMPLATE: &'static str = "apps/_webhook.html";
}

impl Webhook {
    pub(super) async fn load(state: &AppState, app: &App) -> Result<Self, Error> {
        let base = deliveries::base_url(state).await?.unwrap_or_default();
        let last = db::deliveries::newest(state.db.read(), app.id).await?;
        let app_url = present::app_url(app);
        Ok(Self {
            url: format!("{base}/webhook/{}", app.webhook),
            secret: None,
            reveal_url: format!("{app_url}/webhook-secret"),
            branch: app.config.source.branch.to_string(),
            new_hook_url: app.config.source.repo_url.new_webhook_page(),
            allow: allow(&base),
            last: last.map(|last| DeliveryRow::new(app, last)),
            deliveries_url: format!("{app_url}/deliveries"),
            paused: app.auto_deploy_paused.as_ref().map(|pause| Paused { by: pause.by.clone(), when: pause.since.into() }),
            auto_deploy_url: format!("{app_url}/auto-deploy"),
        })
    }

    /// With the secret in clear.
    async fn revealed(state: &AppState, app: &App) -> Result<Self, Error> {
        let secret = state.deployer.webhook_secret(app).await?;
        Ok(Self { secret: Some(secret.reveal().to_owned()), ..Self::load(state, app).await? })
    }
}

/// By default Gitea calls public addresses only; the words are those of its `modules/hostmatcher`.
fn allow(base: &str) -> Allow {
    let host = base.split_once("://").map_or(base, |(_, rest)| rest);
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split([':', '/']).next().unwrap_or_default(),
    };
    let (value, needed) = match host.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => ("loopback", true),
        Ok(address) if is_private(address) => ("private", true),
        Ok(address) if is_link_local(address) => (host, true),
        Ok(_) => ("external", false),
        Err(_) if host == "localhost" => ("loopback", true),
        Err(_) => (host, true),
    };
    Allow { value: value.to_owned(), needed }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Shows the secret: the section alone for htmx, the page for everybody else. A POST, so that no link and no history shows it.
pub(super) async fn reveal_secret(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let webhook = Webhook::revealed(&ui.state, &app).await?;
    if ui.wants_fragment {
        return ui.fragment(&Section { webhook });
    }
    app_page::show_secret(ui, &app, webhook).await
}

/// Pauses auto-deploy or resumes it.
pub(super) async fn set_auto_deploy(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let paused = match typed.text("auto_deploy") {
        "paused" => true,
        "on" => false,
        _ => return Err(Error::BadRequest("Auto-deploy is either “on” or “paused”.".to_owned())),
    };
    ui.state.deployer.set_auto_deploy_paused(&app, paused, &ui.actor()).await?;
    let place = if typed.text("from") == "settings" { "/settings#deploys" } else { "#webhook" };
    Ok(Redirect::to(&format!("{}{place}", present::app_url(&app))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitea_must_be_told_about_an_address_that_is_not_public() {
        let said = |base: &str| {
            let allow = allow(base);
            (allow.value, allow.needed)
        };
        assert_eq!(said("http://127.0.0.1:8080"), ("loopback".to_owned(), true));
        assert_eq!(said("http://localhost:8080"), ("loopback".to_owned(), true));
        assert_eq!(said("http://[::1]:8080"), ("loopback".to_owned(), true));
        assert_eq!(said("http://192.168.1.5"), ("private".to_owned(), true));
        assert_eq!(said("http://169.254.1.5"), ("169.254.1.5".to_owned(), true), "private does not mean these in Gitea");
        assert_eq!(said("https://deploy.example.org"), ("deploy.example.org".to_owned(), true));
        assert_eq!(said("http://203.0.113.9:8080"), ("external".to_owned(), false));
    }
}
