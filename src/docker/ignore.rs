//! What a `.dockerignore` file leaves out of the build context.
//!
//! The engine does not apply the file to a context that comes as a tar: the client has to, so we do. A file that builds
//! with `docker build` must build here with the same content; therefore the rules are those of moby/patternmatcher
//! (v0.6, as BuildKit and the docker command use it) with <https://docs.docker.com/build/concepts/context/#dockerignore-files>,
//! oddities included. Knows text and paths only, no file system.

mod glob;

use glob::Glob;

/// The rules of one file, in its order: the last one that matches decides.
#[derive(Debug, Clone, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// The line began with `!`: what matches is sent after all.
    exception: bool,
    glob: Glob,
}

/// A line that is no pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadPattern {
    /// Counted from 1.
    pub(super) line: usize,
    /// The line as it was written, trimmed.
    pub(super) pattern: String,
}

/// Reads a `.dockerignore` file; `#` is a comment only in the first column.
pub(super) fn parse(text: &str) -> Result<Ignore, BadPattern> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rules = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let rule = Rule::parse(line.trim());
        rules.push(rule.ok_or_else(|| BadPattern { line: number, pattern: line.trim().to_owned() })?);
    }
    Ok(Ignore { rules })
}

impl Ignore {
    /// Whether `path` (relative to the context, separated by `/`) stays out, itself or with a directory above it.
    ///
    /// A rule that hit a directory hits all below it. A rule is only asked where it would change the verdict so far; an
    /// exception for a directory that was not ignored is therefore not remembered for what is below (`a/b` then `!a`
    /// leaves `a/b` out). That is how moby's `MatchesUsingParentResults` walks, not how its documentation reads.
    pub(super) fn is_ignored(&self, path: &str) -> bool {
        let mut hits = vec![false; self.rules.len()];
        let mut ignored = false;
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
            ignored = false;
            for (rule, hit) in self.rules.iter().zip(&mut hits) {
                *hit = *hit || (rule.exception == ignored && rule.glob.matches(&path[..end]));
                if *hit {
                    ignored = !rule.exception;
                }
            }
        }
        ignored
    }

    /// Whether something below the ignored directory `dir` could be sent after all. `false` is certain, `true` is not:
    /// a walker may skip the directory on `false`.
    pub(super) fn may_contain_exceptions(&self, dir: &str) -> bool {
        self.rules.iter().any(|rule| rule.exception && rule.glob.may_match_below(dir))
    }
}

impl Rule {
    /// `None` for a pattern that the engine's client refuses too.
    fn parse(line: &str) -> Option<Self> {
        // Moby reads in two steps, and the second looks for `!` again: `/!a` is an exception, `!/` is refused.
        let text = match line.strip_prefix('!') {
            Some(rest) => format!("!{}", from_root(rest.trim())),
            None => from_root(line),
        };
        let text = clean(text.trim());
        match text.strip_prefix('!') {
            Some("") => None,
            Some(pattern) => Some(Self { exception: true, glob: Glob::new(pattern)? }),
            None => Some(Self { exception: false, glob: Glob::new(&text)? }),
        }
    }
}

/// Cleaned, and relative to the context's root even if it was written with a leading `/`.
fn from_root(pattern: &str) -> String {
    if pattern.is_empty() {
        return String::new();
    }
    let cleaned = clean(pattern);
    match cleaned.strip_prefix('/') {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => cleaned,
    }
}

/// Go's `filepath.Clean`: the shortest equal path, by its letters alone.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(&last)) if last != ".." => _ = parts.pop(),
            ("..", None) if rooted => {}
            _ => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

#[cfg(test)]
mod tests;
