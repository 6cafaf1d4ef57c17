//! How each component is, in words.

use serde::Serialize;

use crate::{
    health::{Component, Facts, Name, Report, Status},
    web::present::{Badge, size},
};

/// How µPaaS is as a whole, and each part of it.
#[derive(Serialize)]
pub(super) struct Components {
    pub(super) badge: Badge,
    list: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    title: &'static str,
    badge: Badge,
    sentence: String,
    failing: bool,
}

impl From<&Report> for Components {
    fn from(report: &Report) -> Self {
        let badge = match report.status {
            Status::Ok => Badge { kind: "success", icon: "check", word: "Healthy" },
            Status::Degraded => Badge { kind: "warning", icon: "alert", word: "Degraded" },
            Status::Unhealthy => Badge { kind: "failed", icon: "cross", word: "Unhealthy" },
        };
        Self { badge, list: report.components.iter().map(|(name, component)| row(*name, component)).collect() }
    }
}

fn row(name: Name, component: &Component) -> Row {
    let badge = match component.facts {
        _ if !component.ok && name.is_needed() => Badge { kind: "failed", icon: "cross", word: "Failing" },
        _ if !component.ok => Badge { kind: "warning", icon: "alert", word: "Failing" },
        Facts::Optional { configured: false } => Badge { kind: "idle", icon: "circle", word: "Not set up" },
        _ => Badge { kind: "success", icon: "check", word: "OK" },
    };
    let sentence = match (&component.problem, said(&component.facts)) {
        (Some(problem), Some(said)) => format!("{} {said}", sentence(problem)),
        (Some(problem), None) => sentence(problem),
        (None, said) => said.unwrap_or_else(|| "It can be written to.".to_owned()),
    };
    Row { title: title(name), badge, sentence, failing: !component.ok }
}

const fn title(name: Name) -> &'static str {
    match name {
        Name::Database => "Database",
        Name::DataDirectory => "Data directory",
        Name::Docker => "Engine",
        Name::Disk => "Disk",
        Name::Queue => "Queue",
        Name::Git => "git",
        Name::Audit => "Audit log",
        Name::Notifications => "Notifications",
        Name::Forge => "Forge",
    }
}

/// What the facts say; nothing when there are none.
fn said(facts: &Facts) -> Option<String> {
    Some(match facts {
        Facts::None {} => return None,
        Facts::Database { size_bytes, .. } => format!("{}.", size(*size_bytes)),
        Facts::Docker { version, api_version } => format!("Docker Engine {version}, API {api_version}."),
        Facts::Disk { free_bytes, total_bytes } => format!("{} free of {}.", size(*free_bytes), size(*total_bytes)),
        Facts::Queue { waiting: 0, running: 0, .. } => "Nothing waits and nothing runs.".to_owned(),
        Facts::Queue { waiting, running, .. } => format!("{waiting} waiting, {running} running."),
        Facts::Git { version } => format!("git {version}."),
        Facts::Audit { backlog: 0, .. } => "Every entry is in the files.".to_owned(),
        Facts::Audit { backlog, .. } => format!("{backlog} not in the files yet."),
        Facts::Optional { configured: false } => "Nothing to ask.".to_owned(),
        Facts::Optional { configured: true } => "It answers.".to_owned(),
    })
}

/// With a capital letter and a full stop: `no answer within 1 s` is said to programs.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}{}", letters.as_str(), if text.ends_with(['.', '!', '?']) { "" } else { "." })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_says_why_and_then_what_is_known() {
        let low = Component::failing("Little space is left.", Facts::Disk { free_bytes: 500_000_000, total_bytes: 10_000_000_000 });
        let shown = row(Name::Disk, &low);
        assert_eq!(shown.sentence, "Little space is left. 500 MB free of 10 GB.");
        assert_eq!((shown.badge.word, shown.badge.kind), ("Failing", "warning"));
        let silent = row(Name::Docker, &Component::failing("no answer within 1 s", Facts::None {}));
        assert_eq!(silent.sentence, "No answer within 1 s.");
        assert_eq!((silent.badge.word, silent.badge.kind), ("Failing", "failed"));
    }

    #[test]
    fn what_is_well_says_how_it_is() {
        let well = |name, facts| row(name, &Component::well(facts)).sentence;
        assert_eq!(well(Name::DataDirectory, Facts::None {}), "It can be written to.");
        assert_eq!(well(Name::Queue, Facts::Queue { waiting: 2, running: 1, oldest_seconds: 9 }), "2 waiting, 1 running.");
        assert_eq!(row(Name::Forge, &Component::well(Facts::Optional { configured: false })).badge.word, "Not set up");
    }
}
