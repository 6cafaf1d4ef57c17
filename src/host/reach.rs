//! The way to a container: directly where µPaaS runs on the engine's host, through a common network where it runs in a container.

use std::net::IpAddr;

use super::{EngineHost, failures::engine_failure};
use crate::{
    deploy::platform::{Failure, FailureKind},
    domain::{
        container::{Joined, Observed},
        deployment::Cause,
    },
};

/// The network of the engine's host itself: from there every container can be reached.
const HOST: &str = "host";

impl EngineHost {
    /// Whether containers can be asked at all.
    pub(super) fn reach(&self) -> Result<(), Failure> {
        if self.place.is_remote && self.place.container.is_none() {
            let sentence = "The engine is reached over the network, so µPaaS cannot ask its containers over HTTP whether they work.";
            return Err(Failure::new(Cause::User, sentence).hint("Choose a command as the app's health check, or the image's own."));
        }
        Ok(())
    }

    /// Where a container can be asked. µPaaS's own container joins its network if they have none in common.
    pub(super) async fn address_of(&self, container: &Observed) -> Result<IpAddr, Failure> {
        self.reach()?;
        let first = container.networks.first().ok_or_else(|| Failure::new(Cause::User, "The container has no address in any network."))?;
        let Some(own) = &self.place.container else { return Ok(first.address) };
        // An engine that does not know the own container is another one than that it runs in.
        let Some(networks) = self.engine.networks_of(own).await.map_err(engine_failure)? else { return Ok(first.address) };
        if networks.iter().any(|network| network == HOST) {
            return Ok(first.address);
        }
        match common(container, &networks) {
            Some(common) => Ok(common.address),
            None => self.join(own, first).await,
        }
    }

    async fn join(&self, own: &str, to: &Joined) -> Result<IpAddr, Failure> {
        let Err(err) = self.engine.join(own, &to.network).await else {
            tracing::info!(network = to.network, "joined the network of an app, to ask whether it works");
            return Ok(to.address);
        };
        // Two apps of one network may be asked at once.
        if let Ok(Some(networks)) = self.engine.networks_of(own).await
            && networks.contains(&to.network)
        {
            return Ok(to.address);
        }
        let failure = engine_failure(err);
        if failure.kind != FailureKind::Final {
            return Err(failure);
        }
        let network = &to.network;
        let sentence = format!("µPaaS runs in a container and could not join the network {network} to ask the app whether it works.");
        let hint = format!("Put µPaaS's container into {network}, or choose a command as the app's health check. {}", failure.sentence);
        Err(Failure { hint: Some(hint), sentence, ..failure })
    }
}

/// The first of its networks that is one of these.
fn common<'a>(container: &'a Observed, networks: &[String]) -> Option<&'a Joined> {
    container.networks.iter().find(|it| networks.contains(&it.network))
}
