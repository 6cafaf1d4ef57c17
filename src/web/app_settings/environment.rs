//! The variables of the app's container: each by itself, or many as the text of a `.env` file. Values are sealed; one is in an answer
//! only when somebody asks for it.

use std::collections::HashMap;

use async_trait::async_trait;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{Draft, FormView, Section, Shown, Typed, given, saved};
use crate::{
    deploy::{self, Difference, Edit, Item},
    domain::{
        Invalid,
        app::App,
        app_config::{
            env::{self, EnvName},
            env_file,
        },
        secret::Secret,
    },
    web::{apps, error::Error, extract::At, frame::When, ui::Ui, view},
};

const ID: &str = "environment";
/// The fields of the section's own forms: that for one variable, and that for a text.
const FIELDS: &[(&str, &str)] = &[("env_name", ""), ("env_value", ""), ("env_text", ""), ("env_alone", "")];
/// The field of the form that changes a variable.
const NEW_VALUE: &str = "env_new_value";
/// What is asked for when all values are.
const ALL: &str = "*";

pub(in crate::web) struct Environment;

#[async_trait]
impl Section for Environment {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        "Environment"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_environment.html"
    }

    fn form(&self, _: &Draft) -> FormView {
        FormView::new(FIELDS)
    }

    async fn extra(&self, ui: &Ui, app: &App, _: &FormView) -> Result<Value, Error> {
        extra(ui, app, Look::default()).await
    }
}

/// What of the section is not as it is when the page is opened.
#[derive(Default)]
struct Look {
    /// The values to be seen.
    revealed: HashMap<EnvName, Secret>,
    /// The form of the variable that came back with something wrong.
    editing: Option<(EnvName, FormView)>,
    preview: Option<Preview>,
}

/// What its template shows beside the form.
#[derive(Serialize)]
struct Extra {
    variables: Vec<Row>,
    preview: Option<Preview>,
}

#[derive(Serialize)]
struct Row {
    name: EnvName,
    set: When,
    value: Option<String>,
    /// Whether every character of the value can be seen.
    plain: bool,
    form: FormView,
    editing: bool,
}

/// What a text would change, by name.
#[derive(Serialize)]
struct Preview {
    lists: Vec<(&'static str, Vec<EnvName>)>,
    changes: usize,
}

impl From<Difference<EnvName>> for Preview {
    fn from(difference: Difference<EnvName>) -> Self {
        let changes = difference.changes();
        let Difference { added, changed, unchanged, removed } = difference;
        let lists = vec![("Added", added), ("Changed", changed), ("Deleted", removed), ("Unchanged", unchanged)];
        Self { lists: lists.into_iter().filter(|(_, names)| !names.is_empty()).collect(), changes }
    }
}

impl Row {
    fn new(item: Item<EnvName>, look: &Look) -> Self {
        let value = look.revealed.get(&item.key).map(|value| value.reveal().to_owned());
        // A field of a page cannot hold a carriage return: that value would come back as another one.
        let fits = value.clone().filter(|value| !value.contains('\r')).unwrap_or_default();
        let edited = look.editing.as_ref().filter(|(name, _)| *name == item.key).map(|(_, form)| form.clone());
        Self {
            editing: edited.is_some(),
            form: edited.unwrap_or_else(|| FormView::new(&[(NEW_VALUE, &fits)])),
            plain: value.as_ref().is_some_and(|value| view::undeceptive(value) == value.as_str()),
            name: item.key,
            set: item.set_at.into(),
            value,
        }
    }
}

async fn extra(ui: &Ui, app: &App, look: Look) -> Result<Value, Error> {
    let items = ui.state.deployer.variables(app).await?;
    let variables = items.into_iter().map(|item| Row::new(item, &look)).collect();
    serde_json::to_value(Extra { variables, preview: look.preview }).map_err(|err| Error::Internal(err.into()))
}

/// The section with something to look at.
async fn shown(ui: &Ui, app: &App, form: FormView, look: Look) -> Result<Response, Error> {
    let section = Environment;
    let extra = extra(ui, app, look).await?;
    given(ui, app, Shown::of(&section, form, extra)).await
}

/// The section with something wrong in it.
async fn wrong(ui: &Ui, app: &App, form: FormView, look: Look) -> Result<Response, Error> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, shown(ui, app, form, look).await?).into_response())
}

