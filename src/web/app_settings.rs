//! An app's configuration: a column of sections, each with a form of its own. What is saved here is used by the next deployment, and what
//! runs stays as it is, unless the section says that it is valid at once.
//!
//! A section says how its form looks and how it is read ([`Section`]); everything else is the same for all: a form with something wrong
//! comes back as it was typed, a good one is stored and recorded, and a browser with scripting gets its section alone.

pub(super) mod environment;
pub(super) mod sealed;

mod build;
mod build_secrets;
mod deletion;
mod deploys;
mod fields;
mod files;
mod general;
mod health;
mod keys;
mod labels;
mod networks;
mod pending;
mod ports;
mod process;
mod resources;
mod restart;
mod rows;
mod save;
mod source;
mod volumes;

pub(super) use build_secrets::BuildSecrets;
pub(super) use deletion::{delete, to_deletion};
pub(super) use environment::Environment;
pub(super) use files::Files;
pub(super) use keys::{rotate_deploy_key, rotate_webhook_secret};
pub(super) use networks::create as create_network;
pub(super) use pending::Pending;
pub(super) use ports::clashes;
pub(super) use save::update;

use async_trait::async_trait;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    apps,
    error::Error,
    extract::{Asked, At},
    form::{FormView, Typed},
    present::{self, AppLink},
    ui::Ui,
    view::{Fragment, View},
};
use crate::{
    db,
    domain::{
        app::App,
        app_config::{AppConfig, build::BuildConfig},
    },
};

/// The sections, in the order of the page.
const SECTIONS: &[&dyn Section] = &[
    &general::General,
    &source::Source,
    &build::Build,
    &BuildSecrets,
    &deploys::Deploys,
    &Environment,
    &Files,
    &volumes::Volumes,
    &ports::Ports,
    &networks::Networks,
    &health::Health,
    &restart::Restart,
    &resources::Resources,
    &process::Process,
    &labels::Labels,
    &keys::Keys,
    &deletion::Deletion,
];
/// Those that are one form.
const FORMS: &[&dyn SavedAsOne] = &[
    &general::General,
    &source::Source,
    &build::Build,
    &deploys::Deploys,
    &labels::Labels,
    &volumes::Volumes,
    &ports::Ports,
    &networks::Networks,
    &resources::Resources,
    &process::Process,
    &restart::Restart,
    &health::Health,
];

/// What the settings of an app may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    name: String,
    config: AppConfig,
}

impl Draft {
    fn of(app: &App) -> Self {
        Self { name: app.name.clone(), config: app.config.clone() }
    }

    /// The same app with nothing set but what every app has: a source, and its ports.
    fn unset(&self) -> Self {
        let mut config = AppConfig::new(self.config.source.clone(), BuildConfig::default());
        config.run.ports.clone_from(&self.config.run.ports);
        Self { name: self.name.clone(), config }
    }
}

/// A part of the page. The names of its fields are unique on it.
#[async_trait]
pub(super) trait Section: Sync {
    /// Its part of the URL, and its id on the page.
    fn id(&self) -> &'static str;
    /// Its heading, and its line in the page's table of contents.
    fn title(&self) -> &'static str;
    /// Its template, which sees `app`, `section`, `form` and `extra`.
    fn template(&self) -> &'static str;
    /// The form with what is stored.
    fn form(&self, draft: &Draft) -> FormView;
    /// What else its template shows; the form may have come back with something wrong.
    async fn extra(&self, _ui: &Ui, _app: &App, _form: &FormView) -> Result<Value, Error> {
        Ok(Value::Null)
    }
}

/// A section whose form is saved as one.
#[async_trait]
trait SavedAsOne: Section {
    /// Puts what was typed into the draft; what is wrong is noted in the form, and then nothing is stored.
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft);
    /// What can only be judged by looking at other apps or at the engine.
    async fn check(&self, _ui: &Ui, _app: &App, _draft: &Draft, _form: &mut FormView) -> Result<(), Error> {
        Ok(())
    }
    /// What the audit log compares: a name and a text for each thing that the form sets.
    fn recorded(&self, draft: &Draft) -> FormView {
        self.form(draft)
    }
    /// The form as it was typed.
    fn typed(&self, typed: &Typed, draft: &Draft) -> FormView {
        self.form(draft).filled(typed, &[])
    }
}

