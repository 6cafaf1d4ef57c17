//! What is asked of the audit log: the part of an address after the question mark, which the page, the API and the export share.

use crate::{
    db::audit::Filter,
    domain::{
        audit::{Action, Outcome, Resource},
        moment::Moment,
    },
    web::query::{Said, Wrong, number, put, word},
};

/// What selects entries, in the order of the form.
pub(super) const FILTERS: [&str; 7] = ["action", "resource", "user", "result", "from", "until", "q"];
/// Of entries over the API so many at once, unless said otherwise.
const LIMIT: i64 = 50;
const LIMIT_MAX: i64 = 500;
const NAME_MAX_CHARS: usize = 200;
const SEARCH_MAX_CHARS: usize = 200;
const WORDS_MAX: usize = 8;
const A_DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Who asks; it says what may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// A person.
    Page,
    /// A program, for some entries.
    Api,
    /// Either, for all entries.
    Export,
}

impl Asker {
    const fn may_also_say(self) -> &'static [&'static str] {
        match self {
            Self::Page => &["before"],
            Self::Api => &["before", "limit"],
            Self::Export => &[],
        }
    }
}

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Query {
    said: Said,
    pub(super) filter: Filter,
    /// Only entries before the one with this number.
    pub(super) before: Option<i64>,
    limit: Option<i64>,
}

impl Query {
    /// From the pairs of an address.
    pub(super) fn parse(pairs: &[(String, String)], asker: Asker) -> Self {
        let mut query = Self::default();
        let known = [&FILTERS, asker.may_also_say()].concat();
        let mut said = Said::parse(pairs, &known, |name, value| query.take(name, value));
        if let (Some(from), Some(until)) = (query.filter.from, query.filter.until)
            && until <= from
        {
            said.is_wrong("until", "is later than from".to_owned());
        }
        Self { said, ..query }
    }

    /// Takes a value, or gives the rule that it breaks. Only a limit is never left empty.
    fn take(&mut self, name: &'static str, value: &str) -> Option<String> {
        let filter = &mut self.filter;
        match name {
            "limit" => put(&mut self.limit, number(value, LIMIT_MAX).ok_or(format!("is a whole number from 1 to {LIMIT_MAX}"))),
            _ if value.is_empty() => None,
            "action" => put(&mut filter.action, word(Action::ALL, Action::as_str, value)),
            "resource" => put(&mut filter.resource, word(Resource::ALL, Resource::as_str, value)),
            "result" => put(&mut filter.outcome, word(Outcome::ALL, Outcome::as_str, value)),
            "user" => put(&mut filter.user, user(value)),
            "from" => put(&mut filter.from, moment(value, 0)),
            "until" => put(&mut filter.until, moment(value, A_DAY_MS)),
            "q" => words(value).map(|words| filter.words = words).err(),
            _ => put(&mut self.before, number(value, i64::MAX).ok_or("is the number of an entry".to_owned())),
        }
    }

    /// What was not understood. The rest is then worth nothing.
    pub(super) fn wrong(&self) -> &[Wrong] {
        self.said.wrong()
    }

    /// What was said of a parameter; empty when nothing was.
    pub(super) fn said(&self, name: &str) -> &str {
        self.said.of(name)
    }

    /// Whether only some of the entries are asked for.
    pub(super) fn is_filtered(&self) -> bool {
        self.said.any_of(&FILTERS)
    }

    /// How many entries are asked for.
    pub(super) fn limit(&self) -> i64 {
        self.limit.unwrap_or(LIMIT)
    }

    /// The address of the same entries at another path, from the one before number `before` on.
    pub(super) fn address(&self, path: &str, before: Option<i64>) -> String {
        self.said.address(path, &[&FILTERS[..], &["limit"]].concat(), before.map(|id| ("before", id)))
    }
}

fn user(value: &str) -> Result<String, String> {
    let fits = value.chars().count() <= NAME_MAX_CHARS;
    if fits { Ok(value.to_owned()) } else { Err(format!("is a name of at most {NAME_MAX_CHARS} characters")) }
}

fn words(value: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
    if words.len() > WORDS_MAX || value.chars().count() > SEARCH_MAX_CHARS {
        return Err(format!("is at most {WORDS_MAX} words and {SEARCH_MAX_CHARS} characters"));
    }
    if !value.chars().any(char::is_alphanumeric) {
        return Err("has a letter or a digit".to_owned());
    }
    Ok(words)
}

