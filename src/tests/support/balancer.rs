//! A reverse proxy before an app, as far as a switch is concerned: it does what Traefik does with its Docker provider.
//!
//! It leads requests to every container that has the label [`LABEL`], runs and is healthy, each in turn, and learns which those are from
//! the engine's list, read again at each of its events. A request whose connection fails before an answer has begun goes to another one:
//! that is Traefik's `retry` middleware, which is for requests that may be repeated, as a GET may. A connect may take
//! [`CONNECT_DEADLINE`], Traefik's `dialTimeout`.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bollard::{
    models::ContainerSummary,
    query_parameters::{EventsOptionsBuilder, ListContainersOptionsBuilder},
};
use futures_util::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use super::engine::client;

/// What a container has that wants requests; its value keeps the apps of several tests apart.
pub(crate) const LABEL: &str = "test.balancer";
/// Where containers answer.
const PORT: u16 = 80;
/// A container that is gone does not refuse a connection: it says nothing.
const CONNECT_DEADLINE: Duration = Duration::from_millis(500);
/// A request is tried so often.
const TRIES: usize = 4;

type Backends = watch::Receiver<Vec<SocketAddr>>;

pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    known: Backends,
    tasks: [JoinHandle<()>; 2],
}

impl Balancer {
    /// Before the containers whose label has this value.
    pub(crate) async fn before(value: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (backends, known) = watch::channel(Vec::new());
        let label = format!("{LABEL}={value}");
        let tasks = [tokio::spawn(learn(label, backends)), tokio::spawn(accept(listener, known.clone()))];
        Self { address, known, tasks }
    }

    /// Waits until it knows a container to which it can lead requests.
    pub(crate) async fn knows_one(&self) {
        self.known.clone().wait_for(|known| !known.is_empty()).await.unwrap();
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn learn(label: String, backends: watch::Sender<Vec<SocketAddr>>) {
    let docker = client();
    let of_ours = HashMap::from([("label", vec![label.as_str()]), ("type", vec!["container"])]);
    let mut events = docker.events(Some(EventsOptionsBuilder::new().filters(&of_ours).build()));
    let healthy = HashMap::from([("label", vec![label.as_str()]), ("health", vec!["healthy"]), ("status", vec!["running"])]);
    loop {
        let options = ListContainersOptionsBuilder::new().filters(&healthy).build();
        let listed = docker.list_containers(Some(options)).await.unwrap();
        backends.send_replace(listed.into_iter().filter_map(address_of).collect());
        events.next().await.unwrap().unwrap();
    }
}

fn address_of(container: ContainerSummary) -> Option<SocketAddr> {
    let networks = container.network_settings?.networks?;
    let address = networks.into_values().find_map(|it| it.ip_address?.parse().ok())?;
    Some(SocketAddr::new(address, PORT))
}

async fn accept(listener: TcpListener, backends: Backends) {
    let turn = Arc::new(AtomicUsize::new(0));
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(serve(client, backends.clone(), turn.clone()));
    }
}

async fn serve(mut client: TcpStream, backends: Backends, turn: Arc<AtomicUsize>) {
    let mut request = vec![0; 4096];
    let Ok(length) = client.read(&mut request).await else { return };
    let turn = turn.fetch_add(1, Ordering::Relaxed);
    for tried in 0..TRIES {
        let known = backends.borrow().clone();
        let Some(backend) = known.get((turn + tried) % known.len().max(1)).copied() else { continue };
        if let Some(answer) = ask(backend, &request[..length]).await {
            let _ = client.write_all(&answer).await;
            return;
        }
    }
    let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
}

/// The answer, as far as it has come; none when none has begun.
async fn ask(backend: SocketAddr, request: &[u8]) -> Option<Vec<u8>> {
    let mut stream = timeout(CONNECT_DEADLINE, TcpStream::connect(backend)).await.ok()?.ok()?;
    stream.write_all(request).await.ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    (!answer.is_empty()).then_some(answer)
}
