//! The only wiring: data directory, keys, database, rooms, server. The binary, the tests and the browser tests start the same `App`.

mod probes;

use std::{
    fs::{DirBuilder, File, Permissions},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    audit,
    config::{BadValue, Config},
    db::{self, Db},
    deploy::{Deployer, Limits, Listeners, files::Files, platform::Platform},
    docker::Engine,
    domain::{engine::Address, ids::InstanceId},
    events::Changes,
    git::Git,
    health::{IntegrityWatch, Pace},
    host::{EngineHost, GitHost, Place},
    keyfile,
    metrics::Metrics,
    vault::Vault,
    web::{self, setup_code::SetupCode},
};

/// How long open requests and running deployments may take to end at shutdown: the whole must not take 10 s.
const STOP_DEADLINE: Duration = Duration::from_secs(9);
const SESSION_KEY_BYTES: usize = 64;
const DATABASE: &str = "upaas.db";
const LOCK: &str = "upaas.lock";
/// How long a start waits for the lock of the data directory, and how often it asks.
const LOCK_DEADLINE: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A running µPaaS.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 5],
    /// Copies audit entries, also those of the end.
    copier: JoinHandle<()>,
    stop_copying: CancellationToken,
    deployer: Deployer,
    db: Db,
    /// Held as long as the process uses the data directory.
    _lock: File,
}

impl App {
    /// Starts everything on real git and a real engine. `binary` is this program, which also serves git as ssh's launcher.
    pub async fn start(config: Config, binary: PathBuf) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.listen).await.with_context(|| format!("{} cannot be listened on", config.listen))?;
        Self::start_on(listener, config, Limits::default(), on_this_machine(binary)).await
    }

    /// Starts everything on a listener and a platform of the caller's.
    pub async fn start_on(
        listener: TcpListener,
        config: Config,
        limits: Limits,
        platform: impl FnOnce(&Config, InstanceId, &Files) -> Platform,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let config = Config { listen: address, ..with_data_dir(config)? };
        for name in &config.unknown {
            tracing::warn!(name, "unknown variable: is it spelled right?");
        }
        let lock = lock_data_dir(&config.data(LOCK)).await?;
        let db = Db::open(&config.data(DATABASE)).await?;
        let instance = db::settings::instance_id(db.write()).await?;
        let vault = open_vault(&config, &db).await?;
        let session_key = keyfile::load::<SESSION_KEY_BYTES>(&config.data("session.key"), true)?;
        let setup_code = SetupCode::prepare(&config.data("setup-code"), db::users::administrator(db.read()).await?.is_some())?;
        let files = Files::new(&config.data_dir);
        files.prepare()?;

        let stop = CancellationToken::new();
        let changes = Changes::default();
        let metrics = Metrics::new();
        let platform = platform(&config, instance, &files);
        let copier = audit::Copier::prepare(db.clone(), files.audit(), metrics.clone()).await?;
        let listeners = Listeners { changes: changes.clone(), metrics: metrics.clone() };
        let deployer = Deployer::start(db.clone(), vault, files, platform, limits, listeners, stop.clone());
        let health = probes::health(&config, &db, &deployer);
        let integrity = tokio::spawn(keep_integrity(health.integrity().clone(), db.clone(), changes.clone(), stop.clone()));
        let state = web::AppState::new(config, db.clone(), deployer.clone(), health, setup_code, changes.clone(), stop.clone());
        let sessions = db.session_store().await?;
        let sweep = tokio::spawn(web::sweep_sessions(sessions.clone(), stop.clone()));
        let stop_copying = CancellationToken::new();
        let copier = tokio::spawn(copier.run(changes.clone(), stop_copying.clone()));
        let upkeep = tokio::spawn(metrics.keep_up(stop.clone()));
        let news = tokio::spawn(db.clone().tell_of_commits(changes, stop.clone()));
        let server = tokio::spawn(web::serve(listener, web::router(state, sessions, &*session_key), stop.clone()));
        tracing::info!(version = env!("CARGO_PKG_VERSION"), %instance, "µPaaS is ready: {}", readable(address));
        Ok(Self { address, stop, tasks: [server, sweep, upkeep, news, integrity], copier, stop_copying, deployer, db, _lock: lock })
    }

    /// Stops: no new requests, open ones and running deployments get a moment, then the database is closed.
    pub async fn stop(self) {
        self.stop.cancel();
        let ended = async {
            for task in self.tasks {
                let _ = task.await;
            }
            self.deployer.stopped().await;
            self.stop_copying.cancel();
            let _ = self.copier.await;
        };
        if timeout(STOP_DEADLINE, ended).await.is_err() {
            tracing::warn!("not everything ended in time");
        }
        self.db.close().await;
    }
}

