//! Journals on their pages: the last lines first, any others on demand, every line at its own address, and a search.

use std::path::{Path, PathBuf};

use upaas::logs::journal::Journal;

use super::support::{browser::Reply, eventually, fake::Fake, server::Server, shop::with_shop};

const PAGE: &str = "/apps/shop/deployments/1";

/// The journal of the server's first deployment, as it lies on the disk when it is over.
async fn packed(server: &Server) -> PathBuf {
    let logs = server.data().join("logs");
    eventually("the journal to be compressed", async || {
        let apps: Vec<PathBuf> = std::fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [app] = &apps[..] else { return Err(format!("{apps:?}")) };
        let file = app.join("1.journal.zst");
        if file.exists() && !app.join("1.journal").exists() { Ok(file) } else { Err(format!("{}", file.display())) }
    })
    .await
}

/// A server with one deployment, over, whose journal has more lines: `line 1` and so on.
async fn with_journal(lines: u64) -> Server {
    let mut server = with_shop(&Fake::default(), &[]).await;
    server.deploy_to_the_end("shop").await;
    let plain = packed(&server).await.with_extension("");
    let journal = Journal::open(&plain, Default::default()).unwrap();
    for number in 1..=lines {
        journal.output(
            match number % 1000 {
                0 => format!("line {number} has a \x1b[31mRo\x1b[1mund\x1b[0m number"),
                _ => format!("line {number}"),
            }
            .as_bytes(),
        );
    }
    drop(journal);
    upaas::logs::archive::compress(&plain).unwrap();
    server
}

fn numbers(reply: &Reply) -> Vec<u64> {
    reply.texts("li.line .line-number").iter().map(|number| number.parse().unwrap()).collect()
}

/// Where the neighbouring lines are, said by a page or by lines alone.
fn more(reply: &Reply, which: &str, attribute: &str) -> Option<String> {
    let lines = if reply.body.contains("id=\"lines\"") { "#lines > " } else { "" };
    reply.attribute(&format!("{lines}#{which} a"), attribute)
}

#[tokio::test]
async fn a_journal_that_is_over_is_compressed_and_reads_as_before() {
    let mut server = with_shop(&Fake::default(), &[]).await;
    let page = server.deploy_to_the_end("shop").await;
    let packed = packed(&server).await;
    let (before, after) = (page.texts("li.line"), server.browser.get(PAGE).await.texts("li.line"));
    assert_eq!(before, after);
    assert!(after.last().unwrap().contains("Ended: success"), "{after:?}");
    let kept = server.browser.get(&format!("{PAGE}/journal")).await.expect(200).body;
    assert_eq!(kept.lines().count(), after.len());
    let folder: Vec<_> = std::fs::read_dir(packed.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(folder, ["1.journal.zst"], "nothing else is left");
}

#[tokio::test]
async fn a_journal_from_before_an_upgrade_is_compressed_after_it() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    server.deploy_to_the_end("shop").await;
    let file = packed(&server).await;
    server.stop().await;
    let plain: &Path = &file.with_extension("");
    Journal::open(plain, Default::default()).unwrap();
    let db = upaas::db::Db::open(&server.data().join("upaas.db")).await.unwrap();
    assert!(upaas::db::journals::next_to_compress(db.read(), None).await.unwrap().is_none(), "it was noted");
    db.close().await;
    forget_compression(&server).await;
    assert!(plain.exists());
    server.start_fake(&fake).await;
    packed(&server).await;
}

#[tokio::test]
async fn a_journal_that_cannot_be_compressed_keeps_no_other_one_waiting() {
    let fake = Fake::default();
    let mut server = with_shop(&fake, &[]).await;
    server.deploy_to_the_end("shop").await;
    let first = packed(&server).await;
    server.stop().await;
    // The place of the plain file is taken by what cannot be read as one.
    std::fs::create_dir(first.with_extension("")).unwrap();
    forget_compression(&server).await;
    server.start_fake(&fake).await;
    server.deploy_to_the_end("shop").await;
    let second = first.with_file_name("2.journal.zst");
    eventually("the second journal to be compressed", async || if second.exists() { Ok(()) } else { Err("no".to_owned()) }).await;
}

