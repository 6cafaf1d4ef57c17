//! An entry as other programs read it: one JSON object, the same in the files, in the API and in an export.

use std::net::IpAddr;

use serde::Serialize;

use crate::domain::audit::{Action, Entry, Outcome, Resource};

/// The object. Its names are an interface; new ones may be added.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// The entry's number.
    pub id: i64,
    /// When: ISO 8601, UTC, milliseconds.
    pub timestamp: String,
    /// What was done.
    pub action: Action,
    /// Whether it worked.
    pub result: Outcome,
    /// Who, when somebody was signed in.
    pub user_id: Option<i64>,
    /// Who, by name.
    pub user_name: &'a str,
    /// From where.
    pub address: Option<IpAddr>,
    /// To what kind of thing.
    pub resource_type: Resource,
    /// Which one.
    pub resource_id: &'a str,
    /// Which one, by name.
    pub resource_name: &'a str,
    /// More about it, in words.
    pub detail: &'a str,
}

/// An entry as that object.
pub fn json(entry: &Entry) -> Line<'_> {
    let act = &entry.act;
    Line {
        id: entry.id,
        timestamp: entry.at.iso(),
        action: act.action,
        result: act.outcome,
        user_id: act.actor.user,
        user_name: &act.actor.name,
        address: act.actor.address,
        resource_type: act.subject.kind,
        resource_id: &act.subject.id,
        resource_name: &act.subject.name,
        detail: &act.detail,
    }
}
