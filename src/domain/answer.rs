//! What a container answers when it is asked over HTTP whether it works.

use std::{fmt, net::SocketAddr};

use super::app_config::health_check::HttpProbe;

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Who was asked.
    pub address: SocketAddr,
    /// What was said.
    pub said: Said,
}

/// What a container said, or why it said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// A status code.
    Status(u16),
    /// Nothing listens on the port.
    Refused,
    /// There is no way to the address.
    Unreachable,
    /// Nothing in time.
    TimedOut,
    /// The connection ended before the answer did.
    Closed,
    /// Something that is not HTTP.
    NotHttp,
}

impl Answer {
    /// Whether it is what the check expects.
    pub fn is_expected(&self, probe: &HttpProbe) -> bool {
        self.said == Said::Status(probe.status)
    }

    /// What was asked and what came back: `GET http://172.17.0.5:80/healthz answered 503, expected 200.`
    pub fn sentence(&self, probe: &HttpProbe) -> String {
        let asked = format!("GET http://{}{}", self.address, probe.path);
        match self.said {
            Said::Status(status) if status == probe.status => format!("{asked} answered {status}."),
            Said::Status(status) => format!("{asked} answered {status}, expected {}.", probe.status),
            said => format!("{asked}: {said}."),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Refused => f.write_str("the connection was refused"),
            Self::Unreachable => f.write_str("the container cannot be reached"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Closed => f.write_str("the connection was closed without an answer"),
            Self::NotHttp => f.write_str("the answer is not HTTP"),
        }
    }
}
