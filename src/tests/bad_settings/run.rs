//! What is fetched, how it is built, what the container may use, how it runs, and how it is known to work.

use super::fields::{Bad, are_refused, bad};
use crate::support::server::REPOSITORY;

const MANY: &str = "99999999999999999999";

fn table() -> Vec<Bad> {
    let long = |count| "x".repeat(count);
    let (long_url, long_path) = (format!("https://a/{}", long(2048)), format!("/{}", long(2048)));
    let long_argument = format!("A={}", long(4097));
    let arguments: String = (0..101).map(|number| format!("A{number}=\n")).collect();
    let hosts: String = (0..101).map(|number| format!("h{number}:192.0.2.4\n")).collect();
    vec![
        bad("general", "general_name", "1 to 100 characters", &["", "   ", &long(101), "\u{3000}"]),
        bad("general", "general_name", "cannot be seen", &["a\0b", "a\u{202e}b", "a\u{200b}", "\u{200d}", "a\u{7}", "\u{2066}x\u{2069}"]),
        bad(
            "general",
            "general_public_url",
            "the whole address",
            &["shop", "//shop", "https://", "https://a..b", "https://a:0", "https://a:65536"],
        ),
        bad("general", "general_public_url", "begins with http", &["ftp://a", "javascript://a/%0aalert(1)"]),
        bad("general", "general_public_url", "only ASCII", &["https://a b", "https://bücher.example", "https://a\u{202e}b", "https://a\0"]),
        bad("general", "general_public_url", "user name and password", &["https://ada:secret@a", "https://ada@a"]),
        bad("general", "general_public_url", "at most 2048", &[&long_url]),
        bad("source", "repo_url", "SSH address", &[""]),
        bad("source", "repo_url", "not supported", &["file:///etc", "git://h/x", "http://h/x", "ext::x://y"]),
        bad("source", "repo_url", "not a repository's address", &["nowhere", "-oProxyCommand=x", "git@h:x\u{202e}", "git@h:a b"]),
        bad("source", "repo_url", "characters that cannot be seen", &["git@h:a\u{ad}b"]),
        bad("source", "branch", "characters that cannot be seen", &["a\u{ad}b"]),
        bad("source", "branch", "Name the branch", &[""]),
        bad("source", "branch", "short name", &["refs/heads/main"]),
        bad("source", "branch", "Git does not allow", &["--upload-pack=x", "a..b", "a b", "a\u{202e}", "a\0", "x.lock", "/a", "a~1"]),
        bad("build", "dockerfile_path", "without a leading slash", &["/etc/passwd"]),
        bad("build", "dockerfile_path", "“..” is not allowed", &["../Dockerfile", "a/../../b"]),
        bad("build", "dockerfile_path", "not a path inside", &["a\\b", "a\0", "a\u{202e}"]),
        bad("build", "context_path", "“..” is not allowed", &["..", "a/.."]),
        bad("build", "build_target", "begins with a letter", &["-x", "a b", "../a", "ä", "1st", "a\u{202e}", "a\0", &long(129)]),
        bad("build", "build_args", "Line 2: write NAME=value.", &["A=1\nB", "A=1\n--build-arg"]),
        bad("build", "build_args", "Line 1: A name has letters", &["1A=x", "A B=x", "Ä=x", "-A=x", "A\0=x"]),
        bad("build", "build_args", "Line 1: Name the variable", &["=x"]),
        bad("build", "build_args", "A is there twice", &["A=1\nA=2"]),
        bad("build", "build_args", "given by µPaaS", &["UPAAS_COMMIT=x"]),
        bad("build", "build_args", "all of which can be seen", &["A=\u{202e}", "A=x\0", "A=a\tb", &long_argument]),
        bad("build", "build_args", "more than 100", &[&arguments]),
        bad("build", "build_time_limit", "minutes from 1 to 1440", &["", "0", "-1", "1441", "1.5", "30m", "１", MANY]),
        bad("build", "build_context_limit", "MB from 1 to 65536", &["", "0", "-1", "65537", "1e3", "1g", "٣", MANY]),
        bad("resources", "resources_cpus", "0.01 to 1024", &["0", "-1", "+1", "1,5", "1025", "0.001", "NaN", "1e3", "２", MANY, "1\0"]),
        bad(
            "resources",
            "resources_memory",
            "with its unit",
            &["512", "m", "-1g", "1x", "1,5g", "１g", "1gg", "9999999t", "1\u{202e}g", MANY],
        ),
        bad("resources", "resources_memory", "no less than 6m", &["5m", "1b"]),
        bad("resources", "resources_pids", "from 1 to 4194304", &["0", "-1", "4194305", "1.5", "max", MANY]),
        bad("resources", "resources_shm", "with its unit", &["64", "0m", "-64m", "m64"]),
        bad("process", "process_entrypoint", "Name a program.", &["''", "[]", "# nothing"]),
        bad("process", "process_entrypoint", "list of texts in JSON", &["[node]", "[1]", "[\"a\"", "[null]", "[[\"a\"]]"]),
        bad("process", "process_command", "not closed", &["sh -c 'x", "a \"b", "a\\"]),
        bad("process", "process_command", "cannot be seen", &["a\0b", "a\u{202e}b", "\u{1b}[31m", "[\"a\\u0000\"]", "[\"\\u202e\"]"]),
        bad("process", "process_command", "at most 8192", &[&long(8192)]),
        bad(
            "process",
            "process_user",
            "user:group",
            &[":", "a:", "-1", "a:b:c", "2147483648", "ünal", "--privileged", "a b", "a\0", &long(33)],
        ),
        bad("process", "process_extra_hosts", "Line 1: write name:address.", &["db"]),
        bad(
            "process",
            "process_extra_hosts",
            "not a host name",
            &["-a:192.0.2.4", "a b:192.0.2.4", "ü:192.0.2.4", "a..b:192.0.2.4", "a\0:192.0.2.4"],
        ),
        bad(
            "process",
            "process_extra_hosts",
            "the address is an IP address",
            &["db:", "db:db", "db:256.1.1.1", "db:１.1.1.1", "db:fe80::1%lo"],
        ),
        bad("process", "process_extra_hosts", "there twice", &["db:192.0.2.4\ndb:192.0.2.4"]),
        bad("process", "process_extra_hosts", "more than 100", &[&hosts]),
        bad(
            "process",
            "process_dropped",
            "Word 2: this is not a capability",
            &["ALL ROOT", "ALL,--cap", "ALL\nNET_RÄW", "ALL \u{202e}", "ALL NET_RAW\0"],
        ),
        bad("process", "process_stop_signal", "of the list", &["SIGSTOP", "15", "sigterm", "TERM; reboot"]),
        bad("process", "process_stop_grace", "from 0 to 300", &["", "-1", "301", "1.5", "10s", "１", MANY]),
        bad("restart", "restart_policy", "Choose when", &["", "unless-stopped", "ALWAYS", "on-failure:3"]),
        bad("restart", "restart_cap", "from 1 to 20", &["", "0", "-1", "21", "1.5", "１", MANY]),
        bad("health", "health_probe", "Choose how", &["", "tcp", "HTTP"]),
        bad("health", "health_path", "begins with a slash", &["", "healthz", "http://evil.example/", "\\\\evil"]),
        bad("health", "health_path", "Leave out the #", &["/a#b"]),
        bad("health", "health_path", "percent form", &["/a b", "/ü", "/a\r\nHost:x", "/\0", "/\u{202e}", "/\u{7f}", &long_path]),
        bad("health", "health_port", "from 1 to 65535", &["0", "-1", "65536", "80/tcp", "８０", MANY]),
        bad("health", "health_status", "from 100 to 599", &["99", "600", "2xx", "-200", "٢٠٠", MANY]),
        bad("health", "health_command", "Write the command", &["", "  "]),
        bad("health", "health_command", "all of which can be seen", &["a\0b", "a\u{202e}b", "a\nb", &long(4097)]),
        bad("health", "health_interval", "from 1 to 3600", &["", "0", "-1", "3601", "1.5", "10s", MANY]),
        bad("health", "health_timeout", "from 1 to 3600", &["", "0", "3601", "1e3"]),
        bad("health", "health_retries", "from 1 to 100", &["", "0", "101", "three"]),
        bad("health", "health_start_period", "more than an hour", &["3560"]),
        bad("health", "health_start_period", "from 0 to 3600", &["", "-1", "3601", "∞"]),
    ]
}

