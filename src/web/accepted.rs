//! The answer to an act on a deployment that was accepted: a person goes to its page, a program hears how it stands.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;

use super::{deliveries, error::Error, present, ui::Ui};
use crate::domain::{app::App, deployment::Deployment};

/// Answers with a deployment, as it stands.
pub(super) async fn accepted(ui: &Ui, app: &App, deployment: &Deployment) -> Result<Response, Error> {
    let path = present::deployment_url(app, deployment.number);
    if !ui.answers_json {
        return Ok(Redirect::to(&path).into_response());
    }
    let base = deliveries::base_url(&ui.state).await?.unwrap_or_default();
    let answer = json!({ "number": deployment.number, "status": deployment.status, "url": format!("{base}{path}") });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}
