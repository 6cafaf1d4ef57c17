//! The command line: configuration, logging, and the life of the process.

use std::{io::IsTerminal, process::ExitCode};

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};
use upaas::{
    App,
    config::{BadValue, Config, LogFormat},
};

/// Exit code for a configuration that cannot be used.
const EXIT_CONFIG: u8 = 2;

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
        Err(err) => {
            eprintln!("upaas: {err}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(err) => {
            eprintln!("upaas: the runtime could not be started: {err}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve(config).await,
            Command::Healthcheck => upaas::health::check(config.listen).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("upaas: {err:#}");
            if err.is::<BadValue>() { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    start_logging(&config);
    open_many_files();
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

fn start_logging(config: &Config) {
    let default = if config.debug { "info,upaas=debug,tower_sessions=warn" } else { "info,tower_sessions=warn" };
    let filter = EnvFilter::builder().parse_lossy(default);
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => registry.with(layer.with_target(false).with_ansi(std::io::stderr().is_terminal())).init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).init(),
    }
}
