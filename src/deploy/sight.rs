//! What is seen of the containers of deployments.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Deployer, Shared,
    platform::{Failure, FailureKind},
    usage,
};
use crate::domain::{
    app::App,
    app_config::RunConfig,
    container::{Listed, Observed, Unshown, Usage},
    deployment::{Cause, Deployment},
    drift::{Drift, drift},
    ids::{AppId, DeploymentId},
};

/// How long a page waits for the engine's word about a container.
const PAGE_LOOK_DEADLINE: Duration = Duration::from_secs(1);

/// So many containers that nobody has seen yet are looked at at once.
const LOOKS_AT_ONCE: usize = 16;

/// What is known of a container right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It is there.
    There(Box<Observed>),
    /// The engine says that it is gone, or there never was one.
    Gone,
    /// The engine does not say.
    Unknown,
}

impl Sight {
    /// The container, when it is there.
    pub fn there(&self) -> Option<&Observed> {
        match self {
            Self::There(container) => Some(container),
            Self::Gone | Self::Unknown => None,
        }
    }

    /// Whether it is known that the container is there and runs, so that it can answer.
    pub fn serves(&self) -> bool {
        self.there().is_some_and(|it| it.running && !it.paused)
    }

    /// Whether the container does its work; none when the engine does not say.
    pub fn is_healthy(&self) -> Option<bool> {
        match self {
            Self::There(container) => Some(container.is_healthy()),
            Self::Gone => Some(false),
            Self::Unknown => None,
        }
    }
}

/// That the engine does not show a container is a failure, as nobody may take it for gone. Whoever removes what is shown does that first.
pub(super) fn expect_all_shown(unshown: &[Unshown]) -> Result<(), Failure> {
    match unshown.first() {
        Some(Unshown { id, .. }) => {
            let sentence = format!("The engine does not show the container {id:.12}.");
            Err(Failure::new(Cause::Engine, sentence).hint("Is the machine overloaded?").kind(FailureKind::EngineSlow))
        }
        None => Ok(()),
    }
}

impl Shared {
    /// Every container that carries the app's label. Whether all are shown is for [`expect_all_shown`].
    pub(super) async fn containers_of(&self, app: AppId) -> Result<Listed, Failure> {
        let mut listed = self.platform.runtime.ours().await?;
        listed.shown.retain(|it| it.app == app);
        listed.unshown.retain(|it| it.app == app);
        Ok(listed)
    }

    /// What was changed of a live container behind our back, as far as it was seen.
    pub(super) fn drift(&self, app: &App, live: &Deployment, made_with: &RunConfig) -> Vec<Drift> {
        let seen = live.container.as_deref().and_then(|container| self.picture.get(container));
        seen.map(|seen| drift(&seen, &app.slug, made_with, seen.was_adopted_by(live))).unwrap_or_default()
    }
}

impl Deployer {
    /// The container of a deployment, as the engine shows it now.
    pub async fn container(&self, deployment: &Deployment) -> Sight {
        let Some(container) = deployment.container.as_deref() else { return Sight::Gone };
        if !self.shared.engine_is_up() {
            return Sight::Unknown;
        }
        if let Some(seen) = self.shared.picture.get(container) {
            return Sight::There(Box::new(seen));
        }
        match timeout(PAGE_LOOK_DEADLINE, self.shared.platform.runtime.look(container)).await {
            Ok(Ok(Some(seen))) => Sight::There(Box::new(seen)),
            Ok(Ok(None)) => Sight::Gone,
            Ok(Err(_)) | Err(_) => Sight::Unknown,
        }
    }

    /// The containers of these deployments. Those that the engine does not show in time, for all of them together, are left out.
    pub async fn containers(&self, deployments: &[Deployment]) -> HashMap<DeploymentId, Sight> {
        let deadline = Instant::now() + PAGE_LOOK_DEADLINE;
        let looks = deployments.iter().cloned().map(|it| {
            let deployer = self.clone();
            async move { (it.id, deployer.container(&it).await) }
        });
        let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        let mut sights = HashMap::new();
        while let Ok(Some((id, sight))) = timeout_at(deadline, looks.next()).await {
            sights.insert(id, sight);
        }
        sights
    }

    /// What the containers of these deployments use, as far as the engine says so in time; at most some seconds old.
    pub async fn usage(&self, deployments: &[Deployment]) -> HashMap<DeploymentId, Usage> {
        let containers = deployments.iter().filter_map(|it| it.container.clone()).collect();
        let usages = usage::of(&self.shared, containers).await;
        let found = |it: &Deployment| Some((it.id, *usages.get(it.container.as_ref()?)?));
        deployments.iter().filter_map(found).collect()
    }
}
