//! Labels of containers.

use crate::domain::{Invalid, is_deceptive};

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

const LABELS_MAX: usize = 200;
const NAME_MAX: usize = 255;
const VALUE_MAX: usize = 4096;

/// Reads labels, one a line: `name=value`. Lines without anything are passed over.
pub fn parse_labels(text: &str) -> Result<Vec<Label>, Invalid> {
    let mut labels: Vec<Label> = Vec::new();
    for (number, line) in lines(text) {
        let at = |sentence: &str| Invalid::because(format!("Line {number}: {sentence}"));
        let (name, value) = line.split_once('=').ok_or_else(|| at("write name=value."))?;
        let name = name.trim();
        if name.is_empty() {
            return Err(at("the label has no name."));
        }
        if name == RESERVED.trim_end_matches('.') || name.to_ascii_lowercase().starts_with(RESERVED) {
            return Err(at("labels that begin with upaas. are µPaaS's own."));
        }
        if name.len() > NAME_MAX || name.contains(|c: char| c.is_whitespace() || is_deceptive(c)) {
            return Err(at("a label's name has no spaces and at most 255 characters."));
        }
        if value.len() > VALUE_MAX || value.contains(is_deceptive) {
            return Err(at("a label's value has at most 4096 characters, all of which can be seen."));
        }
        if labels.iter().any(|label| label.name == name) {
            return Err(at(&format!("{name} is there twice.")));
        }
        labels.push(Label { name: name.to_owned(), value: value.to_owned() });
    }
    if labels.len() > LABELS_MAX {
        return Err(Invalid::because(format!("There are more than {LABELS_MAX} labels.")));
    }
    Ok(labels)
}

/// The lines of a field that hold something, with their numbers from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty())
}
