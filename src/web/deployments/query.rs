//! What is asked of an app's history: the part of an address after the question mark.

use crate::{
    db::deployments::history::Filter,
    domain::{
        commit::CommitPrefix,
        deployment::{Cause, Trigger},
        history::Outcome,
    },
    web::{
        form::FormView,
        query::{ONCE, Said, number, put, word},
    },
};

/// What selects deployments, in the order of the form.
const FILTERS: [&str; 4] = ["status", "trigger", "cause", "commit"];
const BEFORE: &str = "before";

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    said: Said,
    pub(super) filter: Filter,
    /// Only deployments before the one with this number.
    pub(super) before: Option<i64>,
}

impl Query {
    /// From the pairs of an address.
    pub(super) fn parse(pairs: &[(String, String)]) -> Self {
        let mut query = Self::default();
        let known = [&FILTERS[..], &[BEFORE]].concat();
        let said = Said::parse(pairs, &known, |name, value| if value.is_empty() { None } else { query.take(name, value) });
        Self { said, ..query }
    }

    /// Takes a value, or gives the rule that it breaks.
    fn take(&mut self, name: &'static str, value: &str) -> Option<String> {
        let filter = &mut self.filter;
        match name {
            "status" => put(&mut filter.outcome, word(Outcome::ALL, Outcome::as_str, value)),
            "trigger" => put(&mut filter.trigger, word(Trigger::ALL, Trigger::as_str, value)),
            "cause" => put(&mut filter.cause, word(Cause::ALL, Cause::as_str, value)),
            "commit" => {
                put(&mut filter.commit, value.parse::<CommitPrefix>().map_err(|_| "is 4 to 64 of the digits 0 to 9 and a to f".to_owned()))
            }
            _ => put(&mut self.before, number(value, i64::MAX).ok_or("is the number of a deployment".to_owned())),
        }
    }

    /// Whether something was not understood; then nothing is looked for.
    pub(super) fn is_wrong(&self) -> bool {
        !self.said.wrong().is_empty()
    }

    /// The first thing that was not understood, in a sentence.
    pub(super) fn first_wrong(&self) -> Option<String> {
        self.said.wrong().first().map(|wrong| format!("In the address, {wrong}."))
    }

    /// Whether only some of the deployments are asked for.
    pub(super) fn is_filtered(&self) -> bool {
        self.said.any_of(&FILTERS)
    }

    /// The address at `path` of the same deployments, from the one before number `before` on.
    pub(super) fn address(&self, path: &str, before: Option<i64>) -> String {
        self.said.address(path, &FILTERS, before.map(|number| (BEFORE, number)))
    }

    /// The filters as they were said, with what is wrong beside each.
    pub(super) fn form(&self) -> FormView {
        let mut form = FormView::new(&FILTERS.map(|name| (name, self.said.of(name))));
        for wrong in self.said.wrong() {
            let sentence = match &*wrong.name {
                "commit" if wrong.rule != ONCE => format!("Commit {}.", wrong.rule),
                "status" | "trigger" | "cause" if wrong.rule != ONCE => "Choose one from the list.".to_owned(),
                _ => {
                    form.reject(format!("In the address, {wrong}."));
                    continue;
                }
            };
            form.refuse(&wrong.name, sentence);
        }
        form
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Query {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).expect("readable");
        Query::parse(&pairs)
    }

    #[test]
    fn everything_can_be_said_at_once() {
        let query = parse("status=failed&trigger=webhook&cause=user&commit=+0C79164d+&before=7");
        assert!(!query.is_wrong() && query.is_filtered());
        let filter = &query.filter;
        assert_eq!((filter.outcome, filter.trigger, filter.cause), (Some(Outcome::Failed), Some(Trigger::Webhook), Some(Cause::User)));
        assert_eq!((filter.commit.as_ref().map(CommitPrefix::as_str), query.before), (Some("0c79164d"), Some(7)));
        assert_eq!(query.address("/x", Some(3)), "/x?status=failed&trigger=webhook&cause=user&commit=0C79164d&before=3");
    }

    #[test]
    fn what_is_left_empty_is_not_said() {
        let query = parse("status=&trigger=&cause=+&commit=&before=");
        assert!(!query.is_wrong() && !query.is_filtered() && query.filter == Filter::default(), "{query:?}");
        assert_eq!(query.address("/x", None), "/x");
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_rule() {
        for (query, rule) in [
            ("status=running", "In the address, status is one of unfinished, success, "),
            ("trigger=push", "In the address, trigger is one of webhook, manual, "),
            ("cause=app", "In the address, cause is one of user, forge, engine, internal."),
            ("commit=0c7", "In the address, commit is 4 to 64 of the digits"),
            ("before=0", "In the address, before is the number of a deployment."),
            ("q=x", "In the address, q is not known here; there are status, trigger, cause, commit, before."),
            ("cause=user&cause=user", "In the address, cause is said twice; say it once."),
        ] {
            let said = parse(query).first_wrong().expect("something is wrong");
            assert!(said.starts_with(rule), "{query}: {said}");
            assert!(!parse(query).form().is_good(), "{query}");
        }
    }
}
