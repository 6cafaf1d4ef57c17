//! A container of ours, as the engine shows it.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{
    deployment::Deployment,
    drift::Shape,
    ids::AppId,
    moment::Moment,
    port::{Held, HostPort, Port, Protocol},
    slug::Slug,
};

/// What a deployment's container is called: `upaas-shop-api-12`.
pub fn name(slug: &Slug, number: i64) -> String {
    format!("upaas-{slug}-{number}")
}

/// A container that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// What the engine warns of, in its words: a limit that it cannot keep and has dropped, for example.
    pub warnings: Vec<String>,
}

/// What the engine says of a container that carries this installation's label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub app: AppId,
    /// Which deployment made it.
    pub deployment: i64,
    /// Whether it says that µPaaS made it, and not somebody by hand from an image of µPaaS's, whose labels it inherits then. Containers of
    /// older versions do not say it: those are known by their rows.
    pub made_by_upaas: bool,
    /// Whether its process runs (and it is not about to be restarted).
    pub running: bool,
    /// Whether its process is frozen, as by `docker pause`; it counts as running then.
    pub paused: bool,
    /// Whether the engine waits to restart it.
    pub restarting: bool,
    /// How often the engine has restarted it.
    pub restarts: i64,
    /// Its last exit code, when it does not run.
    pub exit_code: Option<i64>,
    /// Whether the kernel killed it for memory.
    pub out_of_memory: bool,
    /// What its own health check says.
    pub health: Health,
    /// When it was created.
    pub created_at: Option<Moment>,
    /// When it was last started.
    pub started_at: Option<Moment>,
    /// Where its ports reach the host.
    pub ports: Vec<Bound>,
    /// Its networks, by name. Empty when it does not run.
    pub networks: Vec<Joined>,
    /// What can be changed of it while it is there.
    pub shape: Shape,
}

/// The containers that carry this installation's label, as the engine lists them.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// Those that it shows.
    pub shown: Vec<Observed>,
    /// Those that are there, but that it does not show now: nobody may take them for gone.
    pub unshown: Vec<Unshown>,
}

/// A container of which the engine says only that it is there.
#[derive(Debug, Clone)]
pub struct Unshown {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub app: AppId,
}

impl Listed {
    /// Whether this container is there and is not shown.
    pub fn hides(&self, container: &str) -> bool {
        self.unshown.iter().any(|it| it.id == container)
    }
}

/// A network that a container is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its name.
    pub network: String,
    /// The container's address in it.
    pub address: IpAddr,
}

/// A port of a container that reaches the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The port inside.
    pub container_port: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// On which address of the host, where the engine says it.
    pub host_address: Option<IpAddr>,
    /// The port of the host.
    pub host_port: u16,
}

impl Bound {
    /// The port of the host. Where the engine says no address, it may be any.
    fn held(&self) -> Held {
        let address = self.host_address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Held { address, port: self.host_port, protocol: self.protocol }
    }

    /// Whether this can be what came of a port of a configuration.
    fn is_of(&self, port: &Port) -> bool {
        let same_place = self.host_address.is_none_or(|address| address == port.host_address);
        let same_port = !matches!(port.host_port, HostPort::Fixed(fixed) if fixed != self.host_port);
        same_place && same_port && (self.container_port, self.protocol) == (port.container_port, port.protocol)
    }
}

impl Observed {
    /// Whether this deployment made it. Numbers are given again after an older backup was restored: then the row is younger.
    pub fn is_of(&self, deployment: &Deployment) -> bool {
        let same = self.app == deployment.app && self.deployment == deployment.number;
        let by_id = deployment.container.as_deref() == Some(&*self.id);
        same && (by_id || self.made_by_upaas && self.created_at.is_none_or(|created| created >= deployment.times.queued))
    }

    /// Whether this deployment has adopted it: it was there before. What is made anew in its place is made with the settings.
    pub fn was_adopted_by(&self, deployment: &Deployment) -> bool {
        let adopted_at = deployment.times.finished.filter(|_| deployment.is_adopted());
        adopted_at.is_some_and(|adopted| self.created_at.is_none_or(|created| created <= adopted))
    }

    /// The host port on which one of these ports is published. A container port may be published several times: what the engine has chosen
    /// is what no other of them has asked for.
    pub fn host_port(&self, port: &Port, among: &[Port]) -> Option<u16> {
        let is_asked_for = |it: &Bound| among.iter().any(|port| matches!(port.host_port, HostPort::Fixed(_)) && it.is_of(port));
        let bound = match port.host_port {
            HostPort::None => None,
            HostPort::Fixed(_) => self.ports.iter().find(|it| it.is_of(port)),
            HostPort::Auto => self.ports.iter().find(|it| it.is_of(port) && !is_asked_for(it)),
        };
        bound.map(|it| it.host_port)
    }

    /// The first of these ports that is published, with the host port.
    pub fn first_published<'a>(&self, ports: &'a [Port]) -> Option<(&'a Port, u16)> {
        ports.iter().find_map(|port| Some((port, self.host_port(port, ports)?)))
    }

    /// The ports of the host that it holds: those that came of these ports, and whatever else it has, as one that was adopted may. One that
    /// the engine waits to restart shows none, and takes its fixed ones again at any moment.
    pub fn held(&self, ports: &[Port]) -> Vec<Held> {
        let shown = |port: &Port| Some(Held { address: port.host_address, port: self.host_port(port, ports)?, protocol: port.protocol });
        let of_port = |port: &Port| if self.restarting { port.held() } else { shown(port) };
        let mut held: Vec<Held> = ports.iter().filter_map(of_port).collect();
        for other in self.ports.iter().map(Bound::held) {
            if !held.iter().any(|it| it.clashes(&other)) {
                held.push(other);
            }
        }
        held
    }

    /// Whether it does its work: it runs, is not frozen, and its own health check passes if it has one.
    pub fn is_healthy(&self) -> bool {
        self.running && !self.paused && matches!(self.health, Health::Unchecked | Health::Healthy)
    }
}

