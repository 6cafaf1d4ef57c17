//! What is saved and not applied yet: how the settings differ from those of the container that serves.

use serde::Serialize;

use super::Error;
use crate::{
    db,
    domain::{
        app::{App, DesiredState},
        app_config::difference::differences,
        deployment::Status,
    },
    web::{
        AppState,
        present::{self, Change},
    },
};

/// What differs, and what to do about it.
#[derive(Serialize)]
pub(in crate::web) struct Pending {
    /// How many changes there are: of the container, and of the image.
    container: usize,
    build: usize,
    changes: Vec<Change>,
    /// The number of the deployment that serves.
    live: i64,
    /// To which deployment the live one went back, with the settings of then.
    back_to: Option<i64>,
    /// The deployment that is under way.
    running: Option<Running>,
    stopped: bool,
}

#[derive(Serialize)]
struct Running {
    number: i64,
    url: String,
}

impl Pending {
    /// How many changes there are.
    pub(super) fn count(&self) -> usize {
        self.changes.len()
    }

    /// None when there is nothing to which anything could be applied, or everything is.
    pub(in crate::web) async fn load(state: &AppState, app: &App) -> Result<Option<Self>, Error> {
        let Some(live) = app.live_deployment else { return Ok(None) };
        let live = db::deployments::get(state.db.read(), live).await?;
        let made_with = db::snapshots::of(state.db.read(), app, Some(&live)).await?;
        let changes: Vec<Change> = differences(&made_with, &app.config).into_iter().map(Change::from).collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let unfinished = db::deployments::unfinished(state.db.read(), app.id).await?;
        let running = unfinished.iter().find(|it| it.status != Status::Queued).or(unfinished.first());
        let build = changes.iter().filter(|it| it.needs_build).count();
        Ok(Some(Self {
            container: changes.len() - build,
            build,
            changes,
            live: live.number,
            back_to: live.rollback.map(|it| it.to),
            running: running.map(|it| Running { number: it.number, url: present::deployment_url(app, it.number) }),
            stopped: app.desired_state == DesiredState::Stopped,
        }))
    }
}
