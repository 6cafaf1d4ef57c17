//! Where people reach an app.

use std::{fmt, str::FromStr};

use crate::domain::{Invalid, is_hidden};

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
        if text.len() > URL_MAX || text.contains(|c: char| c.is_whitespace() || is_hidden(c)) {
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
        let port_is_good = authority.port().is_none_or(|port| port.as_str().parse::<u16>().is_ok_and(|port| port > 0));
        if authority.host().is_empty() || !port_is_good || authority.as_str().ends_with(':') {
            return Err(wrong());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
