//! The app's deploy key and its webhook secret: each can be replaced by a new one.

use async_trait::async_trait;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::{Draft, Error, FormView, Section, Ui, given, saved};
use crate::{
    db,
    domain::{app::App, secret::Secret},
    web::{apps, extract::At, present},
};

pub(super) struct Keys;

/// The new webhook secret in clear, in the answer that made it and nowhere else.
const NEW_SECRET: &str = "new_webhook_secret";

#[derive(Serialize)]
struct Extra {
    /// None when the repository is read without one.
    public_key: Option<String>,
    key_settings_url: String,
    new_key_url: String,
    new_secret_url: String,
}

#[async_trait]
impl Section for Keys {
    fn id(&self) -> &'static str {
        "keys"
    }

    fn title(&self) -> &'static str {
        "Keys"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_keys.html"
    }

    fn form(&self, _draft: &Draft) -> FormView {
        FormView::new(&[(NEW_SECRET, "")])
    }

    async fn extra(&self, _ui: &Ui, app: &App, _form: &FormView) -> Result<Value, Error> {
        let (url, app_url) = (&app.config.source.repo_url, present::app_url(app));
        let extra = Extra {
            public_key: url.is_ssh().then(|| app.deploy_key_public.clone()),
            key_settings_url: url.deploy_keys_page(),
            new_key_url: format!("{app_url}/deploy-key/rotation"),
            new_secret_url: format!("{app_url}/webhook-secret/rotation"),
        };
        Ok(serde_json::to_value(extra).expect("texts are JSON"))
    }
}

/// Gives an app another deploy key.
pub(in crate::web) async fn rotate_deploy_key(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    ui.state.deployer.rotate_deploy_key(&app, &ui.actor()).await?;
    saved(&ui, &app, &Keys).await
}

/// Gives an app another webhook secret, and shows it.
pub(in crate::web) async fn rotate_webhook_secret(ui: Ui, At(slug): At<String>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let secret = ui.state.deployer.rotate_webhook_secret(&app, &ui.actor()).await?;
    reveal(&ui, &app, &secret).await
}

/// The section alone for htmx, the page for everybody else. The answer to a POST, so that no link and no history shows the secret.
async fn reveal(ui: &Ui, app: &App, secret: &Secret) -> Result<Response, Error> {
    let app = db::apps::get(ui.state.db.read(), app.id).await?;
    let form = FormView::new(&[(NEW_SECRET, secret.reveal())]);
    given(ui, &app, super::shown(ui, &app, &Keys, form).await?).await
}
