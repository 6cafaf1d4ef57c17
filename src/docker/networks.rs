//! The engine's networks: those that users define, and new ones.

use std::collections::HashMap;

use bollard::{models, query_parameters::ListNetworksOptions};

use super::{Engine, Error, containers::within, spec::LABEL_INSTANCE};
use crate::domain::{app_config::network::NetworkName, engine::Network};

/// How long the engine may take to list its networks: a page waits for it.
const LIST_DEADLINE: std::time::Duration = std::time::Duration::from_secs(5);
/// How long it may take to make one.
const CREATE_DEADLINE: std::time::Duration = std::time::Duration::from_secs(45);

/// Those that the engine brings.
const ITS_OWN: &[&str] = &["bridge", "host", "none"];

impl Engine {
    /// The networks that a container can join and that somebody has defined, by name.
    pub async fn networks(&self) -> Result<Vec<Network>, Error> {
        let listed = within(LIST_DEADLINE, "list networks", self.client()?.list_networks(None::<ListNetworksOptions>)).await?;
        let mut networks: Vec<Network> = listed.into_iter().filter_map(joinable).collect();
        networks.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        networks.dedup_by(|one, other| one.name == other.name);
        Ok(networks)
    }

    /// Makes a bridge network that carries this installation's label. The engine itself would take a name twice: who calls has looked.
    pub async fn create_network(&self, name: &NetworkName) -> Result<(), Error> {
        let wanted = models::NetworkCreateRequest {
            name: name.to_string(),
            driver: Some("bridge".to_owned()),
            labels: Some(HashMap::from([(LABEL_INSTANCE.to_owned(), self.instance.to_string())])),
            ..models::NetworkCreateRequest::default()
        };
        within(CREATE_DEADLINE, "create network", self.client()?.create_network(wanted)).await?;
        Ok(())
    }
}

fn joinable(network: models::Network) -> Option<Network> {
    let name = network.name?;
    let local = network.scope.as_deref() != Some("swarm");
    let closed = network.ingress == Some(true) || network.config_only == Some(true) || !(local || network.attachable == Some(true));
    let known = !closed && !ITS_OWN.contains(&&*name);
    known.then(|| Network { name, driver: network.driver.unwrap_or_default(), scope: network.scope.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_networks_that_a_container_can_join_are_shown() {
        let seen = |name: &str, change: fn(&mut models::Network)| {
            let mut network = models::Network {
                name: Some(name.to_owned()),
                driver: Some("bridge".to_owned()),
                scope: Some("local".to_owned()),
                ..models::Network::default()
            };
            change(&mut network);
            joinable(network).is_some()
        };
        assert!(seen("web", |_| {}));
        assert!(!seen("bridge", |_| {}) && !seen("host", |_| {}) && !seen("none", |_| {}));
        assert!(!seen("ingress", |it| it.ingress = Some(true)));
        assert!(!seen("template", |it| it.config_only = Some(true)));
        assert!(!seen("cluster", |it| it.scope = Some("swarm".to_owned())));
        assert!(seen("cluster", |it| (it.scope, it.attachable) = (Some("swarm".to_owned()), Some(true))));
    }
}
