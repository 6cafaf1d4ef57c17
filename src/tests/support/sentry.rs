//! Where reports go: enough of Sentry to take them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use super::eventually;

type Taken = Arc<Mutex<Vec<Value>>>;

pub(crate) struct Sentry {
    address: SocketAddr,
    taken: Taken,
    task: JoinHandle<()>,
}

impl Sentry {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Taken::default();
        let router = Router::new().route("/api/1/envelope/", post(take)).with_state(taken.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, taken, task }
    }

    /// With `public` as its key.
    pub(crate) fn dsn(&self) -> String {
        dsn(self.address)
    }

    /// What came so far.
    pub(crate) fn reports(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits for so many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} reports"), async || {
            let reports = self.reports();
            if reports.len() >= count { Ok(reports) } else { Err(format!("{reports:?}")) }
        })
        .await
    }
}

pub(crate) fn dsn(address: SocketAddr) -> String {
    format!("http://public@{address}/1")
}

impl Drop for Sentry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An envelope is a header and items, each a header and a body, a line each.
async fn take(State(taken): State<Taken>, envelope: String) {
    let lines: Vec<Value> = envelope.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reports = lines[1..].chunks(2).filter(|item| item[0]["type"] == "event").map(|item| item[1].clone());
    taken.lock().unwrap().extend(reports);
}
