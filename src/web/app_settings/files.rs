//! Text files that the app's container finds. Contents are sealed; one is in an answer only when somebody asks for it.

use async_trait::async_trait;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{Draft, FormView, Section, Shown, Typed, environment::refused, given, saved};
use crate::{
    deploy::Edit,
    domain::{
        app::App,
        app_config::config_file::{self, ContainerPath},
        secret::Secret,
    },
    web::{apps, error::Error, extract::At, frame::When, present, ui::Ui},
};

const ID: &str = "files";
/// The fields of the form for a new file.
const FIELDS: &[(&str, &str)] = &[("file_path", ""), ("file_content", "")];
/// The field of the form that changes a file.
const NEW_CONTENT: &str = "file_new_content";

pub(in crate::web) struct Files;

#[async_trait]
impl Section for Files {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        "Files"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_files.html"
    }

    fn form(&self, _: &Draft) -> FormView {
        FormView::new(FIELDS)
    }

    async fn extra(&self, ui: &Ui, app: &App, _: &FormView) -> Result<Value, Error> {
        extra(ui, app, None).await
    }
}

#[derive(Serialize)]
struct Row {
    path: ContainerPath,
    size: String,
    set: When,
    /// With its content, while it is edited.
    form: Option<FormView>,
}

/// The files, one of which may be edited.
async fn extra(ui: &Ui, app: &App, editing: Option<(ContainerPath, FormView)>) -> Result<Value, Error> {
    let files = ui.state.deployer.files(app).await?;
    let rows = files.into_iter().map(|file| Row {
        form: editing.as_ref().filter(|(path, _)| *path == file.key).map(|(_, form)| form.clone()),
        path: file.key,
        size: present::size(file.bytes as u64),
        set: file.set_at.into(),
    });
    serde_json::to_value(rows.collect::<Vec<_>>()).map_err(|err| Error::Internal(err.into()))
}

async fn shown(ui: &Ui, app: &App, form: FormView, editing: Option<(ContainerPath, FormView)>) -> Result<Response, Error> {
    let extra = extra(ui, app, editing).await?;
    given(ui, app, Shown::of(&Files, form, extra)).await
}

async fn wrong(ui: &Ui, app: &App, form: FormView, editing: Option<(ContainerPath, FormView)>) -> Result<Response, Error> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, shown(ui, app, form, editing).await?).into_response())
}

/// Adds a file.
pub(in crate::web) async fn add(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let content = typed.exact("file_content");
    let mut form = FormView::new(FIELDS).filled(&typed, &[]).with("file_content", content.reveal());
    let path = form.check("file_path", typed.text("file_path").parse());
    form.check("file_content", config_file::check_content(&content));
    if let Some(path) = path.filter(|_| form.is_good()) {
        let added = ui.state.deployer.edit_files(&app, Edit::Add(path, content), &ui.actor()).await;
        form.check("file_path", refused(added)?);
    }
    if form.is_good() { saved(&ui, &app, &Files).await } else { wrong(&ui, &app, form, None).await }
}

/// Gives a file another content.
pub(in crate::web) async fn change(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let path = path(&typed)?;
    let content = typed.exact(NEW_CONTENT);
    let mut form = new_content(&content);
    if form.check(NEW_CONTENT, config_file::check_content(&content)).is_some() {
        let changed = ui.state.deployer.edit_files(&app, Edit::Change(path.clone(), content), &ui.actor()).await;
        form.check(NEW_CONTENT, refused(changed)?);
    }
    if form.is_good() {
        return saved(&ui, &app, &Files).await;
    }
    let mut whole = FormView::new(FIELDS);
    if !app.config.run.files.iter().any(|file| file.path == path) {
        // There is no row any more beside which the sentence could stand.
        whole = whole.with("file_path", path.as_str()).with("file_content", typed.exact(NEW_CONTENT).reveal());
        whole.reject(form.first_error());
    }
    wrong(&ui, &app, whole, Some((path, form))).await
}

/// Deletes a file.
pub(in crate::web) async fn remove(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    ui.state.deployer.edit_files(&app, Edit::Delete(path(&typed)?), &ui.actor()).await?;
    saved(&ui, &app, &Files).await
}

/// Opens a file in a form; with an empty path, closes it. A POST, so that no link and no history shows it.
pub(in crate::web) async fn reveal(ui: Ui, At(slug): At<String>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let whole = FormView::new(FIELDS);
    if typed.text("path").is_empty() {
        return shown(&ui, &app, whole, None).await;
    }
    let path = path(&typed)?;
    let content = ui.state.deployer.reveal_file(&app, &path).await?;
    shown(&ui, &app, whole, content.map(|content| (path, new_content(&content)))).await
}

fn new_content(content: &Secret) -> FormView {
    FormView::new(&[(NEW_CONTENT, content.reveal())])
}

/// The file that one of the rows is about.
fn path(typed: &Typed) -> Result<ContainerPath, Error> {
    typed.text("path").parse().map_err(|_| Error::BadRequest("Say which file.".to_owned()))
}
