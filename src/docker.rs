//! The container engine, and all of bollard. What goes to the engine is decided in [`spec`], which is pure; the rest only sends it.
//!
//! The client is made when the engine's socket is there and kept; every request opens its own connection, so an engine that was
//! restarted needs nothing from us. bollard 0.21 never sends the API version it negotiated (bollard issue #736), so responses would
//! follow the daemon's newest version: a request hook puts the version into the path.

mod build;
mod containers;
pub mod context;
mod events;
pub mod explain;
mod ignore;
mod images;
mod membership;
mod networks;
mod ports;
mod progress;
mod raw;
pub mod registry;
mod session;
pub mod spec;
mod stats;
#[cfg(test)]
mod stub;
mod usage;
mod volumes;

pub use build::{BuildError, BuildEvent, BuildRequest};
pub use registry::RegistryLogin;
pub use session::BuildSecret;
pub use volumes::{Mount, Volume};

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker, errors::Error as Bollard};

use crate::domain::{
    engine::{Address, EngineVersion},
    ids::InstanceId,
};

/// How long the engine may take to begin its answer to an ordinary request.
const REQUEST_DEADLINE: Duration = Duration::from_secs(60);
/// How long it may take to say that it is there.
const PING_DEADLINE: Duration = Duration::from_secs(2);

