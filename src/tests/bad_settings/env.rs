//! Variables, `.env` texts, files and build secrets.

use super::shop::{Bad, Shop};

const ADD: &str = "environment/addition";
const ADD_FILE: &str = "files/addition";
const ADD_SECRET: &str = "build-secrets/addition";

const LETTERS: &str = "A name has letters, digits and underscores only";
const NO_SIGN: &str = "There is no “=”";

/// Names of variables that are none.
const NAMES: &[(&str, &str)] = &[
    ("", "Name the variable"),
    ("   ", "Name the variable"),
    ("9LIVES", LETTERS),
    ("A-B", LETTERS),
    ("-A", LETTERS),
    ("--env", LETTERS),
    ("A B", LETTERS),
    ("A=B", LETTERS),
    ("A.B", LETTERS),
    ("A/B", LETTERS),
    ("$A", LETTERS),
    ("${A}", LETTERS),
    ("A;B", LETTERS),
    ("A'B", LETTERS),
    ("A\"B", LETTERS),
    ("<b>A</b>", LETTERS),
    ("GRÖSSE", LETTERS),
    ("１A", LETTERS),
    ("A１", LETTERS),
    ("А", LETTERS),
    ("😀", LETTERS),
    ("A\0B", LETTERS),
    ("A\nB", LETTERS),
    ("A\r\nB", LETTERS),
    ("A\tB", LETTERS),
    ("A\u{1b}[31m", LETTERS),
    ("A\u{202e}B", LETTERS),
    ("A\u{200b}B", LETTERS),
    ("A\u{feff}B", LETTERS),
    ("UPAAS_COMMIT", "UPAAS_COMMIT is given by µPaaS itself"),
    ("TAKEN", "TAKEN is set already. Edit it above, or delete it first."),
];

/// Paths at which no file can be.
const PATHS: &[(&str, &str)] = &[
    ("", "Write the path inside the container from its root on"),
    ("etc/app", "Write the path inside the container from its root on"),
    ("./app", "Write the path inside the container from its root on"),
    ("../app", "Write the path inside the container from its root on"),
    ("~/app", "Write the path inside the container from its root on"),
    ("-v", "Write the path inside the container from its root on"),
    ("C:\\app", "Write the path inside the container from its root on"),
    ("/", "The whole file system of the container"),
    ("//", "The whole file system of the container"),
    ("/.", "The whole file system of the container"),
    ("/..", "Write the path without “..”"),
    ("/etc/../shadow", "Write the path without “..”"),
    ("/etc/app/..", "Write the path without “..”"),
    ("/etc/a\0b", "The path has characters that cannot be seen"),
    ("/etc/a\nb", "The path has characters that cannot be seen"),
    ("/etc/a\u{1b}b", "The path has characters that cannot be seen"),
    ("/etc/a\u{202e}b", "The path has characters that cannot be seen"),
    ("/etc/a\u{200b}b", "The path has characters that cannot be seen"),
    ("/proc", "/proc is made by Linux itself"),
    ("/proc/sys/kernel/core_pattern", "/proc is made by Linux itself"),
    ("/sys/fs/x", "/sys is made by Linux itself"),
    ("/etc/taken", "/etc/taken is there already. Edit it above, or delete it first."),
    ("//etc/./taken/", "/etc/taken is there already. Edit it above, or delete it first."),
    ("/etc/taken/more", "/etc/taken is a file, so nothing can lie in it."),
    ("/etc", "/etc is a folder: the file /etc/taken lies in it."),
];

const SIGNS: &str = "An id begins with a letter or digit and has letters, digits, dots, hyphens and underscores only.";

/// Ids by which no step can ask for a build secret.
const IDS: &[(&str, &str)] = &[
    ("", "Name the secret as the Dockerfile does"),
    ("   ", "Name the secret as the Dockerfile does"),
    ("-npm", SIGNS),
    (".npmrc", SIGNS),
    ("_npm", SIGNS),
    ("a b", SIGNS),
    ("id=npm", SIGNS),
    ("npm,required=true", SIGNS),
    ("/run/secrets/npm", SIGNS),
    ("../npm", SIGNS),
    ("$npm", SIGNS),
    ("'npm'", SIGNS),
    ("<b>npm</b>", SIGNS),
    ("schlüssel", SIGNS),
    ("ｎpm", SIGNS),
    ("n\0pm", SIGNS),
    ("n\npm", SIGNS),
    ("n\u{1b}pm", SIGNS),
    ("n\u{202e}pm", SIGNS),
    ("n\u{200b}pm", SIGNS),
    ("taken", "taken is set already. Edit it above, or delete it first."),
];

