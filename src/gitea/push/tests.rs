#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::branch::Branch;

fn id(digit: &str) -> String {
    digit.repeat(40)
}

fn minimal() -> Value {
    json!({"ref": "refs/heads/main", "before": id("a"), "after": id("b")})
}

fn parse(json: &Value) -> Result<Push, Malformed> {
    Push::parse(json.to_string().as_bytes())
}

fn with(field: &str, value: Value) -> Result<Push, Malformed> {
    let mut json = minimal();
    json[field] = value;
    parse(&json)
}

#[test]
fn a_ref_loses_its_prefix_once_and_no_more() {
    let branch = |name: &str| Ref::Branch(name.to_owned());
    let tag = |name: &str| Ref::Tag(name.to_owned());
    let other = |name: &str| Ref::Other(name.to_owned());
    for (full, expected) in [
        ("refs/heads/main", branch("main")),
        ("refs/heads/feature/login", branch("feature/login")),
        ("refs/heads/refs/heads/main", branch("refs/heads/main")),
        ("refs/heads/refs/tags/v1", branch("refs/tags/v1")),
        ("refs/tags/release/größe-1.0", tag("release/größe-1.0")),
        ("refs/heads/", other("refs/heads/")),
        ("refs/tags/", other("refs/tags/")),
        ("refs/heads", other("refs/heads")),
        ("refs/notes/commits", other("refs/notes/commits")),
        ("REFS/HEADS/main", other("REFS/HEADS/main")),
        ("v0.2.0", other("v0.2.0")),
    ] {
        assert_eq!(Ref::from(full), expected);
        assert_eq!(expected.to_string(), full);
    }
}

#[test]
fn zeros_are_a_test_on_both_sides_and_a_deletion_behind() {
    let told = |before: &str, after: &str| {
        let push = parse(&json!({"ref": "refs/heads/main", "before": before, "after": after})).unwrap();
        (push.is_test(), push.is_deletion())
    };
    assert_eq!(told(&id("a"), &id("b")), (false, false));
    assert_eq!(told(&id("0"), &id("b")), (false, false));
    assert_eq!(told(&id("a"), &id("0")), (false, true));
    assert_eq!(told(&"a".repeat(64), &"0".repeat(64)), (false, true));
    assert_eq!(told(&id("0"), &id("0")), (true, false));
    assert_eq!(told(&id("a"), &id("A")), (true, false));
}

