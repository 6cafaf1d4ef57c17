use super::*;
use proptest::prelude::*;

/// The spans as `class:text`, joined with `|`.
fn shown(line: impl AsRef<[u8]>) -> String {
    let spans = render(line.as_ref());
    let texts: Vec<String> = spans.iter().map(|span| format!("{}:{}", span.class, span.text)).collect();
    texts.join("|")
}

fn text(line: impl AsRef<[u8]>) -> String {
    render(line.as_ref()).into_iter().map(|span| span.text).collect()
}

#[test]
fn colours_and_attributes_become_classes() {
    let cases = [
        ("plain", ":plain"),
        ("", ""),
        ("\x1b[31mred\x1b[0m then", "a-31:red|: then"),
        ("\x1b[1;2;3;4;7;9;93;104mall", "a-1 a-2 a-3 a-4 a-7 a-9 a-93 a-104:all"),
        ("\x1b[1;31mx\x1b[22my\x1b[39mz", "a-1 a-31:x|a-31:y|:z"),
        ("\x1b[3;4;7;9;42mx\x1b[23;24;27;29;49my", "a-3 a-4 a-7 a-9 a-42:x|:y"),
        ("\x1b[32mx\x1b[my", "a-32:x|:y"),
        ("\x1b[31mx\x1b[31my", "a-31:xy"),
        ("\x1b[4:3mx\x1b[4:0my", "a-4:x|:y"),
        ("\x1b[999;6mx", ":x"),
    ];
    for (line, expected) in cases {
        assert_eq!(shown(line), expected, "{line:?}");
    }
}

#[test]
fn the_large_palettes_map_to_the_nearest_of_sixteen() {
    let cases = [
        ("\x1b[38;5;196mx", "a-91:x"),
        ("\x1b[38:5:196mx", "a-91:x"),
        ("\x1b[48;2;0;0;0mx", "a-40:x"),
        ("\x1b[38:2:0:255:0mx", "a-92:x"),
        ("\x1b[38:2::0:255:0mx", "a-92:x"),
        ("\x1b[38;2;1;2;3;1mx", "a-1 a-30:x"),
        ("\x1b[58;5;1mx", ":x"),
        ("\x1b[38;5mx", ":x"),
        ("\x1b[38;5;300mx", ":x"),
    ];
    for (line, expected) in cases {
        assert_eq!(shown(line), expected, "{line:?}");
    }
}

#[test]
fn a_carriage_return_shows_the_last_state() {
    let cases = [
        ("10%\r20%", "20%"),
        ("from CRLF\r", "from CRLF"),
        ("twice\r\r", "twice"),
        ("a longer text\rshort", "short"),
        ("gone\r\x1b[K", ""),
        ("gone\r\x1b[Know", "now"),
        ("gone\x1b[2K\x1b[1Gnow", "now"),
        ("kept\x1b[K", "kept"),
        ("kept\r\x1b[0m", "kept"),
    ];
    for (line, expected) in cases {
        assert_eq!(text(line), expected, "{line:?}");
    }
    assert_eq!(shown("\x1b[32m10%\r20%"), "a-32:20%", "the colour outlives the return");
}

