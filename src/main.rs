//! The command line: configuration, logging, and the life of the process.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use upaas::{
    App,
    config::{BadValue, Config},
    logging,
};

/// Exit code for a configuration that cannot be used.
const EXIT_CONFIG: u8 = 2;

/// How long threads that work with files may go on at the end: what they leave the next start does, or shows.
const THREADS_DEADLINE: Duration = Duration::from_millis(500);

/// So many files are enough for every connection that is taken, and for what deployments need.
const OPEN_FILES: u64 = 8192;

/// git push deploys: a small deployer for one box with a Docker engine and a Gitea.
#[derive(Parser)]
#[command(name = "upaas", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the pages and deploy (the default).
    Serve,
    /// Exit with 0 when a µPaaS on this machine answers (for Docker's HEALTHCHECK).
    Healthcheck,
}

fn main() -> ExitCode {
    if let Some(err) = upaas::git::faces::put_on(std::env::args_os()) {
        eprintln!("upaas: git or ssh could not be started: {err}");
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(err) => return unusable(&err),
    };
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(config),
        Command::Healthcheck => healthcheck(&config),
    }
}

/// A configuration that cannot be used is one plain line, whatever the log looks like.
fn unusable(err: &BadValue) -> ExitCode {
    eprintln!("upaas: {err}");
    ExitCode::from(EXIT_CONFIG)
}

fn healthcheck(config: &Config) -> ExitCode {
    match in_runtime(upaas::health::check(config.listen)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("upaas: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config) -> ExitCode {
    let _logging = match logging::start(&config) {
        Ok(guard) => guard,
        Err(err) => return unusable(&err),
    };
    open_many_files();
    match in_runtime(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => match err.downcast_ref::<BadValue>() {
            Some(err) => unusable(err),
            None => {
                tracing::error!(error = format!("{err:#}"), "µPaaS could not start");
                ExitCode::FAILURE
            }
        },
    }
}

fn in_runtime(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime could not be started")?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(THREADS_DEADLINE);
    done
}

async fn run(config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let app = App::start(config, std::env::current_exe()?).await?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = tokio::signal::ctrl_c() => tracing::info!("interrupted: stopping"),
    }
    app.stop().await;
    Ok(())
}

/// Many systems allow a process 1,024 open files until it asks for more: each open page takes one.
fn open_many_files() {
    let limits = getrlimit(Resource::Nofile);
    let wanted = limits.maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
    if limits.current.is_some_and(|current| current < wanted)
        && let Err(err) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limits })
    {
        tracing::warn!(error = %err, "the limit of open files could not be raised: fewer pages can be open at once");
    }
}
