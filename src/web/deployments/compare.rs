//! The page that compares any two deployments of an app.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::comparison::{Commits, Settings, Side};
use crate::{
    db,
    domain::{Invalid, app::App, deployment::Deployment},
    web::{
        AppState, apps,
        error::Error,
        extract::{Asked, At},
        form::FormView,
        present::AppLink,
        query::number,
        ui::Ui,
        view::View,
    },
};

/// The fields: which two, by their numbers as people write them.
const FROM: &str = "from";
const TO: &str = "to";

#[derive(Serialize)]
struct Compare {
    app: AppLink,
    form: FormView,
    /// None until two are chosen.
    compared: Option<Compared>,
}

#[derive(Serialize)]
struct Compared {
    from: Side,
    to: Side,
    settings: Settings,
    commits: Commits,
}

impl View for Compare {
    const TEMPLATE: &'static str = "deployments/compare.html";
}

/// What was typed.
#[derive(Deserialize)]
pub(in crate::web) struct Two {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

pub(in crate::web) async fn show(ui: Ui, At(slug): At<String>, Asked(two): Asked<Two>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let mut form = FormView::new(&[(FROM, two.from.trim()), (TO, two.to.trim())]);
    let is_asked = [FROM, TO].iter().any(|field| !form.value(field).is_empty());
    if !is_asked {
        return choose(&ui, &app, form);
    }
    let from = form.check(FROM, numbered(&ui.state, &app, &two.from).await?);
    let to = form.check(TO, numbered(&ui.state, &app, &two.to).await?);
    let Some((from, to)) = from.zip(to) else {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, choose(&ui, &app, form)?).into_response());
    };
    let compared = Compared {
        from: Side::load(&ui.state, &app, &from).await?,
        to: Side::load(&ui.state, &app, &to).await?,
        settings: Settings::of(&ui.state, &from, &to).await?,
        commits: Commits::between(&ui.state, &from, &to).await,
    };
    let form = FormView::new(&[(FROM, &from.number.to_string()), (TO, &to.number.to_string())]);
    let title = format!("#{} and #{} compared: {}", from.number, to.number, app.name);
    ui.page(&title, &Compare { app: AppLink::new(&app), form, compared: Some(compared) })
}

/// The form alone.
fn choose(ui: &Ui, app: &App, form: FormView) -> Result<Response, Error> {
    ui.page(&format!("Compare deployments: {}", app.name), &Compare { app: AppLink::new(app), form, compared: None })
}

/// The deployment with a number that was written as `7` or `#7`.
pub(super) async fn numbered(state: &AppState, app: &App, text: &str) -> Result<Result<Deployment, Invalid>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Err(Invalid::because("Type a deployment's number.")));
    }
    let Some(number) = number(text.strip_prefix('#').unwrap_or(text), i64::MAX) else {
        return Ok(Err(Invalid::because(format!("“{text}” is no deployment's number. Write it as 7 or #7."))));
    };
    let found = db::deployments::by_number(state.db.read(), app.id, number).await?;
    Ok(found.ok_or_else(|| Invalid::because(format!("“{}” has no deployment #{number}.", app.name))))
}
