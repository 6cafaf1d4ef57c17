//! How often rejected deliveries of an app are written down: who knows a webhook URL must not be able to fill the disk.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::domain::ids::AppId;

/// So many are kept in each span.
const KEPT_A_SPAN: u32 = 30;
const SPAN: Duration = Duration::from_secs(60);

/// The rejections of late, by app.
#[derive(Default)]
pub(super) struct Rejections {
    /// Since when the span runs, and how many were kept in it. Held for a look-up.
    spans: Mutex<HashMap<AppId, (Instant, u32)>>,
}

impl Rejections {
    /// Whether one more is kept.
    pub(super) fn admits(&self, app: AppId) -> bool {
        self.admits_at(app, Instant::now())
    }

    fn admits_at(&self, app: AppId, now: Instant) -> bool {
        let mut spans = self.spans.lock().expect("no panic while held");
        let (began, kept) = spans.entry(app).or_insert((now, 0));
        if now.duration_since(*began) >= SPAN {
            (*began, *kept) = (now, 0);
        }
        *kept += 1;
        *kept <= KEPT_A_SPAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_kept_in_samples() {
        let (rejections, app, now) = (Rejections::default(), AppId::new(), Instant::now());
        assert_eq!((0..1000).filter(|_| rejections.admits_at(app, now)).count(), 30);
        assert!(rejections.admits_at(AppId::new(), now), "another app has its own");
        assert!(rejections.admits_at(app, now + SPAN));
    }
}
