//! What a `.env` text means, and that whatever is written as one is read back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<(String, String)>, String> {
    let variables = parse(text).map_err(|err| err.0)?;
    Ok(variables.into_iter().map(|(name, value)| (name.to_string(), value.reveal().to_owned())).collect())
}

#[track_caller]
fn means(text: &str, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(read(text), Ok(expected), "{text:?}");
}

#[test]
fn a_line_is_a_name_and_a_value() {
    means("", &[]);
    means("\n  \n# a comment\n\t# another\n", &[]);
    means("A=1\nB=2", &[("A", "1"), ("B", "2")]);
    means("\u{feff}A=1\r\nB=2\r\n", &[("A", "1"), ("B", "2")]);
    means("export A=1\n  export\tB=2\nexport=3\nexported=4", &[("A", "1"), ("B", "2"), ("export", "3"), ("exported", "4")]);
    means("A=\nB=''\nC=\"\"", &[("A", ""), ("B", ""), ("C", "")]);
    means("A = 1 \n B=\t2\t", &[("A", "1"), ("B", "2")]);
    means("URL=postgres://u:p@h/db?a=b#c", &[("URL", "postgres://u:p@h/db?a=b#c")]);
}

#[test]
fn a_comment_begins_after_a_space_and_outside_of_quotes() {
    means("A=1 # one\nB=2#2\nC= # none\nD=#fff\nE=a # b # c", &[("A", "1"), ("B", "2#2"), ("C", ""), ("D", "#fff"), ("E", "a")]);
    means("A='1 # 2' # three\nB=\"1 # 2\"\t# three\nC='x'   ", &[("A", "1 # 2"), ("B", "1 # 2"), ("C", "x")]);
}

#[test]
fn quotes_keep_what_is_in_them() {
    means(r#"A=' a\n$B "c" '"#, &[("A", r#" a\n$B "c" "#)]);
    means(r#"A="a\n\t\r\"\\\$B $C \x 'd'""#, &[("A", "a\n\t\r\"\\$B $C \\x 'd'")]);
    means("A='one\ntwo\n\nfour'\nB=\"one\r\ntwo\"\nC=3", &[("A", "one\ntwo\n\nfour"), ("B", "one\ntwo"), ("C", "3")]);
    means("A=it's\nB=say \"hi\"\nC=a\\nb", &[("A", "it's"), ("B", "say \"hi\""), ("C", "a\\nb")]);
}

#[test]
fn nothing_is_put_in_for_a_name_with_a_dollar() {
    means("A=1\nB=$A\nC=${A}\nD=\"$A\"\nE=`A`", &[("A", "1"), ("B", "$A"), ("C", "${A}"), ("D", "$A"), ("E", "`A`")]);
}

#[test]
fn what_is_wrong_is_told_by_its_line_and_never_repeated() {
    let nul = "A=1\nB=geheim\0";
    let long = format!("A=1\nB={}", "geheim".repeat(30_000));
    let wrong = [
        ("geheim", "Line 1: There is no “=”."),
        ("A=1\n\nexport geheim\n", "Line 3: There is no “=”."),
        ("=geheim", "Line 1: Name the variable"),
        ("A=1\n9B=geheim", "Line 2: A name has letters"),
        ("A B=geheim", "Line 1: A name has letters"),
        ("geheim+/==", "Line 1: A name has letters"),
        ("UPAAS_COMMIT=geheim", "Line 1: UPAAS_COMMIT is given"),
        ("A='geheim", "Line 1: The quote"),
        ("A=1\nB=\"geheim\nC=2\n", "Line 2: The quote"),
        ("A=\"geheim\\", "Line 1: The quote"),
        ("A='x\ny' geheim", "Line 1: Something follows"),
        ("A='x'geheim", "Line 1: Something follows"),
        ("A='x'#geheim", "Line 1: Something follows"),
        ("A=1\nB='x\ny'\nA=geheim", "Line 4: A is on line 1 already."),
        (nul, "Line 2: A value cannot contain"),
        (&long, "Line 2: Linux starts no program"),
    ];
    for (text, sentence) in wrong {
        let said = read(text).expect_err(text);
        assert!(said.starts_with(sentence) && !said.contains("geheim"), "{said}");
    }
}

/// How a test writes a value.
#[derive(Debug, Clone, Copy)]
enum Style {
    Plain,
    Single,
    Double,
    Escaped,
}

/// A line that means this; a style that cannot say it gives way to one that can.
fn write(name: &str, value: &str, style: Style) -> String {
    let plain = !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || "$./:@%+,-_\\".contains(c));
    let text = match style {
        Style::Plain if plain => value.to_owned(),
        Style::Single if !value.contains(['\'', '\r']) => format!("'{value}'"),
        Style::Escaped => {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
            format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
        }
        _ => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "\\r")),
    };
    format!("{name}={text}")
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![Just(Style::Plain), Just(Style::Single), Just(Style::Double), Just(Style::Escaped)]
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(
        variables in proptest::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,12}", ("(?s)[^\0]{0,40}", style(), "( *# [^\n\0]{0,9})?"), 0..12),
        (crlf, marked) in (any::<bool>(), any::<bool>()),
    ) {
        let lines: Vec<String> = variables.iter().map(|(name, (value, style, after))| {
            write(name, value, *style) + &after.replace(['\r'], "").replacen('#', " #", 1)
        }).collect();
        let text = lines.join("\n");
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let text = if marked { format!("\u{feff}{text}") } else { text };
        let expected: BTreeMap<String, String> = variables.into_iter().map(|(name, (value, ..))| (name, value)).collect();
        prop_assert_eq!(read(&text).map(|read| read.into_iter().collect::<BTreeMap<_, _>>()), Ok(expected));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(?s)[A-B='\"#\\\\ \n\r\0a]{0,60}") {
        let _ = parse(&text);
    }
}
