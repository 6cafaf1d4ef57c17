//! What is fetched: repository, branch, submodules.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use super::{Draft, Error, FormView, SavedAsOne, Section, Typed, Ui, fields::yes};
use crate::{
    db,
    domain::{app::App, app_config},
    web::{app_form, present},
};

pub(super) struct Source;

/// What is to be done in the forge for a repository with which the app was not tested yet.
#[derive(Serialize)]
struct Untested {
    key_settings_url: Option<String>,
    new_hook_url: String,
    app_url: String,
}

#[async_trait]
impl Section for Source {
    fn id(&self) -> &'static str {
        "source"
    }

    fn title(&self) -> &'static str {
        "Source"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_source.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let source = &draft.config.source;
        FormView::new(&[("repo_url", source.repo_url.as_str()), ("branch", source.branch.as_str()), ("submodules", yes(source.submodules))])
    }

    async fn extra(&self, ui: &Ui, app: &App, _form: &FormView) -> Result<Value, Error> {
        if db::connections::check(ui.state.db.read(), app.id).await?.is_some() {
            return Ok(Value::Null);
        }
        let url = &app.config.source.repo_url;
        let untested = Untested {
            key_settings_url: url.is_ssh().then(|| url.deploy_keys_page()),
            new_hook_url: url.new_webhook_page(),
            app_url: present::app_url(app),
        };
        Ok(serde_json::to_value(untested).expect("texts are JSON"))
    }
}

impl SavedAsOne for Source {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let submodules = typed.text("submodules") == "yes";
        if let Some(source) = app_form::source(typed, form) {
            draft.config.source = app_config::Source { submodules, ..source };
        }
    }
}
