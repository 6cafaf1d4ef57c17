//! The world of the tests: a server on a free port, a browser without JavaScript, a stand-in platform, a real forge.

pub(crate) mod balancer;
pub(crate) mod browser;
pub(crate) mod clients;
pub(crate) mod daemon;
pub(crate) mod engine;
pub(crate) mod fake;
pub(crate) mod forge;
pub(crate) mod gitea;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod proxy;
pub(crate) mod registry;
pub(crate) mod scrape;
pub(crate) mod sentry;
pub(crate) mod server;
pub(crate) mod shop;
pub(crate) mod stream;
pub(crate) mod workshop;

use std::time::{Duration, Instant};

/// How long a condition may take to become true: nothing is promised by it, and a machine may be many times slower than another.
const EVENTUALLY: Duration = Duration::from_secs(240);

/// Waits until a condition that something else brings about is true; panics with what was seen last.
pub(crate) async fn eventually<T: std::fmt::Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(seen) => return seen,
            Err(seen) => assert!(began.elapsed() < EVENTUALLY, "{what}: not within {EVENTUALLY:?}; seen last: {seen}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
