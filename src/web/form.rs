//! Forms: what was typed comes in, and goes out again beside what is wrong with it.

use std::{collections::BTreeMap, fmt};

use axum::{
    body::HttpBody,
    extract::{FromRequest, Request},
    http::header,
};
use serde::Serialize;

use super::{
    AppState,
    body::{self, Unread},
    error::Error,
};
use crate::domain::{Invalid, secret::Secret};

/// A form is never larger.
const FORM_MAX_BYTES: usize = 64 * 1024;
/// But for one with long texts: 1 MB of them, of which each byte may be sent as three.
const LONG_FORM_MAX_BYTES: usize = 4 * 1024 * 1024;
const FORM_TYPE: &[u8] = b"application/x-www-form-urlencoded";

/// Marks the request of a form with long texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct LongForm;

/// The fields of a submitted form.
#[derive(Default)]
pub(super) struct Typed(BTreeMap<String, String>);

/// What is typed may be a secret.
impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Typed {
    /// A field's text without the spaces around it; a missing field is empty.
    pub(super) fn text(&self, field: &str) -> &str {
        self.0.get(field).map_or("", |value| value.trim())
    }

    /// As [`Typed::text`], with a default for an empty field.
    pub(super) fn text_or<'a>(&'a self, field: &str, default: &'a str) -> &'a str {
        Some(self.text(field)).filter(|text| !text.is_empty()).unwrap_or(default)
    }

    /// The names of all fields that came.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A text of several lines, exactly as typed. Browsers send each end of a line as CRLF; it is kept as LF.
    pub(super) fn exact(&self, field: &str) -> Secret {
        Secret::new(self.0.get(field).map_or_else(String::new, |text| text.replace("\r\n", "\n")))
    }

    /// A password, exactly as typed.
    pub(super) fn secret(&self, field: &str) -> Secret {
        Secret::new(self.0.get(field).cloned().unwrap_or_default())
    }
}

impl FromRequest<AppState> for Typed {
    type Rejection = Error;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, Error> {
        // A button's form without fields, sent by hand: no body, and then no content type either.
        if !request.headers().contains_key(header::CONTENT_TYPE) && request.body().is_end_stream() {
            return Ok(Self::default());
        }
        let is_form = |value: &header::HeaderValue| value.as_bytes().to_ascii_lowercase().starts_with(FORM_TYPE);
        if !request.headers().get(header::CONTENT_TYPE).is_some_and(is_form) {
            return Err(Error::BadRequest("Send this as a form (application/x-www-form-urlencoded).".to_owned()));
        }
        let limit = request.extensions().get::<LongForm>().map_or(FORM_MAX_BYTES, |_| LONG_FORM_MAX_BYTES);
        let body = body::read_form(request.into_body(), limit).await.map_err(|unread| match unread {
            Unread::TooLarge => Error::TooLarge(limit),
            Unread::Incomplete => Error::BadRequest("The form did not arrive whole.".to_owned()),
        })?;
        if !is_text(&body) {
            return Err(Error::BadRequest("The form is not text in UTF-8.".to_owned()));
        }
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_bytes(&body).map_err(|_| Error::BadRequest("The form could not be read.".to_owned()))?;
        Ok(Self(pairs.into_iter().collect()))
    }
}

/// Whether what a form encodes is UTF-8: the decoder would put `�` in place of what is not.
fn is_text(form: &[u8]) -> bool {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(form.len());
    let mut rest = form;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        decoded.push(match (byte, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                rest = &after[2..];
                u8::try_from(high * 16 + low).expect("two hexadecimal digits are a byte")
            }
            _ => *byte,
        });
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// A form as shown: its values, what is wrong with each, and what is wrong with the whole.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct FormView {
    values: BTreeMap<String, String>,
    errors: BTreeMap<String, Option<String>>,
    error: Option<String>,
}

impl FormView {
    /// A fresh form with these fields and their defaults.
    pub(super) fn new(fields: &[(&str, &str)]) -> Self {
        let mut form = Self { values: BTreeMap::new(), errors: BTreeMap::new(), error: None };
        for (name, default) in fields {
            form.add(*name, *default);
        }
        form
    }

    /// Adds a field with its value.
    pub(super) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.errors.insert(name.clone(), None);
        self.values.insert(name, value.into());
    }

    /// Whether there is such a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// What stands in a field; a missing one is empty.
    pub(super) fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Fills in what was typed, except in the fields named as secret.
    pub(super) fn filled(mut self, typed: &Typed, secret: &[&str]) -> Self {
        for (name, value) in &mut self.values {
            if !secret.contains(&&**name) {
                typed.text(name).clone_into(value);
            }
        }
        self
    }

    /// Puts another value into a field.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.add(name, value);
        self
    }

    /// Keeps a good value; notes what is wrong with a bad one beside its field.
    pub(super) fn check<T>(&mut self, field: &str, result: Result<T, Invalid>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.refuse(field, invalid.0);
                None
            }
        }
    }

    /// Notes what is wrong with a field beside it.
    pub(super) fn refuse(&mut self, field: &str, sentence: String) {
        self.errors.insert(field.to_owned(), Some(sentence));
    }

    /// The fields whose values another form has otherwise: name, this value, the other one.
    pub(super) fn changes<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        let both = self.values.iter().filter_map(|(name, old)| Some((&**name, &**old, &**other.values.get(name)?)));
        both.filter(|(_, old, new)| old != new)
    }

    /// The first of the sentences about what is wrong; empty when nothing is.
    pub(super) fn first_error(&self) -> &str {
        self.error.iter().chain(self.errors.values().flatten()).next().map_or("", |sentence| sentence)
    }

    /// Notes what is wrong with the whole.
    pub(super) fn reject(&mut self, sentence: impl Into<String>) {
        self.error = Some(sentence.into());
    }

    /// Whether nothing is wrong.
    pub(super) fn is_good(&self) -> bool {
        self.error.is_none() && self.errors.values().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_text() {
        for text in ["", "a=b", "name=gr%C3%B6%C3%9Fe", "a=%", "a=%zz", "a=%F0%9F%98%80"] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        for not in ["a=%ff%fe", "a=%C3", "a=%ED%A0%80"] {
            assert!(!is_text(not.as_bytes()), "{not}");
        }
    }
}