#[test]
fn other_sequences_leave_nothing_behind() {
    let sequences = [
        "\x1b[2J",
        "\x1b[1;1H",
        "\x1b[?25l",
        "\x1b[>4;2m",
        "\x1b[6n",
        "\x1b(B",
        "\x1b7",
        "\x1bc",
        "\x1b[1 q",
        "\x1b]0;title\x07",
        "\x1b]0;title\x1b\\",
        "\x1b]0;✜ title\x07",
        "\x1b]52;c;c2VjcmV0\x07",
        "\x1bP1$r0m\x1b\\",
        "\x1bPé✜ data\x1b\\",
        "\x1b_app\x1b\\",
        "\x1b^✜ privacy\x1b\\",
        "\x1bXstring\x1b\\",
        "\u{9b}2J",
        "\u{9d}0;title\u{9c}",
        "\u{90}data\u{9c}",
        "\u{9f}app\u{9c}",
    ];
    for sequence in sequences {
        assert_eq!(shown(format!("a{sequence}b")), ":ab", "{sequence:?}");
    }
    assert_eq!(text("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\"), "link");
}

#[test]
fn an_unterminated_sequence_takes_the_rest_of_the_line_and_no_more() {
    for line in ["a\x1b", "a\x1b[", "a\x1b[31", "a\x1b]0;secret", "a\x1bPsecret", "a\x1b_secret", "a\u{9d}secret"] {
        assert_eq!(shown(line), ":a", "{line:?}");
    }
    assert_eq!(shown("next"), ":next");
}

#[test]
fn control_and_invisible_characters_are_visible() {
    let cases = [
        ("a\tb", ":a\tb"),
        ("a\x07b", ":a|a-ctl:␇|:b"),
        ("\x00\x1f\x7f", "a-ctl:␀␟␡"),
        ("a\nb", ":a|a-ctl:␊|:b"),
        ("a\u{202e}b", ":a|a-ctl:[U+202E]|:b"),
        ("\u{85}\u{2028}\u{feff}\u{200b}\u{61c}\u{2069}", "a-ctl:[U+0085][U+2028][U+FEFF][U+200B][U+061C][U+2069]"),
        ("\x1b[31ma\x07b", "a-31:a|a-ctl:␇|a-31:b"),
        ("👩\u{200d}🚀", ":👩\u{200d}🚀"),
        ("<b>&amp;", ":<b>&amp;"),
    ];
    for (line, expected) in cases {
        assert_eq!(shown(line), expected, "{line:?}");
    }
}

#[test]
fn invalid_utf8_becomes_replacement_characters() {
    for line in [&b"\xff"[..], b"a\xe2\x82", b"\xf0\x9f\x98A", b"\x9d rest", b"\xc3(", b"\xed\xa0\x80"] {
        assert_eq!(text(line), String::from_utf8_lossy(line), "{line:?}");
    }
}

#[test]
fn a_line_of_colour_changes_is_capped_and_keeps_its_text() {
    let line = "\x1b[31ma\x1b[32mb\x07".repeat(RENDERED_LINE_MAX_SPANS);
    let spans = render(line.as_bytes());
    assert_eq!(spans.len(), RENDERED_LINE_MAX_SPANS);
    assert_eq!(spans.last().map(|span| span.class.as_str()), Some(""));
    assert_eq!(text(&line), "ab␇".repeat(RENDERED_LINE_MAX_SPANS));
}

#[test]
fn ten_megabytes_survive() {
    assert_eq!(text(vec![b'x'; 10 << 20]).len(), 10 << 20);
    assert_eq!(text([b"\x1b]".to_vec(), vec![b';'; 10 << 20]].concat()), "");
}

fn holds_the_promises(line: &[u8]) {
    let spans = render(line);
    assert!(spans.len() <= RENDERED_LINE_MAX_SPANS);
    for span in spans {
        assert!(span.text.chars().all(|c| c == '\t' || !(c.is_control() || deceives(c))), "{span:?}");
        assert!(!span.text.is_empty());
        assert!(span.class.split(' ').all(|class| class.is_empty() || class.starts_with("a-")), "{span:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_or_leak_a_control_character(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        holds_the_promises(&line);
    }

    #[test]
    fn no_sequence_panics_or_leaks_a_control_character(line in "([\x1b\u{90}-\u{9f}\r\x07]|[\\[\\]P_mK0-9;:]|\\PC|[ -~]){0,200}") {
        holds_the_promises(line.as_bytes());
    }

    #[test]
    fn plain_ascii_comes_back_as_it_was(line in "[ -~\t]{0,200}") {
        prop_assert_eq!(text(&line), line);
    }
}
