//! The bars that tell how far a deployment came, and what its time went into.

use serde::Serialize;

use crate::domain::{
    deployment::{Deployment, Status},
    moment::{Moment, duration},
};

/// A phase of a deployment in the bar.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct Phase {
    name: &'static str,
    word: &'static str,
    state: &'static str,
    duration: Option<String>,
    #[serde(skip)]
    took_ms: Option<u64>,
    /// How long it runs so far, in milliseconds, while it does.
    running_ms: Option<u64>,
    /// Where in the journal it begins.
    anchor: Option<String>,
}

/// The phases of a deployment, as far as they came: four, or two of one that builds nothing.
pub(in crate::web) fn phases(deployment: &Deployment, now: Moment) -> Vec<Phase> {
    let (times, lines) = (&deployment.times, &deployment.lines);
    let begins = [Some(times.queued), times.cloning, times.building, times.deploying];
    let table = [
        (None, "queued", "queued"),
        (lines.cloning, "cloning", "cloned"),
        (lines.building, "building", "built"),
        (lines.deploying, "deploying", "deployed"),
    ];
    let last = begins.iter().rposition(Option::is_some).unwrap_or(0);
    table
        .iter()
        .enumerate()
        .filter(|(place, _)| !deployment.trigger.takes_an_image_over() || matches!(place, 0 | 3))
        .map(|(place, (line, doing, done))| {
            let ended = begins[place + 1..].iter().flatten().next().copied().or(times.finished);
            let state = match deployment.status {
                _ if begins[place].is_none() && place > last => "todo",
                Status::Failed if place == last => "failed",
                Status::Cancelled | Status::Superseded | Status::Skipped if place == last => "stopped",
                status if !status.is_end() && place == last => "current",
                _ => "done",
            };
            let took = begins[place].map(|begin| ended.unwrap_or(now).since(begin));
            Phase {
                name: doing,
                word: if state == "done" { done } else { doing },
                state,
                duration: took.map(duration),
                took_ms: took,
                running_ms: took.filter(|_| state == "current"),
                anchor: line.map(|line| format!("?line={line}#L{line}")),
            }
        })
        .collect()
}

/// What the time of a deployment went into: its phases in proportion, on a line 100 wide.
#[derive(Debug, PartialEq, Serialize)]
pub(in crate::web) struct PhaseBar {
    /// `waited 0.1 s, cloned 0.4 s, failed while building after 8.2 s`.
    text: String,
    parts: Vec<Part>,
}

/// A phase on the line.
#[derive(Debug, PartialEq, Serialize)]
struct Part {
    name: &'static str,
    state: &'static str,
    x: f64,
    width: f64,
}

/// A phase that took less than this part of a hundred is drawn as if it had.
const NARROWEST: f64 = 3.0;

impl PhaseBar {
    pub(in crate::web) fn new(deployment: &Deployment, now: Moment) -> Self {
        let phases: Vec<(Phase, u64)> = phases(deployment, now).into_iter().filter_map(|it| it.took_ms.map(|ms| (it, ms))).collect();
        let words: Vec<String> = phases.iter().map(|(phase, ms)| said(phase, *ms, deployment.attempt > 1)).collect();
        let whole: f64 = phases.iter().map(|(_, ms)| *ms as f64).sum::<f64>().max(1.0);
        let widths: Vec<f64> = phases.iter().map(|(_, ms)| (*ms as f64 * 100.0 / whole).max(NARROWEST)).collect();
        let scale = 100.0 / widths.iter().sum::<f64>();
        let mut x = 0.0;
        let parts = phases.iter().zip(&widths).map(|((phase, _), width)| {
            let part = Part { name: phase.name, state: phase.state, x: rounded(x), width: rounded(width * scale) };
            x += width * scale;
            part
        });
        Self { text: words.join(", "), parts: parts.collect() }
    }
}

