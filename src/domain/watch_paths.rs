//! Which files of a repository matter to an app.

use std::{fmt, str::FromStr};

use globset::{Candidate, ErrorKind, GlobBuilder, GlobSet};

use super::{Invalid, is_hidden};

/// Patterns, one a line, of the files whose change deploys; without any, every change does.
///
/// A pattern is read from the repository's root: `*` and `?` stay within a folder, `**` crosses folders, `[a-z]` is one character of
/// those and `{a,b}` is one or the other. A folder's name means everything beneath it. A line that begins with `!` takes back what lines
/// before it mean; when the first line does, everything else is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct WatchPaths(Vec<String>);

const MAX_LINES: usize = 100;
const MAX_LINE_BYTES: usize = 1024;
/// Each line stands in the set twice: as a file's name, and as a folder's.
const GLOBS_PER_LINE: usize = 2;

impl WatchPaths {
    /// Whether there are no patterns: then every change is watched.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of the changed paths that is watched; none when nothing that changed matters.
    pub fn first_watched<'a>(&self, changed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        // Whatever is stored has compiled once; should it no longer do so, a deployment too many is better than one too few.
        let Some(set) = self.compile().filter(|_| !self.is_empty()) else {
            return changed.into_iter().next();
        };
        changed.into_iter().find(|path| self.watches(&set, path))
    }

    fn watches(&self, set: &GlobSet, path: &str) -> bool {
        let last = set.matches_candidate(&Candidate::from_bytes(path)).into_iter().max();
        match last {
            Some(at) => !takes_back(&self.0[at / GLOBS_PER_LINE]),
            None => self.0.first().is_some_and(|line| takes_back(line)),
        }
    }

    fn compile(&self) -> Option<GlobSet> {
        let sets = self.0.iter().map(|line| globs(line));
        let globs = sets.collect::<Result<Vec<_>, _>>().ok()?;
        GlobSet::new(globs.into_iter().flatten()).ok()
    }
}

impl FromStr for WatchPaths {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            check(line).map_err(|invalid| Invalid::because(format!("Line {number}: {invalid}")))?;
            if lines.len() == MAX_LINES {
                return Err(Invalid::because(format!("Line {number}: there may be {MAX_LINES} patterns at most.")));
            }
            lines.push(line.to_owned());
        }
        let paths = Self(lines);
        if paths.compile().is_none() {
            return Err(Invalid::because("Together these patterns are too complicated. Use fewer or simpler ones."));
        }
        Ok(paths)
    }
}

impl fmt::Display for WatchPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

fn takes_back(line: &str) -> bool {
    line.starts_with('!')
}

fn check(line: &str) -> Result<(), Invalid> {
    let pattern = line.strip_prefix('!').unwrap_or(line);
    if line.len() > MAX_LINE_BYTES {
        return Err(Invalid::because(format!("a pattern may be {MAX_LINE_BYTES} bytes long at most.")));
    }
    if line.contains(is_hidden) {
        return Err(Invalid::because("it contains a character that cannot be seen."));
    }
    if pattern.is_empty() {
        return Err(Invalid::because("there is no pattern after the “!”."));
    }
    if pattern.contains('\\') {
        return Err(Invalid::because("write “/” between folders; “\\” has no meaning here."));
    }
    if pattern.starts_with('/') {
        return Err(Invalid::because("write the path relative to the repository's root, without a leading slash."));
    }
    if pattern.split('/').any(|part| part == "..") {
        return Err(Invalid::because("the path must stay inside the repository: “..” is not allowed."));
    }
    let set = globs(line).and_then(GlobSet::new);
    set.map(drop).map_err(|err| Invalid::because(format!("“{pattern}” is not a pattern: {}.", reason(err.kind()))))
}

fn reason(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::UnclosedClass => "a “[” has no “]”".to_owned(),
        ErrorKind::InvalidRange(from, to) => format!("in “{from}-{to}” the first character comes after the last"),
        ErrorKind::UnopenedAlternates => "a “}” has no “{”".to_owned(),
        ErrorKind::UnclosedAlternates => "a “{” has no “}”".to_owned(),
        _ => "it is too complicated".to_owned(),
    }
}

