//! Whether the engine's host is the machine that µPaaS sees around itself, and which of its ports are free.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};
use tokio::{net::UnixStream, time::timeout};

use crate::domain::{
    engine::Address,
    port::{Held, Holder, Protocol},
};

/// How long the engine's socket may take to accept a connection.
const CONNECT_DEADLINE: Duration = Duration::from_secs(1);
/// The number that the kernel gives to a process that cannot be seen.
const UNSEEN: i32 = 0;
/// What Docker puts into every container.
const IN_A_CONTAINER: &str = "/.dockerenv";

/// Whether the engine runs beside µPaaS: its process is one that µPaaS can see. An engine that is away leaves it at whether µPaaS is in a
/// container.
pub(super) async fn shares_host(engine: &Address) -> bool {
    let Address::Unix(socket) = engine else { return false };
    match process(socket).await {
        Some(pid) => pid != UNSEEN,
        None => !Path::new(IN_A_CONTAINER).exists(),
    }
}

/// Where a path of the engine's can be seen if it has mounts of its own; none when its process cannot be seen.
pub(super) async fn seen_by(engine: &Address, path: &Path) -> Option<PathBuf> {
    let Address::Unix(socket) = engine else { return None };
    let pid = process(socket).await.filter(|pid| *pid != UNSEEN)?;
    Some(Path::new("/proc").join(pid.to_string()).join("root").join(path.strip_prefix("/").unwrap_or(path)))
}

/// The process that listens on a socket; none when nobody answers.
async fn process(socket: &str) -> Option<i32> {
    let stream = timeout(CONNECT_DEADLINE, UnixStream::connect(socket)).await.ok()?.ok()?;
    Some(stream.peer_cred().ok().and_then(|peer| peer.pid()).unwrap_or(UNSEEN))
}

/// Why a port of this machine cannot be had. What cannot be found out (of a port that only root may have) counts as free: the engine will
/// say.
pub(super) fn holder(held: &Held) -> Option<Holder> {
    match try_to_hold(held) {
        Err(Errno::ADDRINUSE) => Some(Holder::Program),
        Err(Errno::ADDRNOTAVAIL) => Some(Holder::NoAddress),
        Ok(()) | Err(_) => None,
    }
}

/// Holds it for a moment, without listening: nobody can connect to it meanwhile.
fn try_to_hold(held: &Held) -> rustix::io::Result<()> {
    let family = if held.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let kind = if held.protocol == Protocol::Udp { SocketType::DGRAM } else { SocketType::STREAM };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if held.protocol == Protocol::Tcp {
        // Connections that were closed a moment ago are no obstacle.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    if held.address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    bind(&socket, &SocketAddr::new(held.address, held.port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_while_a_program_has_it() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let at = |address: &str, port, protocol| Held { address: address.parse().expect("valid"), port, protocol };
        let (tcp_port, udp_port) = (tcp.local_addr().expect("bound").port(), udp.local_addr().expect("bound").port());
        assert_eq!(holder(&at("127.0.0.1", tcp_port, Protocol::Tcp)), Some(Holder::Program));
        assert_eq!(holder(&at("0.0.0.0", tcp_port, Protocol::Tcp)), Some(Holder::Program));
        assert_eq!(holder(&at("127.0.0.1", udp_port, Protocol::Udp)), Some(Holder::Program));
        assert_eq!(holder(&at("192.0.2.7", tcp_port, Protocol::Tcp)), Some(Holder::NoAddress));
        drop((tcp, udp));
        assert_eq!(holder(&at("127.0.0.1", tcp_port, Protocol::Tcp)), None);
        assert_eq!(holder(&at("127.0.0.1", udp_port, Protocol::Udp)), None);
    }

    #[tokio::test]
    async fn an_engine_is_here_when_its_process_can_be_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("engine.sock");
        let _engine = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
        assert!(shares_host(&Address::Unix(socket.display().to_string())).await);
        assert!(!shares_host(&Address::Tcp("192.0.2.7:2375".to_owned())).await);
    }
}