#[test]
fn the_pusher_is_looked_for_in_three_places() {
    let pusher = |pusher: Value, sender: Value| {
        let mut json = minimal();
        json["pusher"] = pusher;
        json["sender"] = sender;
        parse(&json).unwrap().pusher
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(pusher(json!({"login": "a", "username": "b"}), json!({"login": "c"})), some("a"));
    assert_eq!(pusher(json!({"login": "", "username": "b"}), json!({"login": "c"})), some("b"));
    assert_eq!(pusher(json!({"login": 7}), json!({"login": "c"})), some("c"));
    assert_eq!(pusher(json!("dev"), json!({"login": ""})), None);
    assert_eq!(parse(&minimal()).unwrap().pusher, None);
}

#[test]
fn fields_that_are_not_needed_may_be_anything() {
    for field in ["commits", "pusher", "sender", "repository", "head_commit", "total_commits", "new_in_2.0"] {
        for value in [json!(null), json!(7), json!("text"), json!([1, "a"]), json!({"full_name": 7, "login": []})] {
            let push = with(field, value).unwrap();
            assert_eq!((push.pusher, push.repository), (None, None), "{field}");
        }
    }
}

#[test]
fn what_is_missing_or_wrong_is_said_in_words() {
    let long_ref = format!("refs/heads/{}", "x".repeat(REF_MAX_BYTES));
    let said = [
        Push::parse(b""),
        Push::parse(b"payload=%7B%7D"),
        Push::parse(b"{} {}"),
        Push::parse(b"[]"),
        Push::parse(b"{}"),
        with("ref", json!("")),
        with("ref", json!(["refs/heads/main"])),
        with("ref", json!(long_ref)),
        with("before", json!(null)),
        with("before", json!("main")),
        with("after", json!(id("g"))),
        with("after", json!(0)),
    ]
    .map(|parsed| parsed.unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @r"
    the body is not JSON: EOF while parsing a value at line 1 column 0
    the body is not JSON: expected value at line 1 column 1
    the body is not JSON: trailing characters at line 1 column 4
    the body is not JSON: an object is expected
    the push has no ref
    the push has no ref
    the push has no ref
    the push's ref is longer than 1024 bytes
    `before` is no commit id
    `before` is no commit id
    `after` is no commit id
    `after` is no commit id
    ");
}

#[test]
fn long_refs_are_refused_and_long_names_cut() {
    let longest = format!("refs/heads/{}", "x".repeat(REF_MAX_BYTES - BRANCHES.len()));
    assert_eq!(with("ref", json!(longest)).unwrap().reference.to_string(), longest);
    assert_eq!(with("ref", json!(format!("{longest}x"))), Err(Malformed::LongRef));
    assert_eq!(with("pusher", json!({"login": "ä".repeat(200)})).unwrap().pusher, Some("ä".repeat(PUSHER_MAX_BYTES / 2)));
    let repository = with("repository", json!({"full_name": "x".repeat(9999)})).unwrap().repository;
    assert_eq!(repository, Some("x".repeat(REPOSITORY_MAX_BYTES)));
}

#[test]
fn invalid_utf8_does_not_stop_a_push() {
    let body = [b"{\"commits\":[\"\xff\xfe.txt\"],".as_slice(), &minimal().to_string().as_bytes()[1..]].concat();
    assert_eq!(Push::parse(&body), parse(&minimal()));
}

#[test]
fn deep_nesting_is_an_error() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [200, 1_000_000] {
            let deep = open.repeat(depth);
            for body in [deep.clone(), format!("{deep}0{}", close.repeat(depth)), format!("{{\"pusher\":{deep}0{}}}", close.repeat(depth))]
            {
                assert!(Push::parse(body.as_bytes()).is_err());
                assert_eq!(without_secret(body.as_bytes()), body.as_bytes());
            }
        }
    }
}

#[test]
fn the_secret_of_an_old_gitea_is_taken_out() {
    let clean = minimal();
    let mut old = minimal();
    old["secret"] = json!("topsecret");
    let shown = without_secret(old.to_string().as_bytes()).into_owned();
    assert_eq!(serde_json::from_slice::<Value>(&shown).unwrap(), clean);
    let escaped = without_secret(b"{\"\\u0073ecret\": \"topsecret\", \"a\": \"\xff\", \"secret\": 7}").into_owned();
    assert_eq!(String::from_utf8(escaped).unwrap(), "{\"a\":\"\u{fffd}\"}");
}

#[test]
fn a_body_without_a_secret_stays_as_it_is() {
    for body in [b"{ \"a\" : {\"secret\": 1} }".as_slice(), b"[\"secret\"]", b"\"secret\"", b"secret", b"\xff", b""] {
        assert!(matches!(without_secret(body), Cow::Borrowed(same) if same == body));
    }
}

proptest! {
    #[test]
    fn every_branch_comes_back_from_its_full_ref(name in "[a-z0-9ß漢😀@_][A-Za-z0-9ß漢😀@_.#-]{0,20}(/[a-z0-9ß漢😀@_]{1,18}){0,2}") {
        let Ok(branch) = name.parse::<Branch>() else { return Err(TestCaseError::reject("no branch")) };
        let reference = Ref::from(branch.full_ref().as_str());
        prop_assert_eq!(&reference, &Ref::Branch(name.clone()));
        prop_assert_eq!(reference.name(), branch.as_str());
        prop_assert_eq!(reference.to_string(), branch.full_ref());
        let parsed = with("ref", json!(branch.full_ref())).unwrap();
        prop_assert_eq!(parsed.reference, reference);
    }

    #[test]
    fn every_ref_is_shown_as_it_was_sent(full in "(refs/(heads|tags)/){0,2}\\PC{0,20}") {
        prop_assert_eq!(Ref::from(full.as_str()).to_string(), full);
    }

    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Push::parse(&body);
        without_secret(&body);
    }

    #[test]
    fn no_change_to_a_push_panics(at: proptest::sample::Index, byte: u8) {
        let mut body = minimal().to_string().into_bytes();
        *at.get_mut(&mut body) = byte;
        let _ = Push::parse(&body);
        without_secret(&body);
    }
}
