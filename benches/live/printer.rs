//! What the builds print: each connects to the bench with `nc` and copies what it gets to its output.

use std::{
    io::Write,
    net::IpAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, TcpStream},
    task::spawn_blocking,
    time::timeout,
};
use uuid::Uuid;

use crate::tests::support::engine;

/// How long builds may take to get to their instruction.
const CONNECT_DEADLINE: Duration = Duration::from_secs(60);
/// What HTML, a terminal and an encoding could each spoil. The builder keeps no more than 1 MiB of a step's output, so it is not long.
const TEXT: &str = r#"<b>"größe"</b> & 'naïve' &amp; 1 < 2 > 0 → 漢字 🦀 "#;

pub(crate) struct Printer {
    listener: TcpListener,
}

/// When lines are printed.
pub(crate) struct Pace {
    pub(crate) lines: usize,
    pub(crate) per_second: u32,
    /// Whether the time between two lines varies, from nothing to twice the mean.
    pub(crate) jitter: bool,
}

impl Printer {
    /// Listens where containers of the default bridge reach this machine.
    pub(crate) async fn on_the_bridge() -> Self {
        let bridge = engine::client().inspect_network("bridge", None).await.unwrap();
        let gateway = bridge.ipam.unwrap().config.unwrap().into_iter().find_map(|config| config.gateway?.parse::<IpAddr>().ok());
        Self { listener: TcpListener::bind((gateway.expect("a gateway"), 0)).await.unwrap() }
    }

    /// By which a Dockerfile prints. No cache knows it: it is never the same twice.
    pub(crate) fn instruction(&self, name: &str) -> String {
        let address = self.listener.local_addr().unwrap();
        format!("RUN echo {name} {} | nc {} {}", Uuid::new_v4(), address.ip(), address.port())
    }

    /// Waits until the builds with these names are ready to print.
    pub(crate) async fn ready<const BUILDS: usize>(&self, names: [&str; BUILDS]) -> Vec<TcpStream> {
        let mut ready: Vec<(usize, TcpStream)> = Vec::new();
        while ready.len() < names.len() {
            let (stream, _) = timeout(CONNECT_DEADLINE, self.listener.accept()).await.expect("the builds get there").unwrap();
            let (mut stream, mut said) = (BufReader::new(stream), String::new());
            stream.read_line(&mut said).await.unwrap();
            let place = names.iter().position(|name| said.split(' ').next() == Some(name)).expect("one of ours");
            ready.push((place, stream.into_inner()));
        }
        ready.sort_by_key(|(place, _)| *place);
        ready.into_iter().map(|(_, stream)| stream).collect()
    }
}

/// Prints to these builds, to all of them at once, and ends their instruction. Says when each line was given to each of them.
pub(crate) async fn print(builds: Vec<TcpStream>, pace: Pace) -> Vec<Vec<Instant>> {
    // On a thread of its own, lest a busy runtime delays it.
    spawn_blocking(move || {
        let mut builds: Vec<_> = builds.into_iter().map(|build| build.into_std().unwrap()).collect();
        for build in &builds {
            build.set_nonblocking(false).unwrap();
            build.set_nodelay(true).unwrap();
        }
        let mut sent = vec![Vec::with_capacity(pace.lines); builds.len()];
        let mean = Duration::from_secs(1) / pace.per_second;
        let mut due = Instant::now();
        for index in 0..pace.lines {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let line = format!("{}\n", line(index));
            for (build, sent) in builds.iter_mut().zip(&mut sent) {
                sent.push(Instant::now());
                build.write_all(line.as_bytes()).unwrap();
            }
            due += if pace.jitter { mean.mul_f64(2.0 * Dice::new(index as u64).roll()) } else { mean };
        }
        sent
    })
    .await
    .unwrap()
}

/// A line that is printed, by its index.
pub(crate) fn line(index: usize) -> String {
    format!("line {index:06}: {TEXT}{}", "x".repeat(index * 37 % 100))
}

/// The index of the line that was printed into this text, and where it begins.
pub(crate) fn found_in(text: &str) -> Option<(usize, usize)> {
    let at = text.find("line ")?;
    let (index, _) = text[at + 5..].split_once(": <b>")?;
    Some((index.parse().ok()?, at))
}

/// Numbers that look random.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to 1. By SplitMix64.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
