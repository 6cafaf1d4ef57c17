//! A reader of server-sent events, as `hx-sse` is one.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use scraper::{Html, Selector};
use tokio::time::timeout;

/// How long an event that is sure to come may take, on the slowest machine.
const EVENT_DEADLINE: Duration = Duration::from_secs(240);

/// An open stream.
pub(crate) struct Stream {
    body: Incoming,
    buffer: Vec<u8>,
}

/// One event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<u64>,
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

impl Stream {
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body, buffer: Vec::new() }
    }

    /// Whether this is what comes first.
    pub(crate) async fn begins_with(&mut self, text: &str) -> bool {
        while self.buffer.len() < text.len() {
            let more = self.more().await.unwrap();
            self.buffer.extend_from_slice(&more);
        }
        self.buffer.starts_with(text.as_bytes())
    }

    /// Waits for the next sign of life.
    pub(crate) async fn sign_of_life(&mut self) {
        while !self.next_frame().await.contains("event: alive") {}
    }

    /// What is sent next, as it comes.
    pub(crate) async fn next_frame(&mut self) -> String {
        let mut frame = std::mem::take(&mut self.buffer);
        if frame.is_empty() {
            frame.extend_from_slice(&self.more().await.expect("the stream goes on"));
        }
        String::from_utf8(frame).unwrap()
    }

    /// The next event that carries something; none when the stream ends. Signs of life are passed over.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let event = Event::parse(std::str::from_utf8(&block).unwrap());
                if event != Event::default() && event.name.as_deref() != Some("alive") {
                    return Some(event);
                }
                continue;
            }
            let more = self.more().await?;
            self.buffer.extend_from_slice(&more);
        }
    }

    async fn more(&mut self) -> Option<Bytes> {
        let frame = timeout(EVENT_DEADLINE, self.body.frame()).await.expect("an event in time")?;
        Some(frame.ok()?.into_data().unwrap_or_default())
    }

    /// The next event of which something is true.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on until then");
            if wanted(&event) {
                return event;
            }
        }
    }

    /// The next fragment for this id, as it was sent.
    pub(crate) async fn fragment(&mut self, id: &str) -> String {
        self.until(|event| event.fragment(id).is_some()).await.fragment(id).unwrap()
    }
}

impl Event {
    fn parse(block: &str) -> Self {
        let mut event = Self::default();
        let mut data = Vec::new();
        for line in block.lines() {
            match line.split_once(':').map(|(field, value)| (field, value.strip_prefix(' ').unwrap_or(value))) {
                Some(("id", id)) => event.id = Some(id.parse().unwrap()),
                Some(("event", name)) => event.name = Some(name.to_owned()),
                Some(("data", line)) => data.push(line),
                Some(("", _) | ("retry", _)) | None => {}
                Some((field, _)) => panic!("{field} is no field of an event"),
            }
        }
        event.data = data.join("\n");
        event
    }

    /// The HTML that replaces the element with this id.
    pub(crate) fn fragment(&self, id: &str) -> Option<String> {
        let html = self.data.strip_prefix(&format!("<hx-partial hx-target=\"#{id}\" hx-swap=\"outerMorph\">"))?;
        Some(html.strip_suffix("</hx-partial>").unwrap().trim().to_owned())
    }

    /// The lines of the journal in it: number and text.
    pub(crate) fn lines(&self) -> Vec<(u64, String)> {
        let html = Html::parse_fragment(&self.data);
        let text = Selector::parse(".line-text").unwrap();
        let line = Selector::parse("li.line").unwrap();
        let read = |line: scraper::ElementRef| {
            let number = line.value().id().unwrap().trim_start_matches('L').parse().unwrap();
            (number, line.select(&text).flat_map(|text| text.text()).collect())
        };
        html.select(&line).map(read).collect()
    }
}
