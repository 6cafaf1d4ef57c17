//! An app before which bad inputs are put, one by one, at forms of any kind.

use upaas::domain::app_config::AppConfig;

use crate::support::{fake::Fake, server::Server, shop::with_shop};

/// A bad input: where it is sent, the field that it is in, what is typed there, and how the sentence about it begins.
pub(super) struct Bad<'a> {
    /// Below `/apps/shop/settings`.
    pub(super) form: &'a str,
    pub(super) field: &'a str,
    pub(super) typed: &'a str,
    pub(super) sentence: &'a str,
}

/// An app `shop`, before which bad inputs are put.
pub(super) struct Shop {
    pub(super) server: Server,
    pub(super) config: AppConfig,
}

impl Shop {
    pub(super) async fn new() -> Self {
        let server = with_shop(&Fake::default(), &[]).await;
        let config = server.config_of_shop().await;
        Self { server, config }
    }

    /// Something good is sent first.
    pub(super) async fn with(mut self, form: &str, fields: &[(&str, &str)]) -> Self {
        self.server.browser.post(&format!("/apps/shop/settings/{form}"), fields).await.expect(303);
        self.config = self.server.config_of_shop().await;
        self
    }

    /// The form comes back with the sentence and with what was typed, and the app is as it was. `good` are the other fields.
    pub(super) async fn refuses(&mut self, bad: &Bad<'_>, good: &[(&str, &str)]) {
        let Bad { form, field, typed, sentence } = *bad;
        let shown: String = typed.chars().take(60).collect();
        let mut fields = good.to_vec();
        fields.retain(|(name, _)| *name != field);
        fields.push((field, typed));
        let page = self.server.browser.post(&format!("/apps/shop/settings/{form}"), &fields).await;
        assert_eq!(page.status, 422, "{field}: {shown:?}");
        let said = page.text(&format!("#{field}-error"));
        assert!(said.starts_with(sentence), "{field}: {shown:?}: {said}");
        for (name, value) in fields {
            assert!(keeps(&page.body, name, value), "{name} is not kept beside {field}: {shown:?}");
        }
        assert_eq!(self.server.config_of_shop().await, self.config, "{field}: {shown:?} is stored");
    }
}

/// Whether a field of a page has this value, as far as HTML can say it.
fn keeps(page: &str, name: &str, value: &str) -> bool {
    let fields = [format!("<input id=\"{name}\""), format!("<textarea id=\"{name}\"")];
    let Some((is_long, field)) = fields.iter().enumerate().find_map(|(n, open)| Some((n == 1, page.split_once(open)?.1))) else {
        return true;
    };
    let escaped = html_escape::encode_quoted_attribute(value).replace("\r\n", "\n");
    if is_long {
        return field.split_once(">\n").is_some_and(|(_, text)| text.starts_with(&format!("{escaped}</textarea>")));
    }
    // What cannot be seen is shown by its code there.
    let visible: String = value.trim().chars().take_while(|c| c.is_ascii_graphic()).collect();
    field.split('>').next().is_some_and(|tag| tag.contains(&format!("value=\"{}", html_escape::encode_quoted_attribute(&visible))))
}
