//! Who is in which network.
//!
//! # An alias for a container that runs
//! The engine has no request for it: the container leaves the network and joins it again, with the alias. Tried on Docker 20.10: that takes
//! a tenth of a second. Published ports work afterwards, also when it was the container's only network or its first; those that the engine
//! chooses are other ones then. The address is usually the same, so connections outlive it. Asking for the same address is no help: only
//! networks with a subnet of their own allow it, and there the container would be bound to it for ever and not start again once
//! another has taken it.

use std::time::Duration;

use bollard::models::{EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};

use super::{Engine, Error, containers::within, spec};
use crate::domain::app_config::network::NetworkUse;

/// How long the engine may take to say which networks a container is in.
const LOOK_DEADLINE: Duration = Duration::from_secs(5);
/// How long it may take to put it into one.
const CONNECT_DEADLINE: Duration = Duration::from_secs(30);

impl Engine {
    /// The networks that a container is in, by name, whoever it belongs to; none when there is no such container.
    pub async fn networks_of(&self, container: &str) -> Result<Option<Vec<String>>, Error> {
        let client = self.client()?;
        match within(LOOK_DEADLINE, "inspect", client.inspect_container(container, None)).await {
            Ok(seen) => {
                let networks = seen.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
                Ok(Some(networks.into_keys().collect()))
            }
            Err(err) if err.is_not_found() => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// Puts a container into a network, without an alias there.
    pub async fn join(&self, container: &str, network: &str) -> Result<(), Error> {
        self.connect(container, network, EndpointSettings::default()).await
    }

    /// Lets a container leave a network and join it again, now with its alias. One that is not in the network only joins it.
    pub async fn rejoin(&self, container: &str, network: &NetworkUse) -> Result<(), Error> {
        let name = network.name.as_str();
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(false) };
        match within(CONNECT_DEADLINE, "disconnect", self.client()?.disconnect_network(name, request)).await {
            Err(Error::Refused { message, .. }) if message.contains("is not connected to") => {}
            left => left?,
        }
        self.connect(container, name, spec::endpoint(network)).await
    }

    pub(super) async fn connect(&self, container: &str, network: &str, endpoint: EndpointSettings) -> Result<(), Error> {
        let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint) };
        within(CONNECT_DEADLINE, "connect", self.client()?.connect_network(network, request)).await
    }
}