/// What a line matches: the path itself, and everything beneath it.
fn globs(line: &str) -> Result<[globset::Glob; GLOBS_PER_LINE], globset::Error> {
    let pattern = line.strip_prefix('!').unwrap_or(line);
    let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let path = if parts.is_empty() { "**".to_owned() } else { parts.join("/") };
    let build = |glob: &str| GlobBuilder::new(glob).literal_separator(true).backslash_escape(false).build();
    Ok([build(&path)?, build(&format!("{path}/**"))?])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watched<'a>(patterns: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let patterns: WatchPaths = patterns.parse().expect("valid");
        paths.iter().copied().filter(|path| patterns.first_watched([*path]).is_some()).collect()
    }

    #[test]
    fn patterns_mean_what_their_table_says() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("", &["a", "b/c"], &[]),
            ("docs", &["docs", "docs/a", "docs/b/c.md"], &["doc", "docs2/a", "x/docs/a"]),
            ("docs/", &["docs/a", "docs/b/c.md"], &["docs2/a"]),
            ("./docs//", &["docs/a"], &["a"]),
            (".", &["a", ".env", "b/c"], &[]),
            ("*.rs", &["main.rs", ".rs", "a\nb.rs"], &["src/main.rs", "main.rsx"]),
            ("*", &["a", "a/b", ".env"], &[]),
            ("src/*.rs", &["src/a.rs"], &["src/b/a.rs", "src/a.c"]),
            ("src/**/*.rs", &["src/a.rs", "src/b/c/a.rs"], &["a.rs"]),
            ("**/*.md", &["a.md", "x/y/a.md"], &["a.mdx"]),
            ("**", &["a", "a/b"], &[]),
            ("**/test", &["test", "a/test/b"], &["a/tests"]),
            ("a/**", &["a/b", "a/b/c"], &["b/a"]),
            ("v?/x", &["v1/x", "v2/x/y"], &["v/x", "v10/x", "v//x"]),
            ("[a-c].txt", &["a.txt"], &["d.txt"]),
            ("[!a].txt", &["b.txt"], &["a.txt"]),
            ("{api,web}/src", &["api/src/x", "web/src"], &["cli/src"]),
            ("Größe/*.txt", &["Größe/ä.txt", "Größe/\u{fffd}.txt"], &["groesse/a.txt"]),
            ("#notes", &["#notes"], &["notes"]),
            ("-f", &["-f"], &["f"]),
            ("src\n!src/gen", &["src/a"], &["src/gen/a", "b"]),
            ("src\n!src/gen\nsrc/gen/keep.rs", &["src/a", "src/gen/keep.rs"], &["src/gen/a"]),
            ("!src/gen\nsrc", &["src/gen/a", "other"], &[]),
            ("!docs\n!**/*.md", &["src/a", "Makefile"], &["docs/x", "a.md", "src/b.md"]),
            ("  a \r\n\r\n b \r\n", &["a", "b"], &["c"]),
        ];
        for (patterns, yes, no) in table {
            let all = [*yes, *no].concat();
            assert_eq!(watched(patterns, &all), *yes, "{patterns:?}");
        }
    }

    #[test]
    fn the_first_watched_path_is_named_and_nothing_changed_means_nothing_watched() {
        let paths: WatchPaths = "src\nweb".parse().expect("valid");
        assert_eq!(paths.first_watched(["a", "web/b", "src/c"]), Some("web/b"));
        assert_eq!(paths.first_watched(["a"]), None);
        assert_eq!(WatchPaths::default().first_watched(["a", "b"]), Some("a"));
        assert_eq!(WatchPaths::default().first_watched([]), None);
    }

    #[test]
    fn a_bad_line_is_named_with_its_reason() {
        let long = "x".repeat(1025);
        let many = "x\n".repeat(101);
        let said: Vec<String> = [
            "a\n\n/b",
            "../a",
            "!a/../b",
            "a\\b",
            "a\u{202e}b",
            "a\u{7}b",
            "a\u{ad}b",
            "!",
            "!/a",
            "[a-",
            "[z-a]",
            "{a",
            "a}",
            long.as_str(),
            many.as_str(),
        ]
        .iter()
        .map(|text| text.parse::<WatchPaths>().expect_err(text).0)
        .collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        Line 3: write the path relative to the repository's root, without a leading slash.
        Line 1: the path must stay inside the repository: “..” is not allowed.
        Line 1: the path must stay inside the repository: “..” is not allowed.
        Line 1: write “/” between folders; “\” has no meaning here.
        Line 1: it contains a character that cannot be seen.
        Line 1: it contains a character that cannot be seen.
        Line 1: it contains a character that cannot be seen.
        Line 1: there is no pattern after the “!”.
        Line 1: write the path relative to the repository's root, without a leading slash.
        Line 1: “[a-” is not a pattern: a “[” has no “]”.
        Line 1: “[z-a]” is not a pattern: in “z-a” the first character comes after the last.
        Line 1: “{a” is not a pattern: a “{” has no “}”.
        Line 1: “a}” is not a pattern: a “}” has no “{”.
        Line 1: a pattern may be 1024 bytes long at most.
        Line 101: there may be 100 patterns at most.
        ");
    }

    #[test]
    fn what_was_typed_comes_back_and_stored_text_is_a_list() {
        let paths: WatchPaths = " docs/ \n\n!docs/*.md\n".parse().expect("valid");
        assert_eq!(paths.to_string(), "docs/\n!docs/*.md");
        let stored = serde_json::to_string(&paths).expect("json");
        assert_eq!(stored, r#"["docs/","!docs/*.md"]"#);
        assert_eq!(serde_json::from_str::<WatchPaths>(&stored).expect("json"), paths);
    }

    #[test]
    fn a_stored_pattern_that_no_longer_compiles_watches_everything() {
        let paths: WatchPaths = serde_json::from_str(r#"["docs", "[a-"]"#).expect("json");
        assert_eq!(paths.first_watched(["x"]), Some("x"));
    }

    proptest! {
        #[test]
        fn no_text_and_no_path_panics(text in "([!/.*?\\[\\]{},a-c\\\\\n-]|\\PC){0,60}", path in "[ -~\u{fffd}\n]{0,30}") {
            if let Ok(paths) = text.parse::<WatchPaths>() {
                paths.first_watched([path.as_str()]);
                prop_assert_eq!(paths.to_string().parse::<WatchPaths>(), Ok(paths));
            }
        }

        #[test]
        fn nesting_is_taken_or_refused(depth in 1_usize..500) {
            let _ = format!("{}a{}", "{".repeat(depth), "}".repeat(depth)).parse::<WatchPaths>();
        }
    }
}
