//! The real binary as a process of its own, for what cannot be tried from inside: `kill -9`.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::ports::free_port;

pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts µPaaS on a data directory, at an address or a free one, with more variables, and waits until it answers.
    pub(crate) async fn start(data: &Path, docker_host: Option<&str>, address: Option<SocketAddr>, more: &[(String, String)]) -> Self {
        let address = address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
        let log = File::options().create(true).append(true).open(Self::log(data)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_upaas"));
        command.env_clear().envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("PORT", address.port().to_string()).env("UPAAS_LISTEN_ADDR", "127.0.0.1").env("UPAAS_DATA_DIR", data);
        command.envs(docker_host.map(|host| ("UPAAS_DOCKER_HOST", host))).envs(more.iter().cloned());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let process = Self { child, address };
        super::eventually("µPaaS to answer", async || answers(address).await.map_err(|err| err.to_string())).await;
        process
    }

    /// Where its log lies: beside its data, which it will not share with other files.
    pub(crate) fn log(data: &Path) -> PathBuf {
        data.with_extension("log")
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// It listens before it has made everything that it needs, and answers after that.
async fn answers(address: SocketAddr) -> std::io::Result<()> {
    let mut connection = tokio::net::TcpStream::connect(address).await?;
    connection.write_all(b"GET /health/live HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.0 200") { Ok(()) } else { Err(std::io::Error::other(answer)) }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
