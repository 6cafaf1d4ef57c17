//! The audit log for people and for programs: the same entries on the page, over the API and in the export.

use std::net::IpAddr;

use http::Method;
use serde_json::Value;
use upaas::{
    db::{self, Db},
    domain::{
        audit::{Act, Action, Actor, Outcome, Resource, Subject},
        moment::Moment,
    },
};

use super::support::{browser::Reply, fake::Fake, server::Server};

/// The first of some moments, a second apart.
const BEGAN: &str = "2031-11-22T10:00:00Z";

fn second(number: i64) -> Moment {
    Moment::from_unix_ms(Moment::parse_rfc3339(BEGAN).unwrap().unix_ms() + number * 1000)
}

fn act(action: Action, outcome: Outcome, user: &str, subject: Subject, detail: &str) -> Act {
    let address = Some(IpAddr::from([203, 0, 113, 9]));
    Act { action, outcome, actor: Actor { user: None, name: user.to_owned(), address }, subject, detail: detail.to_owned() }
}

fn login(outcome: Outcome, user: &str) -> Act {
    act(Action::Login, outcome, user, Subject::new(Resource::User, 1, "ada"), "")
}

fn deploy(number: i64) -> Act {
    let subject = Subject::new(Resource::Deployment, "", format!("shop#{number}"));
    act(Action::Deploy, Outcome::Success, "dev", subject, "success after 12 s")
}

/// Adds entries to what the server has recorded itself, a second apart.
async fn add(server: &Server, acts: impl IntoIterator<Item = Act>) {
    let db = Db::open(&server.data().join("upaas.db")).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for (number, act) in (0..).zip(acts) {
        db::audit::insert(&mut *tx, second(number), &act).await.unwrap();
    }
    tx.commit().await.unwrap();
    db.close().await;
}

async fn server_with(acts: impl IntoIterator<Item = Act>) -> Server {
    let mut server = Server::fake(&Fake::default()).await;
    server.set_up().await;
    add(&server, acts).await;
    server
}

/// Sixty deployments, then a login that failed and one that did not.
async fn with_a_history() -> Server {
    server_with((1..=60).map(deploy).chain([login(Outcome::Failure, "eve"), login(Outcome::Success, "ada")])).await
}

/// From the moments of the history on: without what this test's own sign-in has recorded.
const HISTORY: &str = "from=2031-11-22";

fn names(page: &Reply) -> Vec<String> {
    page.texts(".entry-what").iter().map(|what| what.split_once(' ').unwrap().1.to_owned()).collect()
}

async fn api(server: &mut Server, query: &str) -> Value {
    let reply = server.browser.get(&format!("/api/audit?{query}")).await.expect(200);
    assert_eq!(reply.header("content-type"), "application/json");
    serde_json::from_str(&reply.body).unwrap()
}

