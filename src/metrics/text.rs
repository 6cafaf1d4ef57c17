//! The text that Prometheus reads, put together from what recorders render.
//!
//! A recorder does not know that a series belongs to an app which is gone, it holds counters as whole numbers, and it renders in any
//! order. So its samples are taken, and the rest is written here: families in the order of the table, their samples sorted, what the
//! table says about them before. A gauge whose name the table calls a counter is one: seconds have fractions.

use std::collections::{HashMap, HashSet};

use super::families::{self, Family, Kind};

/// The label by which an app's series are told apart and which the text does not show. It is always the first one.
pub(super) const APP_ID: &str = "app_id";
/// How the labels of such a series begin.
const OPENING: &str = "{app_id=\"";

/// Joins what was rendered. Of apps that are not known nothing is written.
pub(super) fn write(rendered: &[String], known: &HashSet<String>) -> String {
    let mut samples: HashMap<&str, Vec<String>> = HashMap::new();
    for text in rendered {
        let mut family = "";
        for line in text.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(typed) => family = typed.split(' ').next().unwrap_or_default(),
                None if line.is_empty() || line.starts_with('#') => {}
                None => samples.entry(family).or_default().extend(shown(line, known)),
            }
        }
    }
    let mut text = String::new();
    for family in families::ALL {
        if let Some(lines) = samples.remove(family.name).filter(|lines| !lines.is_empty()) {
            write_family(&mut text, family, lines);
        }
    }
    text
}

fn write_family(text: &mut String, family: &Family, mut lines: Vec<String>) {
    let Family { name, kind, help } = family;
    // A histogram's buckets stand in their order already.
    if !matches!(kind, Kind::Histogram(_)) {
        lines.sort_unstable();
    }
    text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str()));
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
}

/// The sample without its app's id; none when that app is not known.
fn shown(line: &str, known: &HashSet<String>) -> Option<String> {
    let Some((name, labels)) = line.split_once(OPENING) else { return Some(line.to_owned()) };
    let (id, labels) = labels.split_once("\",")?;
    known.contains(id).then(|| format!("{name}{{{labels}"))
}
