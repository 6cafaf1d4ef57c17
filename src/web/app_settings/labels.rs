//! Labels of the app's containers.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Draft, FormView, SavedAsOne, Section, Typed};
use crate::{
    db,
    domain::{
        app::App,
        app_config::label::{self, labels_text, parse_labels},
    },
    web::{error::Error, ui::Ui},
};

pub(super) struct Labels;

#[async_trait]
impl Section for Labels {
    fn id(&self) -> &'static str {
        "labels"
    }

    fn title(&self) -> &'static str {
        "Labels"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_labels.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        FormView::new(&[("labels_text", &labels_text(&draft.config.run.labels))])
    }

    async fn extra(&self, ui: &Ui, app: &App, _: &FormView) -> Result<Value, Error> {
        let instance = db::settings::shown_instance_id(ui.state.db.read()).await?;
        let next = db::deployments::before(ui.state.db.read(), app.id, i64::MAX, 1).await?.first().map_or(1, |newest| newest.number + 1);
        Ok(json!({ "locked": [
            [label::INSTANCE, instance, "this installation"],
            [label::APP, app.id.to_string(), "this app, by its id"],
            [label::SLUG, app.slug.to_string(), "this app, for people"],
            [label::CONTAINER, label::MADE_HERE, "a container of µPaaS's, and none that somebody makes of its image"],
            [label::FILES, "–", "where µPaaS keeps this container's files, when it has any"],
            [label::DEPLOYMENT, next.to_string(), "the deployment's number: the next one's is shown"],
        ] }))
    }
}

impl SavedAsOne for Labels {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        if let Some(labels) = form.check("labels_text", parse_labels(typed.text("labels_text"))) {
            draft.config.run.labels = labels;
        }
    }

    fn recorded(&self, draft: &Draft) -> FormView {
        FormView::new(&[("labels", &labels_text(&draft.config.run.labels).replace('\n', ", "))])
    }
}
