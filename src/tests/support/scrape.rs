//! A reader of `/metrics`, as Prometheus is one.

use std::collections::BTreeMap;

use super::{eventually, server::Server};

/// What was read.
pub(crate) struct Scrape {
    pub(crate) text: String,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    pub(crate) async fn of(server: &Server) -> Self {
        Self::parse(server.new_browser().get("/metrics").await.expect(200).body)
    }

    /// Scrapes until a series has a value.
    pub(crate) async fn until(server: &Server, series: &str, value: f64) -> Self {
        eventually(&format!("{series} to be {value}"), async || {
            let scrape = Self::of(server).await;
            if scrape.get(series) == Some(value) { Ok(scrape) } else { Err(format!("{:?}", scrape.get(series))) }
        })
        .await
    }

    fn parse(text: String) -> Self {
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{series} comes twice");
        }
        Self { text, samples }
    }

    /// The value of a series, if it is there.
    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    /// The names of all series, with their labels.
    pub(crate) fn series(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    /// Whether there is a series whose name begins so.
    pub(crate) fn has_any(&self, beginning: &str) -> bool {
        self.series().any(|series| series.starts_with(beginning))
    }
}

impl std::fmt::Debug for Scrape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
