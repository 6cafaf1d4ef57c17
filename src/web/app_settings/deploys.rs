//! When a push deploys.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use super::{Draft, Error, FormView, SavedAsOne, Section, Typed, Ui, fields::yes};
use crate::{
    domain::{app::App, app_config::Policy},
    web::{frame::When, present},
};

pub(super) struct Deploys;

/// Whether pushes deploy at all, and what changes that.
#[derive(Serialize)]
struct AutoDeploy {
    url: String,
    paused: Option<Paused>,
}

#[derive(Serialize)]
struct Paused {
    by: String,
    when: When,
}

#[async_trait]
impl Section for Deploys {
    fn id(&self) -> &'static str {
        "deploys"
    }

    fn title(&self) -> &'static str {
        "Auto-deploy"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_deploys.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let policy = &draft.config.policy;
        FormView::new(&[("watch_paths", &policy.watch_paths.to_string()), ("newer_push_cancels", yes(policy.newer_push_cancels))])
    }

    async fn extra(&self, _ui: &Ui, app: &App, _form: &FormView) -> Result<Value, Error> {
        let paused = app.auto_deploy_paused.as_ref().map(|pause| Paused { by: pause.by.clone(), when: pause.since.into() });
        let auto_deploy = AutoDeploy { url: format!("{}/auto-deploy", present::app_url(app)), paused };
        Ok(serde_json::to_value(auto_deploy).expect("texts are JSON"))
    }
}

impl SavedAsOne for Deploys {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let newer_push_cancels = typed.text("newer_push_cancels") == "yes";
        if let Some(watch_paths) = form.check("watch_paths", typed.text("watch_paths").parse()) {
            draft.config.policy = Policy { watch_paths, newer_push_cancels };
        }
    }
}
