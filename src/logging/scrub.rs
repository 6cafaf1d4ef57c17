//! Takes secrets out of text that leaves the process. It would rather take too much than too little.

use std::{borrow::Cow, sync::LazyLock};

use regex::{Captures, Regex};
use serde_json::Value;

/// What stands for a secret.
const MASK: &str = "[secret]";
/// Names of what holds a secret, whatever that looks like.
const NAMES: &str = r"[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|dsn)[\w-]*";
/// Headers that do, to the end of their line: they have parts with spaces.
const HEADERS: &str = "(?:proxy-)?authorization|(?:set-)?cookie|x-sentry-auth";

struct Rules {
    /// Each with what it leaves behind.
    forms: Vec<(Regex, &'static str)>,
    hex: Regex,
    name: Regex,
}

/// Compiled when the first text is scrubbed: most processes never come to it.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let regex = |pattern: &str| Regex::new(pattern).expect("tested");
    // A value in quotes, in quotes that are escaped themselves, or up to the next delimiter; Rust's own `Some(…)` may stand around it.
    const VALUE: &str = r#"(?:Some\()?(?:\\+"[^"]*"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&{}"')\\]+)"#;
    let forms = vec![
        (regex(r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)"), MASK),
        (regex(&format!(r#"(?i)\b({HEADERS})(\\*["']?\s*[:=]\s*\\*["']?)[^\r\n"'\\]+"#)), "$1$2[secret]"),
        (regex(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), "$1 [secret]"),
        (regex(r#"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/"'<>]*@"#), "$1[secret]@"),
        (regex(&format!(r#"(?i)({NAMES})(\\*["']?\s*[:=]\s*){VALUE}"#)), "$1$2[secret]"),
        (regex(r"upaas_[A-Za-z0-9_-]{43}"), MASK),
        // The setup code: four groups of its alphabet.
        (regex(r"(?i)\b[a-km-np-z2-9]{5}(?:-[a-km-np-z2-9]{5}){3}\b"), MASK),
    ];
    Rules { forms, hex: regex(r"(?i)\b(sha256:)?[0-9a-f]{64}\b"), name: regex(&format!("(?i)^(?:{NAMES}|{HEADERS})$")) }
});

/// A text without the secrets in it.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    let mut scrubbed = Cow::Borrowed(text);
    let rules = &*RULES;
    for (form, left) in &rules.forms {
        if let Cow::Owned(new) = form.replace_all(&scrubbed, *left) {
            scrubbed = Cow::Owned(new);
        }
    }
    // A digest says that it is one; without that it could be a webhook's secret.
    let masked = rules.hex.replace_all(&scrubbed, |found: &Captures<'_>| match found.get(1) {
        Some(_) => found[0].to_owned(),
        None => MASK.to_owned(),
    });
    match masked {
        Cow::Owned(new) => Cow::Owned(new),
        Cow::Borrowed(_) => scrubbed,
    }
}

/// A value whose texts are scrubbed, and cut to `max_chars`. What a secret's name names is masked as a whole.
pub(super) fn value(value: Value, max_chars: usize) -> Value {
    match value {
        Value::String(it) => text(&it).chars().take(max_chars).collect::<String>().into(),
        Value::Array(items) => items.into_iter().map(|it| self::value(it, max_chars)).collect(),
        Value::Object(entries) => {
            let entries = entries.into_iter().map(|(name, it)| match it {
                Value::String(_) | Value::Number(_) if RULES.name.is_match(&name) => (name, MASK.into()),
                it => (name, self::value(it, max_chars)),
            });
            Value::Object(entries.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    const TOKEN: &str = "upaas_abcdefghijABCDEFGHIJ0123456789_-abcdefghijk";

    #[test]
    fn secrets_of_every_form_are_masked() {
        let hex_sentence = format!("the secret of shop is {HEX}.");
        let token_sentence = format!("asked with {TOKEN}, refused");
        let cases = [
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA\n-----END OPENSSH PRIVATE KEY----- stays", "[secret] stays"),
            ("key: -----BEGIN RSA PRIVATE KEY-----\\nMIIE cut off", "key: [secret]"),
            ("Authorization: Bearer abc.def-ghi", "Authorization: [secret]"),
            ("\"authorization\": \"Basic YWRhOmh1bnRlcjI=\", \"host\": \"a\"", "\"authorization\": \"[secret]\", \"host\": \"a\""),
            ("sent Bearer eyJhbGciOi.J9.x_y- to it", "sent Bearer [secret] to it"),
            ("Cookie: upaas=abc; theme=dark\nHost: a", "Cookie: [secret]\nHost: a"),
            ("password=hunter2&username=ada", "password=[secret]&username=ada"),
            ("POSTGRES_PASSWORD=hunter2 make", "POSTGRES_PASSWORD=[secret] make"),
            ("api_key: 'hunter 2', x", "api_key: [secret], x"),
            (r#"{"password":"hun\"ter2","username":"ada"}"#, r#"{"password":[secret],"username":"ada"}"#),
            (r#"body: "{\"password\":\"hunter2\",\"a\":1}""#, r#"body: "{\"password\":[secret],\"a\":1}""#),
            (r#"User { password: Some("hunter2"), id: 1 }"#, "User { password: [secret]), id: 1 }"),
            ("client_secret = hunter2", "client_secret = [secret]"),
            ("fetch https://ada:hunter2@git.example.org/dev/shop.git failed", "fetch https://[secret]@git.example.org/dev/shop.git failed"),
            ("https://hunter2@git.example.org/", "https://[secret]@git.example.org/"),
            ("SENTRY_DSN=https://key@sentry.example.org/2", "SENTRY_DSN=[secret]"),
            (token_sentence.as_str(), "asked with [secret], refused"),
            (hex_sentence.as_str(), "the secret of shop is [secret]."),
            ("setup code: abcde-fghij-kmnpq-rstu2", "setup code: [secret]"),
            ("typed ABCDE-FGHIJ-KMNPQ-RSTU2?", "typed [secret]?"),
        ];
        for (said, left) in cases {
            assert_eq!(text(said), left, "{said}");
        }
    }

    #[test]
    fn what_helps_to_find_the_error_stays() {
        let image = format!("sha256:{HEX}");
        for said in [
            "no such table: deliveries",
            "secret.key is missing",
            "commit 0c79164d00000000000000000000000000000000 of main",
            "019a3c1e-7b2f-7cc0-8000-0123456789ab",
            "upaas_deployments_phase_duration_seconds",
            "https://git.example.org/dev/shop.git@main",
            image.as_str(),
        ] {
            assert_eq!(text(said), said);
        }
    }

    #[test]
    fn values_are_scrubbed_all_the_way_down_and_cut() {
        let scrubbed =
            value(json!({"a": [{"b": "password=x1"}], "db_password": "x1", "n": 7, "pin_token": 1234, "long": "é".repeat(30)}), 20);
        let left = json!({"a": [{"b": "password=[secret]"}], "db_password": MASK, "n": 7, "pin_token": MASK, "long": "é".repeat(20)});
        assert_eq!(scrubbed, left);
    }
}
