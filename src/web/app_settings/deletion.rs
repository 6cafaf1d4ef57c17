//! The end of an app: what goes and what stays, and the act, which wants the app's slug typed.

use async_trait::async_trait;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{Draft, Error, FormView, Section, Typed, Ui, page, shown};
use crate::{
    domain::{Invalid, app::App, app_config::volume::VolumeSource},
    web::{apps, extract::At, present},
};

pub(super) struct Deletion;

const SLUG: &str = "slug";
const VOLUMES: &str = "volumes";

#[derive(Serialize)]
struct Extra {
    /// Where the folders of its relative volumes are, when it has any.
    folders: Option<String>,
    hooks_url: String,
    /// None when the repository is read without a key.
    keys_url: Option<String>,
}

#[async_trait]
impl Section for Deletion {
    fn id(&self) -> &'static str {
        "deletion"
    }

    fn title(&self) -> &'static str {
        "Delete this app"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_deletion.html"
    }

    fn form(&self, _draft: &Draft) -> FormView {
        FormView::new(&[(SLUG, ""), (VOLUMES, "")])
    }

    async fn extra(&self, ui: &Ui, app: &App, _form: &FormView) -> Result<Value, Error> {
        let url = &app.config.source.repo_url;
        let relative = app.config.run.volumes.iter().any(|volume| matches!(volume.source, VolumeSource::Data(_)));
        let folder = ui.state.deployer.volumes_folder(app.id).await.map(|folder| folder.display().to_string());
        let extra = Extra {
            folders: relative.then(|| folder.unwrap_or_else(|| format!("volumes/{} in the data directory", app.id))),
            hooks_url: url.webhooks_page(),
            keys_url: url.is_ssh().then(|| url.deploy_keys_page()),
        };
        Ok(serde_json::to_value(extra).expect("texts are JSON"))
    }
}

/// Deletes an app whose slug was typed.
pub(in crate::web) async fn delete(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    if typed.text(SLUG) != app.slug.as_str() {
        let mut form = FormView::new(&[(SLUG, ""), (VOLUMES, "")]).filled(&typed, &[]);
        form.check::<()>(SLUG, Err(Invalid::because(format!("Type {} to delete it; nothing was done.", app.slug))));
        let section = shown(&ui, &app, &Deletion, form).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&ui, &app, Some(section), None).await?).into_response());
    }
    ui.state.deployer.delete_app(&app, typed.text(VOLUMES) == "yes", &ui.actor()).await?;
    Ok(Redirect::to("/").into_response())
}

/// The address of a form that came back, opened again.
pub(in crate::web) async fn to_deletion(ui: Ui, At(slug): At<String>) -> Result<Redirect, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    Ok(Redirect::to(&format!("{}/settings#deletion", present::app_url(&app))))
}
