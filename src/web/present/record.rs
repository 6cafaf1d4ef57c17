//! What an app's last deployments come to, in words.

use serde::Serialize;

use super::cause;
use crate::domain::{history::Record, moment::duration};

/// What an app's last deployments come to.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct RecordView {
    /// `the last 100`, `all 12`, `the only one`: those that count.
    of: String,
    percent: usize,
    successes: usize,
    runs: usize,
    median: Option<String>,
    ninth_decile: Option<String>,
    median_build: Option<String>,
    /// `3 app, 1 git host`; none when nothing failed.
    causes: Option<String>,
}

impl RecordView {
    /// None when nothing has succeeded or failed yet.
    pub(in crate::web) fn new(record: &Record) -> Option<Self> {
        let causes: Vec<String> = record.causes.iter().map(|(it, count)| format!("{count} {}", cause(*it))).collect();
        Some(Self {
            of: match record.runs {
                1 => "the only one".to_owned(),
                runs if runs < Record::RUNS_MAX => format!("all {runs}"),
                runs => format!("the last {runs}"),
            },
            percent: record.success_percent()?,
            successes: record.successes,
            runs: record.runs,
            median: record.median.map(duration),
            ninth_decile: record.ninth_decile.filter(|_| record.successes >= 10).map(duration),
            median_build: record.median_build.map(duration),
            causes: (!causes.is_empty()).then(|| causes.join(", ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::deployment::Cause;

    #[test]
    fn what_the_last_ones_come_to_is_said_of_how_many() {
        let record = |runs: usize, successes: usize| Record {
            runs,
            successes,
            median: Some(8_200),
            ninth_decile: Some(72_000),
            median_build: None,
            causes: vec![(Cause::User, 3), (Cause::Forge, 1)],
        };
        assert_eq!(RecordView::new(&Record::of(&[])), None);
        let view = RecordView::new(&record(100, 96)).expect("there are some");
        assert_eq!((&*view.of, view.percent, view.causes.as_deref()), ("the last 100", 96, Some("3 app, 1 git host")));
        assert_eq!((view.median.as_deref(), view.ninth_decile.as_deref()), (Some("8.2 s"), Some("1 m 12 s")));
        let few = RecordView::new(&record(12, 8)).expect("there are some");
        assert_eq!((&*few.of, few.percent, few.ninth_decile), ("all 12", 66, None), "nine of ten of eight say nothing");
    }
}
