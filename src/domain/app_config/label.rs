//! Labels of containers.

use crate::domain::{Invalid, is_hidden};

/// A label of an app's containers, beside µPaaS's own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Label {
    /// Its name, such as `traefik.enable`.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What the names of µPaaS's own labels begin with.
pub const RESERVED: &str = "upaas.";
/// The label that says which installation made a thing.
pub const INSTANCE: &str = "upaas.instance";
/// The label that says for which app, by id.
pub const APP: &str = "upaas.app";
/// The label that says for which app, by slug, for people.
pub const SLUG: &str = "upaas.slug";
/// The label that says for which deployment, by number.
pub const DEPLOYMENT: &str = "upaas.deployment";
/// The label of the containers that µPaaS makes, and of nothing else: whatever is made of its images by hand inherits their labels.
pub const CONTAINER: &str = "upaas.container";
/// What stands on [`CONTAINER`].
pub const MADE_HERE: &str = "true";
/// Which folder has a container's text files.
pub const FILES: &str = "upaas.files";

const LABELS_MAX: usize = 200;
const NAME_MAX: usize = 255;
const VALUE_MAX: usize = 4096;

/// Reads labels, one a line: `name=value`. Lines without anything are passed over.
pub fn parse_labels(text: &str) -> Result<Vec<Label>, Invalid> {
    let mut labels: Vec<Label> = Vec::new();
    for (number, line) in lines(text) {
        let at = |sentence: &str| Invalid::because(format!("Line {number}: {sentence}"));
        let (name, value) = line.split_once('=').ok_or_else(|| at("write name=value."))?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return Err(at("the label has no name."));
        }
        if name.eq_ignore_ascii_case(RESERVED.trim_end_matches('.')) || name.to_ascii_lowercase().starts_with(RESERVED) {
            return Err(at("labels that begin with upaas. are µPaaS's own."));
        }
        if name.len() > NAME_MAX || name.contains(|c: char| c.is_whitespace() || is_hidden(c)) {
            return Err(at(&format!("a label's name has no spaces and at most {NAME_MAX} characters.")));
        }
        if value.len() > VALUE_MAX || value.contains(is_hidden) {
            return Err(at(&format!("a label's value has at most {VALUE_MAX} characters, all of which can be seen.")));
        }
        if labels.iter().any(|label| label.name == name) {
            return Err(at(&format!("{name} is there twice.")));
        }
        if labels.len() == LABELS_MAX {
            return Err(Invalid::because(format!("There are more than {LABELS_MAX} labels.")));
        }
        labels.push(Label { name: name.to_owned(), value: value.to_owned() });
    }
    Ok(labels)
}

/// Labels as they are typed.
pub fn labels_text(labels: &[Label]) -> String {
    labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect::<Vec<_>>().join("\n")
}

/// The lines of a field that hold something, with their numbers from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse_labels(text).expect_err(text).0
    }

    #[test]
    fn labels_are_read_as_they_are_written() {
        let text = "traefik.enable=true\r\n\n  com.example.rule = Host(`a`) && Path=`/b`  \nempty=";
        let labels = parse_labels(text).expect("valid");
        let pairs: Vec<(&str, &str)> = labels.iter().map(|label| (&*label.name, &*label.value)).collect();
        assert_eq!(pairs, [("traefik.enable", "true"), ("com.example.rule", "Host(`a`) && Path=`/b`"), ("empty", "")]);
        assert_eq!(parse_labels(&labels_text(&labels)), Ok(labels));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert_eq!(refused("a=1\n\nb"), "Line 3: write name=value.");
        assert_eq!(refused("=1"), "Line 1: the label has no name.");
        assert_eq!(refused("a=1\na=2"), "Line 2: a is there twice.");
        assert_eq!(refused("two words=1"), "Line 1: a label's name has no spaces and at most 255 characters.");
        for reserved in ["upaas.app=x", "UPAAS.APP=x", "upaas=x", " upaas.anything=x"] {
            assert_eq!(refused(reserved), "Line 1: labels that begin with upaas. are µPaaS's own.", "{reserved}");
        }
        for hidden in ["a=\u{202e}b", "a=\u{ad}b"] {
            assert!(refused(hidden).contains("can be seen"), "{hidden}");
        }
        assert!(refused("a\u{ad}b=c").contains("a label's name"));
        assert!(refused(&format!("a={}", "b".repeat(VALUE_MAX + 1))).contains("at most 4096"));
        let many: String = (0..=LABELS_MAX).map(|number| format!("l{number}=\n")).collect();
        assert_eq!(refused(&many), "There are more than 200 labels.");
    }
}
