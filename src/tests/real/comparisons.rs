//! What differs between the live commit and a new one, and whether it is watched.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, process::Command};

use upaas::{deploy::platform::Source, domain::watch_paths::WatchPaths};

use super::sources::Sources;

fn watched(patterns: &str, changed: Option<&Vec<String>>) -> Option<String> {
    let patterns: WatchPaths = patterns.parse().unwrap();
    patterns.first_watched(changed.unwrap().iter().map(String::as_str)).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_compared_as_a_whole_however_many_commits_it_has() {
    let sources = Sources::of_shop().await;
    let first = sources.shop.push("main", &[("src/a.rs", "1"), ("docs/a.md", "1"), ("gone.txt", "1")]);
    sources.fetch().await;

    let docs = sources.shop.push("main", &[("docs/a.md", "2")]);
    sources.fetch().await;
    let changed = sources.changed(&first, &docs).await;
    assert_eq!(changed, Some(vec!["docs/a.md".to_owned()]));
    assert_eq!(watched("src", changed.as_ref()), None, "nothing watched changed");
    assert_eq!(watched("src\ndocs/*.md", changed.as_ref()), Some("docs/a.md".to_owned()));

    sources.shop.push("main", &[("src/a.rs", "2")]);
    let mut last = String::new();
    for number in 3..8 {
        last = sources.shop.push("main", &[("docs/a.md", &number.to_string())]);
    }
    sources.fetch().await;
    let changed = sources.changed(&docs, &last).await;
    assert_eq!(watched("src", changed.as_ref()), Some("src/a.rs".to_owned()), "it is only in the oldest of six commits");

    std::fs::remove_file(sources.shop.work().join("gone.txt")).unwrap();
    let removed = sources.shop.commit_and_push("main");
    sources.fetch().await;
    assert_eq!(sources.changed(&last, &removed).await, Some(vec!["gone.txt".to_owned()]), "what is gone has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_to_what_is_live_changes_nothing_and_a_merge_changes_what_it_brings() {
    let sources = Sources::of_shop().await;
    let first = sources.shop.push("main", &[("src/a.rs", "1"), ("docs/a.md", "1")]);
    sources.shop.push("main", &[("src/a.rs", "2")]);
    let reverted = sources.shop.push("main", &[("src/a.rs", "1")]);
    sources.fetch().await;
    assert_eq!(sources.changed(&first, &reverted).await, Some(vec![]));

    let side = sources.shop.push("side", &[("src/side.rs", "1")]);
    sources.shop.reset_to(&reverted, "main");
    let main = sources.shop.push("main", &[("docs/a.md", "2")]);
    let merged = sources.shop.merge(&side, "main");
    sources.fetch().await;
    assert_eq!(sources.changed(&main, &merged).await, Some(vec!["src/side.rs".to_owned()]));
    assert_eq!(sources.changed(&reverted, &merged).await, Some(vec!["docs/a.md".to_owned(), "src/side.rs".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_commit_that_was_forced_away_or_is_of_another_branch_is_still_compared() {
    let mut sources = Sources::of_shop().await;
    let first = sources.shop.push("main", &[("src/a.rs", "1"), ("docs/a.md", "1")]);
    let live = sources.shop.push("main", &[("src/a.rs", "2")]);
    sources.fetch().await;
    sources.shop.reset_to(&first, "main");
    let forced = sources.shop.push("main", &[("docs/a.md", "2")]);
    sources.fetch().await;
    assert_eq!(sources.changed(&live, &forced).await, Some(vec!["docs/a.md".to_owned(), "src/a.rs".to_owned()]));

    let new_branch = sources.shop.push("next/one", &[("src/b.rs", "1")]);
    sources.origin.branch = "next/one".parse().unwrap();
    sources.shop.delete_branch("main");
    assert_eq!(sources.fetch().await.as_str(), new_branch);
    assert_eq!(sources.changed(&forced, &new_branch).await, Some(vec!["src/b.rs".to_owned()]));
    assert_eq!(sources.changed(&live, &new_branch).await, Some(vec!["docs/a.md".to_owned(), "src/a.rs".to_owned(), "src/b.rs".to_owned()]));

    assert_eq!(sources.changed(&"0".repeat(40), &new_branch).await, None, "what was never fetched cannot be compared");
    std::fs::remove_dir_all(sources.files.mirror(sources.origin.app)).unwrap();
    assert_eq!(sources.changed(&live, &new_branch).await, None, "nor without a mirror");
    sources.fetch().await;
    assert_eq!(sources.changed(&live, &new_branch).await, None, "and a new mirror does not have what was forced away");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_name_of_a_file_is_told_and_nothing_in_the_repository_changes_the_comparison() {
    let sources = Sources::of_shop().await;
    let attributes = "* -diff filter=x diff=x\n";
    let gitmodules = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib.git\n\tignore = all\n";
    sources.shop.set_submodule("lib", &"1".repeat(40));
    let first = sources.shop.push("main", &[(".gitattributes", attributes), (".gitmodules", gitmodules), ("moved", "the same content")]);
    let work = sources.shop.work();
    for name in [&b"Gr\xc3\xb6\xc3\x9fe.txt"[..], b"a\nb.txt", b" \t\"q\".txt", b"-rf", b"caf\xe9.txt"] {
        std::fs::write(work.join(OsStr::from_bytes(name)), "x").unwrap();
    }
    std::fs::rename(work.join("moved"), work.join("there")).unwrap();
    sources.shop.set_submodule("lib", &"2".repeat(40));
    let second = sources.shop.commit_and_push("main");
    sources.fetch().await;
    let mut changed = sources.changed(&first, &second).await.unwrap();
    changed.sort_unstable();
    let mut expected = ["Größe.txt", "a\nb.txt", " \t\"q\".txt", "-rf", "caf\u{fffd}.txt", "moved", "there", "lib"];
    expected.sort_unstable();
    assert_eq!(changed, expected);
    assert_eq!(watched("Größe.*", Some(&changed)), Some("Größe.txt".to_owned()));
    assert_eq!(watched("a*.txt", Some(&changed)), Some("a\nb.txt".to_owned()));
    assert_eq!(watched("lib/", Some(&changed)), Some("lib".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_much_differs_to_be_listed_it_is_not_told_what_does() {
    let sources = Sources::of_shop().await;
    let first = sources.shop.push("main", &[("a.txt", "a")]);
    let blob = sources.shop.make_blob("b");
    let names: Vec<String> = (0..36_000).map(|number| format!("{number:0>240}")).collect();
    let entries: Vec<_> = names.iter().map(|name| ("100644", name.as_str(), blob.as_str())).collect();
    let huge = sources.shop.push_tree("main", &sources.shop.make_tree(&entries));
    sources.fetch().await;
    assert_eq!(sources.changed(&first, &huge).await, None);
    assert_eq!(sources.changed(&huge, &huge).await, Some(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commits_between_two_are_told_from_the_mirror_alone_on_both_sides() {
    let mut sources = Sources::of_shop().await;
    let first = sources.shop.push("main", &[("a.txt", "1")]);
    let mut live = String::new();
    for number in 2..6 {
        live = sources.shop.push("main", &[("a.txt", &number.to_string())]);
    }
    sources.fetch().await;
    sources.shop.reset_to(&first, "main");
    let forced = sources.shop.push("main", &[("b.txt", "1")]);
    sources.fetch().await;
    sources.forge.down();
    let (ahead, behind) = sources.between(&live, &forced).await.unwrap();
    assert_eq!((ahead.len(), behind.len(), behind[2].as_str()), (1, 3, "…"), "{ahead:?} {behind:?}");
    let (ahead, behind) = sources.between(&live, &first).await.unwrap();
    assert_eq!((ahead.len(), behind.len()), (0, 3));
    assert_eq!(sources.between(&first, &first).await, Some((vec![], vec![])));
    assert_eq!(sources.between(&"0".repeat(40), &first).await, None, "what was never fetched");
    std::fs::remove_dir_all(sources.files.mirror(sources.origin.app)).unwrap();
    assert_eq!(sources.between(&live, &first).await, None, "nor without a mirror");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_housekeeping_has_half_forgotten_cannot_be_compared_and_is_fetched_again() {
    let sources = Sources::of_shop().await;
    let shop = &sources.shop;
    let first = shop.push("main", &[("a.txt", "1")]);
    let left_behind = shop.push("main", &[("lib/b.txt", "1")]);
    sources.fetch().await;
    shop.reset_to(&first, "main");
    let tip = shop.push("main", &[("a.txt", "2")]);
    sources.fetch().await;
    assert!(sources.changed(&left_behind, &tip).await.is_some());

    let mut asking = Command::new("git");
    let asked = asking.arg("--git-dir").arg(sources.mirror()).args(["rev-parse", &format!("{left_behind}:lib")]).output().unwrap();
    let tree = String::from_utf8(asked.stdout).unwrap();
    std::fs::remove_file(sources.mirror().join("objects").join(&tree[..2]).join(tree[2..].trim())).unwrap();
    assert_eq!(sources.changed(&left_behind, &tip).await, None);
    let failure = sources.export_exactly(&left_behind).await.unwrap_err();
    assert_eq!(failure.sentence, "The repository does not have this commit.", "no branch of the forge leads to it, either");
    shop.reset_to(&left_behind, "kept");
    let checkout = sources.export_exactly(&left_behind).await.unwrap();
    assert_eq!(std::fs::read_to_string(checkout.join("lib/b.txt")).unwrap(), "1");
    assert!(sources.changed(&left_behind, &tip).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_any_length_hide_no_commit() {
    let sources = Sources::of_shop().await;
    let first = sources.shop.push("main", &[("a.txt", "1")]);
    let unseen = "\u{200b}".repeat(60_000);
    sources.shop.push_message("main", &format!("{unseen}\n\n{}", "more ".repeat(500_000)));
    let tip = sources.fetch().await;
    let (ahead, behind) = sources.between(&first, tip.as_str()).await.unwrap();
    assert_eq!((ahead.len(), behind.len()), (1, 0));
    assert!(ahead[0].starts_with('\u{200b}') && ahead[0].len() <= 4096);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_fetched_for_an_app_that_is_deleted() {
    let sources = Sources::of_shop().await;
    sources.shop.push("main", &[("a.txt", "1")]);
    sources.host.close(sources.origin.app).await;
    let refused = sources.host.refresh(&sources.origin).await.unwrap_err();
    assert_eq!(refused.sentence, "The app has been deleted meanwhile.");
    assert!(!sources.mirror().exists());
}
