//! Points in time and spans between them, as stored and as read by people.

use time::{OffsetDateTime, macros::format_description};

/// A point in time: milliseconds since the Unix epoch, UTC. Stored as an integer, so that order is plain comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Moment(i64);

impl Moment {
    /// Now, by this machine's clock.
    pub fn now() -> Self {
        OffsetDateTime::now_utc().into()
    }

    /// From milliseconds since the Unix epoch.
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// From an RFC 3339 timestamp as engines and git write it; `None` when it is not one.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok().map(Self::from)
    }

    /// `2026-11-22T00:20:20.123Z`, always 24 characters in the years 0 to 9999.
    pub fn iso(self) -> String {
        self.written(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"))
    }

    /// `2026-11-22 00:20:20 UTC`, for hovering.
    pub fn exact(self) -> String {
        self.written(format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC"))
    }

    /// `2026-11-22`.
    pub fn date(self) -> String {
        self.written(format_description!("[year]-[month]-[day]"))
    }

    /// Milliseconds from `earlier` to this moment, never negative (clocks may step back).
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// This many milliseconds before this moment.
    #[must_use]
    pub const fn before(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// `3 min ago`, as read at `now`.
    pub fn ago(self, now: Self) -> String {
        let seconds = now.since(self) / 1000;
        match seconds {
            0..=4 => "just now".to_owned(),
            5..=59 => format!("{seconds} s ago"),
            60..=3_599 => format!("{} min ago", seconds / 60),
            3_600..=86_399 => format!("{} h ago", seconds / 3_600),
            86_400..=2_591_999 => format!("{} d ago", seconds / 86_400),
            _ => self.date(),
        }
    }

    fn written(self, format: &(impl time::formatting::Formattable + ?Sized)) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|time| time.format(format).ok())
            .unwrap_or_else(|| "unknown".to_owned())
    }
}

/// `0.4 s`, `42 s`, `1 m 12 s`, `2 h 5 m`, `3 d 4 h`.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..=9 => format!("{}.{} s", seconds, (ms % 1000) / 100),
        10..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} m {} s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{} h {} m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

impl From<OffsetDateTime> for Moment {
    fn from(time: OffsetDateTime) -> Self {
        Self(i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let said: Vec<String> = [0, 430, 9_999, 42_000, 72_000, 7_500_000, 273_600_000].map(duration).into();
        assert_eq!(said, ["0.0 s", "0.4 s", "9.9 s", "42 s", "1 m 12 s", "2 h 5 m", "3 d 4 h"]);
    }

    #[test]
    fn a_clock_that_steps_back_never_gives_a_negative_span() {
        assert_eq!(Moment::from_unix_ms(5).since(Moment::from_unix_ms(9)), 0);
        assert_eq!(Moment::from_unix_ms(5).ago(Moment::from_unix_ms(0)), "just now");
    }

    #[test]
    fn iso_is_fixed_width_and_parses_back() {
        let moment = Moment::from_unix_ms(1_795_306_820_120);
        assert_eq!(moment.iso(), "2026-11-22T00:20:20.120Z");
        assert_eq!(Moment::parse_rfc3339(&moment.iso()), Some(moment));
    }
}
