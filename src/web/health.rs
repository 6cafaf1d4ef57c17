//! What probes and other programs ask: is it there, can it work, how is each part.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::ui::Ui;
use crate::health::{Name, Report, Status};

/// The process serves. Nothing else is asked: an absent engine must not make anybody restart µPaaS.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// 200, or 503 with what keeps it from working.
pub(super) async fn ready(ui: Ui) -> Response {
    let failing = ui.state.health.failing().await;
    if failing.is_empty() {
        return Json(json!({ "status": "ready" })).into_response();
    }
    let names: Vec<Name> = failing.iter().map(|(name, _)| *name).collect();
    let problems: Vec<String> = failing.into_iter().map(|(_, problem)| problem).collect();
    let answer = json!({ "status": "not ready", "failing": names, "problems": problems });
    (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response()
}

/// Every component; 503 when µPaaS itself does not work.
pub(super) async fn show(ui: Ui) -> (StatusCode, Json<Report>) {
    let report = ui.state.health.report().await;
    let status = match report.status {
        Status::Ok | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report))
}