/// As the row was before there was compression.
async fn forget_compression(server: &Server) {
    use sqlx::Connection;
    let file = format!("sqlite://{}", server.data().join("upaas.db").display());
    let mut db = sqlx::SqliteConnection::connect(&file).await.unwrap();
    sqlx::query("UPDATE deployments SET journal_compressed = 0").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn the_last_lines_come_first_and_the_others_on_demand_each_once() {
    let mut server = with_journal(3500).await;
    let mut page = server.browser.get(PAGE).await.expect(200);
    let last = *numbers(&page).last().unwrap();
    let mut seen = numbers(&page);
    assert_eq!((seen.len(), seen[0]), (1000, last - 999));
    assert!(more(&page, "later", "href").is_none());
    // By the links, as without JavaScript.
    let mut pages = 1;
    while let Some(earlier) = more(&page, "earlier", "href") {
        page = server.browser.get(earlier.split('#').next().unwrap()).await.expect(200);
        assert!(more(&page, "later", "href").is_some(), "and back again");
        let more = numbers(&page).into_iter().filter(|number| *number < seen[0]);
        seen = more.chain(seen.iter().copied()).collect();
        pages += 1;
        assert!(pages < 9);
    }
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    // And by the lines alone.
    let mut part = server.browser.get(PAGE).await;
    let mut seen = numbers(&part);
    while let Some(earlier) = more(&part, "earlier", "hx-get") {
        part = server.browser.get(&earlier).await.expect(200);
        seen.splice(0..0, numbers(&part));
    }
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    let mut part = server.browser.get(&format!("{PAGE}?line=1")).await;
    let mut seen = numbers(&part);
    while let Some(later) = more(&part, "later", "hx-get") {
        part = server.browser.get(&later).await.expect(200);
        seen.extend(numbers(&part));
    }
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_line_has_an_address() {
    let mut server = with_journal(3500).await;
    for number in [1, 2, 101, 1700, 3505] {
        let page = server.browser.get(&format!("{PAGE}?line={number}")).await.expect(200);
        let link = page.attribute(&format!("#L{number} .line-number"), "href");
        assert_eq!(link, Some(format!("?line={number}#L{number}")));
    }
    let phase = server.browser.get(PAGE).await.attribute(".phases li:nth-child(3) a", "href").unwrap();
    let page = server.browser.get(&format!("{PAGE}{}", phase.split('#').next().unwrap())).await.expect(200);
    assert_eq!(page.text(&format!("#{} .line-text", phase.split('#').nth(1).unwrap())), "building");
    for beyond in ["0", "99999", "18446744073709551615"] {
        server.browser.get(&format!("{PAGE}?line={beyond}")).await.expect(200);
        server.browser.get(&format!("{PAGE}/lines?before={beyond}")).await.expect(200);
        server.browser.get(&format!("{PAGE}/lines?after={beyond}")).await.expect(200);
    }
    for wrong in ["?line=-1", "?line=x", "?line=99999999999999999999"] {
        server.browser.get(&format!("{PAGE}{wrong}")).await.expect(400);
    }
}

#[tokio::test]
async fn a_search_finds_what_a_reader_sees_and_leads_to_its_place() {
    let mut server = with_journal(3500).await;
    let page = server.browser.get(&format!("{PAGE}?q=a+round+number")).await.expect(200);
    assert_eq!(page.texts("li.line .line-text"), ["line 1000", "line 2000", "line 3000"].map(|line| format!("{line} has a Round number")));
    assert_eq!(page.attribute("input[name=q]", "value").as_deref(), Some("a round number"));
    assert!(page.text("#journal").contains("3 lines have it."), "{}", page.text("#journal"));
    let place = page.attribute("li.line .line-number", "href").unwrap();
    let there = server.browser.get(&format!("{PAGE}{}", place.split('#').next().unwrap())).await.expect(200);
    assert!(there.texts("li.line .line-text").contains(&"line 1000 has a Round number".to_owned()));
    // More than is shown at once.
    let mut page = server.browser.get(&format!("{PAGE}?q=line")).await.expect(200);
    let mut found = numbers(&page).len();
    while let Some(next) = page.attribute("a.more-found", "href") {
        page = server.browser.get(next.split('#').next().unwrap()).await.expect(200);
        found += numbers(&page).len();
    }
    assert_eq!(found, 3500, "each once");
    let none = server.browser.get(&format!("{PAGE}?q=%3Cb%3E%22nowhere")).await.expect(200);
    assert!(none.text("#journal").contains("No line has it.") && none.attribute("input[name=q]", "value").unwrap() == "<b>\"nowhere");
    assert_eq!(server.browser.get(&format!("{PAGE}?q=++")).await.expect(200).texts("li.line").len(), 1000, "nothing is searched for");
}
