//! What open pages get to see: the same as a reload shows, every line once, and an end that they come back from.

use std::time::{Duration, Instant};

use http::Method;
use regex::Regex;
use tokio::{task::JoinSet, time::interval};

use upaas::deploy::platform::FailureKind;

use super::support::{
    browser::Browser,
    fake::{Fake, Step},
    gitea,
    server::PASSWORD,
    shop::{ANY_PORT, with_shop},
    stream::{Event, Stream},
};

/// The journal of `shop`'s first deployment as it is kept: number and text of each line.
async fn kept(browser: &mut Browser) -> Vec<(u64, String)> {
    let journal = browser.get("/apps/shop/deployments/1/journal").await.expect(200);
    let read = |line: &str| {
        let mut parts = line.splitn(4, ' ');
        let number = parts.next().unwrap().parse().unwrap();
        (number, parts.nth(2).unwrap().replace("\u{1b}[32m", "").replace("\u{1b}[0m", ""))
    };
    journal.body.lines().map(read).collect()
}

/// The same lines, each once and in order; tells the first difference.
#[track_caller]
fn assert_same(got: &[(u64, String)], kept: &[(u64, String)]) {
    let difference = got.iter().zip(kept).find(|(got, kept)| got != kept);
    assert!(difference.is_none() && got.len() == kept.len(), "{} of {} lines; {difference:?}", got.len(), kept.len());
}

/// Reads a stream to its `done`, or to its end.
async fn read_on(stream: &mut Stream, lines: &mut Vec<(u64, String)>, last: &mut u64) -> bool {
    while let Some(event) = stream.next().await {
        if event.name.as_deref() == Some("done") {
            return true;
        }
        take(&event, lines, last);
    }
    false
}

fn take(event: &Event, lines: &mut Vec<(u64, String)>, last: &mut u64) {
    lines.extend(event.lines());
    *last = event.id.unwrap_or(*last);
}

#[tokio::test]
async fn a_stream_tells_of_each_change_what_a_reload_would_show() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let mut watched = server.browser.watch("/apps/shop/events").await;
    let mut list = server.browser.watch("/events").await;
    assert!(watched.fragment("app-state").await.contains("Not deployed"));
    fake.hold(Step::Build);
    let path = server.deploy("shop").await;
    watched.until(|event| event.data.contains("<title>● #1 Building: shop · µPaaS</title>")).await;
    list.until(|event| event.fragment("apps").is_some_and(|html| html.contains("Building #1"))).await;
    fake.release(Step::Build);
    server.wait_for(&path, &["Success"]).await;
    watched.until(|event| event.data.contains("<title>✓ Running: shop · µPaaS</title>")).await;
    let row = list.until(|event| event.fragment("apps").is_some_and(|html| html.contains("Running"))).await;
    assert!(!row.data.contains("Building"), "{}", row.data);
}

#[tokio::test]
async fn every_fragment_on_a_stream_stands_in_the_page_letter_by_letter() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    server.deploy_to_the_end("shop").await;
    fake.hold(Step::Build);
    let running = server.deploy("shop").await;
    server.wait_for(&running, &["Building"]).await;
    // What counts on by itself differs from look to look; the bar of what it took is drawn by it.
    let counting = Regex::new("data-running=\"[0-9]+\"|[0-9.]+ s\\b| (x|width)=\"[0-9.]+\"").unwrap();
    let still = |html: &str| counting.replace_all(html, "…").into_owned();
    let pages = [
        ("/", 4),
        ("/apps/shop", 5),
        ("/apps/shop/deployments", 4),
        (&*running, 5),
        ("/apps/shop/deliveries", 4),
        ("/audit", 4),
        ("/system", 6),
    ];
    for (page, pieces) in pages {
        let stream = server.browser.get(page).await.expect(200).attribute("#stream", "hx-sse:connect").unwrap();
        // A time may have passed between the two (“just now”): then they are compared again.
        let mut tries = 0;
        loop {
            let mut watched = server.browser.watch(&stream).await;
            let shown = server.browser.get(page).await.expect(200);
            let mut fragments = Vec::new();
            while fragments.len() < pieces {
                let event = watched.next().await.unwrap();
                fragments.extend(
                    event.data.split_once(" hx-swap=\"outerMorph\">").map(|(_, html)| html.trim_end_matches("</hx-partial>").to_owned()),
                );
            }
            let missing = fragments.iter().find(|html| !still(&shown.body).contains(&still(html)));
            let Some(missing) = missing else { break };
            tries += 1;
            assert!(tries < 5, "{page} lacks {missing}\n\n{}", shown.body);
        }
    }
}

