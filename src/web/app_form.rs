//! The fields of an app's configuration, as the pages for a new app and for its settings share them.

use super::form::{FormView, Typed};
use crate::domain::{
    Invalid,
    app::AppConfig,
    port::{self, HostPort, Publish},
};

const FIELDS: &[(&str, &str)] = &[
    ("slug", ""),
    ("repo_url", ""),
    ("branch", "main"),
    ("dockerfile_path", "Dockerfile"),
    ("context_path", "."),
    ("container_port", ""),
    ("host_address", "127.0.0.1"),
    ("host_port", ""),
];

/// The form with its defaults.
pub(super) fn empty() -> FormView {
    FormView::new(FIELDS)
}

/// The form with an app's configuration.
pub(super) fn of(config: &AppConfig) -> FormView {
    let publish = &config.publish;
    let host_port = match publish.host_port {
        HostPort::None => String::new(),
        HostPort::Auto => "auto".to_owned(),
        HostPort::Fixed(port) => port.to_string(),
    };
    FormView::new(&[
        ("repo_url", config.repo_url.as_str()),
        ("branch", config.branch.as_str()),
        ("dockerfile_path", config.dockerfile_path.as_str()),
        ("context_path", config.context_path.as_str()),
        ("container_port", &publish.container_port.map(|port| port.to_string()).unwrap_or_default()),
        ("host_address", &publish.host_address.to_string()),
        ("host_port", &host_port),
    ])
}

/// The configuration that was typed, when all of it is good.
pub(super) fn config(typed: &Typed, form: &mut FormView) -> Option<AppConfig> {
    let repo_url = form.check("repo_url", typed.text("repo_url").parse());
    let branch = form.check("branch", typed.text("branch").parse());
    let dockerfile_path = form.check("dockerfile_path", typed.text_or("dockerfile_path", "Dockerfile").parse());
    let context_path = form.check("context_path", typed.text_or("context_path", ".").parse());
    let container_port = form.check("container_port", port::parse_optional_port(typed.text("container_port")));
    let address = typed.text_or("host_address", "127.0.0.1").parse();
    let host_address = form
        .check("host_address", address.map_err(|_| Invalid::because("Write an IP address of this machine, such as 127.0.0.1 or 0.0.0.0.")));
    let host_port = form.check("host_port", typed.text("host_port").parse());
    if container_port == Some(None) && host_port.is_some_and(|port| port != HostPort::None) {
        form.check::<()>(
            "container_port",
            Err(Invalid::because("Which port of the container should the host port lead to? Its EXPOSE or its documentation says it.")),
        );
    }
    if !form.is_good() {
        return None;
    }
    Some(AppConfig {
        repo_url: repo_url?,
        branch: branch?,
        dockerfile_path: dockerfile_path?,
        context_path: context_path?,
        publish: Publish { container_port: container_port?, host_address: host_address?, host_port: host_port? },
    })
}
