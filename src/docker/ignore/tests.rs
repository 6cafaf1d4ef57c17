#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use proptest::prelude::*;

/// Asserts for each case whether a file with these lines leaves the path out.
fn check(cases: &[(&str, &str, bool)]) {
    for &(file, path, ignored) in cases {
        assert_eq!(parse(file).unwrap().is_ignored(path), ignored, "{path:?} by {file:?}");
    }
}

#[test]
fn the_examples_of_dockers_documentation_hold() {
    let intro = "# comment\n*/temp*\n*/*/temp*\ntemp?\n";
    let secret_out = "*.md\n!README*.md\nREADME-secret.md\n";
    let secret_in = "*.md\nREADME-secret.md\n!README*.md\n";
    check(&[
        (intro, "somedir/temporary.txt", true),
        (intro, "somedir/temp", true),
        (intro, "somedir/temp/below", true),
        (intro, "somedir/subdir/temporary.txt", true),
        (intro, "tempa", true),
        (intro, "tempb", true),
        (intro, "temp", false),
        (intro, "tempab", false),
        (intro, "temporary.txt", false),
        (intro, "a/b/c/temp", false),
        (intro, "# comment", false),
        ("/foo/bar", "foo/bar", true),
        ("foo/bar", "foo/bar", true),
        ("foo/bar", "other/foo/bar", false),
        ("**/*.go", "main.go", true),
        ("**/*.go", "a/b/c/main.go", true),
        ("*.md\n!README.md", "README.md", false),
        ("*.md\n!README.md", "OTHER.md", true),
        ("*.md\n!README.md", "docs/OTHER.md", false),
        (secret_out, "README.md", false),
        (secret_out, "README-secret.md", true),
        (secret_out, "CHANGES.md", true),
        (secret_in, "README-secret.md", false),
        (".", "anything", false),
    ]);
}

#[test]
fn lines_are_read_like_the_client_reads_them() {
    check(&[
        ("\u{feff}# no pattern\nfoo", "foo", true),
        ("\u{feff}foo", "foo", true),
        ("foo\r\nbar\r\n", "foo", true),
        ("  foo \t", "foo", true),
        (" # here it is one", "# here it is one", true),
        ("foo # no comment", "foo", false),
        ("./foo//bar/", "foo/bar", true),
        ("foo/../bar", "bar", true),
        ("/../foo", "foo", true),
        ("../foo", "foo", false),
        ("*\n! /keep/me", "keep/me", false),
        ("*\n!   keep", "keep/me", false),
        ("*\n  !keep", "keep", false),
        ("*\n/!keep", "keep", false),
        ("a b", "a b", true),
        ("/", "foo", false),
        ("\n\n", "foo", false),
        ("foo", "", false),
        ("foo", "Foo", false),
    ]);
}

#[test]
fn wildcards_match_like_gos_filepath_match() {
    check(&[
        ("*", "abc", true),
        ("*c", "abc", true),
        ("a*", "ab/c", true),
        ("a*/b", "abc/b", true),
        ("a*/b", "a/c/b", false),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
        ("a?b", "a☺b", true),
        ("a???b", "a☺b", false),
        ("a?b", "a/b", false),
        ("a*b", "a/b", false),
        ("ab[b-d]", "abc", true),
        ("ab[^b-d]", "abc", false),
        ("ab[!c]", "abc", true),
        ("a[^a]b", "a☺b", true),
        ("a[^b]c", "a/c", true),
        ("[a-ζ]*", "α", true),
        ("*[a-ζ]", "A", false),
        ("[\\]a]", "]", true),
        ("[\\-x]", "-", true),
        ("[x\\-]", "z", false),
        ("[&&~~[]", "[", true),
        ("a]", "a]", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "ab", false),
        ("a\\\\", "a\\", true),
        ("\\!keep", "!keep", true),
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcZdef", false),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
        ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true),
    ]);
}

