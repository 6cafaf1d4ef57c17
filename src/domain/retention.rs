//! How long what happened is kept.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Invalid, moment::Moment};

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

/// What a run of retention has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it ended.
    pub at: Moment,
    /// Audit entries.
    pub audit: u64,
    /// Files with copies of audit entries.
    pub files: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Journals.
    pub journals: u64,
}

impl LastRun {
    /// A run that has removed nothing yet.
    pub fn begun() -> Self {
        Self { at: Moment::now(), audit: 0, files: 0, deliveries: 0, journals: 0 }
    }
}

impl fmt::Display for LastRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.audit, "audit entry", "audit entries"),
            (self.files, "audit file", "audit files"),
            (self.deliveries, "delivery", "deliveries"),
            (self.journals, "journal", "journals"),
        ];
        let said: Vec<String> = parts
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
            .collect();
        if said.is_empty() { f.write_str("nothing was old enough to go") } else { write!(f, "{} went", said.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_what_went_and_leaves_out_what_did_not() {
        let said =
            |audit, files, deliveries, journals| LastRun { at: Moment::from_unix_ms(0), audit, files, deliveries, journals }.to_string();
        assert_eq!(said(0, 0, 0, 0), "nothing was old enough to go");
        assert_eq!(said(120, 1, 0, 2), "120 audit entries, 1 audit file, 2 journals went");
    }

    #[test]
    fn only_sensible_numbers_of_days_are_taken() {
        assert_eq!("30".parse::<Days>().map(|days| days.to_string()), Ok("30".to_owned()));
        for bad in ["", "0", "-1", "3651", "70000", "a week", "1.5"] {
            assert!(bad.parse::<Days>().is_err(), "{bad}");
        }
    }
}