/// Keeps watch over the database's integrity until `stop` is cancelled.
async fn keep_integrity(watch: IntegrityWatch, db: Db, changes: Changes, stop: CancellationToken) {
    watch.keep(Pace::default(), |how| probes::check_integrity(&db, how), || changes.tell(), stop).await;
}

/// The real thing: git on this machine, and the engine that the configuration names.
pub fn on_this_machine(binary: PathBuf) -> impl FnOnce(&Config, InstanceId, &Files) -> Platform {
    |config, instance, files| {
        if let Address::Tcp(address) = &config.docker {
            tracing::warn!(address, "the engine is spoken to unencrypted: who can listen in or reach it is root on its host");
        }
        let place = Place::here(files.clone(), config.host_data_dir.clone(), &config.docker);
        let engine = Arc::new(EngineHost::new(Engine::new(config.docker.clone(), instance), instance, place));
        let source = Arc::new(GitHost::new(Git::new(files.scratch(), binary), files.clone()));
        Platform { source, builder: engine.clone(), runtime: engine }
    }
}

/// The address as a person would open it.
fn readable(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    }
}

/// Creates the data directory, for its owner only, and makes its path absolute. A folder that is somebody else's is refused.
fn with_data_dir(config: Config) -> Result<Config, BadValue> {
    let dir = &config.data_dir;
    let bad = |what: &str, err: std::io::Error| BadValue::new("UPAAS_DATA_DIR", format!("{} {what}: {err}", dir.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|err| bad("cannot be created", err))?;
    if !is_ours_or_empty(dir).map_err(|err| bad("cannot be read", err))? {
        let problem = format!("{} holds other files and no µPaaS data: give it a folder of its own", dir.display());
        return Err(BadValue::new("UPAAS_DATA_DIR", problem));
    }
    std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(|err| bad("must belong to the user who runs µPaaS", err))?;
    let data_dir = std::fs::canonicalize(dir).map_err(|err| bad("cannot be read", err))?;
    Ok(Config { data_dir, ..config })
}

fn is_ours_or_empty(dir: &Path) -> std::io::Result<bool> {
    // The root of a file system of its own has this folder from the start.
    const OF_A_FILE_SYSTEM: &str = "lost+found";
    let names: Vec<_> = std::fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>()?;
    Ok(names.iter().any(|name| name == DATABASE || name == LOCK) || names.iter().all(|name| name == OF_A_FILE_SYSTEM))
}

/// Two processes on one data directory would deploy everything twice. One that is just ending, or a child that it was just starting, may
/// hold the lock for an instant longer.
async fn lock_data_dir(file: &Path) -> anyhow::Result<File> {
    let lock = File::create(file).with_context(|| format!("{} cannot be written", file.display()))?;
    let free = async {
        while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            sleep(LOCK_PAUSE).await;
        }
    };
    if timeout(LOCK_DEADLINE, free).await.is_err() {
        bail!("another µPaaS is running on the data directory {}", file.parent().unwrap_or(file).display());
    }
    Ok(lock)
}

/// Opens the vault and proves its key on a sealed value, if there is one.
async fn open_vault(config: &Config, db: &Db) -> anyhow::Result<Vault> {
    let sealed = db::secrets::any(db.read()).await?;
    let vault = Vault::open(&config.data("secret.key"), sealed.is_none())?;
    if let Some((id, sealed)) = sealed {
        vault.open_sealed(id, &sealed)?;
    }
    Ok(vault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_start_waits_for_one_that_is_just_ending_and_not_for_one_that_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(LOCK);
        let held = lock_data_dir(&file).await.expect("it is free");
        let refused = lock_data_dir(&file).await.expect_err("it is held").to_string();
        assert!(refused.starts_with("another µPaaS is running on the data directory"), "{refused}");
        let ending = async {
            tokio::task::yield_now().await;
            drop(held);
        };
        let (waited, ()) = tokio::join!(biased; lock_data_dir(&file), ending);
        waited.expect("it was free in time");
    }
}