#[test]
fn two_stars_match_any_number_of_directories() {
    check(&[
        ("**", "dir/file", true),
        ("**/", "file", true),
        ("**/**", "dir/file", true),
        ("dir/**", "dir", false),
        ("dir/**", "dir/dir2/file", true),
        ("**/dir", "dir/file", true),
        ("**/dir", "a/b/dir", true),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir3/file", true),
        ("**file", "dir/dir/file", true),
        ("**file", "dir/myfile", true),
        ("**/file", "dir/myfile", false),
        ("**/file*.txt*", "dir/dir/file.txt", true),
        ("**/**/*.txt", "file.txt", true),
        ("**/**/*.txt2", "dir/dir/file.txt", false),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "a/xb", false),
        ("**/.foo", "bar.foo", false),
        ("**/foo/bar", "dir/dir2/foo/bar", true),
    ]);
}

#[test]
fn the_last_match_wins_and_a_directory_takes_what_is_below() {
    let only_src = "**\n!src\nsrc/**/*_test.go";
    check(&[
        ("docs", "docs/a/b.md", true),
        ("docs\n!docs/README.md", "docs/README.md", false),
        ("docs/\n!docs/README.md", "docs/a.md", true),
        ("!main.go\n*.go", "main.go", true),
        ("**\n!util/docker/web", "util/docker/web/foo", false),
        ("**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", true),
        (only_src, "src/a/main.go", false),
        (only_src, "src/a/main_test.go", true),
        (only_src, "go.mod", true),
        ("*\n!**/*.py", "a/b/c.py", false),
        ("a/b\n!a", "a/b", true),
    ]);
}

#[test]
fn a_bad_pattern_is_named_with_its_line() {
    let bad = ["[", "a[", "[^", "[^bc", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[Local-Only]/", "\\", "a\\", "!", "! ", "!/", "!["];
    for pattern in bad {
        let expected = BadPattern { line: 3, pattern: pattern.trim().to_owned() };
        assert_eq!(parse(&format!("# one\ntwo\n{pattern}\n")).unwrap_err(), expected);
    }
    assert!(parse(&"?".repeat(60_000)).is_err(), "a pattern too large to compile is refused, not run");
}

#[test]
fn directories_without_possible_exceptions_can_be_skipped() {
    let cases = [
        ("node_modules", "node_modules", false),
        ("*\n!src", "node_modules", false),
        ("*\n!src", "src", false),
        ("*\n!src/main", "src", true),
        ("*\n!src/main", "src/other", false),
        ("*\n!src/*.rs", "src", true),
        ("*\n!src/*.rs", "src/deep", false),
        ("*\n!*/keep", "any", true),
        ("*\n!**/keep", "any/where", true),
        ("*\n!src/**/keep", "lib", false),
        ("*\n!a[^b]c", "a", true),
    ];
    for (file, dir, expected) in cases {
        assert_eq!(parse(file).unwrap().may_contain_exceptions(dir), expected, "{dir} by {file:?}");
    }
}

proptest! {
    #[test]
    fn no_file_panics(text in "(\\PC|[!#*?\\[\\]\\\\/.\n-]){0,80}", path in "\\PC{0,30}") {
        if let Ok(ignore) = parse(&text) {
            ignore.is_ignored(&path);
            ignore.may_contain_exceptions(&path);
        }
    }

    #[test]
    fn skipping_a_directory_never_loses_a_file(
        text in "(!?([ab*]|\\*\\*|\\?|\\[\\^a\\])(/?([ab*]|\\*\\*|\\?|\\[ab\\])){0,3}\n){1,5}",
        dir in "[ab]{1,2}(/[ab]{1,2}){0,2}",
        below in "[ab]{1,2}(/[ab]{1,2}){0,2}",
    ) {
        let ignore = parse(&text).unwrap();
        if ignore.is_ignored(&dir) && !ignore.may_contain_exceptions(&dir) {
            let path = format!("{dir}/{below}");
            prop_assert!(ignore.is_ignored(&path), "{}", path);
        }
    }
}
