//! Where apps answer, as seen from the browser.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::domain::port::{HostPort, Publish};

/// Where an app answers; a link when a browser that reached this page can open it.
#[derive(Serialize)]
pub(in crate::web) struct Address {
    text: String,
    url: Option<String>,
}

/// The address of a published port, as seen from the browser at `host`.
pub(in crate::web) fn address(publish: &Publish, host_port: Option<u16>, host: &str) -> Option<Address> {
    let (port, inside) = (host_port?, publish.container_port?);
    let on = SocketAddr::new(publish.host_address, port);
    let url = match (on.ip(), at_home(host)) {
        (IpAddr::V6(ip), Some(_)) if ip.is_unspecified() || ip.is_loopback() => Some(format!("http://[::1]:{port}/")),
        (ip, Some(name)) if ip.is_unspecified() || ip.is_loopback() => Some(format!("http://{name}:{port}/")),
        (ip, None) if ip.is_unspecified() => Some(format!("http://{host}:{port}/")),
        (ip, None) if ip.is_loopback() => None,
        _ => Some(format!("http://{on}/")),
    };
    let shown = if on.ip() == IpAddr::from([0, 0, 0, 0]) { format!(":{port}") } else { on.to_string() };
    Some(Address { text: format!("{shown} → {inside}"), url })
}

/// For a browser on this machine, this machine's other name: cookies know no ports, so under the same name the app would get ours.
fn at_home(host: &str) -> Option<&'static str> {
    match host {
        "localhost" => Some("127.0.0.1"),
        "127.0.0.1" | "[::1]" => Some("localhost"),
        _ => None,
    }
}

/// The host port of a configuration, for people.
pub(in crate::web) fn host_port(publish: &Publish) -> String {
    match publish.host_port {
        HostPort::None => "not published".to_owned(),
        HostPort::Auto => format!("chosen by the engine, on {}", publish.host_address),
        HostPort::Fixed(port) => SocketAddr::new(publish.host_address, port).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_link_only_where_it_can_be_opened() {
        let link = |on: &str, host: &str| {
            let publish = Publish { container_port: Some(80), host_address: on.parse().expect("valid"), host_port: HostPort::Auto };
            address(&publish, Some(8081), host).expect("published").url
        };
        assert_eq!(link("0.0.0.0", "box.lan").as_deref(), Some("http://box.lan:8081/"));
        assert_eq!(link("127.0.0.1", "box.lan"), None);
        assert_eq!(link("127.0.0.1", "localhost").as_deref(), Some("http://127.0.0.1:8081/"));
        assert_eq!(link("::1", "localhost").as_deref(), Some("http://[::1]:8081/"));
        assert_eq!(link("::", "box.lan").as_deref(), Some("http://box.lan:8081/"));
        assert_eq!(link("2001:db8::1", "box.lan").as_deref(), Some("http://[2001:db8::1]:8081/"));
        assert_eq!(link("192.0.2.4", "box.lan").as_deref(), Some("http://192.0.2.4:8081/"));
    }
}
