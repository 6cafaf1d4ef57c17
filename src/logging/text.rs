//! Lines for people: the library's format, with values that stay on their line.

use std::fmt::{self, Debug, Write};

use tracing::{Subscriber, field::Field};
use tracing_subscriber::{
    Layer,
    field::MakeExt,
    fmt::{MakeWriter, format},
    registry::LookupSpan,
};

use super::escape::must_be_escaped;

const ITALIC: &str = "\x1b[3m";
const PLAIN: &str = "\x1b[0m";

/// The layer that writes them, in colours or without.
pub(super) fn layer<S, W>(writer: W, colours: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let fields = format::debug_fn(field).delimited(" ");
    Box::new(tracing_subscriber::fmt::layer().fmt_fields(fields).with_target(false).with_ansi(colours).with_writer(writer))
}

fn field(writer: &mut format::Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    match field.name() {
        "message" => {}
        name if writer.has_ansi_escapes() => write!(writer, "{ITALIC}{name}{PLAIN}=")?,
        name => write!(writer, "{name}=")?,
    }
    write!(OneLine(writer), "{value:?}")
}

/// Passes text on, with everything escaped that could end the line or steer the terminal.
struct OneLine<'a, 'w>(&'a mut format::Writer<'w>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match must_be_escaped(c) {
            true => write!(self.0, "{}", c.escape_default()),
            false => self.0.write_char(c),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Where a test's lines go.
    #[derive(Clone, Default)]
    pub(in crate::logging) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(in crate::logging) fn writer(&self) -> impl Fn() -> Self + Send + Sync + 'static {
            let this = self.clone();
            move || this.clone()
        }

        pub(in crate::logging) fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("no panic while held").clone()).expect("text")
        }
    }

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic while held").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_has_its_message_its_fields_and_its_request() {
        let written = Written::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer(written.writer(), false)), || {
            let _request = tracing::info_span!("request", request_id = "r-1").entered();
            tracing::info!(app = "shop", deployment = 12, "deployment ended");
        });
        let text = written.text();
        let (time, rest) = text.split_once(' ').expect("a time and more");
        assert!(time::OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).is_ok(), "{time}");
        assert_eq!(rest, " INFO request{request_id=\"r-1\"}: deployment ended app=\"shop\" deployment=12\n");
    }

    #[test]
    fn what_comes_from_outside_forges_neither_line_nor_escape_sequence() {
        const BAD: &str = "x\n2026-11-22T10:11:12Z ERROR forged\r\u{1b}[2J\u{9b}31m\u{7f}\u{2028}\u{202e}y";
        for colours in [false, true] {
            let written = Written::default();
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer(written.writer(), colours)), || {
                let _request = tracing::info_span!("request", agent = BAD, shown = %BAD).entered();
                tracing::info!(name = BAD, shown = %BAD, "{BAD}");
            });
            let text = written.text();
            let line = text.strip_suffix('\n').expect("a line");
            let ours = |text: &str| {
                text.replace("\x1b[0m", "").replace("\x1b[2m", "").replace("\x1b[3m", "").replace("\x1b[1m", "").replace("\x1b[32m", "")
            };
            assert!(!ours(line).chars().any(must_be_escaped), "{line:?}");
            assert_eq!(
                text.matches("\\n2026-11-22T10:11:12Z ERROR forged\\r\\u{1b}[2J\\u{9b}31m\\u{7f}\\u{2028}\\u{202e}y").count(),
                5,
                "{line}"
            );
        }
    }
}
