//! Server-sent events as htmx's `hx-sse` reads them: an unnamed event is HTML, swapped into the page; a named one is a DOM event.
//! The format: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::{fmt::Write, time::Duration};

use bytes::Bytes;

/// Some events, or none, as they are sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message(String);

/// HTML that replaces the element with this id, by what differs.
pub(super) fn replacing(id: &str, html: &str) -> String {
    partial(id, "outerMorph", html)
}

/// HTML that is put to the end of the element with this id.
pub(super) fn appended(id: &str, html: &str) -> String {
    partial(id, "beforeend", html)
}

/// White space around it would be put into the page, too, with each message.
fn partial(id: &str, swap: &str, html: &str) -> String {
    format!("<hx-partial hx-target=\"#{id}\" hx-swap=\"{swap}\">{}</hx-partial>", html.trim())
}

/// The page's title. `text` is escaped.
pub(super) fn title(text: &str) -> String {
    format!("<title>{} · µPaaS</title>", html_escape::encode_text(text))
}

impl Message {
    /// Adds HTML for the page, as an event of its own.
    pub(super) fn add(&mut self, html: &str) {
        // The format knows three ends of a line, HTML means the same by all of them.
        for line in html.replace("\r\n", "\n").trim_end_matches('\n').split(['\n', '\r']) {
            let _ = writeln!(self.0, "data: {line}");
        }
        self.0.push('\n');
    }

    /// HTML for the page, and the place that the browser names when it comes back.
    pub(super) fn html_up_to(place: u64, html: &str) -> Self {
        let mut message = Self(format!("id: {place}\n"));
        message.add(html);
        message
    }

    /// A DOM event on the element that holds the connection.
    pub(super) fn named(name: &str, data: &str) -> Self {
        Self(format!("event: {name}\ndata: {data}\n\n"))
    }

    /// No news, but a sign of life: a page that gets none for long takes the connection for dead.
    pub(super) fn alive() -> Self {
        Self::named("alive", "")
    }

    /// The first sign of life, which says when to come back after the stream has ended.
    pub(super) fn alive_and_back_after(pause: Duration) -> Self {
        Self(format!("retry: {}\n", pause.as_millis())).and(Self::alive())
    }

    /// This one, then another one.
    pub(super) fn and(mut self, next: Self) -> Self {
        self.0.push_str(&next.0);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_of_several_lines_stays_one_event_and_cannot_forge_another_one() {
        let message = Message::html_up_to(42, "<li>a</li>\n\n<li>b\rid: 7\r\nevent: done</li>\n").and(Message::named("done", ""));
        let lines = [
            "id: 42",
            "data: <li>a</li>",
            "data: ",
            "data: <li>b",
            "data: id: 7",
            "data: event: done</li>",
            "",
            "event: done",
            "data: ",
            "",
        ];
        assert_eq!(message.0.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_title_is_text() {
        assert_eq!(title("● #1 <b>"), "<title>● #1 &lt;b&gt; · µPaaS</title>");
    }
}
