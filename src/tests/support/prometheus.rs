//! A real Prometheus with the project's own configuration and alert rules, in a hurry: it scrapes and evaluates every second.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{browser::Browser, eventually, ports::free_port};

pub(crate) struct Prometheus {
    /// Its configuration, its data and its log.
    folder: TempDir,
    process: Child,
    client: Browser,
}

/// A file of the project.
pub(crate) fn project_file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Prometheus {
    /// Starts one that scrapes the µPaaS at an address, and waits until it has got something.
    pub(crate) async fn scraping(upaas: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = fs::read_to_string(project_file("ops/prometheus/prometheus.yml")).unwrap();
        let config = example.replace("localhost:8080", &upaas.to_string()).replace(": 15s", ": 1s");
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        fs::copy(project_file("ops/prometheus/alerts.yml"), folder.path().join("alerts.yml")).unwrap();

        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = Command::new("prometheus");
        command.arg("--config.file").arg(folder.path().join("prometheus.yml"));
        command.arg("--storage.tsdb.path").arg(folder.path().join("data"));
        command.arg("--web.listen-address").arg(address.to_string());
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();

        let mut prometheus = Self { folder, process, client: Browser::new(address) };
        eventually("Prometheus to listen", async || {
            tokio::net::TcpStream::connect(address).await.map(drop).map_err(|err| format!("{err}: {}", prometheus.log()))
        })
        .await;
        eventually("Prometheus to scrape", async || {
            let targets = prometheus.ask("targets", &[]).await?;
            let target = &targets["activeTargets"][0];
            if target["health"] == "up" { Ok(()) } else { Err(target["lastError"].to_string()) }
        })
        .await;
        prometheus
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The samples that a query gives now.
    pub(crate) async fn query(&mut self, query: &str) -> Result<Vec<Value>, String> {
        let data = self.ask("query", &[("query", query)]).await?;
        Ok(data["result"].as_array().unwrap().clone())
    }

    /// The alert rules that it has loaded.
    pub(crate) async fn rules(&mut self) -> Result<Vec<Value>, String> {
        let data = self.ask("rules", &[]).await?;
        Ok(data["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect())
    }

    async fn ask(&mut self, what: &str, fields: &[(&str, &str)]) -> Result<Value, String> {
        let path = format!("/api/v1/{what}");
        let reply = if fields.is_empty() { self.client.get(&path).await } else { self.client.post(&path, fields).await };
        let mut answer: Value = serde_json::from_str(&reply.body).map_err(|_| reply.body.clone())?;
        if answer["status"] == "success" { Ok(answer["data"].take()) } else { Err(answer["error"].to_string()) }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
