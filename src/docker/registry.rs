//! Logins for private registries: what they are for, in which form the engine wants them, and whether they are right.

use std::{collections::HashMap, time::Duration};

use bollard::auth::DockerCredentials;
use http::{Request, header};

use super::{Engine, Error};
use crate::domain::{
    registry::{HUB, by_one_name},
    secret::Secret,
};

/// How long a registry may take to say whether a login is right, through the engine.
const LOGIN_DEADLINE: Duration = Duration::from_secs(30);
/// What the engine calls Docker Hub where logins are named by registry.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// A login for a registry.
#[derive(Debug, Clone)]
pub struct RegistryLogin {
    /// `registry.example.org`, `127.0.0.1:5000`; Docker Hub is `docker.io`. A scheme and a path are ignored.
    pub host: String,
    /// Whose it is.
    pub username: String,
    /// The password or access token.
    pub password: Secret,
}

impl RegistryLogin {
    /// Whether it is for the registry that the engine calls so.
    pub(super) fn is_for(&self, host: &str) -> bool {
        plain_host(&self.host) == plain_host(host)
    }

    /// The name by which the engine looks logins up.
    fn key(&self) -> String {
        let host = plain_host(&self.host);
        if host == HUB { HUB_KEY.to_owned() } else { host }
    }
}

impl Engine {
    /// Lets the engine log in to the registry, to see whether the login is right. Nothing is kept by it.
    ///
    /// # Errors
    /// [`Error::Refused`] with the registry's or the engine's words, which [`super::explain::login`] understands.
    pub async fn try_registry(&self, login: &RegistryLogin) -> Result<(), Error> {
        let body = serde_json::json!({
            "username": login.username,
            "password": login.password.reveal(),
            "serveraddress": login.key(),
        });
        let request = Request::post(format!("{}/auth", self.prefix()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .expect("a constant path and header");
        self.order(request, LOGIN_DEADLINE, "registry login").await
    }
}

/// The logins as the classic builder wants them, by registry.
pub(super) fn credentials(logins: &[RegistryLogin]) -> HashMap<String, DockerCredentials> {
    let credentials = logins.iter().map(|login| {
        let key = login.key();
        let credentials = DockerCredentials {
            username: Some(login.username.clone()),
            password: Some(login.password.reveal().to_owned()),
            serveraddress: Some(key.clone()),
            ..DockerCredentials::default()
        };
        (key, credentials)
    });
    credentials.collect()
}

/// A registry's host and port alone, in one spelling.
fn plain_host(host: &str) -> String {
    let host = host.trim();
    let host = host.strip_prefix("https://").or_else(|| host.strip_prefix("http://")).unwrap_or(host);
    let host = host.split('/').next().unwrap_or(host).to_lowercase();
    by_one_name(&host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(host: &str) -> RegistryLogin {
        RegistryLogin { host: host.to_owned(), username: "u".to_owned(), password: Secret::new("hidden-one") }
    }

    #[test]
    fn docker_hub_is_one_registry_under_all_its_names() {
        for name in ["docker.io", "Docker.io", "index.docker.io", "https://index.docker.io/v1/"] {
            assert!(login(name).is_for("registry-1.docker.io"), "{name}");
            assert_eq!(login(name).key(), "https://index.docker.io/v1/");
        }
    }

    #[test]
    fn a_login_is_for_one_host_and_port_only() {
        assert!(login("https://registry.example.org:5000/v2/").is_for("registry.example.org:5000"));
        assert!(!login("registry.example.org:5000").is_for("registry.example.org"));
        assert!(!login("example.org").is_for("registry.example.org"));
        assert!(!login("registry.example.org").is_for("docker.io"));
        assert_eq!(login("127.0.0.1:5000").key(), "127.0.0.1:5000");
    }

    #[test]
    fn a_login_does_not_print_its_password() {
        assert!(!format!("{:?}", login("docker.io")).contains("hidden-one"));
    }
}
