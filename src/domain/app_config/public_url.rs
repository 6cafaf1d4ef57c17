//! Where people reach an app.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use super::network::is_host_name;
use crate::domain::Invalid;

/// An `http://` or `https://` address with a host.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PublicUrl(String);

const URL_MAX: usize = 2048;

impl PublicUrl {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::because("Write the whole address, such as https://shop.example.org.");
        if text.len() > URL_MAX {
            return Err(Invalid::because(format!("An address has at most {URL_MAX} characters.")));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::because(
                "An address has no spaces and only ASCII: a host's name in its xn-- form, the rest in percent form.",
            ));
        }
        // Browsers take a backslash for a slash, other programs do not: nobody could say where it leads.
        if text.contains('\\') {
            return Err(wrong());
        }
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(wrong)?;
        if !matches!(scheme, "http" | "https") {
            return Err(Invalid::because("The address begins with http:// or https://."));
        }
        if authority.as_str().contains('@') {
            return Err(Invalid::because("Leave user name and password out of the address."));
        }
        let port = &authority.as_str()[authority.host().len()..];
        let port_is_good =
            port.is_empty() || port[1..].parse::<u16>().is_ok_and(|number| number > 0) && port[1..].bytes().all(|b| b.is_ascii_digit());
        if !is_host(authority.host()) || !port_is_good {
            return Err(wrong());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A name or an address: that of version 6 in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => is_host_name(host),
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_whole_and_leads_to_a_host() {
        for good in [
            "https://shop.example.org",
            "http://192.0.2.4:8080/",
            "https://[2001:db8::1]:8443/a?b=c#d",
            "https://xn--bcher-kva.example/",
            "http://my_box/%20",
        ] {
            assert_eq!(good.parse::<PublicUrl>().expect(good).to_string(), good);
        }
        let too_long = format!("https://a/{}", "b".repeat(URL_MAX));
        for bad in [
            "",
            "shop.example.org",
            "/shop",
            "//shop.example.org",
            "https://",
            "https:///x",
            "https://:80",
            "https://a:",
            "https://a:0",
            "https://a:65536",
            "https://a:http",
            "https://a:+80",
            "https://a..b",
            "https://-a",
            "https://[::g]",
            "https://[::1",
            "https://%61.example",
            "https://a b",
            "https://a\\@b",
            "https://bücher.example",
            "https://a\u{202e}b",
            "https://a\n",
            "javascript:alert(1)",
            "ftp://a",
            "file:///etc/passwd",
            "https://user:pass@a",
            "https://user@a",
            &too_long,
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}
