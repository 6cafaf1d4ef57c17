//! The fields of an app's configuration that the page for a new app and the settings share.

use std::str::FromStr;

use super::form::{FormView, Typed};
use crate::domain::{
    Invalid,
    app_config::{AppConfig, Source, build::BuildConfig},
    is_hidden,
    port::{self, HostPort, Port, Protocol},
    repo_path::RepoPath,
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

/// The form for a new app with its defaults.
pub(super) fn empty() -> FormView {
    FormView::new(FIELDS)
}

/// The configuration that was typed for a new app, when all of it is good.
pub(super) fn config(typed: &Typed, form: &mut FormView) -> Option<AppConfig> {
    let (source, paths, port) = (source(typed, form), paths(typed, form), port(typed, form));
    let (dockerfile_path, context_path) = paths?;
    let mut config = AppConfig::new(source?, BuildConfig::new(dockerfile_path, context_path));
    config.run.ports = port?.into_iter().collect();
    Some(config)
}

/// Repository and branch.
pub(super) fn source(typed: &Typed, form: &mut FormView) -> Option<Source> {
    let repo_url = form.check("repo_url", visible(typed.text("repo_url")));
    let branch = form.check("branch", visible(typed.text("branch")));
    Some(Source { repo_url: repo_url?, branch: branch?, submodules: false })
}

/// Reads what a page shows as it is. Another character would be shown by its code, and sent back so; what is stored may have some.
fn visible<T: FromStr<Err = Invalid>>(text: &str) -> Result<T, Invalid> {
    let read = text.parse()?;
    if text.contains(is_hidden) {
        return Err(Invalid::because("This has characters that cannot be seen. Type it anew."));
    }
    Ok(read)
}

/// Dockerfile and context.
pub(super) fn paths(typed: &Typed, form: &mut FormView) -> Option<(RepoPath, RepoPath)> {
    let dockerfile_path = form.check("dockerfile_path", typed.text_or("dockerfile_path", "Dockerfile").parse());
    let context_path = form.check("context_path", typed.text_or("context_path", ".").parse());
    dockerfile_path.zip(context_path)
}

/// The one port of a new app, if it has one.
pub(super) fn port(typed: &Typed, form: &mut FormView) -> Option<Option<Port>> {
    let container_port = form.check("container_port", port::parse_optional_port(typed.text("container_port")));
    let host_address = form.check("host_address", port::parse_address(typed.text("host_address")));
    let host_port = form.check("host_port", typed.text("host_port").parse());
    if container_port == Some(None) && host_port.is_some_and(|port| port != HostPort::None) {
        return form.check("container_port", Err(Invalid::because(port::CONTAINER_PORT_MISSING)));
    }
    let (host_address, host_port) = host_address.zip(host_port)?;
    Some(container_port?.map(|container_port| Port { container_port, protocol: Protocol::Tcp, host_address, host_port }))
}