/// To a tenth, which nobody sees.
fn rounded(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

/// A phase in words. What it waited is counted from when it was asked for, so with the attempts before the last one.
fn said(phase: &Phase, ms: u64, again: bool) -> String {
    let took = duration(ms);
    let (doing, done) = match phase.name {
        "queued" if again => ("waiting, with the attempts before,", "waited, with the attempts before,"),
        "queued" => ("waiting", "waited"),
        name => (name, phase.word),
    };
    match phase.state {
        "failed" => format!("failed while {doing} after {took}"),
        "stopped" => format!("stopped while {doing} after {took}"),
        "current" => format!("{doing} for {took}"),
        _ => format!("{done} {took}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        deployment::{Ending, Times},
        ids::AppId,
    };

    fn deployment(status: Status, begins: [Option<i64>; 3], finished: Option<i64>) -> Deployment {
        let at = |seconds: i64| Moment::from_unix_ms(seconds * 1000);
        let [cloning, building, deploying] = begins.map(|begin| begin.map(at));
        let times = Times { queued: at(0), cloning, building, deploying, finished: finished.map(at) };
        let ending = finished.map(|_| Ending::without_fault(Status::Queued, ""));
        Deployment { ending, ..Deployment::bare(AppId::new(), status, times) }
    }

    fn bar(deployment: &Deployment) -> String {
        let phases = phases(deployment, Moment::from_unix_ms(60_000));
        let said: Vec<String> =
            phases.iter().map(|it| format!("{} {} {}", it.word, it.state, it.duration.as_deref().unwrap_or("-"))).collect();
        said.join(", ")
    }

    #[test]
    fn the_bar_tells_how_far_a_deployment_came() {
        let bars = [
            bar(&deployment(Status::Queued, [None; 3], None)),
            bar(&deployment(Status::Building, [Some(1), Some(3), None], None)),
            bar(&deployment(Status::Failed, [Some(1), Some(3), None], Some(9))),
            bar(&deployment(Status::Cancelled, [None; 3], Some(5))),
            bar(&deployment(Status::Success, [Some(1), Some(3), Some(9)], Some(12))),
        ];
        insta::assert_snapshot!(bars.join("\n"), @r"
        queued current 1 m 0 s, cloning todo -, building todo -, deploying todo -
        queued done 1.0 s, cloned done 2.0 s, building current 57 s, deploying todo -
        queued done 1.0 s, cloned done 2.0 s, building failed 6.0 s, deploying todo -
        queued stopped 5.0 s, cloning todo -, building todo -, deploying todo -
        queued done 1.0 s, cloned done 2.0 s, built done 6.0 s, deployed done 3.0 s
        ");
    }

    #[test]
    fn the_time_of_a_deployment_is_said_in_words() {
        let said = |deployment: &Deployment| PhaseBar::new(deployment, Moment::from_unix_ms(60_000)).text;
        let texts = [
            said(&deployment(Status::Queued, [None; 3], None)),
            said(&deployment(Status::Building, [Some(1), Some(3), None], None)),
            said(&deployment(Status::Failed, [Some(1), Some(3), None], Some(9))),
            said(&deployment(Status::Cancelled, [None; 3], Some(5))),
            said(&deployment(Status::Success, [Some(1), Some(3), Some(9)], Some(12))),
            said(&deployment(Status::Success, [None, None, Some(9)], Some(12))),
            said(&Deployment { attempt: 2, ..deployment(Status::Cloning, [Some(50), None, None], None) }),
        ];
        insta::assert_snapshot!(texts.join("\n"), @r"
        waiting for 1 m 0 s
        waited 1.0 s, cloned 2.0 s, building for 57 s
        waited 1.0 s, cloned 2.0 s, failed while building after 6.0 s
        stopped while waiting after 5.0 s
        waited 1.0 s, cloned 2.0 s, built 6.0 s, deployed 3.0 s
        waited 9.0 s, deployed 3.0 s
        waited, with the attempts before, 50 s, cloning for 10 s
        ");
    }

    #[test]
    fn the_phases_share_a_line_in_proportion_and_each_can_be_seen() {
        let line = |begins, finished| -> Vec<(f64, f64)> {
            let bar = PhaseBar::new(&deployment(Status::Success, begins, Some(finished)), Moment::from_unix_ms(0));
            bar.parts.iter().map(|part| (part.x, part.width)).collect()
        };
        assert_eq!(line([Some(10), Some(30), Some(90)], 100), [(0.0, 10.0), (10.0, 20.0), (30.0, 60.0), (90.0, 10.0)]);
        assert_eq!(line([Some(0), Some(0), Some(0)], 0), [(0.0, 25.0), (25.0, 25.0), (50.0, 25.0), (75.0, 25.0)]);
        let slow = line([Some(1), Some(2), Some(99_999)], 100_000);
        assert!(slow.iter().all(|(_, width)| *width > 2.5), "{slow:?}");
        assert!(slow.iter().map(|(_, width)| width).sum::<f64>() < 100.5, "{slow:?}");
    }
}
