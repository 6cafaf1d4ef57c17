//! Saving a section whose form is saved as one.

use axum::response::Response;

use super::{Draft, FORMS, SavedAsOne, came_back, saved};
use crate::{
    audit, db,
    domain::{
        app::App,
        audit::{Act, Action, Subject},
    },
    web::{
        apps,
        error::Error,
        extract::At,
        form::{FormView, Typed},
        ui::Ui,
    },
};

/// Saves a section.
pub(in crate::web) async fn update(ui: Ui, At((slug, id)): At<(String, String)>, typed: Typed) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let section = FORMS.iter().copied().find(|it| it.id() == id).ok_or(Error::NotFound)?;
    let mut draft = Draft::of(&app);
    // Nothing at all is no wish to clear everything: a browser sends empty fields, too.
    if typed.names().next().is_none() {
        return Err(Error::BadRequest("The form came without its fields.".to_owned()));
    }
    let mut form = section.typed(&typed, &draft);
    section.read(&typed, &mut form, &mut draft);
    if form.is_good() {
        section.check(&ui, &app, &draft, &mut form).await?;
    }
    if !form.is_good() {
        return came_back(&ui, &app, section, form).await;
    }
    let form = store(&ui, &app, section, &typed).await?;
    if form.is_good() { saved(&ui, &app, section).await } else { came_back(&ui, &app, section, form).await }
}

/// Changes an app's configuration as it is now, which may be another one than a moment ago, and records that.
async fn store(ui: &Ui, app: &App, section: &dyn SavedAsOne, typed: &Typed) -> Result<FormView, Error> {
    let mut tx = ui.state.db.begin().await?;
    let now = db::apps::get(&mut *tx, app.id).await?;
    let mut draft = Draft::of(&now);
    let mut form = section.typed(typed, &draft);
    section.read(typed, &mut form, &mut draft);
    if !form.is_good() {
        return Ok(form);
    }
    let (old, new) = (&now.config.source, &draft.config.source);
    if (&old.repo_url, &old.branch) != (&new.repo_url, &new.branch) {
        db::connections::forget_check(&mut *tx, app.id).await?;
    }
    db::apps::set_name(&mut *tx, app.id, &draft.name).await?;
    db::apps::set_config(&mut tx, app.id, &draft.config).await?;
    let act = Act::done(Action::AppUpdate, &ui.actor(), Subject::app(app)).detail(changed(&Draft::of(&now), &draft));
    audit::record(&mut tx, &act).await?;
    tx.commit().await.map_err(db::Error::from)?;
    Ok(form)
}

/// Fields in which some write passwords all the same: of them it is recorded that they have changed.
const NOT_QUOTED: &[&str] = &["labels", "build_args", "process_entrypoint", "process_command", "health_command"];

/// `branch: main → dev`, for each field that is another one now.
fn changed(old: &Draft, new: &Draft) -> String {
    let forms = FORMS.iter().map(|section| (section.recorded(old), section.recorded(new)));
    let changes: Vec<String> = forms
        .flat_map(|(old, new)| {
            let told = |(field, old, new): (&str, &str, &str)| match NOT_QUOTED.contains(&field) {
                true => format!("{field} changed"),
                false => format!("{field}: {} → {}", on_one_line(old), on_one_line(new)),
            };
            old.changes(&new).map(told).collect::<Vec<_>>()
        })
        .collect();
    if changes.is_empty() { "nothing changed".to_owned() } else { changes.join(", ") }
}

fn on_one_line(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.lines().collect::<Vec<_>>().join(" | ") }
}
