//! How long pages take on a database that years have filled, beside the same pages on one that is nearly empty, in one run.
//!
//! `UPAAS_BENCH_ENTRIES` (1,000,000 audit entries), `UPAAS_BENCH_DEPLOYMENTS` (100,000) and `UPAAS_BENCH_REQUESTS` (400 of each page)
//! say how much.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

mod years;

#[path = "../../src/tests"]
mod tests {
    #[expect(dead_code, reason = "tests need more of it")]
    pub(crate) mod support;
}

use std::time::{Duration, Instant};

use tests::support::{fake::Fake, server::Server};

/// What is asked for: the pages that an operator opens, the lists further back, and what programs ask.
const PAGES: &[&str] = &[
    "/",
    "/apps/shop",
    "/apps/shop/deployments",
    "/apps/shop/deployments?status=failed&cause=user",
    "/apps/shop/deployments?status=success&trigger=manual",
    "/api/audit?before=5000",
    "/audit",
    "/audit?action=LOGIN&result=FAILURE",
    "/audit?q=shop+success",
    "/audit?user=eve",
    "/api/audit",
    "/api/audit?limit=500",
    "/metrics",
];

#[tokio::main]
async fn main() {
    let (entries, deployments) = (number("UPAAS_BENCH_ENTRIES", 1_000_000), number("UPAAS_BENCH_DEPLOYMENTS", 100_000));
    let requests = number("UPAAS_BENCH_REQUESTS", 400);
    let mut empty = with_a_shop().await;
    let mut full = with_a_shop().await;
    let began = Instant::now();
    full.stop().await;
    years::fill(&full.data().join("upaas.db"), deployments, entries).await;
    println!("{entries} audit entries and {deployments} deployments, made in {:.0?}", began.elapsed());
    full.start_fake(&Fake::default()).await;
    println!("{:<40} {:>9} {:>9} {:>9} {:>9} {:>7}", "", "empty p50", "p99", "full p50", "p99", "p50 is");
    for page in PAGES {
        // In turns, so that the machine's noise falls on both alike.
        let (mut before, mut after) = (Vec::with_capacity(requests), Vec::with_capacity(requests));
        for _ in 0..requests {
            before.push(time(&mut empty, page).await);
            after.push(time(&mut full, page).await);
        }
        let (before, after) = (Figures::of(before), Figures::of(after));
        let ratio = after.p50.as_secs_f64() / before.p50.as_secs_f64();
        println!("{page:<40} {:>9.2?} {:>9.2?} {:>9.2?} {:>9.2?} {ratio:>6.1}×", before.p50, before.p99, after.p50, after.p99);
    }
    empty.stop().await;
    full.stop().await;
}

async fn with_a_shop() -> Server {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    server.create_shop(&[("container_port", "80"), ("host_port", "8081")]).await.expect(303);
    server.deploy_to_the_end("shop").await;
    server
}

async fn time(server: &mut Server, page: &str) -> Duration {
    let began = Instant::now();
    server.browser.get(page).await.expect(200);
    began.elapsed()
}

struct Figures {
    p50: Duration,
    p99: Duration,
}

impl Figures {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self { p50: times[times.len() / 2], p99: times[times.len() * 99 / 100] }
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}
