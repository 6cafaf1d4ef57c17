//! What a switch costs those who use the app, measured on the real binary, a real engine and a real forge, with µPaaS's own limits.
//!
//! 1. *Replace*: how long clients of a fixed host port get no answer when µPaaS switches, beside `docker stop && docker run` of the same
//!    image by hand, in turns; and what µPaaS itself says of the gap.
//! 2. *Overlap*: what clients lose of their requests while versions change behind a reverse proxy. Any loss fails the bench.
//!
//! `UPAAS_BENCH_REPLACES` (9) and `UPAAS_BENCH_OVERLAPS` (20) say how many switches it is.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

mod by_hand;
mod world;

#[path = "../../src/tests"]
mod tests {
    #[expect(dead_code, reason = "tests need more of it")]
    pub(crate) mod support;
}

use std::{process::ExitCode, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use by_hand::ByHand;
use tests::support::{balancer::Balancer, clients::Clients};
use world::World;

/// Clients of one address. Each asks, waits for its answer and asks again.
const CLIENTS: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    // Whatever ends it, the world is dropped, and with it all that was made.
    let passed = tokio::select! {
        passed = run() => passed,
        _ = terminate.recv() => false,
        _ = tokio::signal::ctrl_c() => false,
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run() -> bool {
    let mut world = World::new().await;
    replaces(&mut world, number("UPAAS_BENCH_REPLACES", 9)).await;
    overlaps(&mut world, number("UPAAS_BENCH_OVERLAPS", 20)).await
}

async fn replaces(world: &mut World, count: usize) {
    let by_hand = ByHand::of(&world.image().await).await;
    let (mut seen, mut said, mut hand) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..count {
        let clients = Clients::of(world.address(), CLIENTS);
        said.push(world.switch(&format!("r{round}")).await.expect("a replace has a gap"));
        seen.push(clients.stop().await.gap);
        let clients = Clients::of(by_hand.address, CLIENTS);
        by_hand.replace().await;
        hand.push(clients.stop().await.gap);
    }
    println!("Replace of one fixed host port, {count} times each, by {CLIENTS} clients in a closed loop:");
    println!("  µPaaS, as clients see it          {}", Spread(seen));
    println!("  µPaaS, as it says itself          {}", Spread(said));
    println!("  docker stop && docker run         {}", Spread(hand));
}

async fn overlaps(world: &mut World, count: usize) -> bool {
    world.publish_nothing().await;
    let balancer = Balancer::before(&world.instance).await;
    world.switch("o0").await;
    balancer.knows_one().await;
    let clients = Clients::of(balancer.address, CLIENTS);
    for round in 1..=count {
        assert!(world.switch(&format!("o{round}")).await.is_none(), "an overlap has no gap");
    }
    let got = clients.stop().await;
    let requests: usize = got.texts.values().sum();
    println!(
        "Overlap behind a proxy, {count} times: {requests} requests answered by {} versions, {} lost",
        got.texts.len(),
        got.lost.len()
    );
    got.lost.is_empty() && got.texts.len() > count
}

/// Times, and how they lie.
struct Spread(Vec<Duration>);

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut times = self.0.clone();
        times.sort_unstable();
        let (Some(least), Some(most)) = (times.first(), times.last()) else { return f.write_str("–") };
        write!(f, "median {:>5} ms   {} to {} ms", times[times.len() / 2].as_millis(), least.as_millis(), most.as_millis())
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}
