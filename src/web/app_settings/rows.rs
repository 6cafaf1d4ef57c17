//! Rows of fields: `port_0_container`, `port_0_host`, `port_1_container`, … Without scripting there is always one more row than what is
//! stored; a row in which nothing stands is left out.

use std::collections::BTreeSet;

use super::{FormView, Typed};
use crate::domain::Invalid;

/// So many rows a form may have.
pub(super) const ROWS_MAX: usize = 50;
/// Rows that were added and taken away again leave gaps in the numbers.
const NUMBERS_MAX: usize = 1000;

/// The rows of a form: what their fields are called, and what stands in an empty one.
pub(super) struct Rows {
    /// What the names of the fields begin with: `port`.
    pub(super) prefix: &'static str,
    /// The fields of a row, with what stands in them when nothing else does.
    pub(super) fields: &'static [(&'static str, &'static str)],
    /// Those of which one has to be filled in, or the row is left out.
    pub(super) decisive: &'static [&'static str],
}

/// A row as it was typed.
pub(super) struct Row<'a> {
    rows: &'a Rows,
    typed: &'a Typed,
    /// Its number in what was sent.
    sent_as: usize,
    /// Its number on the page that comes back.
    pub(super) place: usize,
}

impl Row<'_> {
    /// What was typed into one of its fields.
    pub(super) fn text(&self, field: &str) -> &str {
        self.typed.text(&self.rows.name(self.sent_as, field))
    }

    /// The name of one of its fields on the page that comes back.
    pub(super) fn name(&self, field: &str) -> String {
        self.rows.name(self.place, field)
    }
}

impl Rows {
    /// `port_0_container`.
    pub(super) fn name(&self, place: usize, field: &str) -> String {
        format!("{}_{place}_{field}", self.prefix)
    }

    /// The form with these rows, each with the texts of its fields, and room for more.
    pub(super) fn form(&self, rows: impl IntoIterator<Item = Vec<String>>) -> FormView {
        let mut form = FormView::new(&[]);
        let mut place = 0;
        for texts in rows {
            for ((field, _), text) in self.fields.iter().zip(texts) {
                form.add(self.name(place, field), text);
            }
            place += 1;
        }
        let blank = if place == 0 { 2 } else { 1 };
        for place in place..place + blank {
            for (field, default) in self.fields {
                form.add(self.name(place, field), *default);
            }
        }
        form
    }

    /// The form with what was typed.
    pub(super) fn typed(&self, typed: &Typed) -> FormView {
        let texts = |row: Row<'_>| self.fields.iter().map(|(field, _)| row.text(field).to_owned()).collect::<Vec<_>>();
        // Those that are left out come last, so that the others have the same places as when they are read.
        let left_out = self.sent(typed).filter(|row| !self.is_filled(row) && self.is_touched(row)).take(ROWS_MAX);
        let mut form = self.form(self.rows(typed).chain(left_out).map(texts));
        let belongs = |name: &str| self.number(name).is_some_and(|number| number < NUMBERS_MAX);
        if self.names(typed).any(|name| !belongs(name)) {
            form.reject("The form has rows that this page does not make. Load it again.");
        }
        if self.rows(typed).count() > ROWS_MAX {
            form.reject(format!("There are more than {ROWS_MAX} rows. Remove some."));
        }
        form
    }

    /// Whether any row came.
    pub(super) fn came(&self, typed: &Typed) -> bool {
        self.names(typed).next().is_some()
    }

    /// The names of the fields that came and look like those of a row.
    fn names<'a>(&self, typed: &'a Typed) -> impl Iterator<Item = &'a str> {
        let begins = format!("{}_", self.prefix);
        typed.names().filter(move |name| name.starts_with(&begins))
    }

    /// The number of the row that a field belongs to.
    fn number(&self, name: &str) -> Option<usize> {
        name.strip_prefix(self.prefix)?.strip_prefix('_')?.split_once('_')?.0.parse().ok()
    }

    /// The rows that were typed, without those that are left out.
    pub(super) fn rows<'a>(&'a self, typed: &'a Typed) -> impl Iterator<Item = Row<'a>> {
        self.sent(typed).filter(|row| self.is_filled(row)).enumerate().map(|(place, row)| Row { place, ..row })
    }

    /// All rows that came, none of which has its place yet.
    fn sent<'a>(&'a self, typed: &'a Typed) -> impl Iterator<Item = Row<'a>> {
        let numbers: BTreeSet<usize> = typed.names().filter_map(|name| self.number(name)).collect();
        numbers.into_iter().map(move |sent_as| Row { rows: self, typed, sent_as, place: 0 })
    }

    fn is_filled(&self, row: &Row<'_>) -> bool {
        self.decisive.iter().any(|field| !row.text(field).is_empty())
    }

    /// Whether something else stands in it than in an empty one.
    fn is_touched(&self, row: &Row<'_>) -> bool {
        self.fields.iter().any(|(field, default)| row.text(field) != *default)
    }

    /// Reads every row and keeps all of them when all are good. `read` notes what is wrong with one, and sees those before it.
    pub(super) fn read<T>(
        &self,
        typed: &Typed,
        form: &mut FormView,
        mut read: impl FnMut(&Row<'_>, &[T], &mut FormView) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut good = Vec::new();
        let mut all_good = form.is_good();
        for row in self.rows(typed) {
            match read(&row, &good, form) {
                Some(value) => good.push(value),
                None => all_good = false,
            }
        }
        all_good.then_some(good)
    }

    /// The numbers of the rows that a form has.
    pub(super) fn places(&self, form: &FormView) -> Vec<usize> {
        let first = self.fields[0].0;
        (0..).take_while(|place| form.has(&self.name(*place, first))).collect()
    }
}

/// Notes what is wrong with a field of a row.
pub(super) fn wrong<T>(form: &mut FormView, row: &Row<'_>, field: &str, why: Invalid) -> Option<T> {
    form.check(&row.name(field), Err(why))
}