/// What was refused belongs to what was typed; everything else is an error.
pub(super) fn refused<T>(done: Result<T, deploy::Error>) -> Result<Result<T, Invalid>, Error> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(deploy::Error::Refused(sentence)) => Ok(Err(Invalid(sentence))),
        Err(err) => Err(err.into()),
    }
}

/// Adds a variable.
pub(in crate::web) async fn add(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let value = typed.exact("env_value");
    let mut form = FormView::new(FIELDS).filled(&typed, &["env_text", "env_alone"]).with("env_value", value.reveal());
    let name = form.check("env_name", EnvName::settable(typed.text("env_name")));
    let named = name.clone().or_else(|| "NAME".parse().ok());
    form.check("env_value", named.map_or(Ok(()), |name| env::check_value(&name, &value)));
    if let Some(name) = name.filter(|_| form.is_good()) {
        let added = ui.state.deployer.edit_variables(&app, Edit::Add(name, value), &ui.actor()).await;
        form.check("env_name", refused(added)?);
    }
    if form.is_good() { saved(&ui, &app, &Environment).await } else { wrong(&ui, &app, form, Look::default()).await }
}

/// Gives a variable another value.
pub(in crate::web) async fn change(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let name = name(&typed)?;
    let value = typed.exact(NEW_VALUE);
    let mut form = FormView::new(&[(NEW_VALUE, value.reveal())]);
    if form.check(NEW_VALUE, env::check_value(&name, &value)).is_some() {
        let changed = ui.state.deployer.edit_variables(&app, Edit::Change(name.clone(), value), &ui.actor()).await;
        form.check(NEW_VALUE, refused(changed)?);
    }
    if form.is_good() {
        return saved(&ui, &app, &Environment).await;
    }
    let mut whole = FormView::new(FIELDS);
    if !app.config.run.env.iter().any(|it| it.name == name) {
        // There is no row any more beside which the sentence could stand.
        whole = whole.with("env_name", name.as_str()).with("env_value", typed.exact(NEW_VALUE).reveal());
        whole.reject(form.first_error());
    }
    wrong(&ui, &app, whole, Look { editing: Some((name, form)), ..Look::default() }).await
}

/// Deletes a variable.
pub(in crate::web) async fn remove(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    ui.state.deployer.edit_variables(&app, Edit::Delete(name(&typed)?), &ui.actor()).await?;
    saved(&ui, &app, &Environment).await
}

/// Shows a value, or all, or none any more. A POST, so that no link and no history shows it.
pub(in crate::web) async fn reveal(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let show = typed.text("show");
    let revealed = ui.state.deployer.reveal_variables(&app, |name| show == ALL || show == name.as_str()).await?;
    shown(&ui, &app, FormView::new(FIELDS), Look { revealed: revealed.into_iter().collect(), ..Look::default() }).await
}

/// Shows what the text of a `.env` file would change.
pub(in crate::web) async fn preview(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let (mut form, edit) = text(&typed);
    let Some(edit) = edit else { return wrong(&ui, &app, form, Look::default()).await };
    match form.check("env_text", refused(ui.state.deployer.preview_variables(&app, &edit).await)?) {
        Some(difference) => shown(&ui, &app, form, Look { preview: Some(difference.into()), ..Look::default() }).await,
        None => wrong(&ui, &app, form, Look::default()).await,
    }
}

/// Saves the text of a `.env` file. What that changes is decided now, not when it was previewed.
pub(in crate::web) async fn import(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let (mut form, edit) = text(&typed);
    let Some(edit) = edit else { return wrong(&ui, &app, form, Look::default()).await };
    match form.check("env_text", refused(ui.state.deployer.edit_variables(&app, edit, &ui.actor()).await)?) {
        Some(_) => saved(&ui, &app, &Environment).await,
        None => wrong(&ui, &app, form, Look::default()).await,
    }
}

/// The variable that one of the rows is about.
fn name(typed: &Typed) -> Result<EnvName, Error> {
    typed.text("name").parse().map_err(|_| Error::BadRequest("Say which variable.".to_owned()))
}

/// The form with a text as it was typed, and what is to be done when nothing is wrong with it.
fn text(typed: &Typed) -> (FormView, Option<Edit<EnvName>>) {
    let text = typed.exact("env_text");
    let mut form = FormView::new(FIELDS).filled(typed, &["env_name", "env_value"]).with("env_text", text.reveal());
    let items = form.check("env_text", env_file::parse(text.reveal()));
    let alone = typed.text("env_alone") == "yes";
    (form, items.map(|items| Edit::Import { items, alone }))
}
