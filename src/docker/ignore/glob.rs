//! One cleaned pattern of a `.dockerignore` file.
//!
//! Most patterns are names; those are compared as text, because a regex costs kilobytes and a repository may list
//! thousands. The rest is translated: Go's `filepath.Match` plus moby's `**`.

use regex::Regex;
use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, Clone)]
pub(super) struct Glob {
    pattern: String,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    Exact,
    /// `dir/**`: what follows is free.
    Prefix(String),
    /// `**/name` and, an oddity of moby's, `**name`, which any path that ends so matches.
    Suffix(String),
    Regex(Regex),
}

impl Glob {
    /// `None` for a malformed pattern (an open `[`, a final `\`, a range that runs backwards) and for one whose
    /// compiled form passes regex's size limit.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let matcher = match (pattern.strip_prefix("**"), pattern.strip_suffix("**")) {
            _ if is_name(pattern) => Matcher::Exact,
            (Some(rest), _) if is_name(rest) => Matcher::Suffix(rest.to_owned()),
            (_, Some(rest)) if is_name(rest) => Matcher::Prefix(rest.to_owned()),
            _ => Matcher::Regex(Regex::new(&translate(pattern)?).ok()?),
        };
        Some(Self { pattern: pattern.to_owned(), matcher })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.matcher {
            Matcher::Exact => path == self.pattern,
            Matcher::Prefix(prefix) => path.starts_with(prefix),
            Matcher::Suffix(suffix) => path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path),
            Matcher::Regex(regex) => regex.is_match(path),
        }
    }

    /// Whether it could match a path below `dir`. Only `false` is certain.
    pub(super) fn may_match_below(&self, dir: &str) -> bool {
        let mut dirs = dir.split('/');
        for part in self.pattern.split('/') {
            match dirs.next() {
                None => return true,
                // A class matches `/` too, so levels cannot be counted any more; nor after `**`, or an escaped `/`.
                Some(_) if part.contains("**") || part.contains(['[', '\\']) => return true,
                Some(name) if is_name(part) && name != part => return false,
                Some(_) => {}
            }
        }
        false
    }
}

fn is_name(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '[', ']', '\\'])
}

/// The pattern as a regex over the whole path.
fn translate(pattern: &str) -> Option<String> {
    let mut regex = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                regex.push_str(if rest.peek().is_some() { "(?:.*/)?" } else { ".*" });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => class(&mut rest, &mut regex)?,
            '\\' => literal(rest.next()?, &mut regex),
            c => literal(c, &mut regex),
        }
    }
    regex.push('$');
    Some(regex)
}

fn literal(c: char, regex: &mut String) {
    regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// The rest of a class after its `[`: `^` negates, `!` does not; at least one character or range, then `]`.
fn class(rest: &mut Peekable<Chars<'_>>, regex: &mut String) -> Option<()> {
    regex.push('[');
    if rest.next_if_eq(&'^').is_some() {
        regex.push('^');
    }
    loop {
        let low = class_char(rest)?;
        literal(low, regex);
        if rest.next_if_eq(&'-').is_some() {
            let high = class_char(rest)?;
            if high < low {
                return None;
            }
            regex.push('-');
            literal(high, regex);
        }
        if rest.next_if_eq(&']').is_some() {
            regex.push(']');
            return Some(());
        }
    }
}

/// One character of a class; `-` and `]` must be escaped to be one.
fn class_char(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        c => Some(c),
    }
}