/// The numbers of the entries over the API.
fn ids(answer: &Value) -> Vec<i64> {
    answer["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn the_page_tells_who_did_what_when_from_where_and_whether_it_worked() {
    let mut server = with_a_history().await;
    let page = server.browser.get(&format!("/audit?{HISTORY}&result=FAILURE")).await.expect(200);
    assert_eq!(page.texts(".entry-action"), ["LOGIN"]);
    assert_eq!(page.text(".entry-who"), "eve 203.0.113.9");
    assert_eq!(page.text(".entry-what"), "user ada");
    assert_eq!(page.text(".entry-result"), "Failure");
    assert_eq!(page.attribute(".entry-when time", "title").as_deref(), Some("2031-11-22 10:01:00 UTC"));
    let current = page.text(".top-nav [aria-current]");
    assert_eq!(current, "Audit");
}

#[tokio::test]
async fn filters_are_in_the_address_and_stay_in_the_form() {
    let mut server = with_a_history().await;
    let query =
        "action=DEPLOY&resource=deployment&user=dev&result=SUCCESS&from=2031-11-22T10%3A00%3A10&until=2031-11-22T10%3A00%3A12Z&q=succ";
    let page = server.browser.get(&format!("/audit?{query}")).await.expect(200);
    assert_eq!(names(&page), ["shop#12", "shop#11"]);
    for (name, value) in [("user", "dev"), ("from", "2031-11-22T10:00:10"), ("until", "2031-11-22T10:00:12"), ("q", "succ")] {
        assert_eq!(page.attribute(&format!("#{name}"), "value").as_deref(), Some(value));
    }
    for (name, value) in [("action", "DEPLOY"), ("resource", "deployment"), ("result", "SUCCESS")] {
        assert_eq!(page.attribute(&format!("#{name} option[selected]"), "value").as_deref(), Some(value));
    }
    let export = page.attribute(".page-actions a", "href").unwrap();
    assert_eq!(server.browser.get(&export).await.expect(200).body.lines().count(), 2);
    assert!(page.attribute("a[href='/audit'].button-quiet", "href").is_some(), "the filters can be cleared");
    // As a form without JavaScript sends it: every field, most of them empty.
    let page = server.browser.get("/audit?action=LOGIN&resource=&user=eve&result=&from=&until=&q=").await.expect(200);
    assert_eq!(page.texts(".entry-who"), ["eve 203.0.113.9"]);
}

#[tokio::test]
async fn pages_of_fifty_lead_to_the_older_ones_and_back_and_keep_the_filter() {
    let mut server = with_a_history().await;
    let first = server.browser.get("/audit?user=dev").await.expect(200);
    let newest: Vec<String> = (11..=60).rev().map(|number| format!("shop#{number}")).collect();
    assert_eq!(names(&first), newest);
    let older = first.attribute(".pager-older", "href").unwrap();
    let second = server.browser.get(&older).await.expect(200);
    let rest: Vec<String> = (1..=10).rev().map(|number| format!("shop#{number}")).collect();
    assert_eq!(names(&second), rest);
    assert_eq!(second.attribute(".pager-older", "href"), None);
    assert_eq!(second.attribute(".pager [rel=prev]", "href").as_deref(), Some("/audit?user=dev"));
    assert_eq!(second.text(".pager [rel=prev]"), "Newest");
}

#[tokio::test]
async fn what_nothing_matches_says_so_and_how_to_go_on() {
    let mut server = with_a_history().await;
    let page = server.browser.get("/audit?user=nobody").await.expect(200);
    assert_eq!(page.text("#empty-title"), "No entry matches.");
    assert_eq!(page.attribute(".empty a", "href").as_deref(), Some("/audit"));
    let page = server.browser.get("/audit?user=dev&before=1").await.expect(200);
    assert_eq!(page.text("#empty-title"), "No older entries.");
}

#[tokio::test]
async fn a_filter_that_is_not_understood_is_explained_beside_its_field_and_kept() {
    let mut server = with_a_history().await;
    let long = "x".repeat(201);
    for (field, typed, said) in [
        ("from", "yesterday", "From is a day such as 2026-11-22"),
        ("until", "2026-11-32", "Until is a day such as"),
        ("action", "DANCE", "Choose one from the list."),
        ("resource", "moon", "Choose one from the list."),
        ("result", "MAYBE", "Choose one from the list."),
        ("q", &long, "Search is at most 8 words"),
    ] {
        let page = server.browser.get(&format!("/audit?user=eve&{field}={typed}")).await.expect(422);
        let error = page.text(&format!("#{field}-error"));
        assert!(error.starts_with(said), "{field}: {error}");
        let kept = page.attribute(&format!("#{field} option[selected]"), "value").or(page.attribute(&format!("#{field}"), "value"));
        assert_eq!(kept.as_deref(), Some(typed), "{field}");
        assert_eq!(page.attribute("#user", "value").as_deref(), Some("eve"), "what was right stays, too");
        assert_eq!(page.texts(".entry").len(), 0);
        assert_eq!(page.text("#empty-title"), "Nothing was looked for.");
    }
    let page = server.browser.get("/audit?usr=eve").await.expect(422);
    assert!(
        page.text("#filters [role=alert]").starts_with("In the address, usr is not known here; there are action,"),
        "{}",
        page.text("#filters")
    );
}

#[tokio::test]
async fn the_open_page_follows_what_is_recorded_unless_it_shows_something_else() {
    let mut server = with_a_history().await;
    let page = server.browser.get("/audit").await.expect(200);
    let mut stream = server.browser.watch(&page.attribute("#stream", "hx-sse:connect").unwrap()).await;
    stream.fragment("audit").await;
    add(&server, [login(Outcome::Failure, "mallory")]).await;
    // That came past the server; whatever it writes itself is told.
    server.create_shop(&[]).await.expect(303);
    stream.until(|event| event.fragment("audit").is_some_and(|html| html.contains("mallory"))).await;
    for looked_for in ["/audit?user=ada", "/audit?before=60"] {
        assert_eq!(server.browser.get(looked_for).await.expect(200).attribute("#stream", "hx-sse:connect"), None, "{looked_for}");
    }
}

#[tokio::test]
async fn an_app_and_its_deployments_are_links_while_they_are_there() {
    let mut server = server_with([]).await;
    server.create_shop(&[]).await.expect(303);
    let app = |name: &str| act(Action::AppUpdate, Outcome::Success, "ada", Subject::new(Resource::App, "", name), "");
    add(&server, [deploy(12), app("shop"), app("gone"), app("shop#x"), login(Outcome::Success, "shop")]).await;
    let page = server.browser.get(&format!("/audit?{HISTORY}")).await.expect(200);
    let link = |entry: usize| page.attribute(&format!("tr:nth-of-type({entry}) .entry-what a"), "href");
    assert_eq!((link(5).as_deref(), link(4).as_deref()), (Some("/apps/shop/deployments/12"), Some("/apps/shop")));
    assert_eq!((link(3), link(2), link(1)), (None, None, None));
}

#[tokio::test]
async fn an_app_of_the_same_name_that_came_later_is_not_meant() {
    let mut server = server_with([]).await;
    server.create_shop(&[]).await.expect(303);
    let db = Db::open(&server.data().join("upaas.db")).await.unwrap();
    db::audit::insert(db.write(), Moment::from_unix_ms(1), &deploy(1)).await.unwrap();
    let page = server.browser.get("/audit?user=dev").await.expect(200);
    assert_eq!((page.text(".entry-what"), page.attribute(".entry-what a", "href")), ("deployment shop#1".to_owned(), None));
}

#[tokio::test]
async fn hostile_text_is_text_everywhere() {
    const HOSTILE: &str = "<script>alert(1)</script>\u{202e}\"'\n{{ 7 * 7 }}";
    let subject = Subject::new(Resource::App, HOSTILE, HOSTILE);
    let mut server = server_with([act(Action::AppCreate, Outcome::Failure, HOSTILE, subject, HOSTILE)]).await;
    let page = server.browser.get("/audit?action=APP_CREATE").await.expect(200);
    assert!(!page.body.contains("<script>alert") && page.body.contains("{{ 7 * 7 }}"), "{}", page.body);
    for place in [".entry-who", ".entry-what", ".entry-detail"] {
        assert!(page.text(place).contains("<script>alert(1)</script>[U+202E]\"' {{ 7 * 7 }}"), "{}", page.text(place));
    }
    let typed = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for field in ["user", "q", "from", "action"] {
        let page = server.browser.get(&format!("/audit?{field}={typed}")).await;
        assert!(!page.body.contains("<script>alert"), "{field}");
    }
    let answer = api(&mut server, "action=APP_CREATE").await;
    for field in ["user_name", "resource_id", "resource_name", "detail"] {
        assert_eq!(answer["entries"][0][field], HOSTILE);
    }
    let export = server.browser.get("/audit/export?action=APP_CREATE").await.expect(200).body;
    assert_eq!(export.lines().count(), 1, "an entry is a line: {export}");
}

#[tokio::test]
async fn the_api_gives_as_many_as_asked_for_newest_first_and_where_the_next_ones_are() {
    let mut server = with_a_history().await;
    assert_eq!(ids(&api(&mut server, HISTORY).await).len(), 50, "fifty unless said otherwise");
    let mut seen = Vec::new();
    let mut next = format!("/api/audit?{HISTORY}&limit=25");
    loop {
        let reply = server.browser.get(&next).await.expect(200);
        let answer: Value = serde_json::from_str(&reply.body).unwrap();
        seen.push(ids(&answer));
        match answer["next"].as_str() {
            Some(more) => more.clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [25, 25, 12]);
    let seen = seen.concat();
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1] + 1), "{seen:?}");
    assert_eq!(ids(&api(&mut server, &format!("{HISTORY}&limit=500")).await), seen);
    assert_eq!(ids(&api(&mut server, "limit=1&user=eve").await).len(), 1);
}

