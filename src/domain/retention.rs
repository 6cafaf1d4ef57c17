//! How long what happened is kept.

use std::{fmt, str::FromStr};

use super::Invalid;

/// A number of days for which something is kept, from 1 to 3650.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u16);

impl Days {
    const MAX: u16 = 3650;

    /// As milliseconds.
    pub const fn as_ms(self) -> i64 {
        self.0 as i64 * 24 * 60 * 60 * 1000
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Days {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let days = text.parse().ok().filter(|days| (1..=Self::MAX).contains(days));
        days.map(Self).ok_or_else(|| Invalid::because(format!("Write a whole number of days, from 1 to {}.", Self::MAX)))
    }
}

/// What is kept for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Audit entries: rows and files.
    pub audit: Days,
    /// Deliveries.
    pub deliveries: Days,
    /// Journals of deployments that are not in the kept set.
    pub journals: Days,
}

impl Default for Retention {
    fn default() -> Self {
        Self { audit: Days(90), deliveries: Days(30), journals: Days(90) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sensible_numbers_of_days_are_taken() {
        assert_eq!("30".parse::<Days>().map(|days| days.to_string()), Ok("30".to_owned()));
        for bad in ["", "0", "-1", "3651", "70000", "a week", "1.5"] {
            assert!(bad.parse::<Days>().is_err(), "{bad}");
        }
    }
}
