//! Reports to Sentry: what is logged as an error by µPaaS itself, panics among it. Nothing else leaves: no earlier lines, no request, no
//! user, no host name; and every text is scrubbed.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use sentry::{
    Client, ClientOptions, Transport, TransportFactory, TransportOptions,
    integrations::contexts::ContextIntegration,
    protocol::{Event as Report, Exception, Frame, Level, Mechanism, Stacktrace},
    transports::ReqwestHttpTransportOptions,
    types::Dsn,
};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{fields::Fields, panics, scrub};
use crate::{config::BadValue, domain::secret::Secret};

/// How long the end of the process waits for what is not sent yet.
pub(super) const FLUSH_LIMIT: Duration = Duration::from_secs(2);
/// How long one report may take on its way.
const SEND_DEADLINE: Duration = Duration::from_secs(10);
/// So many wait meanwhile; more are dropped.
const QUEUE_MAX: usize = 30;
const TEXT_MAX_CHARS: usize = 8 * 1024;
const VARIABLE: &str = "SENTRY_DSN";
/// Errors of libraries are logged, not reported: they come to us as values, and one about sending a report would make another.
const OURS: &str = "upaas";

/// The way to Sentry.
#[derive(Clone)]
pub(super) struct Reports(Arc<Client>);

impl Reports {
    /// Opens it. Nothing is sent yet.
    pub(super) fn start(dsn: &Secret) -> Result<Self, BadValue> {
        let dsn: Dsn =
            dsn.reveal().parse().map_err(|_| BadValue::new(VARIABLE, "“…” is not a DSN such as https://key@o1.ingest.sentry.io/2"))?;
        let sender = Sender::new().map_err(|err| BadValue::new(VARIABLE, format!("reports could not be sent: {err:#}")))?;
        let options = ClientOptions::new()
            .default_integrations(false)
            .add_integration(ContextIntegration::new())
            .release(concat!("upaas@", env!("CARGO_PKG_VERSION")))
            .environment(if cfg!(debug_assertions) { "development" } else { "production" })
            .send_default_pii(false)
            .before_send(scrubbed)
            .transport_channel_capacity(QUEUE_MAX)
            .transport(sender);
        Ok(Self(Arc::new(Client::from((dsn, options)))))
    }

    /// Sends what waits and ends, within [`FLUSH_LIMIT`].
    pub(super) fn flush(self) {
        let (ended, wait) = mpsc::channel();
        // The library's own limit does not count while its queue is full; this thread ends with the process.
        let closing = thread::Builder::new().spawn(move || {
            self.0.close(Some(FLUSH_LIMIT));
            let _ = ended.send(());
        });
        if closing.is_ok() {
            let _ = wait.recv_timeout(FLUSH_LIMIT);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Reports {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() == tracing::Level::ERROR && metadata.target().starts_with(OURS) {
            let request_id = Fields::of(event).within(context.event_scope(event)).take_text("request_id");
            self.0.capture_event(report(metadata, Fields::of(event), request_id), None);
        }
    }
}

fn report(metadata: &Metadata<'_>, mut fields: Fields, request_id: Option<String>) -> Report<'static> {
    fields.take("request_id");
    let message = fields.take_text("message");
    let mut report = Report { logger: Some(metadata.target().to_owned()), ..Report::default() };
    if metadata.target() == panics::TARGET {
        let location = fields.take_text("location").unwrap_or_default();
        report.level = Level::Fatal;
        report.fingerprint = vec!["panic".into(), location.clone().into()].into();
        report.exception = vec![panic(&location, fields.take_text("said"))].into();
    } else {
        report.level = Level::Error;
        match fields.take_text("error") {
            // Like errors come together at the other end, whatever was tried.
            Some(error) => {
                let ty = message.unwrap_or_default();
                report.exception = vec![Exception { ty, value: Some(error), ..Exception::default() }].into();
            }
            None => report.message = message,
        }
    }
    report.tags.extend(request_id.map(|id| ("request_id".to_owned(), id)));
    report.extra = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    report
}

/// The released binary has no symbols, so the place that panicked is the one frame that can be told.
fn panic(location: &str, said: Option<String>) -> Exception {
    let (file, line) = location.rsplit_once(':').unwrap_or((location, ""));
    let frame = Frame { filename: Some(file.to_owned()), lineno: line.parse().ok(), in_app: Some(true), ..Frame::default() };
    Exception {
        ty: "panic".to_owned(),
        value: said,
        stacktrace: Some(Stacktrace { frames: vec![frame], ..Stacktrace::default() }),
        mechanism: Some(Mechanism { ty: "panic".to_owned(), handled: Some(false), ..Mechanism::default() }),
        ..Exception::default()
    }
}

/// The last look at a report, after the library has added to it. One that cannot be scrubbed is not sent.
fn scrubbed(mut report: Report<'static>) -> Option<Report<'static>> {
    report.server_name = None;
    let report = scrub::value(serde_json::to_value(report).ok()?, TEXT_MAX_CHARS);
    serde_json::from_value(report).ok()
}

/// Sends reports with a deadline, which the library's own way has not.
struct Sender(reqwest::Client);

impl Sender {
    fn new() -> anyhow::Result<Self> {
        // An error says that somebody was first; then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(SEND_DEADLINE)
            .redirect(reqwest::redirect::Policy::none())
            // The library's thread sleeps between two reports, so it would not see a kept connection end.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self(client))
    }
}

impl TransportFactory for Sender {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(ReqwestHttpTransportOptions::from(options).with_client(self.0.clone()).build())
    }
}