#[tokio::test]
async fn an_entry_over_the_api_has_every_field() {
    let mut server = with_a_history().await;
    let answer = api(&mut server, "user=eve").await;
    let id = answer["entries"][0]["id"].as_i64().unwrap();
    let wanted = serde_json::json!({"entries": [{
        "id": id, "timestamp": "2031-11-22T10:01:00.000Z", "action": "LOGIN", "result": "FAILURE", "user_id": null, "user_name": "eve",
        "address": "203.0.113.9", "resource_type": "user", "resource_id": "1", "resource_name": "ada", "detail": "",
    }], "next": null});
    assert_eq!(answer, wanted);
}

#[tokio::test]
async fn what_the_api_does_not_understand_it_refuses_with_the_rule() {
    let mut server = with_a_history().await;
    let limit = "limit is a whole number from 1 to 500";
    for (query, rule) in [
        ("limit=0", limit),
        ("limit=-1", limit),
        ("limit=abc", limit),
        ("limit=501", limit),
        ("limit=", limit),
        ("limit=1.5", limit),
        ("limit=99999999999999999999", limit),
        ("result=success", "result is one of SUCCESS, FAILURE"),
        ("before=x", "before is the number of an entry"),
        (
            "from=now",
            "from is a day such as 2026-11-22 or a time such as 2026-11-22T10:00, in UTC unless it ends with an offset such as +01:00",
        ),
        ("from=2026-11-22&until=2026-11-21", "until is later than from"),
        ("acton=LOGIN", "acton is not known here; there are action, resource, user, result, from, until, q, before, limit"),
    ] {
        let reply = server.browser.get(&format!("/api/audit?{query}")).await.expect(400);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(serde_json::from_str::<Value>(&reply.body).unwrap(), serde_json::json!({ "error": rule }), "{query}");
    }
    for query in ["limit=1", "limit=50", "limit=500"] {
        server.browser.get(&format!("/api/audit?{query}")).await.expect(200);
    }
    let reply = server.browser.get("/audit/export?limit=5").await.expect(400);
    assert!(reply.body.starts_with("{\"error\":\"limit is not known here;"), "{}", reply.body);
    assert_eq!(server.browser.send(Method::POST, "/api/audit", Some(String::new())).await.status, 405);
}

#[tokio::test]
async fn the_export_is_every_entry_of_the_filter_a_line_each_as_over_the_api() {
    let mut server = server_with((1..=1201).map(deploy).chain([login(Outcome::Failure, "eve")])).await;
    let reply = server.browser.get("/audit/export?user=dev").await.expect(200);
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let name = format!("attachment; filename=\"audit-{}.jsonl\"", Moment::now().date());
    assert_eq!(reply.header("content-disposition"), name);
    let entries: Vec<Value> = reply.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<&str> = entries.iter().map(|entry| entry["resource_name"].as_str().unwrap()).collect();
    let wanted: Vec<String> = (1..=1201).rev().map(|number| format!("shop#{number}")).collect();
    assert_eq!(numbers, wanted, "each once, newest first, over several chunks");
    assert_eq!(entries[..500], *api(&mut server, "user=dev&limit=500").await["entries"].as_array().unwrap());
    assert_eq!(server.browser.get("/audit/export?user=nobody").await.expect(200).body, "");
}
