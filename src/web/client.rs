//! Who is asking: the client's address and whether it came over https, believed from a proxy only when that proxy is trusted.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Once,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::AppState;
use crate::config::Config;

/// The client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    /// Its address.
    pub(super) address: IpAddr,
    /// Whether it speaks https with us or with a trusted proxy before us.
    pub(super) https: bool,
}

/// Notes the client in the request, and marks our cookies `Secure` when it came over https.
pub(super) async fn identify(
    State(state): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = client(&state.config, peer.ip(), request.headers());
    request.extensions_mut().insert(client);
    let mut response = next.run(request).await;
    if client.https {
        secure_cookies(response.headers_mut());
    }
    response
}

fn client(config: &Config, peer: IpAddr, headers: &HeaderMap) -> Client {
    let peer = peer.to_canonical();
    let trusted = |address: &IpAddr| config.trusted_proxies.iter().any(|network| network.contains(address));
    let forwarded = forwarded_for(headers);
    if !trusted(&peer) {
        if !forwarded.is_empty() {
            warn_once(peer);
        }
        return Client { address: peer, https: false };
    }
    // The last address that no trusted proxy vouches for: what stands before it could be invented.
    let address = forwarded.iter().rev().find(|address| !trusted(address)).or(forwarded.first()).copied().unwrap_or(peer);
    let https = last_value(headers, "x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    Client { address, https }
}

/// `X-Forwarded-For` in order, or `X-Real-IP`.
fn forwarded_for(headers: &HeaderMap) -> Vec<IpAddr> {
    let list = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    // What stands left of a hop that cannot be read could be invented.
    let mut list: Vec<IpAddr> = list.collect::<Vec<_>>().into_iter().rev().map_while(parse).collect();
    list.reverse();
    if list.is_empty() { last_value(headers, "x-real-ip").and_then(parse).into_iter().collect() } else { list }
}

/// An address, as some proxies write it with a port or in brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

fn last_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim)
}

fn warn_once(peer: IpAddr) {
    static WARNED: Once = Once::new();
    WARNED.call_once(
        || tracing::warn!(%peer, "a peer that is no trusted proxy sends X-Forwarded-* headers; they are ignored (UPAAS_TRUSTED_PROXIES)"),
    );
}

fn secure_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        let secured = cookie
            .to_str()
            .ok()
            .filter(|text| !text.contains("; Secure"))
            .and_then(|text| HeaderValue::try_from(format!("{text}; Secure")).ok());
        headers.append(header::SET_COOKIE, secured.unwrap_or(cookie));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let variables = [("UPAAS_TRUSTED_PROXIES".to_owned(), "127.0.0.0/8, 10.0.0.0/8".to_owned())];
        let config = Config::from_variables(variables.into(), false).expect("valid");
        let headers =
            headers.iter().map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).expect("valid")));
        let client = client(&config, peer.parse().expect("valid"), &headers.collect());
        (client.address.to_string(), client.https)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let claims = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
        assert_eq!(seen("127.0.0.1", &claims), ("203.0.113.9".to_owned(), true));
        assert_eq!(seen("198.51.100.7", &claims), ("198.51.100.7".to_owned(), false));
        assert_eq!(seen("127.0.0.1", &[("x-real-ip", "203.0.113.9")]), ("203.0.113.9".to_owned(), false));
    }

    #[test]
    fn an_invented_first_hop_does_not_count() {
        assert_eq!(seen("127.0.0.1", &[("x-forwarded-for", "1.2.3.4, 203.0.113.9, 10.0.0.2")]).0, "203.0.113.9");
        assert_eq!(seen("127.0.0.1", &[("x-forwarded-for", "1.2.3.4, 203.0.113.9:5678, 10.0.0.2")]).0, "203.0.113.9");
        assert_eq!(seen("127.0.0.1", &[("x-forwarded-for", "1.2.3.4, [2001:db8::9]:5678, [10.0.0.2]")]).0, "2001:db8::9");
        assert_eq!(seen("127.0.0.1", &[("x-forwarded-for", "1.2.3.4, rubbish, 10.0.0.2")]).0, "10.0.0.2");
        assert_eq!(seen("::ffff:127.0.0.1", &[("x-forwarded-for", "rubbish")]).0, "127.0.0.1");
    }

    #[test]
    fn cookies_are_marked_secure_once() {
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("a=1; HttpOnly"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("b=2; Secure"));
        secure_cookies(&mut headers);
        let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().expect("text")).collect();
        assert_eq!(cookies, ["a=1; HttpOnly; Secure", "b=2; Secure"]);
    }
}
