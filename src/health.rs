//! Is a µPaaS there? `upaas healthcheck` asks the way a probe does, so that a container image needs no curl.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

/// The path that answers 200 while the process serves.
pub const LIVE_PATH: &str = "/health/live";
const DEADLINE: Duration = Duration::from_secs(3);

/// Asks the µPaaS that listens on this address of this machine.
pub async fn check(listen: SocketAddr) -> anyhow::Result<()> {
    let mut address = listen;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    let uri: http::Uri = format!("http://{address}{LIVE_PATH}").parse()?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let response = tokio::time::timeout(DEADLINE, client.get(uri)).await.context("no answer in time")?.context("no answer")?;
    ensure!(response.status().is_success(), "answered {}", response.status());
    Ok(())
}