#[derive(Serialize)]
struct Show {
    app: AppLink,
    sections: Vec<Shown>,
    pending: Option<Pending>,
    swapped_in: bool,
}

impl View for Show {
    const TEMPLATE: &'static str = "apps/settings.html";
}

/// A section as shown.
#[derive(Serialize)]
struct Shown {
    id: &'static str,
    title: &'static str,
    template: &'static str,
    form: FormView,
    extra: Value,
    saved: bool,
    /// How many changes the container does not have yet.
    unapplied: usize,
    /// Whether nothing is set, so that its form may be folded.
    folded: bool,
}

impl Shown {
    fn of(section: &dyn Section, form: FormView, extra: Value) -> Self {
        Self {
            id: section.id(),
            title: section.title(),
            template: section.template(),
            form,
            extra,
            saved: false,
            unapplied: 0,
            folded: false,
        }
    }
}

/// A section alone, and what is pending now.
#[derive(Serialize)]
struct Alone {
    app: AppLink,
    section: Shown,
    pending: Option<Pending>,
    swapped_in: bool,
}

impl Fragment for Alone {
    const TEMPLATE: &'static str = "apps/settings/_alone.html";
}

#[derive(Deserialize)]
pub(super) struct Said {
    saved: Option<String>,
}

pub(super) async fn show(ui: Ui, At(slug): At<String>, Asked(said): Asked<Said>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    page(&ui, &app, None, said.saved.as_deref()).await
}

/// The address of a form that came back, opened again.
pub(super) async fn to_section(ui: Ui, At((slug, id)): At<(String, String)>) -> Result<Redirect, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let id = SECTIONS.iter().find(|it| it.id() == id).ok_or(Error::NotFound)?.id();
    Ok(Redirect::to(&format!("{}/settings#{id}", present::app_url(&app))))
}

/// The answer to a form that was stored.
async fn saved(ui: &Ui, app: &App, section: &dyn Section) -> Result<Response, Error> {
    if !ui.wants_fragment {
        let (url, id) = (present::app_url(app), section.id());
        return Ok(Redirect::to(&format!("{url}/settings?saved={id}#{id}")).into_response());
    }
    let app = db::apps::get(ui.state.db.read(), app.id).await?;
    let form = section.form(&Draft::of(&app));
    alone(ui, &app, Shown { saved: true, ..shown(ui, &app, section, form).await? }).await
}

/// The answer to a form with something wrong.
async fn came_back(ui: &Ui, app: &App, section: &dyn Section, form: FormView) -> Result<Response, Error> {
    let answer = given(ui, app, shown(ui, app, section, form).await?).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, answer).into_response())
}

/// A section as it is given, for htmx alone.
async fn given(ui: &Ui, app: &App, section: Shown) -> Result<Response, Error> {
    if ui.wants_fragment { alone(ui, app, section).await } else { page(ui, app, Some(section), None).await }
}

async fn alone(ui: &Ui, app: &App, mut section: Shown) -> Result<Response, Error> {
    let pending = Pending::load(&ui.state, app).await?;
    section.unapplied = pending.as_ref().map_or(0, Pending::count);
    ui.fragment(&Alone { app: AppLink::new(app), section, pending, swapped_in: true })
}

async fn shown(ui: &Ui, app: &App, section: &dyn Section, form: FormView) -> Result<Shown, Error> {
    let extra = section.extra(ui, app, &form).await?;
    Ok(Shown::of(section, form, extra))
}

/// The whole page, with one section as it is given.
async fn page(ui: &Ui, app: &App, mut given: Option<Shown>, saved: Option<&str>) -> Result<Response, Error> {
    let stored = Draft::of(app);
    let unset = stored.unset();
    let pending = Pending::load(&ui.state, app).await?;
    let unapplied = pending.as_ref().map_or(0, Pending::count);
    let mut sections = Vec::with_capacity(SECTIONS.len());
    for section in SECTIONS {
        let (id, form) = (section.id(), section.form(&stored));
        sections.push(match given.take_if(|given| given.id == id) {
            Some(given) => given,
            None => {
                let (saved, folded) = (saved == Some(id), form == section.form(&unset));
                Shown { saved, unapplied, folded: folded && !saved, ..shown(ui, app, *section, form).await? }
            }
        });
    }
    ui.page(&format!("Settings of {}", app.name), &Show { app: AppLink::new(app), sections, pending, swapped_in: false })
}
