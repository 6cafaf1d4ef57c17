//! Many times as a few.

use std::{fmt, time::Duration};

/// Times, sorted.
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    /// Of times in seconds.
    pub(crate) fn of(seconds: impl IntoIterator<Item = f64>) -> Self {
        let mut seconds: Vec<f64> = seconds.into_iter().collect();
        seconds.sort_by(f64::total_cmp);
        Self(seconds)
    }

    pub(crate) fn of_times(times: impl IntoIterator<Item = Duration>) -> Self {
        Self::of(times.into_iter().map(|time| time.as_secs_f64()))
    }

    /// In milliseconds: so many percent are not above it.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return f64::NAN };
        self.0[(last as f64 * percent / 100.0).round() as usize] * 1000.0
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, percent) in [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("max", 100.0)] {
            write!(f, "{name} {:>8.2} ms   ", self.percentile(percent))?;
        }
        Ok(())
    }
}
