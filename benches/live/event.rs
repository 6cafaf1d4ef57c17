//! Server-sent events, as they come off a connection, and the lines of a journal in them.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

/// An event, as it was sent.
pub(crate) struct Event(Bytes);

impl Event {
    /// Takes the first whole event from what was received.
    pub(crate) fn take(received: &mut BytesMut) -> Option<Self> {
        let end = memchr::memmem::find(received, b"\n\n")?;
        Some(Self(received.split_to(end + 2).freeze()))
    }

    pub(crate) fn id(&self) -> Option<u64> {
        self.field("id").next()?.parse().ok()
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.field("event").next()
    }

    /// Number and text of each line of the journal that it brings.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u64, Cow<'_, str>)> {
        self.field("data").filter_map(line)
    }

    fn field(&self, name: &str) -> impl Iterator<Item = &str> {
        let text = std::str::from_utf8(&self.0).unwrap();
        text.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// What a reader of the page sees of a line; none when it is other HTML.
fn line(html: &str) -> Option<(u64, Cow<'_, str>)> {
    let (_, line) = html.split_once("<li id=\"L")?;
    let (number, rest) = line.split_once('"')?;
    let (_, text) = rest.split_once("<span class=\"line-text\">")?;
    Some((number.parse().ok()?, text_of(text)))
}

fn text_of(html: &str) -> Cow<'_, str> {
    let (first, rest) = html.split_once('<').unwrap_or((html, ""));
    let mut text = html_escape::decode_html_entities(first);
    for piece in rest.split('<') {
        let (_, after) = piece.split_once('>').unwrap_or_default();
        if !after.is_empty() {
            text.to_mut().push_str(&html_escape::decode_html_entities(after));
        }
    }
    text
}