/// What can go wrong with the engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, or the connection to it was lost.
    #[error("the engine cannot be reached")]
    Unreachable(#[source] Bollard),
    /// It did not answer in time.
    #[error("the engine did not answer in time: {0}")]
    TimedOut(&'static str),
    /// It said more than is read.
    #[error("the engine's answer is too long: {0}")]
    TooLong(&'static str),
    /// It understood and said no.
    #[error("the engine refused ({status}): {message}")]
    Refused {
        /// The HTTP status code.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The build failed, in the builder's words.
    #[error("the build failed: {0}")]
    Build(String),
    /// The build's stream ended before the image was there.
    #[error("the build's stream ended early")]
    BuildLost,
    /// The build context could not be sent.
    #[error(transparent)]
    Context(#[from] context::ContextError),
    /// Something that is our fault.
    #[error("the engine's answer was not understood")]
    Protocol(#[source] Bollard),
}

impl From<Bollard> for Error {
    fn from(err: Bollard) -> Self {
        match err {
            Bollard::DockerResponseServerError { status_code, message } => Self::Refused { status: status_code, message },
            Bollard::DockerStreamError { error } => Self::Build(error),
            err @ (Bollard::SocketNotFoundError(_)
            | Bollard::IOError { .. }
            | Bollard::HyperLegacyError { .. }
            | Bollard::HyperResponseError { .. }
            | Bollard::RequestTimeoutError) => Self::Unreachable(err),
            err => Self::Protocol(err),
        }
    }
}

impl Error {
    /// Whether what was asked about does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// A handle on the engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    address: Address,
    instance: InstanceId,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Held for the time of a clone; nothing awaits under it.
    client: Mutex<Option<Docker>>,
    /// `/v1.41`, once the engine has said what it speaks.
    prefix: Mutex<String>,
}

impl Engine {
    /// A handle on the engine at an address; what it makes carries this instance's label. Connects when first used.
    pub fn new(address: Address, instance: InstanceId) -> Self {
        Self { address, instance, shared: Arc::default() }
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks the engine whether it is there and what it speaks; from then on requests are pinned to that version.
    pub async fn hello(&self) -> Result<EngineVersion, Error> {
        let asked = async {
            let version = self.client()?.version().await?;
            Ok::<_, Error>(version)
        };
        let said = tokio::time::timeout(PING_DEADLINE, asked).await.map_err(|_| Error::TimedOut("version"))??;
        let theirs = said.api_version.as_deref().and_then(parse_api).unwrap_or(API_OLDEST);
        let ours = (API_DEFAULT_VERSION.major_version, API_DEFAULT_VERSION.minor_version);
        let (major, minor) = theirs.min(ours);
        let api = format!("{major}.{minor}");
        *self.shared.prefix.lock().expect("no panic while held") = format!("/v{api}");
        Ok(EngineVersion { version: said.version.unwrap_or_else(|| "unknown".to_owned()), api })
    }

    /// The API version that was agreed on, or the oldest known one before that.
    fn spoken_api(&self) -> (usize, usize) {
        self.prefix().strip_prefix("/v").and_then(parse_api).unwrap_or(API_OLDEST)
    }

    /// `/v1.41`, or nothing before the engine has said what it speaks.
    fn prefix(&self) -> String {
        self.shared.prefix.lock().expect("no panic while held").clone()
    }

    /// A request as bollard should have made it.
    fn corrected<B>(&self, request: http::Request<B>) -> http::Request<B> {
        with_url_safe_credentials(with_version(request, &self.prefix()))
    }

    fn client(&self) -> Result<Docker, Error> {
        let mut slot = self.shared.client.lock().expect("no panic while held");
        if let Some(client) = slot.as_ref() {
            if let Address::Unix(path) = &self.address
                && !Path::new(path).exists()
            {
                return Err(Error::Unreachable(Bollard::SocketNotFoundError(path.clone())));
            }
            return Ok(client.clone());
        }
        let seconds = REQUEST_DEADLINE.as_secs();
        let version: &ClientVersion = API_DEFAULT_VERSION;
        let client = match &self.address {
            Address::Unix(path) => Docker::connect_with_unix(path, seconds, version)?,
            Address::Tcp(address) => Docker::connect_with_http(&format!("tcp://{address}"), seconds, version)?,
        };
        let engine = self.clone();
        let client = client.with_request_modifier(move |request| engine.corrected(request));
        *slot = Some(client.clone());
        Ok(client)
    }
}

/// The API of the oldest engine that µPaaS is tested with (Docker 20.10).
const API_OLDEST: (usize, usize) = (1, 41);

fn parse_api(text: &str) -> Option<(usize, usize)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What is asked without a version: the build session's upgrade, and which versions there are: an engine that was upgraded may not
/// understand the one of before any more.
const UNPINNED: [&str; 3] = ["/session", "/grpc", "/version"];

/// Puts the version into the request's path unless it is there, or must not be.
fn with_version<B>(mut request: http::Request<B>, prefix: &str) -> http::Request<B> {
    let path = request.uri().path_and_query().map(|path| path.as_str().to_owned()).unwrap_or_default();
    if !prefix.is_empty() && !path.starts_with("/v1.") && !UNPINNED.contains(&&*path) {
        go_to(&mut request, &format!("{prefix}{path}"));
    }
    request
}

/// Gives a request another path and query. Those that are too long for a request leave it as it is.
fn go_to<B>(request: &mut http::Request<B>, path: &str) {
    let mut parts = request.uri().clone().into_parts();
    let uri = path.parse().map_err(http::Error::from).and_then(|path| {
        parts.path_and_query = Some(path);
        Ok(http::Uri::from_parts(parts)?)
    });
    match uri {
        Ok(uri) => *request.uri_mut() = uri,
        Err(err) => tracing::error!(error = %err, "a request to the engine could not be corrected and goes as it is"),
    }
}

/// bollard encodes logins with `+` and `/`, which the engine silently does not understand: it wants `-` and `_`.
fn with_url_safe_credentials<B>(mut request: http::Request<B>) -> http::Request<B> {
    for name in ["x-registry-config", "x-registry-auth"] {
        let Some(value) = request.headers_mut().get_mut(name) else { continue };
        let safe = value.to_str().unwrap_or_default().replace('+', "-").replace('/', "_");
        *value = http::HeaderValue::from_str(&safe).expect("letters, digits and two signs");
        value.set_sensitive(true);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_with(path: &str, prefix: &str) -> String {
        let request = http::Request::builder().uri(path).body(()).expect("a request");
        with_version(request, prefix).uri().to_string()
    }

    #[test]
    fn requests_are_pinned_to_the_negotiated_version_once() {
        assert_eq!(path_with("/info?x=1", "/v1.41"), "/v1.41/info?x=1");
        assert_eq!(path_with("/v1.41/info", "/v1.41"), "/v1.41/info");
        assert_eq!(path_with("/session", "/v1.41"), "/session");
        assert_eq!(path_with("/version", "/v1.41"), "/version", "the engine may have been upgraded since");
        assert_eq!(path_with("/info", ""), "/info");
    }

    #[test]
    fn logins_go_in_the_alphabet_that_the_engine_reads() {
        let request = http::Request::builder().header("X-Registry-Config", "a+b/c=").body(()).expect("a request");
        assert_eq!(with_url_safe_credentials(request).headers()["x-registry-config"], "a-b_c=");
    }
}
