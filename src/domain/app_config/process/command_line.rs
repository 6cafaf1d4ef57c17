//! A program and its arguments.

use std::{fmt, str::FromStr};

use crate::domain::{Invalid, is_hidden};

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CommandLine(Vec<String>);

/// All words together.
const COMMAND_MAX: usize = 8192;

/// What stands for a `#` while words are split. No command has it.
const HASH: &str = "\0";

impl CommandLine {
    /// The program and its arguments; never empty.
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for CommandLine {
    type Err = Invalid;

    /// Words, with quotes as a shell has them, or a JSON array as in a Dockerfile. Nothing is expanded: no shell reads it.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.contains(is_unseen) {
            return Err(unseen());
        }
        let words: Vec<String> = if text.starts_with('[') {
            serde_json::from_str(text)
                .map_err(|_| Invalid::because("After a “[” a list of texts in JSON is expected: [\"node\", \"server.js\"]."))?
        } else {
            split(text).ok_or_else(|| Invalid::because("A quotation mark is not closed."))?
        };
        let program = words.first().ok_or_else(|| Invalid::because("Name a program."))?;
        // What somebody has commented out is not meant to run.
        if program.trim().is_empty() || program.starts_with('#') {
            return Err(Invalid::because("Name a program."));
        }
        if words.iter().map(|word| word.len() + 1).sum::<usize>() > COMMAND_MAX {
            return Err(Invalid::because(format!("A command has at most {COMMAND_MAX} characters.")));
        }
        if words.iter().any(|word| word.contains(is_unseen)) {
            return Err(unseen());
        }
        Ok(Self(words))
    }
}

/// Words as a shell quotes them. A `#` begins no comment: no shell reads it.
fn split(text: &str) -> Option<Vec<String>> {
    let words = shlex::split(&text.replace('#', HASH))?;
    Some(words.iter().map(|word| word.replace(HASH, "#")).collect())
}

fn unseen() -> Invalid {
    Invalid::because("The command has characters that cannot be seen.")
}

fn is_unseen(c: char) -> bool {
    is_hidden(c) && !is_layout(c)
}

/// White space that a word may have, as that of a script in an argument.
fn is_layout(c: char) -> bool {
    matches!(c, '\n' | '\t')
}

impl fmt::Display for CommandLine {
    /// On one line, so that a field can hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().any(|word| word.contains(is_layout)) {
            return f.write_str(&serde_json::to_string(&self.0).expect("texts are JSON"));
        }
        let words = self.0.iter().map(String::as_str);
        f.write_str(&shlex::try_join(words).expect("words without NUL can be quoted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.parse::<CommandLine>().expect(text).words().to_vec()
    }

    #[test]
    fn a_command_is_words_as_a_shell_quotes_them_or_a_list_in_json() {
        assert_eq!(words("node server.js"), ["node", "server.js"]);
        assert_eq!(words(r#"ash -c "echo $HOME && exec 'a b'""#), ["ash", "-c", "echo $HOME && exec 'a b'"], "nothing is expanded");
        assert_eq!(words(r#"["node", "a b", ""]"#), ["node", "a b", ""]);
        assert_eq!(words(r#"'[' -f /x ]"#), ["[", "-f", "/x", "]"]);
        assert_eq!(
            words("redis-server --requirepass #secret # --port 1"),
            ["redis-server", "--requirepass", "#secret", "#", "--port", "1"]
        );
    }

    #[test]
    fn what_is_no_command_says_why() {
        let said = |text: &str| text.parse::<CommandLine>().expect_err(text).0;
        for nothing in ["", "  ", "# a comment", "''", "[]", r#"[""]"#, "' '"] {
            assert_eq!(said(nothing), "Name a program.");
        }
        for open in ["node 'x", "node \"x", "node x\\"] {
            assert_eq!(said(open), "A quotation mark is not closed.");
        }
        for json in ["[node]", "[\"node\"", "[1]", "[\"a\"] b", "[[\"a\"]]", "[null]"] {
            assert!(said(json).contains("a list of texts in JSON"), "{json}");
        }
        for hidden in ["a\u{202e}b", "a\u{ad}b", "a \u{0}", "a\u{1b}[31m", r#"["a", "\u202e"]"#, r#"["a\u0000"]"#] {
            assert_eq!(said(hidden), "The command has characters that cannot be seen.");
        }
        assert_eq!(said(&"x".repeat(COMMAND_MAX)), "A command has at most 8192 characters.");
    }

    proptest::proptest! {
        #[test]
        fn a_command_that_was_taken_is_read_back_from_how_it_is_shown(text in "\\PC{0,40}|[\"'\\[\\]{}#!^$ a\\\\,~-]{0,20}") {
            if let Ok(command) = text.parse::<CommandLine>() {
                proptest::prop_assert_eq!(command.to_string().trim().parse(), Ok(command));
            }
        }

        #[test]
        fn words_with_lines_fit_on_one(words in proptest::collection::vec("[ -~\\n\\t]{1,12}", 1..5)) {
            if let Ok(command) = serde_json::to_string(&words).expect("texts").parse::<CommandLine>() {
                proptest::prop_assert_eq!(command.words(), &words[..]);
                let shown = command.to_string();
                proptest::prop_assert!(!shown.contains('\n'));
                proptest::prop_assert_eq!(shown.trim().parse(), Ok(command));
            }
        }
    }
}
