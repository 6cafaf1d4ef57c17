//! What is asked of a list: the part of an address after the question mark, in pairs, each with the rule that it breaks when it is not
//! understood.

use std::{collections::BTreeMap, fmt};

use axum::http::Uri;

use super::extract::Asked;

/// The part of an address after the question mark.
pub(super) type Pairs = Asked<Vec<(String, String)>>;

/// What an address says once, of an act that led there.
const NEWS: [&str; 3] = ["changed", "saved", "looked"];

/// The address of a page, to come back to: the news that led there are no part of it.
pub(super) fn lasting(address: &Uri) -> String {
    let is_news = |pair: &&str| pair.split('=').next().is_some_and(|name| NEWS.contains(&name));
    let pairs: Vec<&str> = address.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !is_news(pair)).collect();
    if pairs.is_empty() { address.path().to_owned() } else { format!("{}?{}", address.path(), pairs.join("&")) }
}

/// The rule for what is said more than once.
pub(super) const ONCE: &str = "is said twice; say it once";

/// A parameter that is not understood, and the rule for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) name: String,
    pub(super) rule: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rule)
    }
}

/// What was said, without what was left empty, and what of it was not understood.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    values: BTreeMap<&'static str, String>,
    wrong: Vec<Wrong>,
}

impl Said {
    /// Reads the pairs of an address. `take` takes the value of a known name, also an empty one, or gives the rule that it breaks.
    pub(super) fn parse(
        pairs: &[(String, String)],
        known: &[&'static str],
        mut take: impl FnMut(&'static str, &str) -> Option<String>,
    ) -> Self {
        let mut said = Self::default();
        for (name, value) in pairs {
            let value = value.trim();
            match known.iter().find(|known| *known == name) {
                None => said.is_wrong(name, format!("is not known here; there are {}", listed(known))),
                Some(name) if said.values.contains_key(name) && !value.is_empty() => {
                    said.is_wrong(name, ONCE.to_owned());
                }
                Some(name) => {
                    if !value.is_empty() {
                        said.values.insert(name, value.to_owned());
                    }
                    if let Some(rule) = take(name, value) {
                        said.is_wrong(name, rule);
                    }
                }
            }
        }
        said
    }

    /// Notes that a parameter is not understood.
    pub(super) fn is_wrong(&mut self, name: &str, rule: String) {
        self.wrong.push(Wrong { name: name.to_owned(), rule });
    }

    /// What was not understood. The rest is then worth nothing.
    pub(super) fn wrong(&self) -> &[Wrong] {
        &self.wrong
    }

    /// What was said of a parameter; empty when nothing was.
    pub(super) fn of(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Whether anything was said of one of these.
    pub(super) fn any_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.values.contains_key(name))
    }

    /// The address at `path` that says the same of these, and one thing more.
    pub(super) fn address(&self, path: &str, names: &[&'static str], more: Option<(&'static str, i64)>) -> String {
        let said = names.iter().filter_map(|name| Some((*name, self.values.get(name)?.clone())));
        let pairs: Vec<(&str, String)> = said.chain(more.map(|(name, value)| (name, value.to_string()))).collect();
        match serde_urlencoded::to_string(&pairs) {
            Ok(query) if !query.is_empty() => format!("{path}?{query}"),
            _ => path.to_owned(),
        }
    }
}

/// Puts a value in its place, or gives the rule that it breaks.
pub(super) fn put<T>(place: &mut Option<T>, value: Result<T, String>) -> Option<String> {
    value.map(|value| *place = Some(value)).err()
}

/// One of a closed set of words.
pub(super) fn word<T: Copy>(all: &[T], as_str: fn(T) -> &'static str, value: &str) -> Result<T, String> {
    let found = all.iter().copied().find(|it| as_str(*it) == value);
    found.ok_or_else(|| format!("is one of {}", listed(&all.iter().map(|it| as_str(*it)).collect::<Vec<_>>())))
}

/// A whole number from 1 on, written in digits.
pub(super) fn number(value: &str, max: i64) -> Option<i64> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|number| digits && (1..=max).contains(number))
}

fn listed(words: &[&str]) -> String {
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_once_is_not_come_back_to() {
        for (address, lasts) in [
            ("/apps/shop/compare?from=1&to=2", "/apps/shop/compare?from=1&to=2"),
            ("/settings?changed=password", "/settings"),
            ("/apps/shop/settings?saved=ports&x=1", "/apps/shop/settings?x=1"),
            ("/apps/shop/commits?looked=nothing", "/apps/shop/commits"),
            ("/audit?q=saved%3D1&unsaved=2", "/audit?q=saved%3D1&unsaved=2"),
            ("/?", "/"),
        ] {
            assert_eq!(lasting(&address.parse().expect("an address")), lasts);
        }
    }
}
