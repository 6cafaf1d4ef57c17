//! Which ports of the app reach the host.

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    Draft, FormView, SavedAsOne, Section, Typed,
    rows::{Row, Rows, wrong},
};
use crate::{
    db,
    domain::{
        Invalid,
        app::App,
        ids::AppId,
        port::{self, Held, Holder, HostPort, Port, Protocol, Taken},
    },
    web::{app_page, apps, error::Error, present, ui::Ui},
};

const ROWS: Rows = Rows {
    prefix: "port",
    fields: &[("container", ""), ("protocol", "tcp"), ("address", "127.0.0.1"), ("host", "")],
    decisive: &["container", "host"],
};

pub(super) struct Ports;

#[async_trait]
impl Section for Ports {
    fn id(&self) -> &'static str {
        "ports"
    }

    fn title(&self) -> &'static str {
        "Ports"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_ports.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        ROWS.form(draft.config.run.ports.iter().map(|port| {
            vec![port.container_port.to_string(), port.protocol.to_string(), port.host_address.to_string(), port.host_port.to_string()]
        }))
    }

    async fn extra(&self, ui: &Ui, app: &App, form: &FormView) -> Result<Value, Error> {
        let live = match app.live_deployment {
            Some(id) => {
                let live = db::deployments::get(ui.state.db.read(), id).await?;
                let made_with = db::snapshots::of(ui.state.db.read(), app, Some(&live)).await?;
                Some(app_page::held(&made_with.run.ports, &apps::sight(&ui.state, Some(&live)).await))
            }
            None => None,
        };
        Ok(json!({ "rows": ROWS.places(form), "switch": present::switch_note(&app.config.run, live.as_deref()) }))
    }
}

#[async_trait]
impl SavedAsOne for Ports {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        if let Some(ports) = ROWS.read(typed, form, read) {
            draft.config.run.ports = ports;
        }
    }

    async fn check(&self, ui: &Ui, app: &App, draft: &Draft, form: &mut FormView) -> Result<(), Error> {
        for (place, sentence) in clashes(ui, Some(app.id), &draft.config.run.ports).await? {
            form.check::<()>(&ROWS.name(place, "host"), Err(Invalid::because(sentence)));
        }
        Ok(())
    }

    fn typed(&self, typed: &Typed, _: &Draft) -> FormView {
        ROWS.typed(typed)
    }

    fn recorded(&self, draft: &Draft) -> FormView {
        let one = |port: &Port| format!("{}/{} on {}", port.container_port, port.protocol, present::host_port(port));
        FormView::new(&[("ports", &draft.config.run.ports.iter().map(one).collect::<Vec<_>>().join(", "))])
    }
}

fn read(row: &Row<'_>, before: &[Port], form: &mut FormView) -> Option<Port> {
    let container_port = form.check(&row.name("container"), port::parse_optional_port(row.text("container")));
    let protocol = form.check(&row.name("protocol"), protocol(row.text("protocol")));
    let host_address = form.check(&row.name("address"), port::parse_address(row.text("address")));
    let host_port = form.check(&row.name("host"), row.text("host").parse::<HostPort>());
    let Some(container_port) = container_port? else {
        return wrong(form, row, "container", Invalid::because(port::CONTAINER_PORT_MISSING));
    };
    let port = Port { container_port, protocol: protocol?, host_address: host_address?, host_port: host_port? };
    match port::collision(&port, before) {
        Some(why) => wrong(form, row, "host", why),
        None => Some(port),
    }
}

/// A missing one is TCP.
fn protocol(text: &str) -> Result<Protocol, Invalid> {
    let found = Protocol::ALL.iter().copied().find(|it| it.as_str() == text);
    if text.is_empty() { Ok(Protocol::Tcp) } else { found.ok_or_else(|| Invalid::because("Choose tcp or udp.")) }
}

/// Which of an app's ports it cannot have because somebody else holds them: each by its place, with the sentence that says so.
pub(in crate::web) async fn clashes(ui: &Ui, app: Option<AppId>, ports: &[Port]) -> Result<Vec<(usize, String)>, Error> {
    let deployer = &ui.state.deployer;
    let mut taken = if deployer.shares_host().await { our_own(ui) } else { Vec::new() };
    taken.extend(deployer.taken_ports(app, ports).await?);
    Ok(port::clashes(ports, app, &taken).into_iter().map(|(place, held, it)| (place, it.sentence(&held))).collect())
}

/// Where µPaaS itself listens: on every IPv6 address means on every other one, too.
fn our_own(ui: &Ui) -> Vec<Taken> {
    let listen = ui.state.config.listen;
    let both = [Some(listen.ip()), (listen.ip().is_unspecified() && listen.is_ipv6()).then_some(IpAddr::V4(Ipv4Addr::UNSPECIFIED))];
    let held = |address| Held { address, port: listen.port(), protocol: Protocol::Tcp };
    both.into_iter().flatten().map(|address| Taken { held: held(address), by: Holder::Upaas }).collect()
}
