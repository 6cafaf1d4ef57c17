//! How often the same failure is written down: who is no user must not be able to fill the disk with tries.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::Mutex,
    time::{Duration, Instant},
};

/// Failures of late, by whom they concern.
pub struct Flood<K> {
    kept_a_span: u32,
    span: Duration,
    /// Held for a look-up.
    spans: Mutex<HashMap<K, Span>>,
}

struct Span {
    began: Instant,
    kept: u32,
    missed: u64,
}

impl<K: Eq + Hash> Flood<K> {
    /// So many are kept in each span of time.
    pub fn new(kept_a_span: u32, span: Duration) -> Self {
        Self { kept_a_span, span, spans: Mutex::default() }
    }

    /// Whether one more is kept; then, how many were not since the last one that was.
    pub fn admit(&self, concerns: K) -> Option<u64> {
        self.admit_at(concerns, 0, Instant::now())
    }

    /// As [`Flood::admit`], after so many others that did not come this far.
    pub fn admit_after(&self, concerns: K, others: u64) -> Option<u64> {
        self.admit_at(concerns, others, Instant::now())
    }

    fn admit_at(&self, concerns: K, others: u64, now: Instant) -> Option<u64> {
        let mut spans = self.spans.lock().expect("no panic while held");
        let span = spans.entry(concerns).or_insert(Span { began: now, kept: 0, missed: 0 });
        if now.duration_since(span.began) >= self.span {
            (span.began, span.kept) = (now, 0);
        }
        span.missed += others;
        if span.kept >= self.kept_a_span {
            span.missed += 1;
            return None;
        }
        span.kept += 1;
        Some(std::mem::take(&mut span.missed))
    }
}

/// A detail that says, too, how many such entries there could be before this one.
pub fn with_missed(detail: &str, missed: u64) -> String {
    match missed {
        0 => detail.to_owned(),
        _ => format!("{detail} ({missed} more before this one are not recorded one by one)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(60);

    #[test]
    fn a_flood_is_kept_in_samples_that_say_what_is_missing() {
        let (flood, now) = (Flood::new(30, SPAN), Instant::now());
        assert_eq!((0..1000).filter(|_| flood.admit_at("shop", 0, now) == Some(0)).count(), 30);
        assert_eq!(flood.admit_at("blog", 0, now), Some(0), "another one has its own");
        assert_eq!(flood.admit_at("shop", 0, now + SPAN), Some(970));
        assert_eq!(flood.admit_at("shop", 0, now + SPAN), Some(0));
        assert_eq!(flood.admit_at("shop", 7, now + SPAN), Some(7), "those that did not come this far are told of, too");
        assert_eq!(with_missed("wrong", 970), "wrong (970 more before this one are not recorded one by one)");
    }
}