#[tokio::test]
async fn a_journal_is_followed_to_its_end_and_then_nobody_comes_back() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let print = fake.printer();
    let path = server.deploy("shop").await;
    let mut stream = server.browser.watch(&format!("{path}/events?from=0")).await;
    let (mut lines, mut last) = (Vec::new(), 0);
    for number in 1..=3 {
        print.send(format!("<line> {number}")).unwrap();
        let text = format!("<line> {number}");
        let event = stream
            .until(|event| {
                event.id.is_some() && {
                    take(event, &mut Vec::new(), &mut 0);
                    true
                }
            })
            .await;
        take(&event, &mut lines, &mut last);
        while lines.last().is_none_or(|(_, line)| *line != text) {
            take(&stream.next().await.unwrap(), &mut lines, &mut last);
        }
    }
    drop(print);
    assert!(read_on(&mut stream, &mut lines, &mut last).await, "it says that it is done");
    assert_eq!(stream.next().await, None, "and ends");
    assert_same(&lines, &kept(&mut server.browser).await);
    assert_eq!(server.browser.get(&path).await.attribute("#stream", "hx-sse:connect"), None, "the page has no stream any more");
}

#[tokio::test]
async fn of_a_deployment_that_is_over_nothing_is_called_live() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    fake.fail(Step::Build, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    let mut stream = server.browser.watch("/apps/shop/deployments/1/events?from=0").await;
    let (mut lines, mut states) = (Vec::new(), Vec::new());
    let done = loop {
        let event = stream.next().await.unwrap();
        states.extend(event.fragment("journal-state"));
        match event.name {
            Some(name) => break name,
            None => take(&event, &mut lines, &mut 0),
        }
    };
    assert_eq!((&*done, stream.next().await), ("done", None));
    assert_same(&lines, &kept(&mut server.browser).await);
    assert!(states.len() == 1 && states[0].contains("complete") && !states[0].contains("live"), "{states:?}");
}

#[tokio::test]
async fn a_page_goes_on_where_it_was_rendered() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let print = fake.printer();
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    print.send("before".to_owned()).unwrap();
    let page = super::support::eventually("the line", async || {
        let page = server.browser.get(&path).await;
        if page.text("#lines").contains("before") { Ok(page) } else { Err(page.text("#lines")) }
    })
    .await;
    let shown = page.texts("#lines .line-text").len();
    let mut stream = server.browser.watch(&page.attribute("#stream", "hx-sse:connect").unwrap()).await;
    print.send("after".to_owned()).unwrap();
    drop(print);
    let (mut lines, mut last) = (Vec::new(), 0);
    assert!(read_on(&mut stream, &mut lines, &mut last).await);
    assert_eq!(lines[0].1, "after");
    assert_same(&lines, &kept(&mut server.browser).await[shown..]);
}

#[tokio::test]
async fn fifty_viewers_lose_and_double_no_line() {
    const LINES: usize = 500;
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let print = fake.printer();
    let path = server.deploy("shop").await;
    let events = format!("{path}/events?from=0");
    let mut viewers = JoinSet::new();
    for viewer in 0..50_usize {
        let (browser, events) = (server.browser.clone(), events.clone());
        viewers.spawn(async move {
            let (mut lines, mut last) = (Vec::new(), 0);
            // Every second one breaks off now and then, each at another place, and comes back.
            let mut breaks = (1..4).map(|round| round * 100 + viewer * 2).take(if viewer % 2 == 0 { 3 } else { 0 });
            let mut stream = browser.watch(&events).await;
            loop {
                let until = breaks.next().unwrap_or(usize::MAX);
                let mut ended = false;
                while lines.len() < until && !ended {
                    let event = stream.next().await.expect("the stream ends after “done”");
                    ended = event.name.as_deref() == Some("done");
                    take(&event, &mut lines, &mut last);
                }
                if ended {
                    return lines;
                }
                stream = browser.watch_from(&events, last).await;
            }
        });
    }
    let mut pace = interval(Duration::from_millis(10));
    for number in 0..LINES {
        pace.tick().await;
        print.send(format!("{number} <&> größe {}", "x".repeat(number % 80))).unwrap();
    }
    drop(print);
    server.wait_for(&path, &["Success"]).await;
    let kept = kept(&mut server.browser).await;
    assert!(kept.len() > LINES);
    while let Some(lines) = viewers.join_next().await {
        assert_same(&lines.unwrap(), &kept);
    }
}

