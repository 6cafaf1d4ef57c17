//! The networks of a container. Engines before Docker 25 take one at creation; those after it are joined before the start.

use std::collections::HashMap;

use bollard::models::{EndpointSettings, NetworkingConfig};

use crate::domain::app_config::network::NetworkUse;

/// The first network, which it is created in; none: the engine's default one.
pub(super) fn at_create(networks: &[NetworkUse]) -> Option<NetworkingConfig> {
    let first = networks.first()?;
    Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(first.name.to_string(), endpoint(first))])) })
}

/// How others in the network find it.
pub(in crate::docker) fn endpoint(network: &NetworkUse) -> EndpointSettings {
    let aliases = network.alias.as_ref().map(|alias| vec![alias.to_string()]);
    EndpointSettings { aliases, ..EndpointSettings::default() }
}
