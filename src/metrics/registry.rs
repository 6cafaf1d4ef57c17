//! A recorder of its own, and the three things that are done to its series.

use metrics::{Key, Label, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use super::families::{self, Kind};

/// What the recorder wants to know about who speaks to it, and makes nothing of.
const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// The series of some metrics.
pub(super) struct Registry(PrometheusRecorder);

impl Registry {
    pub(super) fn new() -> Self {
        let builder = families::ALL.iter().fold(PrometheusBuilder::new(), |builder, family| match family.kind {
            Kind::Histogram(bounds) => {
                builder.set_buckets_for_metric(Matcher::Full(family.name.to_owned()), bounds).expect("every histogram has bounds")
            }
            Kind::Counter | Kind::Gauge => builder,
        });
        Self(builder.build_recorder())
    }

    /// Adds to a counter; makes it if it is new.
    pub(super) fn count(&self, name: &'static str, labels: Vec<Label>, more: u64) {
        self.0.register_counter(&Key::from_parts(name, labels), &METADATA).increment(more);
    }

    pub(super) fn set(&self, name: &'static str, labels: Vec<Label>, value: f64) {
        self.0.register_gauge(&Key::from_parts(name, labels), &METADATA).set(value);
    }

    /// Adds a value to a histogram; makes it if it is new.
    pub(super) fn measure(&self, name: &'static str, labels: Vec<Label>, value: f64) {
        self.0.register_histogram(&Key::from_parts(name, labels), &METADATA).record(value);
    }

    /// Makes a histogram without a value, unless it is there.
    pub(super) fn begin_measuring(&self, name: &'static str, labels: Vec<Label>) {
        let _ = self.0.register_histogram(&Key::from_parts(name, labels), &METADATA);
    }

    pub(super) fn upkeep(&self) {
        self.0.handle().run_upkeep();
    }

    pub(super) fn render(&self) -> String {
        self.0.handle().render()
    }
}

pub(super) fn label(name: &'static str, value: impl Into<SharedString>) -> Label {
    Label::new(name, value)
}
