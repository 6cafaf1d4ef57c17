//! Which ports of the app reach the host.

use super::{Draft, FormView, SavedAsOne, Section, Typed};
use crate::web::app_form;

pub(super) struct Ports;

impl Section for Ports {
    fn id(&self) -> &'static str {
        "ports"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_ports.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let port = draft.config.run.ports.first();
        FormView::new(&[
            ("container_port", &port.map(|port| port.container_port.to_string()).unwrap_or_default()),
            ("host_address", &port.map_or_else(|| "127.0.0.1".to_owned(), |port| port.host_address.to_string())),
            ("host_port", &port.map(|port| port.host_port.to_string()).unwrap_or_default()),
        ])
    }
}

impl SavedAsOne for Ports {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        if let Some(port) = app_form::port(typed, form) {
            draft.config.run.ports = port.into_iter().collect();
        }
    }
}
