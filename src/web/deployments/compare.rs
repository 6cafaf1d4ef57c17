//! The page that compares any two deployments of an app.

use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::comparison::{Commits, Settings, Side};
use crate::{
    db,
    domain::{app::App, deployment::Deployment},
    web::{
        AppState, apps,
        error::Error,
        extract::{Asked, At},
        present::AppLink,
        ui::Ui,
        view::View,
    },
};

#[derive(Serialize)]
struct Compare {
    app: AppLink,
    from: Side,
    to: Side,
    settings: Settings,
    commits: Commits,
}

impl View for Compare {
    const TEMPLATE: &'static str = "deployments/compare.html";
}

/// Which two: their numbers, as people write them.
#[derive(Deserialize)]
pub(in crate::web) struct Two {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

pub(in crate::web) async fn show(ui: Ui, At(slug): At<String>, Asked(two): Asked<Two>) -> Result<Response, Error> {
    let app = apps::by_slug(&ui.state, &slug).await?;
    let from = numbered(&ui.state, &app, &two.from).await?;
    let to = numbered(&ui.state, &app, &two.to).await?;
    let page = Compare {
        from: Side::load(&ui.state, &app, &from).await?,
        to: Side::load(&ui.state, &app, &to).await?,
        settings: Settings::of(&ui.state, &from, &to).await?,
        commits: Commits::between(&ui.state, &from, &to).await,
        app: AppLink::new(&app),
    };
    ui.page(&format!("#{} and #{} compared: {}", from.number, to.number, page.app.name), &page)
}

/// The deployment with a number that was written as `7` or `#7`.
pub(super) async fn numbered(state: &AppState, app: &App, text: &str) -> Result<Deployment, Error> {
    let text = text.trim();
    let Ok(number) = text.trim_start_matches('#').parse::<i64>() else {
        return Err(Error::BadRequest(match text {
            "" => "Say which deployments, by their numbers.".to_owned(),
            text => format!("“{text}” is no deployment's number. Write it as 7 or #7."),
        }));
    };
    let none = || Error::BadRequest(format!("“{}” has no deployment #{number}.", app.name));
    db::deployments::by_number(state.db.read(), app.id, number).await?.ok_or_else(none)
}
