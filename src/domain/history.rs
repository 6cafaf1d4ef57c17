//! What an app's deployments of the past say about it: how many succeeded, how long they took, whose fault the others were.

use super::{
    deployment::{Cause, Status, Times},
    text_enum::text_enum,
};

text_enum! {
    /// How a deployment ended, or that it has not.
    Outcome {
        /// It waits or runs.
        Unfinished = "unfinished",
        /// It became live.
        Success = "success",
        /// It ended with a cause.
        Failed = "failed",
        /// The operator ended it.
        Cancelled = "cancelled",
        /// A newer push replaced it.
        Superseded = "superseded",
        /// Nothing that is watched had changed.
        Skipped = "skipped",
    }
}

impl Outcome {
    /// The status of those that ended so; none of those that have not.
    pub const fn status(self) -> Option<Status> {
        match self {
            Self::Unfinished => None,
            Self::Success => Some(Status::Success),
            Self::Failed => Some(Status::Failed),
            Self::Cancelled => Some(Status::Cancelled),
            Self::Superseded => Some(Status::Superseded),
            Self::Skipped => Some(Status::Skipped),
        }
    }
}

/// A deployment that succeeded or failed, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Why it failed; none when it succeeded.
    pub cause: Option<Cause>,
    /// When each phase began, and the end.
    pub times: Times,
}

impl Run {
    /// From its first phase to its end, in milliseconds: without the wait in the queue.
    fn took(&self) -> Option<u64> {
        Some(self.times.finished?.since(self.times.began()?))
    }

    /// From the begin of its build to that of the container work, in milliseconds; none when nothing was built.
    fn built(&self) -> Option<u64> {
        Some(self.times.deploying?.since(self.times.building?))
    }
}

/// What some deployments come to. Times are those of the successful ones, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How many they are.
    pub runs: usize,
    /// How many of them succeeded.
    pub successes: usize,
    /// Half of them took no longer than this.
    pub median: Option<u64>,
    /// Nine of ten took no longer than this.
    pub ninth_decile: Option<u64>,
    /// The median of their builds.
    pub median_build: Option<u64>,
    /// How many failed for each cause, the most frequent first.
    pub causes: Vec<(Cause, usize)>,
}

impl Record {
    /// So many deployments of an app count, the newest.
    pub const RUNS_MAX: usize = 100;

    /// What these deployments come to.
    pub fn of(runs: &[Run]) -> Self {
        let successes = || runs.iter().filter(|run| run.cause.is_none());
        let took: Vec<u64> = sorted(successes().filter_map(Run::took));
        let mut causes: Vec<(Cause, usize)> =
            Cause::ALL.iter().map(|cause| (*cause, runs.iter().filter(|run| run.cause == Some(*cause)).count())).collect();
        causes.retain(|(_, count)| *count > 0);
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Self {
            runs: runs.len(),
            successes: successes().count(),
            median: median(&took),
            ninth_decile: took.get((took.len() * 9).div_ceil(10).saturating_sub(1)).copied(),
            median_build: median(&sorted(successes().filter_map(Run::built))),
            causes,
        }
    }

    /// How many of a hundred succeeded, rounded down, so that 100 means all of them; none when there was none.
    pub fn success_percent(&self) -> Option<usize> {
        (self.successes * 100).checked_div(self.runs)
    }
}

fn sorted(values: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values
}

/// The middle of sorted values, or halfway between the two in the middle.
fn median(sorted: &[u64]) -> Option<u64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(lower + (upper - lower) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moment::Moment;

    fn run(cause: Option<Cause>, cloning: Option<i64>, building: Option<i64>, deploying: Option<i64>, finished: i64) -> Run {
        let at = Moment::from_unix_ms;
        let times = Times {
            queued: at(-1_000_000),
            cloning: cloning.map(at),
            building: building.map(at),
            deploying: deploying.map(at),
            finished: Some(at(finished)),
        };
        Run { cause, times }
    }

    fn success(took: i64) -> Run {
        run(None, Some(0), Some(10), Some(10 + took / 2), took)
    }

    #[test]
    fn nothing_comes_to_nothing() {
        let record = Record::of(&[]);
        assert_eq!((record.runs, record.success_percent(), record.median, record.ninth_decile), (0, None, None, None));
        assert_eq!((record.median_build, record.causes), (None, vec![]));
    }

    #[test]
    fn times_are_those_of_the_successful_ones_without_their_wait() {
        let slow_failure = run(Some(Cause::User), Some(0), Some(1), None, 9_000_000);
        let record = Record::of(&[success(400), slow_failure, success(100), success(300)]);
        assert_eq!((record.median, record.ninth_decile, record.median_build), (Some(300), Some(400), Some(150)));
        assert_eq!((record.runs, record.successes, record.success_percent()), (4, 3, Some(75)));
    }

    #[test]
    fn of_an_even_number_the_median_is_in_the_middle_of_two() {
        assert_eq!(Record::of(&[success(100), success(400)]).median, Some(250));
        assert_eq!(median(&[u64::MAX - 1, u64::MAX]), Some(u64::MAX - 1), "whatever a clock said");
    }

    #[test]
    fn nine_of_ten_took_no_longer_than_the_ninth_decile() {
        let runs: Vec<Run> = (1..=100).map(success).collect();
        assert_eq!(Record::of(&runs).ninth_decile, Some(90));
        assert_eq!(Record::of(&runs[..10]).ninth_decile, Some(9));
        assert_eq!(Record::of(&runs[..1]).ninth_decile, Some(1));
    }

    #[test]
    fn what_was_not_built_has_no_build_and_still_a_duration() {
        let applied = run(None, None, None, Some(500), 900);
        let record = Record::of(&[applied]);
        assert_eq!((record.median, record.median_build), (Some(400), None));
    }

    #[test]
    fn one_that_never_began_is_a_failure_without_a_duration() {
        let record = Record::of(&[run(Some(Cause::Engine), None, None, None, 900)]);
        assert_eq!((record.runs, record.success_percent(), record.median), (1, Some(0), None));
    }

    #[test]
    fn a_hundred_percent_is_all_of_them() {
        let failure = |cause| run(Some(cause), Some(0), None, None, 1);
        let mut runs: Vec<Run> = (0..299).map(|_| success(1)).collect();
        assert_eq!(Record::of(&runs).success_percent(), Some(100));
        runs.push(failure(Cause::Forge));
        assert_eq!(Record::of(&runs).success_percent(), Some(99));
    }

    #[test]
    fn causes_are_counted_the_most_frequent_first() {
        let failure = |cause| run(Some(cause), Some(0), None, None, 1);
        let runs = [failure(Cause::User), failure(Cause::Forge), success(1), failure(Cause::Internal), failure(Cause::Forge)];
        assert_eq!(Record::of(&runs).causes, [(Cause::Forge, 2), (Cause::User, 1), (Cause::Internal, 1)]);
    }

    #[test]
    fn an_outcome_is_an_end_or_none_yet() {
        let ends = Outcome::ALL.iter().filter_map(|it| it.status());
        assert!(ends.clone().all(Status::is_end));
        assert_eq!(ends.count(), Status::ALL.iter().filter(|status| status.is_end()).count());
    }
}
