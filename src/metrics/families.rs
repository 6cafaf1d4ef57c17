//! Every metric: its name, what it is, and what it says.

/// What a metric is.
pub(super) enum Kind {
    /// Only grows, until µPaaS is started again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many values were at most this large, for each of these bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A metric with all its series.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

/// Deployments and their phases: 1 s to 1 h.
const DEPLOYMENT_SECONDS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
/// Answers: 1 ms to 10 s.
const HTTP_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bodies: 256 B to 64 MB, each four times the one before.
const HTTP_BYTES: &[f64] = &[256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0];

macro_rules! families {
    ($($constant:ident = $name:literal, $kind:expr, $help:literal;)+) => {
        $(pub(super) const $constant: &str = $name;)+

        /// Every metric, in the order of the text.
        pub(super) const ALL: &[Family] = &[$(Family { name: $name, kind: $kind, help: $help }),+];

        /// The names of all metrics. A histogram's series have `_bucket`, `_sum` and `_count` added to it.
        pub const NAMES: &[&str] = &[$($name),+];
    };
}

families! {
    DEPLOYMENTS = "upaas_deployments_total", Kind::Counter,
        "Deployments that ended, by how: success, failed, cancelled.";
    DEPLOYMENTS_DURATION = "upaas_deployments_duration_seconds", Kind::Histogram(DEPLOYMENT_SECONDS),
        "How long deployments took from the beginning of the fetch to the end, in their last attempt.";
    DEPLOYMENTS_PHASE_DURATION = "upaas_deployments_phase_duration_seconds", Kind::Histogram(DEPLOYMENT_SECONDS),
        "How long each phase of deployments that ended took.";
    DEPLOYMENTS_QUEUE_DURATION = "upaas_deployments_queue_duration_seconds", Kind::Histogram(DEPLOYMENT_SECONDS),
        "How long deployments that ended had waited before their last attempt began.";
    DEPLOYMENTS_NOT_RUN = "upaas_deployments_not_run_total", Kind::Counter,
        "Deployments that were not carried out: superseded by a newer push, or skipped because nothing had changed.";
    DEPLOYMENTS_IN_FLIGHT = "upaas_deployments_in_flight", Kind::Gauge,
        "Deployments that run now. Those that wait are in the queue's length.";
    DEPLOYMENTS_RUNNING = "upaas_deployments_running_seconds", Kind::Gauge,
        "How long the deployment that runs now has taken so far; 0 when none runs.";
    QUEUE_LENGTH = "upaas_queue_length", Kind::Gauge,
        "Deployments that wait for their turn.";
    QUEUE_OLDEST = "upaas_queue_oldest_seconds", Kind::Gauge,
        "How long the one that was asked for first has waited; 0 when none waits.";
    CONTAINER_HEALTHY = "upaas_container_healthy", Kind::Gauge,
        "1 when the container of an app that should run does, and passes its health check if it has one. Only while the engine answers.";
    CONTAINER_CPU = "upaas_container_cpu_seconds_total", Kind::Counter,
        "Processor time that the app's container has used since it was started.";
    CONTAINER_MEMORY = "upaas_container_memory_bytes", Kind::Gauge,
        "Memory that the app's container uses, without files that the kernel may forget.";
    WEBHOOK_EVENTS = "upaas_webhook_events_total", Kind::Counter,
        "Deliveries to an app's webhook URL, by the event they tell of. Those that matched queued a deployment.";
    DELIVERIES = "upaas_deliveries_total", Kind::Counter,
        "Deliveries to an app's webhook URL, by what was decided: deploy, ignored, rejected.";
    DELIVERIES_UNKNOWN = "upaas_deliveries_unknown_total", Kind::Counter,
        "Deliveries to a webhook URL that no app has.";
    HTTP_REQUESTS = "upaas_http_requests_total", Kind::Counter,
        "Requests whose answer has ended; a page's event stream ends when the page is left.";
    HTTP_REQUEST_DURATION = "upaas_http_request_duration_seconds", Kind::Histogram(HTTP_SECONDS),
        "How long it took until an answer began. Of an event stream, too, that is its head.";
    HTTP_RESPONSE_SIZE = "upaas_http_response_size_bytes", Kind::Histogram(HTTP_BYTES),
        "How long the bodies of answers were, as they were sent: compressed, and as far as they were taken.";
    SSE_CLIENTS = "upaas_sse_clients", Kind::Gauge,
        "Open event streams: each is a page that somebody looks at.";
    AUDIT_EVENTS = "upaas_audit_events_total", Kind::Counter,
        "Entries of the audit log, by action.";
    AUDIT_FAILURES = "upaas_audit_failures_total", Kind::Counter,
        "Entries of the audit log about what was refused or failed, by action.";
    AUDIT_COPY_BACKLOG = "upaas_audit_copy_backlog", Kind::Gauge,
        "Entries of the audit log that are not copied to its files yet.";
    AUDIT_COPY_OLDEST = "upaas_audit_copy_oldest_seconds", Kind::Gauge,
        "How long the oldest of them has waited for that; 0 when all are copied.";
    OUTBOX_BACKLOG = "upaas_outbox_backlog", Kind::Gauge,
        "Messages that wait to be sent.";
    OUTBOX_FAILURES = "upaas_outbox_failures_total", Kind::Counter,
        "Tries to send a message that failed.";
    ENGINE_UP = "upaas_engine_up", Kind::Gauge,
        "1 when the container engine answered last time.";
    READY = "upaas_ready", Kind::Gauge,
        "1 when everything that deployments need is there, as /health/ready says.";
    DISK_FREE = "upaas_disk_free_bytes", Kind::Gauge,
        "Free space on the file system of the data directory.";
    DISK_TOTAL = "upaas_disk_total_bytes", Kind::Gauge,
        "Size of the file system of the data directory.";
    DISK_USED = "upaas_disk_used_bytes", Kind::Gauge,
        "Space that each part of this installation takes, measured every five minutes at most. What images share is counted for each of them.";
    BUILD_INFO = "upaas_build_info", Kind::Gauge,
        "1, with the version and the build of this program.";
    PROCESS_CPU = "process_cpu_seconds_total", Kind::Counter,
        "Processor time that this process has used.";
    PROCESS_RESIDENT_MEMORY = "process_resident_memory_bytes", Kind::Gauge,
        "Memory of this process that is in RAM.";
    PROCESS_VIRTUAL_MEMORY = "process_virtual_memory_bytes", Kind::Gauge,
        "Address space of this process.";
    PROCESS_OPEN_FDS = "process_open_fds", Kind::Gauge,
        "Files that this process has open.";
    PROCESS_MAX_FDS = "process_max_fds", Kind::Gauge,
        "Files that this process may have open; 0 when there is no limit.";
    PROCESS_THREADS = "process_threads", Kind::Gauge,
        "Threads of this process.";
    PROCESS_START_TIME = "process_start_time_seconds", Kind::Gauge,
        "When this process was started, in seconds since the Unix epoch.";
}