/// A time, or a day: its beginning, moved on by `within_day_ms`. In UTC, unless an offset says otherwise.
fn moment(value: &str, within_day_ms: i64) -> Result<Moment, String> {
    let day = || Moment::parse_rfc3339(&format!("{value}T00:00:00Z")).map(|day| Moment::from_unix_ms(day.unix_ms() + within_day_ms));
    let time = || ["", "Z", ":00Z"].iter().find_map(|rest| Moment::parse_rfc3339(&format!("{value}{rest}")));
    day().or_else(time).ok_or_else(|| {
        "is a day such as 2026-11-22 or a time such as 2026-11-22T10:00, in UTC unless it ends with an offset such as +01:00".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str, asker: Asker) -> Query {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).expect("readable");
        Query::parse(&pairs, asker)
    }

    fn wrong(query: &str, asker: Asker) -> Vec<String> {
        parse(query, asker).wrong().iter().map(Wrong::to_string).collect()
    }

    #[test]
    fn everything_can_be_said_at_once() {
        let query = parse(
            "action=LOGIN&resource=user&user=+ada+&result=FAILURE&from=2026-11-22&until=2026-11-22&q=wrong++password&before=7&limit=9",
            Asker::Api,
        );
        assert_eq!(query.wrong(), []);
        let filter = &query.filter;
        assert_eq!((filter.action, filter.resource, filter.outcome), (Some(Action::Login), Some(Resource::User), Some(Outcome::Failure)));
        assert_eq!((filter.user.as_deref(), &*filter.words), (Some("ada"), &["wrong".to_owned(), "password".to_owned()][..]));
        assert_eq!((query.before, query.limit()), (Some(7), 9));
        assert_eq!(
            query.address("/api/audit", Some(3)),
            "/api/audit?action=LOGIN&resource=user&user=ada&result=FAILURE&from=2026-11-22&until=2026-11-22&q=wrong++password&limit=9&before=3"
        );
    }

    #[test]
    fn what_is_left_empty_is_not_said() {
        let query = parse("action=&resource=&user=+&result=&from=&until=&q=&before=", Asker::Page);
        assert!(query.wrong().is_empty() && !query.is_filtered() && query.before.is_none(), "{query:?}");
        assert_eq!((query.limit(), query.address("/audit", None)), (50, "/audit".to_owned()));
    }

    #[test]
    fn a_limit_is_a_whole_number_from_1_to_500() {
        for good in ["1", "50", "500", "050"] {
            assert_eq!(wrong(&format!("limit={good}"), Asker::Api), [""; 0], "{good}");
        }
        for bad in ["0", "-1", "abc", "501", "", "%2B5", "1.5", "1e2", "99999999999999999999", "٥", " "] {
            assert_eq!(wrong(&format!("limit={bad}"), Asker::Api), ["limit is a whole number from 1 to 500"], "{bad}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_rule() {
        let long = "x".repeat(201);
        let cases = [
            ("action=login", "action is one of SETUP, LOGIN, LOGOUT, "),
            ("resource=users", "resource is one of user, token, app, "),
            ("result=success", "result is one of SUCCESS, FAILURE"),
            ("from=yesterday", "from is a day such as 2026-11-22 or a time"),
            ("until=2026-02-30", "until is a day such as"),
            ("from=2026-11-23&until=2026-11-22", "until is later than from"),
            ("before=0", "before is the number of an entry"),
            ("q=1+2+3+4+5+6+7+8+9", "q is at most 8 words and 200 characters"),
            ("q=%25+%2A", "q has a letter or a digit"),
            (&format!("q={long}"), "q is at most 8 words"),
            (&format!("user={long}"), "user is a name of at most 200 characters"),
            ("limti=5", "limti is not known here; there are action, resource, user, result, from, until, q, before, limit"),
            ("user=ada&user=eve", "user is said twice; say it once"),
        ];
        for (query, rule) in cases {
            let said = wrong(query, Asker::Api);
            assert!(said.len() == 1 && said[0].starts_with(rule), "{query}: {said:?}");
        }
        assert_eq!(wrong("limit=5", Asker::Page).len(), 1, "a page has its own length");
        assert_eq!(wrong("before=5", Asker::Export).len(), 1, "an export is whole");
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise_and_a_day_is_whole() {
        let time = |text: &str, within_day_ms| moment(text, within_day_ms).map(Moment::iso);
        for (text, from) in [
            ("2026-11-22", "2026-11-22T00:00:00.000Z"),
            ("2026-11-22T10:00", "2026-11-22T10:00:00.000Z"),
            ("2026-11-22T10:00:30", "2026-11-22T10:00:30.000Z"),
            ("2026-11-22T10:00:30.250", "2026-11-22T10:00:30.250Z"),
            ("2026-11-22T10:00:30Z", "2026-11-22T10:00:30.000Z"),
            ("2026-11-22T10:00:30+01:00", "2026-11-22T09:00:30.000Z"),
        ] {
            assert_eq!(time(text, 0).as_deref(), Ok(from));
        }
        assert_eq!(time("2026-11-22", A_DAY_MS).as_deref(), Ok("2026-11-23T00:00:00.000Z"));
        assert_eq!(time("2026-11-22T10:00", A_DAY_MS).as_deref(), Ok("2026-11-22T10:00:00.000Z"));
        for bad in ["", "2026", "22.11.2026", "2026-11-22T", "2026-11-22T10", "2026-11-22T25:00", "2026-13-01", "1795342272"] {
            assert!(time(bad, 0).is_err(), "{bad}");
        }
    }
}
