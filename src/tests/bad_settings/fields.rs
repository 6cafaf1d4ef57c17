//! Bad inputs of single fields, among others that are good.

use upaas::db::Db;

use crate::support::{fake::Fake, shop::with_shop};

/// What is typed into a field of a section, and what the sentences beside the field have in common.
pub(super) struct Bad {
    pub(super) section: &'static str,
    pub(super) field: &'static str,
    pub(super) sentence: &'static str,
    pub(super) typed: Vec<String>,
}

pub(super) fn bad(section: &'static str, field: &'static str, sentence: &'static str, typed: &[&str]) -> Bad {
    Bad { section, field, sentence, typed: typed.iter().map(|typed| (*typed).to_owned()).collect() }
}

/// Types each of them among fields that are good otherwise; `good` gives those for a section and a field. Returns how many there were.
pub(super) async fn are_refused(table: &[Bad], good: impl Fn(&str, &str) -> Vec<(&'static str, &'static str)>) -> usize {
    let mut server = with_shop(&Fake::default(), &[("container_port", "80")]).await;
    let db = server.db().await;
    let mut tried = 0;
    for Bad { section, field, sentence, typed } in table {
        let path = format!("/apps/shop/settings/{section}");
        let good = good(section, field);
        for (index, typed) in typed.iter().enumerate() {
            // The first one without scripting: then the whole page comes back.
            server.browser.headers = if index == 0 { Vec::new() } else { vec![("hx-request", "true".to_owned())] };
            let before = stored(&db).await;
            let mut fields: Vec<(&str, &str)> = good.iter().copied().filter(|(name, _)| name != field).collect();
            fields.push((field, typed));
            let page = server.browser.post(&path, &fields).await;
            let what = format!("{section}: {field} = {typed:?}");
            assert_eq!(page.status, 422, "{what}\n{}", page.text(&format!("#{section}")));
            let said = page.text(&format!("#{field}-error"));
            assert!(said.contains(sentence), "{what}: “{said}” instead of “{sentence}”");
            for (name, kept) in &fields {
                match page.value(name) {
                    Some(shown) => assert_eq!(shown, as_shown(kept), "{what}: {name}"),
                    None => {
                        assert!(page.attribute(&format!("[name='{name}']:not([type=text])"), "name").is_some(), "{what}: none is chosen")
                    }
                }
            }
            assert_eq!(stored(&db).await, before, "{what}: nothing is stored");
            tried += 1;
        }
        server.browser.headers.clear();
        server.browser.post(&path, &good).await.expect(303);
    }
    db.close().await;
    tried
}

/// What cannot be seen stays as it was typed, but NUL, which is none in HTML; and white space at the ends is not part of a value.
fn as_shown(typed: &str) -> String {
    typed.trim().replace('\0', "\u{fffd}").replace('\r', "")
}

/// The app as the database has it, and how many acts are recorded.
async fn stored(db: &Db) -> (String, String, i64) {
    let query = sqlx::query_as("SELECT name, config, (SELECT count(*) FROM audit_log) FROM apps WHERE slug = 'shop'");
    query.fetch_one(db.read()).await.unwrap()
}
