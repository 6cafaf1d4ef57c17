//! Recorded deliveries, read as if they arrived now. `src/tests/fixtures/gitea/README.md` says where they come from.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::{
    head::Head,
    push::{Push, without_secret},
    signature::verifies,
};
use crate::domain::secret::Secret;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tests/fixtures/gitea")
}

fn recorded(file: &str) -> Vec<u8> {
    fs::read(folder().join(file)).unwrap()
}

fn text(file: &str) -> String {
    String::from_utf8(recorded(file)).unwrap()
}

/// The files of the folder with this ending, sorted.
fn files(ending: &str) -> Vec<String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = names.filter(|name| name.ends_with(ending)).collect();
    files.sort();
    files
}

fn signatures() -> BTreeMap<String, String> {
    let pair = |line: &str| line.split_once(' ').map(|(file, hex)| (file.to_owned(), hex.to_owned())).unwrap();
    text("signatures.txt").lines().map(pair).collect()
}

/// The field `payload` of a form, decoded.
fn payload(form: &[u8]) -> Vec<u8> {
    let mut bytes = form.strip_prefix(b"payload=").unwrap().iter().copied();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            plain => plain,
        });
    }
    decoded
}

fn head(file: &str) -> Head {
    let text = text(file);
    let lines = text.lines().skip(1).map(|line| line.split_once(':').unwrap());
    let headers: BTreeMap<_, _> = lines.map(|(name, value)| (name.to_lowercase(), value)).collect();
    Head::read(|name| headers.get(name).copied())
}

#[test]
fn every_recorded_signature_verifies() {
    let signatures = signatures();
    let bodies = [files(".json"), files(".body")].concat();
    assert_eq!(bodies.len(), 32);
    assert!(bodies.iter().all(|body| signatures.contains_key(body)), "a recorded body has no signature");
    for (file, signature) in signatures {
        let body = recorded(&file);
        let signed = if file.ends_with(".body") { payload(&body) } else { body };
        assert!(verifies(&Secret::new("topsecret"), &signed, &signature), "{file}");
        assert!(!verifies(&Secret::new("topsecret "), &signed, &signature), "{file}");
        assert!(!verifies(&Secret::new("topsecret"), &[&signed, b"\n".as_slice()].concat(), &signature), "{file} with a newline");
    }
}

#[test]
fn a_form_is_signed_as_the_json_in_it() {
    let form = recorded("push-form-encoded.body");
    assert_eq!(payload(&form), recorded("push-first-to-empty-repo.json"));
    assert!(!verifies(&Secret::new("topsecret"), &form, &signatures()["push-form-encoded.body"]));
}

#[test]
fn every_recorded_push_is_understood() {
    let mut table = vec![];
    for file in files(".json").into_iter().filter(|file| file.starts_with("push") || file.starts_with("test-delivery")) {
        let push = Push::parse(&recorded(&file)).unwrap();
        assert_eq!(push.repository.as_deref(), Some("dev/shop-api"), "{file}");
        let kind = match (push.is_test(), push.is_deletion()) {
            (true, false) => "test",
            (false, true) => "deletion",
            (false, false) => "-",
            (true, true) => panic!("{file} is both a test and a deletion"),
        };
        let pusher = push.pusher.as_deref().unwrap_or("-");
        let ids = format!("{} {}", push.before.short(), push.after.short());
        table.push(format!("{file:<41} {ids} {kind:<8} {pusher} {:?}", push.reference));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    push-by-contents-api.json                 4d2e0625 e3f7ffd0 -        dev Branch("main")
    push-delete-branch.json                   19123999 00000000 deletion dev Branch("feature/login")
    push-delete-tag.json                      0821380a 00000000 deletion dev Tag("v0.1.0")
    push-first-to-empty-repo.json             00000000 9527e383 -        dev Branch("main")
    push-force-reset-backwards.json           1d580dc2 19123999 -        dev Branch("feature/login")
    push-force.json                           9bd355c4 1d580dc2 -        dev Branch("feature/login")
    push-many-commits.json                    19123999 4d2e0625 -        dev Branch("main")
    push-merge-of-pull-request.json           e3f7ffd0 617300d4 -        dev Branch("main")
    push-new-branch-no-new-commits.json       00000000 19123999 -        dev Branch("feature/login")
    push-new-branch.json                      00000000 f4b0445d -        dev Branch("release/größe-1.0")
    push-tag-annotated.json                   00000000 be8eacc6 -        dev Tag("v0.2.0")
    push-tag-moved-by-force.json              00000000 0821380a -        dev Tag("v0.1.0")
    push-tag.json                             00000000 4d2e0625 -        dev Tag("v0.1.0")
    push-three-commits-monorepo.json          0c79164d 19123999 -        dev Branch("main")
    push-v1.25-structs.json                   9527e383 0c79164d -        dev Branch("main")
    push-v1.26-jsonv2.json                    9527e383 0c79164d -        dev Branch("main")
    push.json                                 9527e383 0c79164d -        dev Branch("main")
    test-delivery-api-with-ref.json           4d2e0625 4d2e0625 test     dev Other("v0.2.0")
    test-delivery-api.json                    4d2e0625 4d2e0625 test     dev Branch("main")
    test-delivery-web-button-1.22.json        4a402d80 4a402d80 test     dev Branch("main")
    test-delivery-web-button-1.24plus.json    00000000 00000000 test     dev Branch("main")
    "#);
}

#[test]
fn no_other_event_passes_for_a_push() {
    for file in files(".json").into_iter().filter(|file| !file.starts_with("push") && !file.starts_with("test-delivery")) {
        assert!(Push::parse(&recorded(&file)).is_err(), "{file}");
    }
}

#[test]
fn recorded_headers_are_read() {
    let read = ["json-with-secret", "form-with-authorization", "json-no-secret", "pull_request_sync"].map(|case| {
        let Head { event, delivery, signature } = head(&format!("headers-{case}.txt"));
        format!("{event} {} {}", delivery.as_deref().unwrap_or("-"), signature.as_deref().unwrap_or("-"))
    });
    insta::assert_snapshot!(read.join("\n"), @r"
    push 45acc6e6-cdec-4294-abcd-1107480685f1 d2709a6d9443c66bed51985929ac9c18ed60f5fe4d8656dd8bf9c6ffa65c9317
    push bae4b217-e622-4932-90a5-1e679e340af0 d2709a6d9443c66bed51985929ac9c18ed60f5fe4d8656dd8bf9c6ffa65c9317
    push 1cd6645d-5881-4d9f-b37f-df452bcc8347 -
    pull_request 767a2600-a150-4d92-a706-877c7419b2b3 79bf1565e58df6454d90e51da800e2eb6f2f1b58080a46ceb8db7502e3c8bf7e
    ");
}

#[test]
fn the_headers_and_the_body_of_one_delivery_belong_together() {
    for (headers, body) in [
        ("headers-json-with-secret.txt", "push-first-to-empty-repo.json"),
        ("headers-pull_request_sync.txt", "pull_request-synchronized.json"),
    ] {
        assert!(verifies(&Secret::new("topsecret"), &recorded(body), &head(headers).signature.unwrap()), "{headers}");
    }
}

#[test]
fn no_recorded_body_holds_a_secret() {
    for file in files(".json") {
        let body = recorded(&file);
        assert_eq!(without_secret(&body), body, "{file}");
    }
}
