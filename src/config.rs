//! The environment, validated once at start. A bad value is one clear line and exit code 2; everything else is a setting in the UI.

use std::{
    collections::BTreeMap,
    fmt,
    io::IsTerminal,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use ipnet::IpNet;

use crate::domain::{engine::Address, secret::Secret};

/// A value that cannot be used; its text is the line that the operator reads.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct BadValue {
    variable: &'static str,
    problem: String,
}

impl BadValue {
    /// A variable whose value turned out to be unusable.
    pub fn new(variable: &'static str, problem: impl Into<String>) -> Self {
        Self { variable, problem: problem.into() }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Who may read the metrics.
#[derive(Debug, Clone)]
pub struct MetricsLogin {
    /// The name, without a colon.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// The configuration of this process.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The same folder as the engine's host sees it, when µPaaS runs in a container.
    pub host_data_dir: Option<PathBuf>,
    /// Where the engine listens.
    pub docker: Address,
    /// Whether debug lines are logged.
    pub debug: bool,
    /// The external URL, when it is fixed by environment.
    pub base_url: Option<String>,
    /// Whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Who may read the metrics; none is everybody.
    pub metrics_login: Option<MetricsLogin>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Where errors are reported: a DSN, which holds a key. `logging` says whether it is one.
    pub sentry_dsn: Option<Secret>,
    /// Unknown `UPAAS_*` names, to be warned about: probably typing errors.
    pub unknown: Vec<String>,
}

const KNOWN: &[&str] = &[
    "UPAAS_DATA_DIR",
    "UPAAS_HOST_DATA_DIR",
    "UPAAS_DOCKER_HOST",
    "UPAAS_LISTEN_ADDR",
    "UPAAS_BASE_URL",
    "UPAAS_TRUSTED_PROXIES",
    "UPAAS_LOG_FORMAT",
];

impl Config {
    /// Reads this process's environment.
    pub fn from_env() -> Result<Self, BadValue> {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
        Self::from_variables(variables.collect(), std::io::stderr().is_terminal())
    }

    /// Validates variables; an empty value counts as unset. `on_terminal` decides how the log looks unless a variable does.
    pub fn from_variables(variables: BTreeMap<String, String>, on_terminal: bool) -> Result<Self, BadValue> {
        let value = |name: &str| variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let port = value("PORT").map_or(Ok(8080), |text| parsed::<u16>("PORT", text, "a port number from 1 to 65535"))?;
        let address =
            value("UPAAS_LISTEN_ADDR").map_or(Ok(IpAddr::from([0, 0, 0, 0])), |text| parsed("UPAAS_LISTEN_ADDR", text, "an IP address"))?;
        if port == 0 {
            return Err(bad("PORT", "0", "a port number from 1 to 65535"));
        }
        Ok(Self {
            listen: SocketAddr::new(address, port),
            data_dir: PathBuf::from(value("UPAAS_DATA_DIR").unwrap_or("./data")),
            host_data_dir: value("UPAAS_HOST_DATA_DIR").map(host_data_dir).transpose()?,
            docker: docker_address(value("UPAAS_DOCKER_HOST").unwrap_or("unix:///var/run/docker.sock"))?,
            debug: value("DEBUG").map_or(Ok(false), debug)?,
            base_url: value("UPAAS_BASE_URL").map(base_url).transpose()?,
            trusted_proxies: trusted_proxies(value("UPAAS_TRUSTED_PROXIES").unwrap_or("127.0.0.0/8, ::1/128"))?,
            metrics_login: metrics_login(
                value("METRICS_USERNAME"),
                // Blanks may be part of it.
                variables.get("METRICS_PASSWORD").filter(|password| !password.is_empty()),
            )?,
            log_format: value("UPAAS_LOG_FORMAT").map_or(Ok(if on_terminal { LogFormat::Text } else { LogFormat::Json }), log_format)?,
            sentry_dsn: value("SENTRY_DSN").map(Secret::new),
            unknown: variables.keys().filter(|name| name.starts_with("UPAAS_") && !KNOWN.contains(&name.as_str())).cloned().collect(),
        })
    }

    /// A file or folder of the data directory.
    pub fn data(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }
}

fn bad(variable: &'static str, text: &str, expected: impl fmt::Display) -> BadValue {
    BadValue { variable, problem: format!("“{text}” is not {expected}") }
}

fn parsed<T: std::str::FromStr>(variable: &'static str, text: &str, expected: &str) -> Result<T, BadValue> {
    text.parse().map_err(|_| bad(variable, text, expected))
}

fn host_data_dir(text: &str) -> Result<PathBuf, BadValue> {
    if Path::new(text).is_absolute() { Ok(PathBuf::from(text)) } else { Err(bad("UPAAS_HOST_DATA_DIR", text, "an absolute path")) }
}

fn docker_address(text: &str) -> Result<Address, BadValue> {
    match text.split_once("://") {
        Some(("unix", path)) if Path::new(path).is_absolute() => Ok(Address::Unix(path.to_owned())),
        Some(("tcp", address)) if address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) => {
            Ok(Address::Tcp(address.to_owned()))
        }
        _ => Err(bad("UPAAS_DOCKER_HOST", text, "unix:///path/to/docker.sock or tcp://host:port")),
    }
}

fn debug(text: &str) -> Result<bool, BadValue> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(bad("DEBUG", text, "true or false")),
    }
}

