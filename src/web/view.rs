//! Templates and typed views. A view names its template; undefined names in a template are errors, so a forgotten field fails a test.

use std::{borrow::Cow, time::Duration};

use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context, escape_formatter, syntax::SyntaxConfig, value::Serde,
};
use rust_embed::RustEmbed;
use serde::Serialize;

use super::{assets, frame::Frame, live::LOOK_PAUSE};
use crate::domain::is_hidden;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

/// What a whole page shows inside the frame.
pub(super) trait View: Serialize {
    /// Its template.
    const TEMPLATE: &'static str;
}

/// What a fragment shows: one root element with an id.
pub(super) trait Fragment: Serialize {
    /// Its template.
    const TEMPLATE: &'static str;
}

/// A fragment that is sent anew when it changes: the id of its root, and its template, which sees what the page's template sees.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) id: &'static str,
    pub(super) template: &'static str,
}

/// How a page stands as a whole, for the browser's tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mood {
    Ok,
    Busy,
    Failed,
}

/// A page that shows what changes by itself.
pub(super) trait Watched: View {
    /// What of it may change.
    const PIECES: &'static [Piece];
    /// After a look at it the next one is not before this.
    const PAUSE: Duration = LOOK_PAUSE;
    /// Its title.
    fn title(&self) -> String;
    /// How it stands.
    fn mood(&self) -> Mood;
    /// Whether nothing of it will change any more.
    fn is_over(&self) -> bool {
        false
    }
}

/// The pieces of the frame.
const FRAME: &[Piece] = &[
    Piece { id: "engine", template: "_engine.html" },
    Piece { id: "engine-alert", template: "_engine_alert.html" },
    Piece { id: "favicon", template: "_favicon.html" },
];

/// The templates, compiled when first used.
pub(super) struct Views {
    environment: Environment<'static>,
}

impl Views {
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_loader(|name| Ok(Templates::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned())));
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().expect("a valid syntax"));
        environment.set_formatter(format);
        environment.add_function("asset", assets::url);
        environment.add_filter("exact", exact);
        Self { environment }
    }

    /// A page: the view's fields beside `frame`.
    pub(super) fn page<V: View>(&self, frame: &Frame, view: &V) -> Result<String, minijinja::Error> {
        self.environment.get_template(V::TEMPLATE)?.render(in_frame(frame, view))
    }

    /// The fragments of a page that may change, those of its frame first.
    pub(super) fn pieces<V: Watched>(&self, frame: &Frame, view: &V) -> Result<Vec<(&'static Piece, String)>, minijinja::Error> {
        let context = in_frame(frame, view);
        let render = |piece: &'static Piece| Ok((piece, self.environment.get_template(piece.template)?.render(context.clone())?));
        FRAME.iter().chain(V::PIECES).map(render).collect()
    }

    /// A fragment alone.
    pub(super) fn fragment<F: Fragment>(&self, fragment: &F) -> Result<String, minijinja::Error> {
        self.environment.get_template(F::TEMPLATE)?.render(Value::from(Serde(fragment)))
    }
}

fn in_frame<V: View>(frame: &Frame, view: &V) -> Value {
    context! { frame => Serde(frame), ..Value::from(Serde(view)) }
}

/// As minijinja's own, with two differences. A slash stays a slash: pages are read in their source, and a slash ends no text and no
/// quoted attribute. And what could make a text look like another one is shown as what it is: `[U+202E]`.
fn format(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe() => {
            Ok(out.write_str(&html_escape::encode_quoted_attribute(&undeceptive(text)))?)
        }
        _ => escape_formatter(out, state, value),
    }
}

/// What was typed into a field: each of its characters is that character, because what is sent back is kept.
fn exact(typed: &str) -> Value {
    Value::from_safe_string(html_escape::encode_quoted_attribute(typed).into_owned())
}

/// A text in which what could make it look like another one is shown as what it is.
pub(super) fn undeceptive(text: &str) -> Cow<'_, str> {
    let shown_as_it_is = |c: char| !is_hidden(c) || matches!(c, '\n' | '\t');
    if text.chars().all(shown_as_it_is) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| if shown_as_it_is(c) { c.to_string() } else { format!("[U+{:04X}]", u32::from(c)) };
    Cow::Owned(text.chars().filter(|c| *c != '\r').map(show).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Hostile {
        sentence: &'static str,
        hint: Option<String>,
        request_id: Option<String>,
    }

    impl Fragment for Hostile {
        const TEMPLATE: &'static str = "errors/_alert.html";
    }

    #[test]
    fn what_could_deceive_the_reader_is_shown_as_what_it_is() {
        assert_eq!(undeceptive("a\u{202e}b\u{1b}[31m\r\n\tc"), "a[U+202E]b[U+001B][31m\n\tc");
        assert!(matches!(undeceptive("größe\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_comes_from_outside_is_text_and_never_markup() {
        let hostile = Hostile { sentence: "<script>alert(\"1\")</script> & 'a/b'", hint: None, request_id: None };
        let html = Views::new().fragment(&hostile).expect("renders");
        assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#x27;a/b&#x27;"), "{html}");
    }
}
