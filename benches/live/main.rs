//! How a journal gets to those who watch it, measured on the real binary, a real engine and a real forge.
//!
//! 1. *Load*: many viewers of one deployment's stream, while its build prints. Some break off and come back, some are too slow. Every
//!    one of them must get every line once: the bench fails otherwise.
//! 2. *Lag*: how long a line takes from the builder to a viewer, against reading another build's output directly from the engine. Both
//!    builds get the same lines at the same moment, and one clock measures both.
//!
//! `UPAAS_BENCH_VIEWERS` (1000) and `UPAAS_BENCH_SECONDS` (20) say how much load it is.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

mod direct;
mod event;
mod figures;
mod http;
mod journal;
mod lag;
mod load;
mod printer;
mod usage;
mod viewer;
mod world;

#[path = "../../src/tests"]
mod tests {
    #[expect(dead_code, reason = "tests need more of it")]
    pub(crate) mod support;
}

use std::{process::ExitCode, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use load::Load;
use printer::Printer;
use world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let load = Load { viewers: number("UPAAS_BENCH_VIEWERS", 1000), time: Duration::from_secs(number("UPAAS_BENCH_SECONDS", 20) as u64) };
    open_many_files();
    // Whatever ends it, the world is dropped, and with it all that was made.
    let passed = tokio::select! {
        passed = run(load) => passed,
        () = stopped() => false,
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// By a person, or by what runs this.
async fn stopped() {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn run(load: Load) -> bool {
    let mut world = World::new().await;
    let printer = Printer::on_the_bridge().await;
    let passed = load.run(&mut world, &printer).await;
    lag::measure(&mut world, &printer).await && passed
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}

/// Each viewer is an open file.
fn open_many_files() {
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }).unwrap();
}
