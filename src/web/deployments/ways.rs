//! Where one can go from a deployment's page: back to it, to its comparison with others; and whether it is kept.

use serde::Serialize;

use crate::{
    db,
    domain::{
        app::App,
        deployment::{Deployment, Status},
    },
    web::{AppState, error::Error, present},
};

/// To which deployment it goes back.
#[derive(Serialize)]
pub(super) struct Back {
    number: i64,
    url: String,
    keeps_values: bool,
    /// Whether auto-deploy is paused now.
    paused: bool,
}

/// Where one can go from here: back to it, or to its comparison with others; and whether it is kept.
#[derive(Default, Serialize)]
pub(super) struct Ways {
    rollback_url: Option<String>,
    pin_url: Option<String>,
    pinned: bool,
    kept: bool,
    comparisons: Vec<ComparisonLink>,
}

#[derive(Serialize)]
struct ComparisonLink {
    label: String,
    url: String,
}

impl Ways {
    pub(super) async fn load(state: &AppState, app: &App, deployment: &Deployment) -> Result<Self, Error> {
        let kept = state.deployer.kept(app).await?;
        let before = db::deployments::before(state.db.read(), app.id, deployment.number, 1).await?;
        let live = match app.live_deployment {
            Some(live) if live != deployment.id => Some(db::deployments::get(state.db.read(), live).await?),
            _ => None,
        };
        let with = |from: i64, to: i64| format!("{}/compare?from={from}&to={to}", present::app_url(app));
        let with_live = live.iter().map(|live| ComparisonLink {
            label: format!("Compare with #{}, which is live", live.number),
            url: with(live.number, deployment.number),
        });
        let with_before = before.iter().filter(|it| app.live_deployment != Some(it.id)).map(|before| ComparisonLink {
            label: format!("Compare with #{}, the one before", before.number),
            url: with(before.number, deployment.number),
        });
        let has_image = deployment.image.is_some() && deployment.image_removed.is_none();
        let can_be_pinned =
            deployment.status == Status::Success && has_image && deployment.commit.is_some() && deployment.snapshot.is_some();
        let pin_url = format!("{}/pin", present::deployment_url(app, deployment.number));
        Ok(Self {
            rollback_url: present::rollback_url(app, deployment, &kept),
            pin_url: Some(pin_url).filter(|_| deployment.pinned.is_some() || can_be_pinned),
            pinned: deployment.pinned.is_some(),
            kept: kept.contains(&deployment.id) && deployment.status.is_end(),
            comparisons: with_live.chain(with_before).collect(),
        })
    }
}

impl Back {
    pub(super) fn of(app: &App, deployment: &Deployment) -> Option<Self> {
        let rollback = deployment.rollback?;
        Some(Self {
            number: rollback.to,
            url: present::deployment_url(app, rollback.to),
            keeps_values: rollback.keeps_values,
            paused: app.auto_deploy_paused.is_some(),
        })
    }
}
