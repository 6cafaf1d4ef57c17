//! Submodules: each at its commit, from where it may come, and nowhere but in its place.

use std::{fs, path::Path};

use super::sources::Sources;
use crate::support::forge::Repository;

fn read(checkout: &Path, file: &str) -> String {
    fs::read_to_string(checkout.join(file)).unwrap()
}

/// Makes a submodule of `shop` at a commit, and pushes it.
fn add(to: &Repository, path: &str, url: &str, commit: &str) {
    let entry = format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
    let entries = fs::read_to_string(to.work().join(".gitmodules")).unwrap_or_default() + &entry;
    to.set_submodule(path, commit);
    to.push("main", &[(".gitmodules", &entries)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn submodules_and_theirs_are_there_at_exactly_their_commits() {
    let sources = Sources::of_shop().await;
    let (lib, inner) = (sources.forge.repository("lib"), sources.forge.repository("inner"));
    sources.allow(&[&lib, &inner]);
    let wanted_inner = inner.push("main", &[("inner.txt", "wanted")]);
    inner.push("main", &[("inner.txt", "newer")]);
    add(&lib, "deep/inner", "../inner.git", &wanted_inner);
    let wanted_lib = lib.push("main", &[("lib.txt", "wanted"), ("run.sh", "x")]);
    lib.push("main", &[("lib.txt", "newer")]);
    sources.shop.push("main", &[("vendor.index", "mine"), ("a.txt", "a")]);
    add(&sources.shop, "vendor", &lib.url, &wanted_lib);
    add(&sources.shop, "again", "../lib.git", &wanted_lib);

    let checkout = sources.export_with_submodules().await.unwrap();
    for lib in ["vendor", "again"] {
        assert_eq!(read(&checkout, &format!("{lib}/lib.txt")), "wanted");
        assert_eq!(read(&checkout, &format!("{lib}/deep/inner/inner.txt")), "wanted");
        assert!(!checkout.join(lib).join(".git").exists());
    }
    assert_eq!(read(&checkout, "vendor.index"), "mine", "what git needs on the way lies elsewhere");
    let left: Vec<_> = fs::read_dir(checkout.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["tree"]);
    assert!(sources.journal().contains("of the submodule “vendor/deep/inner” from ssh://"), "{}", sources.journal());
    let mirrors = sources.files.submodule_mirrors(sources.origin.app);
    assert_eq!(fs::read_dir(&mirrors).unwrap().count(), 2, "one for each address");

    sources.forge.forget_keys();
    sources.allow(&[]);
    assert!(sources.export_with_submodules().await.is_ok(), "what is there already is not fetched again");
    sources.shop.push("main", &[(".gitmodules", "")]);
    let checkout = sources.export_with_submodules().await.unwrap();
    assert_eq!(fs::read_dir(checkout.join("vendor")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&mirrors).unwrap().count(), 0, "mirrors that nothing uses go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submodule_without_an_address_stays_empty_and_the_journal_says_so() {
    let sources = Sources::of_shop().await;
    sources.shop.set_submodule("lost", &"1".repeat(40));
    sources.shop.set_submodule("kept/out", &"2".repeat(40));
    let entry = "[submodule \"x\"]\n\tpath = kept/out\n\turl = ../x.git\n\tupdate = none\n";
    sources.shop.push("main", &[("a.txt", "a"), (".gitmodules", entry)]);
    let checkout = sources.export_with_submodules().await.unwrap();
    assert_eq!(fs::read_dir(checkout.join("lost")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(checkout.join("kept/out")).unwrap().count(), 0);
    let journal = sources.journal();
    assert!(journal.contains("The folder of the submodule “lost” stays empty: .gitmodules has no address for it."), "{journal}");
    assert!(
        journal.contains("The folder of the submodule “kept/out” stays empty: .gitmodules says “update = none” about it."),
        "{journal}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fetched_is_named_with_what_to_do() {
    let mut sources = Sources::of_shop().await;
    let lib = sources.forge.repository("lib");
    let commit = lib.push("main", &[("lib.txt", "x")]);
    add(&sources.shop, "lib", "../lib.git", &commit);

    let failure = sources.export_with_submodules().await.unwrap_err();
    assert!(failure.sentence.starts_with(&format!("The submodule “lib” ({}) could not be fetched: 127.0.0.1:", lib.url)), "{failure:?}");
    assert!(failure.sentence.contains("this key may only read shop.git"), "{failure:?}");
    assert!(failure.hint.unwrap().starts_with("Add this app's deploy key to that repository, too"));

    sources.allow(&[&lib]);
    let known = std::mem::take(&mut sources.known);
    let failure = sources.export_with_submodules().await.unwrap_err();
    assert!(failure.sentence.contains("could not be fetched: The host key of 127.0.0.1:"), "{failure:?}");
    assert!(failure.sentence.ends_with("is not confirmed yet."), "{failure:?}");
    sources.known = known;

    sources.shop.set_submodule("lib", &"1".repeat(40));
    sources.shop.commit_and_push("main");
    let failure = sources.export_with_submodules().await.unwrap_err();
    assert!(failure.sentence.ends_with("could not be fetched: that repository does not have its commit 11111111."), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_ways_to_a_repository_are_refused_by_the_name_of_the_submodule() {
    let sources = Sources::of_shop().await;
    let secret = sources.forge.repository("secret");
    let commit = secret.push("main", &[("secret.txt", "x")]);
    let local = secret.work().display().to_string();
    for url in [
        local.as_str(),
        &format!("file://{local}"),
        "http://127.0.0.1/x.git",
        "git://127.0.0.1/x.git",
        "ext::sh -c touch% /tmp/x",
        "-uclone",
        "--upload-pack=touch",
        "ssh://-oProxyCommand=x/y",
        "../../../../../../../../../x",
        "secret",
    ] {
        let entry = format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {url}\n");
        sources.shop.set_submodule("lib", &commit);
        sources.shop.push("main", &[(".gitmodules", &entry)]);
        let failure = sources.export_with_submodules().await.unwrap_err();
        let expected = format!("The submodule “lib” could not be fetched, because of its address “{url}”: ");
        assert!(failure.sentence.starts_with(&expected), "{failure:?}");
        assert_eq!(fs::read_dir(sources.checkout().join("lib")).unwrap().count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tree_leads_a_submodule_out_of_the_checkout() {
    let sources = Sources::of_shop().await;
    let lib = sources.forge.repository("lib");
    sources.allow(&[&lib]);
    std::os::unix::fs::symlink(sources.outside(), lib.work().join("b")).unwrap();
    let commit = lib.push("main", &[("lib.txt", "x")]);
    let shop = &sources.shop;
    let entries = ["a", "a/b", "../outside"].map(|path| format!("[submodule \"../../{path}\"]\n\tpath = {path}\n\turl = ../lib.git\n"));
    let gitmodules = shop.make_blob(&entries.concat());
    let link = shop.make_blob(&sources.outside().display().to_string());
    let folder = shop.make_tree(&[("160000", "b", &commit)]);
    let up = shop.make_tree(&[("160000", "outside", &commit)]);
    let modules = ("100644", ".gitmodules", gitmodules.as_str());
    let in_the_way = Some("The submodule “a/b” cannot be put into its folder: on its path there is a file or a link instead of a folder.");
    for (trick, tree, expected) in [
        ("a link and a folder of one name", vec![modules, ("120000", "a", &link), ("40000", "a", &folder)], None),
        ("a folder and a link of one name", vec![modules, ("40000", "a", &folder), ("120000", "a", &link)], in_the_way),
        (
            "a submodule with a link, and one at that link",
            vec![modules, ("160000", "a", &commit), ("40000", "a", &folder)],
            Some("The submodule “a” cannot be put into its folder: its folder is not empty."),
        ),
        ("a folder above", vec![modules, ("40000", "..", &up)], Some("git refuses to write the commit's files: invalid path '../outside'")),
        (
            "a link in the place of .gitmodules",
            vec![("120000", ".gitmodules", &link), ("160000", "a", &commit)],
            Some("git refuses to write the commit's files: invalid path '.gitmodules'"),
        ),
    ] {
        // Of a link and a folder after it git takes the folder alone.
        shop.push_tree("main", &shop.make_tree(&tree));
        let refused = sources.export_with_submodules().await.err().map(|failure| failure.sentence);
        assert_eq!(refused.as_deref(), expected, "{trick}");
        assert_eq!(fs::read_dir(sources.outside()).unwrap().count(), 0, "{trick}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn submodules_without_end_and_without_number_are_refused() {
    let sources = Sources::of_shop().await;
    let shop = &sources.shop;
    let mut chain = shop.push("main", &[("a.txt", "a")]);
    for _ in 0..6 {
        add(shop, "me", "../shop.git", &chain);
        chain = shop.commit_and_push("main");
        fs::remove_file(shop.work().join(".gitmodules")).unwrap();
    }
    let failure = sources.export_with_submodules().await.unwrap_err();
    assert_eq!(failure.sentence, "The submodule “me/me/me/me/me/me” lies more than 5 submodules deep.");

    let one = shop.make_tree(&[("100644", "a", &shop.make_blob("a"))]);
    let commit = shop.push_tree("one", &one);
    let names: Vec<String> = (100..151).map(|number| format!("s{number}")).collect();
    let about = |name: &String| format!("[submodule \"{name}\"]\n\tpath = {name}\n\turl = ../shop.git\n");
    let gitmodules = shop.make_blob(&names.iter().map(about).collect::<String>());
    let mut tree = vec![("100644", ".gitmodules", gitmodules.as_str())];
    tree.extend(names.iter().map(|name| ("160000", name.as_str(), commit.as_str())));
    shop.push_tree("main", &shop.make_tree(&tree));
    let failure = sources.export_with_submodules().await.unwrap_err();
    assert_eq!(failure.sentence, "The commit has more than 50 submodules, counted with theirs.");
    assert!(!sources.journal().contains("of the submodule “s1"), "they are counted before they are fetched");
}
