//! The variables of the app's container: each by itself, or many as the text of a `.env` file.

use std::collections::BTreeSet;

use async_trait::async_trait;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::{
    Draft, FormView, Section, Typed,
    sealed::{Look, SealedList, answer, refused, shown, untouched},
};
use crate::{
    deploy::{Difference, Edit},
    domain::{
        Invalid,
        app::App,
        app_config::{
            env::{self, EnvName},
            env_file,
        },
        secret::Secret,
    },
    web::{apps, error::Error, extract::At, ui::Ui},
};

pub(in crate::web) struct Environment;

#[async_trait]
impl Section for Environment {
    fn id(&self) -> &'static str {
        "environment"
    }

    fn title(&self) -> &'static str {
        "Environment"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_environment.html"
    }

    fn form(&self, _: &Draft) -> FormView {
        FormView::new(Self::FIELDS)
    }

    async fn extra(&self, ui: &Ui, app: &App, _: &FormView) -> Result<Value, Error> {
        untouched::<Self>(ui, app).await
    }
}

impl SealedList for Environment {
    type Key = EnvName;

    const SECTION: &'static dyn Section = &Self;
    /// Those of the form for one variable, and those of the form for a text.
    const FIELDS: &'static [(&'static str, &'static str)] = &[("env_name", ""), ("env_value", ""), ("env_text", ""), ("env_alone", "")];
    const KEY: &'static str = "env_name";
    const VALUE: &'static str = "env_value";
    const NEW_VALUE: &'static str = "env_new_value";
    const ROW: &'static str = "name";
    const WHICH: &'static str = "Say which variable.";

    fn settable(text: &str) -> Result<EnvName, Invalid> {
        EnvName::settable(text)
    }

    fn check(name: Option<&EnvName>, value: &Secret) -> Result<(), Invalid> {
        let name = name.cloned().or_else(|| "NAME".parse().ok());
        name.map_or(Ok(()), |name| env::check_value(&name, value))
    }
}

/// What a text would change, by name.
#[derive(Serialize)]
struct Preview {
    lists: Vec<(&'static str, Vec<EnvName>)>,
    changes: usize,
    /// What is deleted, as the form that saves this carries it.
    going: String,
}

impl From<Difference<EnvName>> for Preview {
    fn from(difference: Difference<EnvName>) -> Self {
        let changes = difference.changes();
        let going = difference.removed.iter().map(EnvName::as_str).collect::<Vec<_>>().join(" ");
        let Difference { added, changed, unchanged, removed } = difference;
        let lists = vec![("Added", added), ("Changed", changed), ("Deleted", removed), ("Unchanged", unchanged)];
        Self { lists: lists.into_iter().filter(|(_, names)| !names.is_empty()).collect(), changes, going }
    }
}

/// Shows what the text of a `.env` file would change.
pub(in crate::web) async fn preview(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let (mut form, edit) = text(&typed, None);
    let Some(edit) = edit else { return answer::<Environment>(&ui, &app, form).await };
    let previewed = ui.state.deployer.preview_items(&app, &edit).await;
    let Some(difference) = form.check("env_text", refused(previewed)?) else { return answer::<Environment>(&ui, &app, form).await };
    let preview = serde_json::to_value(Preview::from(difference)).map_err(|err| Error::Internal(err.into()))?;
    shown::<Environment>(&ui, &app, form, Look::with(preview)).await
}

/// Saves the text of a `.env` file. What that changes is decided now, not when it was previewed; but it deletes nothing that was not shown.
pub(in crate::web) async fn import(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let shown = typed.text("env_going").split_whitespace().map(str::to_owned).collect();
    let (mut form, edit) = text(&typed, Some(shown));
    if let Some(edit) = edit {
        let imported = ui.state.deployer.edit_items(&app, edit, &ui.actor()).await;
        form.check("env_text", refused(imported)?);
    }
    answer::<Environment>(&ui, &app, form).await
}

/// The form with a text as it was typed, and what is to be done when nothing is wrong with it; `expected` has been shown as deleted.
fn text(typed: &Typed, expected: Option<BTreeSet<String>>) -> (FormView, Option<Edit<EnvName>>) {
    let text = typed.exact("env_text");
    let mut form = FormView::new(Environment::FIELDS).filled(typed, &["env_name", "env_value"]).with("env_text", text.reveal());
    let items = form.check("env_text", env_file::parse(text.reveal()));
    let alone = typed.text("env_alone") == "yes";
    (form, items.map(|items| Edit::Import { items, alone, expected }))
}
