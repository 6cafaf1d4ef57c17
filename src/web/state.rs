//! What every handler can reach.

use std::{ops::Deref, sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    live::{Feeds, STREAMS_MAX},
    metrics::Scrapes,
    setup_code::SetupCode,
    throttle::Throttle,
    view::Views,
};
use crate::{audit::Flood, config::Config, db::Db, deploy::Deployer, events::Changes, health::Health, metrics::Metrics};

/// So many failed logins are recorded one by one in this span; the next one that is tells of those in between.
const LOGIN_FAILURES_RECORDED: u32 = 60;
const LOGIN_FAILURES_SPAN: Duration = Duration::from_secs(10 * 60);

/// Password hashes are computed by at most this many threads at once: each takes 40 MiB and a core.
const HASHES_AT_ONCE: usize = 1;
/// So many may wait for it; more are told to come back.
const HASHES_WAITING_MAX: usize = 32;

/// So much of journals is read and rendered at once: more threads at it would cost memory and win nothing.
const JOURNAL_READS_AT_ONCE: usize = 4;
/// So many journals are searched at once; each search may take seconds.
const SEARCHES_AT_ONCE: usize = 2;

/// So many large deliveries are read at once; each may have 25 MiB.
const LARGE_DELIVERIES_AT_ONCE: usize = 4;

/// The parts, behind one pointer.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// What [`AppState`] gives access to.
pub struct Parts {
    pub(super) config: Config,
    pub(super) db: Db,
    pub(super) deployer: Deployer,
    pub(super) health: Health,
    pub(super) setup_code: SetupCode,
    pub(super) views: Views,
    pub(super) throttle: Throttle,
    /// Those that are in the audit log.
    pub(super) login_failures: Flood<()>,
    pub(super) hashing: Arc<Semaphore>,
    pub(super) hashing_queue: Arc<Semaphore>,
    pub(super) large_deliveries: Semaphore,
    /// The places of open streams.
    pub(super) streams: Arc<Semaphore>,
    pub(super) feeds: Feeds,
    pub(super) journal_reads: Semaphore,
    pub(super) searches: Semaphore,
    pub(super) metrics: Metrics,
    pub(super) scrapes: Scrapes,
    pub(super) changes: Changes,
    pub(super) stop: CancellationToken,
}

impl AppState {
    /// Puts the parts together.
    pub fn new(
        config: Config,
        db: Db,
        deployer: Deployer,
        health: Health,
        setup_code: SetupCode,
        changes: Changes,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Parts {
            config,
            db,
            metrics: deployer.metrics().clone(),
            scrapes: Scrapes::default(),
            deployer,
            health,
            setup_code,
            views: Views::new(),
            throttle: Throttle::default(),
            login_failures: Flood::new(LOGIN_FAILURES_RECORDED, LOGIN_FAILURES_SPAN),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            hashing_queue: Arc::new(Semaphore::new(HASHES_WAITING_MAX)),
            large_deliveries: Semaphore::new(LARGE_DELIVERIES_AT_ONCE),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            feeds: Feeds::default(),
            journal_reads: Semaphore::new(JOURNAL_READS_AT_ONCE),
            searches: Semaphore::new(SEARCHES_AT_ONCE),
            changes,
            stop,
        }))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
