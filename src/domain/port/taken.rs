//! Host ports that somebody else holds, or is going to.

use super::{Held, Port, Protocol};
use crate::domain::ids::AppId;

/// Who keeps a port of the host from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// µPaaS itself listens on it.
    Upaas,
    /// An app: by its configuration, or with its container.
    App {
        /// Which.
        id: AppId,
        /// Its name.
        name: String,
    },
    /// A container that does not say that it is this installation's.
    Container {
        /// Which.
        id: String,
        /// Its name.
        name: String,
    },
    /// Something else on the host.
    Program,
    /// Nobody can have it: the host has no such address.
    NoAddress,
}

/// A port of the host, and who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The port.
    pub held: Held,
    /// Who holds it.
    pub by: Holder,
}

impl Taken {
    /// That somebody cannot have `wanted` because of this: what happens, and what to do about it.
    pub fn sentence(&self, wanted: &Held) -> String {
        let udp = if wanted.protocol == Protocol::Udp { "UDP port" } else { "Port" };
        let port = format!("{udp} {} on {}", wanted.port, wanted.address);
        match &self.by {
            Holder::Upaas => format!("{port} is µPaaS's own: it listens on {} there. Choose another one.", self.held.address),
            Holder::App { name, .. } => format!("{port} is used by the app “{name}”. Choose another one."),
            Holder::Container { name, .. } => {
                format!("{port} is taken by the container “{name}”, which µPaaS did not make. Stop it, or choose another port.")
            }
            Holder::Program => format!("{port} is taken by another program on this machine. Stop it, or choose another port."),
            Holder::NoAddress => format!("This machine has no address {}. Choose 127.0.0.1, 0.0.0.0, or one of its own.", wanted.address),
        }
    }
}

/// Which of an app's ports it cannot have, each by its place, and because of what: what the app itself holds is no obstacle. Of several
/// obstacles to one port the first in the list counts.
pub fn clashes<'a>(wanted: &[Port], app: Option<AppId>, taken: &'a [Taken]) -> Vec<(usize, Held, &'a Taken)> {
    let its_own = |it: &Taken| matches!(it.by, Holder::App { id, .. } if Some(id) == app);
    let held = wanted.iter().enumerate().filter_map(|(place, port)| Some((place, port.held()?)));
    held.filter_map(|(place, held)| Some((place, held, taken.iter().find(|it| it.held.clashes(&held) && !its_own(it))?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::port::HostPort;

    fn held(address: &str, port: u16) -> Held {
        Held { address: address.parse().expect("valid"), port, protocol: Protocol::Tcp }
    }

    fn wanted(address: &str, host_port: HostPort) -> Port {
        Port { container_port: 80, protocol: Protocol::Tcp, host_address: address.parse().expect("valid"), host_port }
    }

    #[test]
    fn who_holds_a_port_is_named_and_an_app_does_not_stand_in_its_own_way() {
        let (shop, blog) = (AppId::new(), AppId::new());
        let taken = [
            Taken { held: held("127.0.0.1", 8080), by: Holder::Upaas },
            Taken { held: held("127.0.0.1", 8081), by: Holder::App { id: shop, name: "shop".to_owned() } },
            Taken { held: held("0.0.0.0", 8082), by: Holder::Container { id: "0c79".to_owned(), name: "gitea".to_owned() } },
            Taken { held: held("0.0.0.0", 8082), by: Holder::Program },
            Taken { held: held("::1", 8083), by: Holder::Program },
        ];
        let all: Vec<Port> = (8080..8084).map(|port| wanted("127.0.0.1", HostPort::Fixed(port))).collect();
        let said = |app| {
            clashes(&all, app, &taken)
                .iter()
                .map(|(place, held, it)| format!("{place}: {}", it.sentence(held)))
                .collect::<Vec<_>>()
                .join("\n")
        };
        insta::assert_snapshot!(said(Some(blog)), @r"
        0: Port 8080 on 127.0.0.1 is µPaaS's own: it listens on 127.0.0.1 there. Choose another one.
        1: Port 8081 on 127.0.0.1 is used by the app “shop”. Choose another one.
        2: Port 8082 on 127.0.0.1 is taken by the container “gitea”, which µPaaS did not make. Stop it, or choose another port.
        ");
        assert_eq!(clashes(&all, Some(shop), &taken).iter().map(|(place, ..)| *place).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(clashes(&all, None, &taken).len(), 3);
        let not_fixed = [wanted("127.0.0.1", HostPort::Auto), wanted("127.0.0.1", HostPort::None)];
        assert!(clashes(&not_fixed, None, &taken).is_empty());
        let loopback = [wanted("::1", HostPort::Fixed(8083))];
        assert!(clashes(&loopback, None, &taken)[0].2.sentence(&held("::1", 8083)).contains("another program on this machine"));
    }
}
