//! The bar that tells how far a deployment came.

use serde::Serialize;

use crate::domain::{
    deployment::{Deployment, Status, Trigger},
    moment::{Moment, duration},
};

/// A phase of a deployment in the bar.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct Phase {
    name: &'static str,
    word: &'static str,
    state: &'static str,
    duration: Option<String>,
    /// How long it runs so far, in milliseconds, while it does.
    running_ms: Option<u64>,
    /// Where in the journal it begins.
    anchor: Option<String>,
}

/// The phases of a deployment, as far as they came: four, or two of one that only gives the container other settings.
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
        .filter(|(place, _)| deployment.trigger != Trigger::Config || matches!(place, 0 | 3))
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
                running_ms: took.filter(|_| state == "current"),
                anchor: line.map(|line| format!("?line={line}#L{line}")),
            }
        })
        .collect()
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
}
