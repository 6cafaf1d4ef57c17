//! The house rules, walked: who may import whom, and where each library, SQL and other programs live.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Every room and the rooms it may import. `src/lib.rs` shows the same table to people.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("events", &[]),
    ("keyfile", &[]),
    ("metrics", &["domain"]),
    ("health", &["domain"]),
    ("machine", &["domain"]),
    ("config", &["domain"]),
    ("db", &["events", "domain"]),
    ("audit", &["db", "events", "metrics", "domain"]),
    ("vault", &["domain", "keyfile"]),
    ("logs", &["domain"]),
    ("git", &["domain"]),
    ("gitea", &["domain"]),
    ("docker", &["domain"]),
    ("deploy", &["audit", "db", "metrics", "vault", "logs", "gitea", "events", "domain"]),
    ("host", &["git", "docker", "deploy", "logs", "machine", "domain"]),
    ("web", &["deploy", "audit", "db", "metrics", "logs", "events", "domain", "config", "health", "machine", "keyfile"]),
    (
        "app",
        &[
            "audit", "config", "db", "deploy", "docker", "domain", "events", "git", "health", "host", "keyfile", "machine", "metrics",
            "vault", "web",
        ],
    ),
    ("logging", &["config", "domain"]),
    ("lib", &["app"]),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("src/tests") {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("src"), &mut found);
    found
}

/// `src/docker/build.rs` and `src/docker.rs` are both the room `docker`.
fn room(file: &Path) -> String {
    let first = file.strip_prefix("src").unwrap().components().next().unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The rooms that a file names after `crate::`, alone or in a nested `use`.
fn imports(text: &str) -> BTreeSet<String> {
    let text: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let after = &text[at + "crate::".len()..];
        match after.strip_prefix('{') {
            None => rooms.extend(word(after)),
            Some(list) => rooms.extend(first_words_of_list(list)),
        }
    }
    rooms
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!word.is_empty() && word.starts_with(|c: char| c.is_ascii_lowercase())).then_some(word)
}

fn first_words_of_list(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut words = Vec::new();
    let mut expects_word = true;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects_word = true,
            c if expects_word && !c.is_whitespace() => {
                words.extend(word(&list[at..]));
                expects_word = false;
            }
            _ => {}
        }
    }
    words
}

#[test]
fn no_room_imports_what_it_may_not_know() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let room = room(&file);
        if room == "main" {
            continue;
        }
        let allowed = ARROWS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("{room} is a room without a rule")).1;
        for import in imports(&text) {
            if import != room && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{} imports {import}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[track_caller]
fn only_in(pattern: &str, rooms: &[&str]) {
    let outside: Vec<_> = sources()
        .into_iter()
        .filter(|(file, text)| text.contains(pattern) && !rooms.contains(&room(file).as_str()))
        .map(|(file, _)| file)
        .collect();
    assert!(outside.is_empty(), "{pattern} outside {rooms:?}: {outside:?}");
    assert!(sources().iter().any(|(_, text)| text.contains(pattern)), "{pattern} is nowhere: is this rule still about something?");
}

#[test]
fn each_library_has_its_room() {
    only_in("bollard::", &["docker"]);
    only_in("tonic::", &["docker"]);
    only_in("axum::", &["web", "app"]);
    only_in("minijinja::", &["web"]);
    only_in("chacha20poly1305", &["vault"]);
    only_in("hmac::", &["gitea"]);
    only_in("zstd::", &["deploy", "logs"]);
    only_in("zeekstd::", &["logs"]);
    only_in("sentry::", &["logging"]);
    only_in("reqwest::", &["logging"]);
    only_in("rustls::", &["logging"]);
    only_in("tracing_subscriber::", &["logging"]);
    only_in("metrics_exporter_prometheus::", &["metrics"]);
    only_in("metrics_process::", &["metrics"]);
    only_in("procfs::", &["machine"]);
    only_in("globset::", &["domain"]);
    only_in("rustix::net", &["host"]);
}

#[test]
fn sql_stands_in_db_only() {
    for pattern in ["sqlx::query", "INSERT INTO", "SELECT id", "UPDATE apps"] {
        only_in(pattern, &["db"]);
    }
}

#[test]
fn programs_are_started_by_git_only_and_never_a_shell() {
    only_in("Command::new", &["git"]);
    for (file, text) in sources() {
        for shell in ["\"sh\"", "\"bash\"", "\"/bin/sh\"", "GIT_SSH_COMMAND\","] {
            assert!(!text.contains(shell), "{} names {shell}", file.display());
        }
    }
}

#[test]
fn imports_are_found_in_nested_lists() {
    let text = "use crate::{\n    db::{self, users::User},\n    deploy,\n    domain::{app::App},\n};\nfn f() { crate::vault::x() }";
    assert_eq!(imports(text).into_iter().collect::<Vec<_>>(), ["db", "deploy", "domain", "vault"]);
}
