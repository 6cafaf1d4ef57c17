//! What the parts of µPaaS say of themselves. As JSON this is what `/health` answers.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::domain::disk::Space;

/// Which part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// The SQLite file.
    Database,
    /// The folder that everything is kept in.
    DataDirectory,
    /// The engine.
    Docker,
    /// The file system of the data directory.
    Disk,
    /// Deployments that wait or run.
    Queue,
    /// git, on this machine.
    Git,
    /// The audit log's way into its files.
    Audit,
    /// What sends notifications.
    Notifications,
    /// The forge's API.
    Forge,
}

impl Name {
    /// Without it µPaaS itself does not work.
    pub const fn is_vital(self) -> bool {
        matches!(self, Self::Database | Self::DataDirectory)
    }

    /// Without it nothing can be deployed.
    pub const fn is_needed(self) -> bool {
        self.is_vital() || matches!(self, Self::Docker)
    }
}

/// What a component says beside whether it is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Facts {
    /// Nothing more, or it did not get that far.
    None {},
    /// The database.
    Database {
        /// `ok`, `unchecked`, or `failed: …`.
        integrity: String,
        /// When that was found, in ISO form.
        checked_at: Option<String>,
        /// The size of the file.
        size_bytes: u64,
    },
    /// The engine.
    Docker {
        /// Its version.
        version: String,
        /// The API version that both sides speak.
        api_version: String,
    },
    /// A file system.
    Disk {
        /// What is left of it.
        free_bytes: u64,
        /// How large it is.
        total_bytes: u64,
    },
    /// The queue.
    Queue {
        /// How many deployments wait.
        waiting: usize,
        /// How many run.
        running: usize,
        /// How long the one that waits longest does; 0 when none does.
        oldest_seconds: u64,
    },
    /// git.
    Git {
        /// Its version.
        version: String,
    },
    /// The audit log.
    Audit {
        /// How many entries are not in the files yet.
        backlog: u64,
        /// How old the oldest of them is; 0 when there is none.
        oldest_seconds: u64,
    },
    /// Something that is used once it is configured.
    Optional {
        /// Whether it is.
        configured: bool,
    },
}

impl Facts {
    /// The file system, when they are about one.
    pub fn space(&self) -> Option<Space> {
        match self {
            Self::Disk { free_bytes, total_bytes } => Some(Space { free: *free_bytes, total: *total_bytes }),
            _ => None,
        }
    }
}

/// What a component says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Component {
    /// Whether it is well.
    pub ok: bool,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What else there is to say.
    #[serde(flatten)]
    pub facts: Facts,
}

impl Component {
    /// It is well.
    pub fn well(facts: Facts) -> Self {
        Self { ok: true, problem: None, facts }
    }

    /// It is not.
    pub fn failing(problem: impl Into<String>, facts: Facts) -> Self {
        Self { ok: false, problem: Some(problem.into()), facts }
    }

    /// It is well unless there is a problem.
    pub fn unless(problem: Option<String>, facts: Facts) -> Self {
        Self { ok: problem.is_none(), problem, facts }
    }
}

/// How it is as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Ok,
    /// Something does not work, but µPaaS itself does.
    Degraded,
    /// µPaaS itself does not work.
    Unhealthy,
}

/// What all components say.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// How it is as a whole.
    pub status: Status,
    /// µPaaS's version.
    pub version: &'static str,
    /// How long it has been running.
    pub uptime_seconds: u64,
    /// Each component.
    #[serde(serialize_with = "as_map")]
    pub components: Vec<(Name, Component)>,
}

impl Report {
    pub(super) fn new(uptime: Duration, components: Vec<(Name, Component)>) -> Self {
        let failing = |of: fn(Name) -> bool| components.iter().any(|(name, component)| of(*name) && !component.ok);
        let status = if failing(Name::is_vital) {
            Status::Unhealthy
        } else if failing(|_| true) {
            Status::Degraded
        } else {
            Status::Ok
        };
        Self { status, version: env!("CARGO_PKG_VERSION"), uptime_seconds: uptime.as_secs(), components }
    }
}

impl Report {
    /// The file system of the data directory, when it says how it is.
    pub fn space(&self) -> Option<Space> {
        self.components.iter().find_map(|(_, component)| component.facts.space())
    }
}

fn as_map<S: Serializer>(components: &[(Name, Component)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(components.iter().map(|(name, component)| (name, component)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(failing: &[Name]) -> Report {
        let names = [Name::Database, Name::DataDirectory, Name::Docker, Name::Audit];
        let said = |name: &Name| Component::unless(failing.contains(name).then(|| "It is broken.".to_owned()), Facts::None {});
        Report::new(Duration::from_millis(2500), names.iter().map(|name| (*name, said(name))).collect())
    }

    #[test]
    fn only_what_upaas_itself_needs_makes_it_unhealthy() {
        let status = |failing: &[Name]| report(failing).status;
        assert_eq!(status(&[]), Status::Ok);
        assert_eq!(status(&[Name::Audit]), Status::Degraded);
        assert_eq!(status(&[Name::Docker]), Status::Degraded);
        assert_eq!(status(&[Name::DataDirectory]), Status::Unhealthy);
        assert_eq!(status(&[Name::Docker, Name::Database]), Status::Unhealthy);
    }

    #[test]
    fn the_report_as_json() {
        let mut report = report(&[Name::Docker]);
        report.version = "1.2.3";
        report.components.truncate(3);
        report.components[0].1.facts =
            Facts::Database { integrity: "ok".to_owned(), checked_at: Some("1970-01-01T00:00:00.000Z".to_owned()), size_bytes: 4096 };
        insta::assert_snapshot!(serde_json::to_string_pretty(&report).expect("JSON"), @r#"
        {
          "status": "degraded",
          "version": "1.2.3",
          "uptime_seconds": 2,
          "components": {
            "database": {
              "ok": true,
              "integrity": "ok",
              "checked_at": "1970-01-01T00:00:00.000Z",
              "size_bytes": 4096
            },
            "data_directory": {
              "ok": true
            },
            "docker": {
              "ok": false,
              "problem": "It is broken."
            }
          }
        }
        "#);
    }
}
