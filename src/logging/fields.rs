//! The fields of events and spans, as values.

use std::fmt::Debug;

use serde_json::Value;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, Scope},
};

/// Names with their values, in order. A name stands once; what is recorded last counts.
#[derive(Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    /// Those of an event itself.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    /// Adds those of the spans around it, inner ones first, as far as their names are free.
    pub(super) fn within<S: for<'a> LookupSpan<'a>>(mut self, scope: Option<Scope<'_, S>>) -> Self {
        for span in scope.into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Self>() {
                for (name, value) in &outer.0 {
                    if !self.0.iter().any(|(taken, _)| taken == name) {
                        self.0.push((name, value.clone()));
                    }
                }
            }
        }
        self
    }

    /// Removes a field.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(it, _)| *it == name)?;
        Some(self.0.remove(at).1)
    }

    /// Removes a field that holds text.
    pub(super) fn take_text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    fn put(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(it, _)| *it == name) {
            Some((_, held)) => *held = value,
            None => self.0.push((name, value)),
        }
    }
}

impl IntoIterator for Fields {
    type Item = (&'static str, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }
}

/// Keeps the fields of a span for the lines that are written inside it.
pub(super) struct KeepSpanFields;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for KeepSpanFields {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut new = Fields::default();
        values.record(&mut new);
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            new.into_iter().for_each(|(name, value)| fields.put(name, value));
        }
    }
}
