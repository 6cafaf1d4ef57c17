//! How fields of a section are read and filled.

use super::{FormView, Typed};
use crate::domain::Invalid;

/// Reads a field that may be empty: then it is none.
pub(super) fn optional<T>(
    typed: &Typed,
    form: &mut FormView,
    field: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Option<Option<T>> {
    let text = typed.text(field);
    form.check(field, if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
}

/// A value as it is typed; empty without one.
pub(super) fn shown_or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Values as they are typed, one a line.
pub(super) fn lines(values: &[impl ToString]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The value of a box that is ticked or not.
pub(super) fn yes(ticked: bool) -> &'static str {
    if ticked { "yes" } else { "" }
}
