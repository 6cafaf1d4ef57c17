use std::borrow::Cow;

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
fn what_nobody_would_see_is_shown_as_its_code() {
    let hidden = [
        '\u{ad}',
        '\u{34f}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{180b}',
        '\u{180e}',
        '\u{200b}',
        '\u{200c}',
        '\u{2060}',
        '\u{2064}',
        '\u{206a}',
        '\u{3164}',
        '\u{fe00}',
        '\u{ffa0}',
        '\u{fff9}',
        '\u{1d173}',
        '\u{e0001}',
        '\u{e0041}',
        '\u{e0100}',
        '\u{e01ef}',
    ];
    for c in hidden {
        assert_eq!(text(format!("a{c}b")), format!("a[U+{:04X}]b", u32::from(c)));
    }
}

#[test]
fn what_belongs_to_the_character_before_it_stays_there_and_nowhere_else() {
    for line in
        ["e\u{301}", "⚠\u{fe0f} warning", "1\u{fe0f}\u{20e3}", "❤\u{fe0f}\u{200d}🔥", "नमस\u{94d}त\u{947}", "ก\u{e33}", "e\x1b[1m\u{301}"]
    {
        let expected = line.replace("\x1b[1m", "");
        assert_eq!(text(line), expected);
    }
    let cases = [
        ("\u{301}a", "[U+0301]a"),
        ("a\t\u{301}", "a\t[U+0301]"),
        ("a\x07\u{301}", "a␇[U+0301]"),
        ("busy\r\u{301}a", "[U+0301]a"),
        ("\u{fe0f}a", "[U+FE0F]a"),
        ("⚠\u{fe0f}\u{fe0f}", "⚠\u{fe0f}[U+FE0F]"),
        ("pass\u{200d}word", "pass[U+200D]word"),
        ("é\u{200d}\u{200d}", "é\u{200d}[U+200D]"),
    ];
    for (line, expected) in cases {
        assert_eq!(text(line), expected);
    }
}

#[test]
fn a_tower_of_accents_is_cut_and_shown_as_one() {
    let tower = |height: usize| "\u{301}".repeat(height);
    assert_eq!(text(format!("a{}b", tower(ATTACHED_MAX))), format!("a{}b", tower(ATTACHED_MAX)));
    for height in [ATTACHED_MAX + 1, 1000] {
        let shown = format!("a{}[U+0301…]b{}", tower(ATTACHED_MAX), tower(1));
        assert_eq!(text(format!("a{}b{}", tower(height), tower(1))), shown);
    }
    let coloured: String = (0..1000).map(|colour| format!("\x1b[3{}m\u{300}", colour % 8)).collect();
    assert!(text(format!("a{coloured}")).chars().count() < 30);
}

#[test]
fn plain_text_is_what_is_shown() {
    let lines = [
        "",
        "plain\ttext ✓",
        "\x1b[31mred",
        "10%\r20%",
        "a\u{202e}b",
        "⚠\u{fe0f}",
        "\u{301}",
        "\u{9b}31mred",
        "\u{85}",
        "\x1b[1;38:5:3m✓\x1b[m ok",
        "\x1b[1me\x1b[m\u{301}",
        "\x1b[31",
        "a\x1b[2Kb",
    ];
    for line in lines {
        assert_eq!(*plain_text(line.as_bytes()), *text(line).as_bytes(), "{line:?}");
    }
    for line in [&b"a\xffb"[..], b"\xe2\x1b[m\x9c\x93"] {
        assert_eq!(*plain_text(line), *text(line).as_bytes(), "{line:?}");
    }
    assert!(matches!(plain_text("plain\ttext ✓".as_bytes()), Cow::Borrowed(_)));
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
    let text: String = spans.iter().map(|span| span.text.as_str()).collect();
    assert_eq!(*plain_text(line), *text.as_bytes());
    for span in spans {
        assert!(span.text.chars().all(|c| c == '\t' || !is_hidden(c)), "{span:?}");
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
