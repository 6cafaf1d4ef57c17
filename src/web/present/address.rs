//! Where apps answer, as seen from the browser.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::domain::{
    app::App,
    app_config::{AppConfig, public_url::PublicUrl},
    container::Observed,
    port::{HostPort, Port},
};

/// Where an app answers; a link when a browser that reached this page can open it.
#[derive(Serialize)]
pub(in crate::web) struct Address {
    text: String,
    url: Option<String>,
}

/// Where an app answers, as seen from the browser at `host`: at its public URL, as it is set now, while it runs; without one at the first
/// published port of its container, which was made with this configuration.
pub(in crate::web) fn address(app: &App, made_with: &AppConfig, container: &Observed, host: &str) -> Option<Address> {
    if let Some(url) = app.config.public_url.as_ref().filter(|_| container.running) {
        return Some(public_address(url));
    }
    let (port, host_port) = container.first_published(&made_with.run.ports)?;
    Some(port_address(port, host_port, host))
}

/// The public URL, without what goes without saying.
fn public_address(url: &PublicUrl) -> Address {
    let text = url.as_str().strip_prefix("https://").unwrap_or(url.as_str());
    Address { text: text.trim_end_matches('/').to_owned(), url: Some(url.to_string()) }
}

fn port_address(published: &Port, port: u16, host: &str) -> Address {
    let on = SocketAddr::new(published.host_address, port);
    let url = match (on.ip(), at_home(host)) {
        (IpAddr::V6(ip), Some(_)) if ip.is_unspecified() || ip.is_loopback() => Some(format!("http://[::1]:{port}/")),
        (ip, Some(name)) if ip.is_unspecified() || ip.is_loopback() => Some(format!("http://{name}:{port}/")),
        (ip, None) if ip.is_unspecified() => Some(format!("http://{host}:{port}/")),
        (ip, None) if ip.is_loopback() => None,
        _ => Some(format!("http://{on}/")),
    };
    let shown = if on.ip() == IpAddr::from([0, 0, 0, 0]) { format!(":{port}") } else { on.to_string() };
    Address { text: format!("{shown} → {}", published.container_port), url }
}

/// For a browser on this machine, this machine's other name: cookies know no ports, so under the same name the app would get ours.
fn at_home(host: &str) -> Option<&'static str> {
    match host {
        "localhost" => Some("127.0.0.1"),
        "127.0.0.1" | "[::1]" => Some("localhost"),
        _ => None,
    }
}

/// Where a port of a configuration reaches the host, for people.
pub(in crate::web) fn host_port(port: &Port) -> String {
    match port.host_port {
        HostPort::None => "not published".to_owned(),
        HostPort::Auto => format!("chosen by the engine, on {}", port.host_address),
        HostPort::Fixed(fixed) => SocketAddr::new(port.host_address, fixed).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::port::Protocol;

    #[test]
    fn an_address_is_a_link_only_where_it_can_be_opened() {
        let link = |on: &str, host: &str| {
            let (host_address, protocol) = (on.parse().expect("valid"), Protocol::Tcp);
            port_address(&Port { container_port: 80, protocol, host_address, host_port: HostPort::Auto }, 8081, host).url
        };
        assert_eq!(link("0.0.0.0", "box.lan").as_deref(), Some("http://box.lan:8081/"));
        assert_eq!(link("127.0.0.1", "box.lan"), None);
        assert_eq!(link("127.0.0.1", "localhost").as_deref(), Some("http://127.0.0.1:8081/"));
        assert_eq!(link("::1", "localhost").as_deref(), Some("http://[::1]:8081/"));
        assert_eq!(link("::", "box.lan").as_deref(), Some("http://box.lan:8081/"));
        assert_eq!(link("2001:db8::1", "box.lan").as_deref(), Some("http://[2001:db8::1]:8081/"));
        assert_eq!(link("192.0.2.4", "box.lan").as_deref(), Some("http://192.0.2.4:8081/"));
    }

    #[test]
    fn a_public_url_is_shown_in_short() {
        for (url, text) in [("https://shop.example.org/", "shop.example.org"), ("http://shop.example.org/a", "http://shop.example.org/a")] {
            let address = public_address(&url.parse().expect("valid"));
            assert_eq!((address.text.as_str(), address.url.as_deref()), (text, Some(url)));
        }
    }
}
