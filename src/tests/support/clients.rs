//! Clients in a closed loop: each asks, waits for the answer, and asks again, with a new connection each time.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long an answer may take.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// Who got no answer asks again after this.
const PAUSE: Duration = Duration::from_millis(2);

/// What clients have got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Got {
    /// How often each text.
    pub(crate) texts: BTreeMap<String, usize>,
    /// Why there was no good answer, each time.
    pub(crate) lost: Vec<String>,
    /// The longest time that one client was without a new answer.
    pub(crate) gap: Duration,
}

pub(crate) struct Clients {
    got: Arc<Mutex<Got>>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Clients {
    pub(crate) fn of(address: SocketAddr, count: usize) -> Self {
        let (got, stop) = (Arc::new(Mutex::new(Got::default())), CancellationToken::new());
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            tasks.spawn(ask_on(address, got.clone(), stop.clone()));
        }
        Self { got, stop, tasks }
    }

    /// They stop, each with the answer that it waits for; what they have got.
    pub(crate) async fn stop(mut self) -> Got {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

/// Until it is told to stop, and then until the next good answer, so that a gap has its end.
async fn ask_on(address: SocketAddr, got: Arc<Mutex<Got>>, stop: CancellationToken) {
    let mut last = Instant::now();
    loop {
        match timeout(ANSWER_DEADLINE, ask(address)).await.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(text) => {
                let mut got = got.lock().unwrap();
                *got.texts.entry(text).or_default() += 1;
                got.gap = got.gap.max(last.elapsed());
                last = Instant::now();
                if stop.is_cancelled() {
                    return;
                }
            }
            Err(why) => {
                got.lock().unwrap().lost.push(why);
                sleep(PAUSE).await;
            }
        }
    }
}

/// The body of a good and whole answer.
async fn ask(address: SocketAddr) -> Result<String, String> {
    let said = |err: std::io::Error| err.kind().to_string();
    let mut stream = TcpStream::connect(address).await.map_err(said)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").await.map_err(said)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(said)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("half an answer: {answer:?}"))?;
    let length: Option<usize> = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    match length {
        Some(length) if head.contains(" 200 ") && body.len() == length => Ok(body.trim().to_owned()),
        _ => Err(answer),
    }
}