#[tokio::test]
async fn who_is_too_slow_is_cut_off_and_comes_back_without_a_gap() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let print = fake.printer();
    let path = server.deploy("shop").await;
    let events = format!("{path}/events?from=0");
    let mut stream = server.browser.watch(&events).await;
    let (mut lines, mut last) = (Vec::new(), 0);
    take(&stream.until(|event| event.id.is_some()).await, &mut lines, &mut last);
    // Far more than is kept for the late, and than fits between the two; meanwhile somebody else keeps up.
    let mut other = server.browser.watch(&events).await;
    for number in 0..2000 {
        print.send(format!("{number} {}", "x".repeat(8000))).unwrap();
    }
    let (mut others, mut others_last) = (Vec::new(), 0);
    while others.last().is_none_or(|(_, text): &(u64, String)| !text.starts_with("1999 ")) {
        take(&other.next().await.expect("who reads is not cut off"), &mut others, &mut others_last);
    }
    assert!(!read_on(&mut stream, &mut lines, &mut last).await, "the slow one's stream ends without a “done”");
    assert!(lines.len() < 2000, "{}", lines.len());
    drop(print);
    let mut stream = server.browser.watch_from(&events, last).await;
    assert!(read_on(&mut stream, &mut lines, &mut last).await);
    assert!(read_on(&mut other, &mut others, &mut others_last).await);
    let kept = kept(&mut server.browser).await;
    assert_same(&lines, &kept);
    assert_same(&others, &kept);
}

#[tokio::test]
async fn a_restart_ends_every_stream_and_the_journal_goes_on_after_it() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    let print = fake.printer();
    let path = server.deploy("shop").await;
    let events = format!("{path}/events?from=0");
    let mut stream = server.browser.watch(&events).await;
    let mut list = server.browser.watch("/events").await;
    print.send("before the restart".to_owned()).unwrap();
    let (mut lines, mut last) = (Vec::new(), 0);
    while lines.last().is_none_or(|(_, text)| text != "before the restart") {
        take(&stream.next().await.unwrap(), &mut lines, &mut last);
    }
    server.stop().await;
    assert_eq!(list.until(|event| event.name.is_some()).await.name.as_deref(), Some("end"));
    assert!(list.next().await.is_none());
    assert!(!read_on(&mut stream, &mut lines, &mut last).await, "“done” would mean that nobody comes back");
    drop(print);
    server.start_fake(&fake).await;
    let mut stream = server.browser.watch_from(&events, last).await;
    assert!(read_on(&mut stream, &mut lines, &mut last).await);
    assert_same(&lines, &kept(&mut server.browser).await);
    assert!(lines.iter().any(|(_, text)| text.starts_with("Interrupted")), "{lines:?}");
}

#[tokio::test]
async fn who_has_to_sign_in_anew_comes_back_to_the_page_and_not_to_a_part_of_it() {
    let server = with_shop(&Fake::default(), ANY_PORT).await;
    let mut stranger = server.new_browser();
    stranger.headers = vec![("hx-request", "true".to_owned())];
    for part in ["/apps/shop/events", "/apps/shop/deployments/1/events?from=7", "/apps/shop/deployments/1/lines?before=7"] {
        let reply = stranger.get(part).await.expect(401);
        let page = part.rsplit_once('/').unwrap().0;
        assert_eq!(reply.header("hx-redirect"), format!("/login?next={}", page.replace('/', "%2F")));
    }
}

#[tokio::test]
async fn a_stream_begins_with_a_sign_of_life_and_when_to_come_back() {
    let server = with_shop(&Fake::default(), ANY_PORT).await;
    let mut stream = server.browser.watch("/events").await;
    assert!(stream.begins_with("retry: 500\nevent: alive\n").await);
}

