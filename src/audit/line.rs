//! An entry as JSON: the same object in the files, in the export and over the API.

use std::net::IpAddr;

use serde::Serialize;

use crate::domain::audit::{Action, Entry, Outcome, Resource};

/// An entry, its fields in the order in which they are written.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    id: i64,
    timestamp: String,
    action: Action,
    result: Outcome,
    user_id: Option<i64>,
    user_name: &'a str,
    address: Option<IpAddr>,
    resource_type: Resource,
    resource_id: &'a str,
    resource_name: &'a str,
    detail: &'a str,
}

/// The entry as it is written.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        audit::{Act, Actor, Subject},
        moment::Moment,
    };

    #[test]
    fn an_entry_is_written_with_these_fields_in_this_order() {
        let entry = Entry {
            id: 17,
            at: Moment::from_unix_ms(1_795_342_272_345),
            act: Act {
                action: Action::Login,
                outcome: Outcome::Failure,
                actor: Actor { user: None, name: "ada".to_owned(), address: Some([203, 0, 113, 9].into()) },
                subject: Subject::new(Resource::User, 1, "ada"),
                detail: "wrong name or password".to_owned(),
            },
        };
        assert_eq!(
            serde_json::to_string(&json(&entry)).expect("serializes"),
            concat!(
                r#"{"id":17,"timestamp":"2026-11-22T10:11:12.345Z","action":"LOGIN","result":"FAILURE","user_id":null,"user_name":"ada","#,
                r#""address":"203.0.113.9","resource_type":"user","resource_id":"1","resource_name":"ada","detail":"wrong name or password"}"#
            )
        );
    }
}