/// A form of the section that is good, for the field that is to be bad.
fn good(section: &str, field: &str) -> Vec<(&'static str, &'static str)> {
    match section {
        "general" => vec![("general_name", "Shop"), ("general_public_url", "https://shop.example.org")],
        "source" => vec![("repo_url", REPOSITORY), ("branch", "dev")],
        "build" => vec![
            ("dockerfile_path", "Dockerfile"),
            ("context_path", "app"),
            ("build_target", "runtime"),
            ("build_args", "A=1"),
            ("build_time_limit", "31"),
            ("build_context_limit", "2049"),
        ],
        "resources" => vec![("resources_cpus", "1.5"), ("resources_memory", "512m"), ("resources_pids", "100"), ("resources_shm", "64m")],
        "process" => vec![
            ("process_entrypoint", "/entry"),
            ("process_command", "serve --now"),
            ("process_user", "1000:1000"),
            ("process_extra_hosts", "db:192.0.2.4"),
            ("process_dropped", "NET_RAW"),
            ("process_stop_signal", "SIGINT"),
            ("process_stop_grace", "11"),
        ],
        "restart" => vec![("restart_policy", "on-failure"), ("restart_cap", "5")],
        "health" => vec![
            ("health_probe", if field == "health_command" { "command" } else { "http" }),
            ("health_path", "/healthz"),
            ("health_port", "8080"),
            ("health_status", "204"),
            ("health_command", "true"),
            ("health_interval", "11"),
            ("health_timeout", "6"),
            ("health_retries", "4"),
            ("health_start_period", "31"),
        ],
        _ => panic!("{section} is not in the table"),
    }
}

#[tokio::test]
async fn what_is_wrong_about_build_and_run_is_said_beside_its_field_and_not_stored() {
    let tried = are_refused(&table(), good).await;
    assert!(tried >= 200, "{tried}");
}
