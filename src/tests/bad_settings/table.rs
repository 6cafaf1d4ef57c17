//! A table of bad inputs, tried in one go.

use crate::support::{
    fake::Fake,
    server::Server,
    shop::{FIXED_PORT, with_shop},
};

/// Something bad, in a form of which everything else is good.
pub(super) struct Bad {
    /// The section.
    pub(super) section: &'static str,
    /// What else the form has.
    pub(super) good: &'static [(&'static str, &'static str)],
    /// The field.
    pub(super) field: &'static str,
    /// What is typed into it.
    pub(super) typed: String,
    /// Where the sentence stands, when it is another field.
    pub(super) told_at: Option<&'static str>,
    /// A part of the sentence.
    pub(super) says: &'static str,
}

/// A server with the app `shop`, which publishes a port.
pub(super) async fn server(fake: &Fake) -> Server {
    let mut server = with_shop(fake, FIXED_PORT).await;
    server.wait_for_the_engine().await;
    server
}

/// Types each; says what was not as promised.
pub(super) async fn expect_all_refused(server: &mut Server, table: Vec<Bad>) {
    let before = server.config_of_shop().await;
    let mut wrong = Vec::new();
    for (number, bad) in table.iter().enumerate() {
        let mut fields = bad.good.to_vec();
        fields.retain(|(name, _)| *name != bad.field);
        fields.push((bad.field, &bad.typed));
        let page = server.browser.post(&format!("/apps/shop/settings/{}", bad.section), &fields).await;
        let shown: String = bad.typed.chars().take(40).collect();
        let what = format!("{number}: {} {:?}", bad.field, shown);
        let error = page.text(&format!("#{}-error", bad.told_at.unwrap_or(bad.field)));
        if page.status != 422 {
            wrong.push(format!("{what}: answered with {}", page.status));
        } else if !error.contains(bad.says) {
            wrong.push(format!("{what}: says “{error}” and not “{}”", bad.says));
        } else if !is_kept(&page, bad) {
            wrong.push(format!("{what}: is not kept"));
        }
        if server.config_of_shop().await != before {
            wrong.push(format!("{what}: something was stored"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

/// Whether what was typed stands in the page, in the field itself and in every other one.
fn is_kept(page: &crate::support::browser::Reply, bad: &Bad) -> bool {
    let stands = |field: &str, typed: &str| {
        let selected = page.attribute(&format!("#{field} option[selected]"), "value");
        let checked = page.attribute(&format!("#{field}[type=checkbox][checked]"), "value");
        let value = page.attribute(&format!("#{field}:not([type=checkbox])"), "value").or(selected).or(checked);
        let value = value.unwrap_or_else(|| page.raw_text(&format!("textarea#{field}")));
        let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        visible(&value) == visible(&typed.trim().replace('\0', "\u{fffd}"))
    };
    stands(bad.field, &bad.typed) && bad.good.iter().filter(|(name, _)| *name != bad.field).all(|(name, typed)| stands(name, typed))
}