/// What a container's own health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It has none.
    Unchecked,
    /// Not decided yet.
    Starting,
    /// It passes.
    Healthy,
    /// It failed too often in a row.
    Unhealthy,
}

/// What a container that runs has used and uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Processor time since it was started, over all cores.
    pub cpu: Duration,
    /// Memory now, without files that the kernel may forget: as `docker stats` counts it.
    pub memory_bytes: u64,
}

/// Something that happened to a container, as the engine told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// The container's id.
    pub container: String,
    /// What happened.
    pub act: Act,
}

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It was asked to stop, and did.
    Stopped,
    /// It was started, by whomever.
    Started,
    /// It joined or left a network. Whose it is, is not said.
    Moved,
    /// Anything else: look at it.
    Changed,
}

#[cfg(test)]
impl Observed {
    /// One that runs, of which nothing else is known.
    pub(crate) fn bare(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            app: AppId::new(),
            deployment: 1,
            made_by_upaas: true,
            running: true,
            paused: false,
            restarting: false,
            restarts: 0,
            exit_code: None,
            out_of_memory: false,
            health: Health::Unchecked,
            created_at: None,
            started_at: None,
            ports: Vec::new(),
            networks: Vec::new(),
            shape: Shape::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(container_port: u16, address: &str, host_port: HostPort) -> Port {
        Port { container_port, protocol: Protocol::Tcp, host_address: address.parse().expect("valid"), host_port }
    }

    fn bound(container_port: u16, address: &str, host_port: u16) -> Bound {
        Bound { container_port, protocol: Protocol::Tcp, host_address: address.parse().ok(), host_port }
    }

    fn seen(ports: Vec<Bound>) -> Observed {
        Observed { ports, ..Observed::bare("c1") }
    }

    #[test]
    fn a_container_port_that_is_published_twice_has_two_host_ports() {
        let (auto, fixed) = (port(80, "127.0.0.1", HostPort::Auto), port(80, "127.0.0.1", HostPort::Fixed(8081)));
        let everywhere = port(80, "0.0.0.0", HostPort::Auto);
        let rows = [auto, fixed, everywhere, port(80, "::1", HostPort::None)];
        let ports = vec![bound(80, "0.0.0.0", 32769), bound(80, "127.0.0.1", 8081), bound(80, "127.0.0.1", 32768)];
        let container = seen(ports);
        let shown: Vec<Option<u16>> = rows.iter().map(|row| container.host_port(row, &rows)).collect();
        assert_eq!(shown, [Some(32768), Some(8081), Some(32769), None]);
        assert_eq!(container.first_published(&rows), Some((&auto, 32768)));
        let only_fixed = seen(vec![bound(80, "127.0.0.1", 8081)]);
        assert_eq!(only_fixed.host_port(&auto, &rows), None, "the engine has not chosen one yet");
        assert_eq!(only_fixed.first_published(&rows), Some((&fixed, 8081)));
    }

    #[test]
    fn what_is_about_to_be_restarted_holds_its_fixed_ports_although_it_shows_none() {
        let rows = [port(80, "127.0.0.1", HostPort::Auto), port(80, "127.0.0.1", HostPort::Fixed(8081))];
        let restarting = Observed { running: false, restarting: true, ..seen(Vec::new()) };
        assert_eq!(restarting.held(&rows), rows[1].held().into_iter().collect::<Vec<_>>());
        assert_eq!(Observed { restarting: false, ..restarting }.held(&rows), []);
    }

    #[test]
    fn a_container_holds_what_it_is_seen_to_have_whatever_its_configuration_says() {
        let held = |container: &Observed, ports: &[Port]| container.held(ports).iter().map(ToString::to_string).collect::<Vec<_>>();
        let adopted = seen(vec![bound(80, "127.0.0.1", 8081), bound(81, "0.0.0.0", 8082)]);
        assert_eq!(held(&adopted, &[]), ["port 8081 on 127.0.0.1", "port 8082 on 0.0.0.0"]);
        assert_eq!(held(&adopted, &[port(80, "127.0.0.1", HostPort::None)]).len(), 2);
        assert_eq!(held(&adopted, &[port(80, "127.0.0.1", HostPort::Fixed(8081))]).len(), 2, "nothing is told twice");
        let without_address = seen(vec![bound(80, "", 8081)]);
        assert_eq!(held(&without_address, &[port(80, "127.0.0.1", HostPort::Fixed(8081))]), ["port 8081 on 127.0.0.1"]);
        assert_eq!(held(&without_address, &[]), ["port 8081 on 0.0.0.0"]);
    }

    #[test]
    fn an_engine_that_says_no_address_is_taken_at_its_port() {
        let rows = [port(80, "127.0.0.1", HostPort::Fixed(8081)), port(80, "127.0.0.1", HostPort::Auto)];
        let container = seen(vec![bound(80, "", 8081), bound(80, "", 32768)]);
        assert_eq!(container.host_port(&rows[0], &rows), Some(8081));
        assert_eq!(container.host_port(&rows[1], &rows), Some(32768));
        assert_eq!(container.host_port(&port(81, "127.0.0.1", HostPort::Auto), &rows), None);
    }
}