#[tokio::test]
async fn a_quiet_stream_gives_a_sign_of_life_now_and_then_and_still_tells_of_changes() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let mut stream = server.browser.watch("/events").await;
    stream.fragment("apps").await;
    let began = Instant::now();
    stream.sign_of_life().await;
    assert!(began.elapsed() > Duration::from_secs(10), "{:?}", began.elapsed());
    server.deploy("shop").await;
    assert!(stream.next_frame().await.contains("hx-partial"), "what comes next is no sign of life");
}

#[tokio::test]
async fn a_stream_ends_with_the_age_of_its_session() {
    use sqlx::Connection;
    let (mut server, hook) = gitea::with_hook(&Fake::default()).await;
    let mut stream = server.browser.watch("/events").await;
    stream.fragment("apps").await;
    let file = format!("sqlite://{}", server.data().join("upaas.db").display());
    let mut db = sqlx::SqliteConnection::connect(&file).await.unwrap();
    sqlx::query("UPDATE tower_sessions SET expiry_date = 1").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    // Whatever is written next makes it look: here a delivery that nobody has signed.
    hook.send(Method::POST, &[("x-gitea-event", "push"), ("content-type", "application/json")], "{}").await;
    while stream.next().await.is_some() {}
    server.browser.get("/").await.expect(303);
}

#[tokio::test]
async fn who_takes_nothing_does_not_hold_up_the_end() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let print = fake.printer();
    let path = server.deploy("shop").await;
    let mut stalled = server.browser.watch(&format!("{path}/events?from=0")).await;
    let mut other = server.browser.watch(&format!("{path}/events?from=0")).await;
    for number in 0..2000 {
        print.send(format!("{number} {}", "x".repeat(8000))).unwrap();
    }
    other.until(|event| event.lines().iter().any(|(_, text)| text.starts_with("1999 "))).await;
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    while stalled.next().await.is_some() {}
}

#[tokio::test]
async fn a_stream_ends_with_the_session_that_opened_it() {
    let fake = Fake::default();
    let server = with_shop(&fake, ANY_PORT).await;
    let mut watched = server.browser.watch("/apps/shop/events").await;
    let mut elsewhere = server.new_browser();
    elsewhere.post("/login", &[("username", "ada"), ("password", PASSWORD)]).await.expect(303);
    let mut other = elsewhere.watch("/events").await;
    watched.fragment("overview").await;
    other.fragment("apps").await;
    elsewhere.post("/logout", &[]).await.expect(303);
    while other.next().await.is_some() {}
    let fields =
        [("current_password", PASSWORD), ("password", "another long password"), ("password_confirmation", "another long password")];
    server.browser.clone().post("/settings/password", &fields).await.expect(303);
    while watched.next().await.is_some() {}
    elsewhere.headers = vec![("accept", "text/event-stream".to_owned())];
    assert_eq!(elsewhere.get("/events").await.status, 401, "a script follows no redirect to a form");
}

#[tokio::test]
async fn a_hostile_place_is_the_journals_end_and_nothing_worse() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, ANY_PORT).await;
    let print = fake.printer();
    let path = server.deploy("shop").await;
    server.wait_for(&path, &["Building"]).await;
    let mut stream = server.browser.watch(&format!("{path}/events?from={}", u64::MAX)).await;
    stream.fragment("deployment").await;
    print.send("a line".to_owned()).unwrap();
    drop(print);
    let (mut lines, mut last) = (Vec::new(), 0);
    assert!(read_on(&mut stream, &mut lines, &mut last).await);
    assert!(kept(&mut server.browser).await.ends_with(&lines) && lines.last().unwrap().1.starts_with("Ended"), "{lines:?}");
    for hostile in ["-1", "x", "1.5", "99999999999999999999999"] {
        server.browser.get(&format!("{path}/events?from={hostile}")).await.expect(400);
    }
    for address in ["/apps/none/events", "/apps/shop/deployments/9/events", "/apps/shop/deployments/x/events"] {
        assert_eq!(server.browser.send(Method::GET, address, None).await.status, 410, "{address}: a 404 could be a proxy's");
    }
}
