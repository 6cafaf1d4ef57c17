//! How a container's ports reach the host.

use std::collections::HashMap;

use bollard::models::PortBinding;

use crate::domain::port::{HostPort, Port};

/// `80/tcp`.
pub(super) fn inside(port: &Port) -> String {
    format!("{}/{}", port.container_port, port.protocol)
}

/// Where they reach the host.
pub(super) fn bindings(ports: &[Port]) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in ports {
        let host_port = match port.host_port {
            HostPort::None => continue,
            HostPort::Auto => 0,
            HostPort::Fixed(port) => port,
        };
        let binding = PortBinding { host_ip: Some(port.host_address.to_string()), host_port: Some(host_port.to_string()) };
        bindings.entry(inside(port)).or_default().get_or_insert_default().push(binding);
    }
    bindings
}