fn base_url(text: &str) -> Result<String, BadValue> {
    let problem = || bad("UPAAS_BASE_URL", text, "an origin such as https://deploy.example.org");
    let uri: http::Uri = text.trim_end_matches('/').parse().map_err(|_| problem())?;
    match (uri.scheme_str(), uri.authority(), uri.path()) {
        (Some("http" | "https"), Some(_), "/") => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(problem()),
    }
}

fn trusted_proxies(text: &str) -> Result<Vec<IpNet>, BadValue> {
    let network = |part: &str| part.parse::<IpNet>().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| network(part).ok_or_else(|| bad("UPAAS_TRUSTED_PROXIES", part, "an address or network such as 10.0.0.0/8")))
        .collect()
}

fn metrics_login(username: Option<&str>, password: Option<&String>) -> Result<Option<MetricsLogin>, BadValue> {
    match (username, password) {
        (Some(username), _) if username.contains(':') => Err(bad("METRICS_USERNAME", username, "a name without a colon")),
        (Some(username), Some(password)) => Ok(Some(MetricsLogin { username: username.to_owned(), password: Secret::new(password) })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(BadValue::new("METRICS_PASSWORD", "is missing: METRICS_USERNAME is set, and /metrics needs both or neither"))
        }
        (None, Some(_)) => {
            Err(BadValue::new("METRICS_USERNAME", "is missing: METRICS_PASSWORD is set, and /metrics needs both or neither"))
        }
    }
}

fn log_format(text: &str) -> Result<LogFormat, BadValue> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(bad("UPAAS_LOG_FORMAT", text, "text or json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Config, BadValue> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_variables(variables.collect(), false)
    }

    #[test]
    fn an_empty_environment_is_enough() {
        let config = with(&[("PORT", "")]).expect("defaults");
        assert_eq!(config.listen.to_string(), "0.0.0.0:8080");
        assert_eq!(config.docker, Address::Unix("/var/run/docker.sock".to_owned()));
        assert_eq!(config.log_format, LogFormat::Json);
        assert!(config.trusted_proxies.iter().any(|net| net.contains(&IpAddr::from([127, 0, 0, 1]))));
    }

    #[test]
    fn each_bad_value_is_one_clear_line() {
        let said: Vec<String> = [
            ("PORT", "banana"),
            ("PORT", "0"),
            ("UPAAS_LISTEN_ADDR", "localhost"),
            ("UPAAS_HOST_DATA_DIR", "data"),
            ("UPAAS_DOCKER_HOST", "/var/run/docker.sock"),
            ("UPAAS_DOCKER_HOST", "tcp://engine"),
            ("DEBUG", "perhaps"),
            ("UPAAS_BASE_URL", "deploy.example.org"),
            ("UPAAS_BASE_URL", "https://deploy.example.org/sub"),
            ("UPAAS_TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
            ("UPAAS_LOG_FORMAT", "xml"),
            ("METRICS_USERNAME", "prometheus"),
            ("METRICS_USERNAME", "a:b"),
            ("METRICS_PASSWORD", "hunter2"),
        ]
        .iter()
        .map(|pair| with(&[*pair]).expect_err("must be refused").to_string())
        .collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        PORT: “banana” is not a port number from 1 to 65535
        PORT: “0” is not a port number from 1 to 65535
        UPAAS_LISTEN_ADDR: “localhost” is not an IP address
        UPAAS_HOST_DATA_DIR: “data” is not an absolute path
        UPAAS_DOCKER_HOST: “/var/run/docker.sock” is not unix:///path/to/docker.sock or tcp://host:port
        UPAAS_DOCKER_HOST: “tcp://engine” is not unix:///path/to/docker.sock or tcp://host:port
        DEBUG: “perhaps” is not true or false
        UPAAS_BASE_URL: “deploy.example.org” is not an origin such as https://deploy.example.org
        UPAAS_BASE_URL: “https://deploy.example.org/sub” is not an origin such as https://deploy.example.org
        UPAAS_TRUSTED_PROXIES: “proxy” is not an address or network such as 10.0.0.0/8
        UPAAS_LOG_FORMAT: “xml” is not text or json
        METRICS_PASSWORD: is missing: METRICS_USERNAME is set, and /metrics needs both or neither
        METRICS_USERNAME: “a:b” is not a name without a colon
        METRICS_USERNAME: is missing: METRICS_PASSWORD is set, and /metrics needs both or neither
        ");
    }

    #[test]
    fn the_metrics_login_is_kept_as_it_is_and_its_password_not_shown() {
        let config = with(&[("METRICS_USERNAME", "prom"), ("METRICS_PASSWORD", " hunter2")]).expect("valid");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(config.metrics_login.is_some_and(|login| login.username == "prom" && login.password.reveal() == " hunter2"));
        assert!(with(&[("METRICS_USERNAME", ""), ("METRICS_PASSWORD", "")]).expect("valid").metrics_login.is_none());
    }

    #[test]
    fn unknown_names_are_noticed() {
        assert_eq!(with(&[("UPAAS_DATADIR", "x"), ("OTHER", "y")]).expect("valid").unknown, ["UPAAS_DATADIR"]);
    }
}