/// Texts that are no `.env` file, and the line that is wrong.
const TEXTS: &[(&str, &str, &str)] = &[
    ("A", "Line 1: ", NO_SIGN),
    ("A=1\nB", "Line 2: ", NO_SIGN),
    ("A=1\r\n\r\n# c\r\nB\r\n", "Line 4: ", NO_SIGN),
    ("export A", "Line 1: ", NO_SIGN),
    ("-----BEGIN KEY-----\nabc\n", "Line 1: ", NO_SIGN),
    ("=1", "Line 1: ", "Name the variable"),
    ("export =1", "Line 1: ", "Name the variable"),
    ("9A=1", "Line 1: ", LETTERS),
    ("A B=1", "Line 1: ", LETTERS),
    ("A-B=1", "Line 1: ", LETTERS),
    ("A: 1=2", "Line 1: ", LETTERS),
    ("Ä=1", "Line 1: ", LETTERS),
    ("A\u{202e}=1", "Line 1: ", LETTERS),
    ("UPAAS_COMMIT=1", "Line 1: ", "UPAAS_COMMIT is given"),
    ("A='1", "Line 1: ", "The quote that begins the value is not closed"),
    ("A=1\nB=\"1\n2\n3", "Line 2: ", "The quote that begins the value is not closed"),
    ("A=\"1\\\"", "Line 1: ", "The quote that begins the value is not closed"),
    ("A='1'2", "Line 1: ", "Something follows the quote"),
    ("A=\"say \"hi\"\"", "Line 1: ", "Something follows the quote"),
    ("A='x\ny' z\nB=1", "Line 1: ", "Something follows the quote"),
    ("A=1\nB=2\nA=1", "Line 3: ", "A is on line 1 already"),
    ("A='x\ny'\nA=1", "Line 3: ", "A is on line 1 already"),
    ("A=1\0", "Line 1: ", "A value cannot contain the character NUL"),
    ("A='\0'", "Line 1: ", "A value cannot contain the character NUL"),
];

#[tokio::test]
async fn bad_variables_texts_and_files_are_refused_with_their_sentences() {
    let taken = [("file_path", "/etc/taken"), ("file_content", "x")];
    let shop = Shop::new().await.with(ADD, &[("env_name", "TAKEN"), ("env_value", "x")]).await;
    let mut shop = shop.with(ADD_FILE, &taken).await;
    let (long_name, long_part, long_path) = ("A".repeat(256), format!("/{}", "a".repeat(256)), format!("/{}", "a/".repeat(600)));
    let (long_value, long_content) = ("x".repeat(128 * 1024), "x".repeat(256 * 1024 + 1));
    let long_text = format!("A=1\nB={long_value}");

    let variable = [("env_name", "GOOD"), ("env_value", "  kept\n <as> typed\n")];
    let names = NAMES.iter().copied().chain([(&*long_name, "A name has at most 255 characters")]);
    for (typed, sentence) in names {
        shop.refuses(&Bad { form: ADD, field: "env_name", typed, sentence }, &variable).await;
    }
    for (typed, sentence) in [("a\0b", "A value cannot contain the character NUL"), (&*long_value, "Linux starts no program")] {
        shop.refuses(&Bad { form: ADD, field: "env_value", typed, sentence }, &variable).await;
    }
    let texts = TEXTS.iter().map(|(typed, line, why)| (*typed, format!("{line}{why}")));
    for (typed, sentence) in texts.chain([(&*long_text, "Line 2: Linux starts no program".to_owned())]) {
        for form in ["environment/preview", "environment/import"] {
            shop.refuses(&Bad { form, field: "env_text", typed, sentence: &sentence }, &[("env_alone", "yes")]).await;
        }
    }
    let file = [("file_path", "/srv/good"), ("file_content", "\n kept\n")];
    let paths =
        PATHS.iter().copied().chain([(&*long_part, "A name in the path has at most 255"), (&*long_path, "A path has at most 1024")]);
    for (typed, sentence) in paths {
        shop.refuses(&Bad { form: ADD_FILE, field: "file_path", typed, sentence }, &file).await;
    }
    for (typed, sentence) in [("a\0b", "The content has the character NUL"), (&*long_content, "A file has at most 256 KB")] {
        shop.refuses(&Bad { form: ADD_FILE, field: "file_content", typed, sentence }, &file).await;
    }
}

#[tokio::test]
async fn bad_build_secrets_are_refused_with_their_sentences() {
    let mut shop = Shop::new().await.with(ADD_SECRET, &[("secret_id", "taken"), ("secret_value", "x")]).await;
    let (long_id, long_value) = ("a".repeat(65), "x".repeat(64 * 1024 + 1));
    let secret = [("secret_id", "good"), ("secret_value", "  kept\n <as> typed\n")];
    for (typed, sentence) in IDS.iter().copied().chain([(&*long_id, "An id has at most 64 characters.")]) {
        shop.refuses(&Bad { form: ADD_SECRET, field: "secret_id", typed, sentence }, &secret).await;
    }
    let values = [
        ("", "Write the value."),
        ("a\0b", "A build secret cannot contain the character NUL"),
        (&long_value, "A build secret has at most"),
    ];
    for (typed, sentence) in values {
        shop.refuses(&Bad { form: ADD_SECRET, field: "secret_value", typed, sentence }, &secret).await;
    }
}

#[tokio::test]
async fn what_is_larger_than_any_form_is_not_read_at_all() {
    let mut shop = Shop::new().await;
    let huge = "x".repeat(10 * 1024 * 1024);
    for (form, field) in [
        (ADD, "env_value"),
        ("environment/import", "env_text"),
        (ADD_FILE, "file_content"),
        (ADD_SECRET, "secret_value"),
        ("environment/removal", "name"),
    ] {
        let page = shop.server.browser.post(&format!("/apps/shop/settings/{form}"), &[(field, &huge)]).await.expect(413);
        assert!(page.text("main").contains("so it was not read"), "{}", page.text("main"));
    }
    assert_eq!(shop.server.config_of_shop().await, shop.config);
}
