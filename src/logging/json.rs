//! Lines for machines: an object a line. The library's own format keeps the fields of spans in objects of their own and writes line
//! separators as they are; this one puts the request's id where a filter finds it.

use std::fmt;

use serde::{
    Serialize, Serializer,
    ser::{Error, SerializeMap},
};
use serde_json::Value;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::{
    Layer,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

use super::{escape::must_be_escaped, fields::Fields};

/// What every line has beside the fields of its event.
const OWN: [&str; 3] = ["timestamp", "level", "target"];

/// The layer that writes them.
pub(super) fn layer<S, W>(writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    Box::new(tracing_subscriber::fmt::layer().event_format(Object).with_ansi(false).with_writer(writer))
}

struct Object;

impl<S, N> FormatEvent<S, N> for Object
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let line = Line { metadata: event.metadata(), fields: Fields::of(event).within(context.event_scope()).into_iter().collect() };
        for c in serde_json::to_string(&line).map_err(|_| fmt::Error)?.chars() {
            if must_be_escaped(c) {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            } else {
                writer.write_char(c)?;
            }
        }
        writeln!(writer)
    }
}

struct Line<'a> {
    metadata: &'a Metadata<'a>,
    fields: Vec<(&'static str, Value)>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let field = |name: &str| self.fields.iter().find(|(it, _)| *it == name).map(|(_, value)| value);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time)).map_err(S::Error::custom)?;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("timestamp", &time)?;
        object.serialize_entry("level", self.metadata.level().as_str())?;
        object.serialize_entry("message", &field("message"))?;
        // Libraries that use the older `log` say in a field where they are.
        match field("log.target") {
            Some(target) => object.serialize_entry("target", target)?,
            None => object.serialize_entry("target", self.metadata.target())?,
        }
        for (name, value) in self.fields.iter().filter(|(name, _)| *name != "message" && !name.starts_with("log.")) {
            match OWN.contains(name) {
                true => object.serialize_entry(&format!("field_{name}"), value)?,
                false => object.serialize_entry(name, value)?,
            }
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::logging::{fields::KeepSpanFields, text::tests::Written};

    fn lines(act: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let subscriber = tracing_subscriber::registry().with(KeepSpanFields).with(layer(written.writer()));
        tracing::subscriber::with_default(subscriber, act);
        let text = written.text();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    }

    #[test]
    fn a_line_is_an_object_with_time_level_target_message_and_fields() {
        let lines = lines(|| tracing::warn!(app = "shop", deployment = 12, took = 0.5, kept = true, error = ?Some(1), "build {}", "slow"));
        let [line] = &lines[..] else { panic!("one line: {lines:?}") };
        let time = line["timestamp"].as_str().expect("text");
        assert!(time.ends_with('Z') && time::OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).is_ok(), "{time}");
        assert_eq!((&line["level"], &line["message"]), (&"WARN".into(), &"build slow".into()));
        assert_eq!(line["target"], "upaas::logging::json::tests");
        assert_eq!((&line["app"], &line["deployment"], &line["took"]), (&"shop".into(), &12.into(), &0.5.into()));
        assert_eq!((&line["kept"], &line["error"]), (&true.into(), &"Some(1)".into()));
    }

    #[test]
    fn the_request_id_stands_in_every_line_of_its_request() {
        let lines = lines(|| {
            let _request = tracing::info_span!("request", request_id = "r-1", user = tracing::field::Empty).entered();
            tracing::info!("outer");
            tracing::Span::current().record("user", "ada");
            let _inner = tracing::info_span!("deployment", app = "shop").entered();
            tracing::info!(request_id = "own", "inner");
            tracing::info!(parent: None, "outside");
        });
        assert_eq!((&lines[0]["request_id"], &lines[0]["user"]), (&"r-1".into(), &Value::Null));
        assert_eq!((&lines[1]["request_id"], &lines[1]["user"], &lines[1]["app"]), (&"own".into(), &"ada".into(), &"shop".into()));
        assert_eq!(lines[2].get("request_id"), None);
    }

    #[test]
    fn what_comes_from_outside_forges_neither_line_nor_field_nor_escape_sequence() {
        const BAD: &str = "x\"}\n{\"level\":\"ERROR\"}\r\u{1b}[2J\u{9b}31m\u{7f}\u{85}\u{2028}\u{2029}\u{202e}y";
        let written = Written::default();
        let subscriber = tracing_subscriber::registry().with(KeepSpanFields).with(layer(written.writer()));
        tracing::subscriber::with_default(subscriber, || {
            let _request = tracing::info_span!("request", agent = BAD).entered();
            tracing::info!(name = BAD, shown = %BAD, debugged = ?BAD, level = "ERROR", "{BAD}");
        });
        let text = written.text();
        assert!(!text.trim_end_matches('\n').chars().any(must_be_escaped), "{text:?}");
        let line: Value = serde_json::from_str(&text).expect("one object");
        for field in ["agent", "name", "shown", "message"] {
            assert_eq!(line[field], BAD, "{field}");
        }
        assert_eq!((&line["level"], &line["field_level"]), (&"INFO".into(), &"ERROR".into()));
    }
}
