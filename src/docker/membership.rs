//! Who is in which network.

use std::time::Duration;

use bollard::models::{EndpointSettings, NetworkConnectRequest};

use super::{Engine, Error, containers::within};

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

    pub(super) async fn connect(&self, container: &str, network: &str, endpoint: EndpointSettings) -> Result<(), Error> {
        let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint) };
        within(CONNECT_DEADLINE, "connect", self.client()?.connect_network(network, request)).await
    }
}
