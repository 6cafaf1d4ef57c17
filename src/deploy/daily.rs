//! What is done once a day.

use std::time::Duration;

use tokio::time::sleep;

use super::Shared;
use crate::domain::moment::Moment;

/// How much time is between two times that nobody asked for.
const EVERY_MS: u64 = 24 * 60 * 60 * 1000;
/// After a start this much passes first, and at least as much after each time.
pub(super) const SETTLE: Duration = Duration::from_secs(10 * 60);

/// Waits until what was done `last` then is due again, and for `pause` at least; false when µPaaS stops.
pub(super) async fn is_due(shared: &Shared, last: Option<Moment>, pause: Duration) -> bool {
    shared.stop.run_until_cancelled(sleep(pause.max(left(last, Moment::now())))).await.is_some()
}

/// How long it is until that.
fn left(last: Option<Moment>, now: Moment) -> Duration {
    last.map_or(Duration::ZERO, |last| Duration::from_millis(EVERY_MS.saturating_sub(now.since(last))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_a_day_after_the_last_time_and_at_once_where_there_was_none() {
        let now = Moment::from_unix_ms(100 * 24 * 60 * 60 * 1000);
        let hour = 60 * 60 * 1000;
        assert_eq!(left(None, now), Duration::ZERO);
        assert_eq!(left(Some(now.before(23 * hour)), now), Duration::from_secs(60 * 60));
        assert_eq!(left(Some(now.before(25 * hour)), now), Duration::ZERO);
    }
}
