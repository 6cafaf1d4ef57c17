//! The engine's error messages in plain words: what happened, and what to do. Patterns are those of Docker 20.10 to 28.

mod pull;

pub use pull::{is_a_refused_login, login};

/// A message, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Whether the app's author can mend it; otherwise it is about the engine.
    pub by_author: bool,
    /// What happened.
    pub sentence: String,
    /// What to do next.
    pub hint: &'static str,
}

/// How much of the engine's own words is quoted.
const QUOTE_MAX_CHARS: usize = 300;

/// What programs say when they have no space left, whatever their spelling of the first letter.
const NO_SPACE: &str = "o space left on device";
const DISK_FULL: &str = "Free space there: under System clean up, or prune the builder's cache. Then deploy again.";
const SEE_OUTPUT: &str = "Its last output is above, all of it in the journal. Mend what it says, push, and deploy again.";

/// Why a build failed. `step` is the failed step as the builder names it: `[2/3] RUN npm ci`.
pub fn build(step: Option<&str>, message: &str) -> Explained {
    // First: such a message quotes the command, which may say anything.
    if let Some(code) = exit_code(message) {
        let (place, instruction) = step.map_or((None, "a command"), split_step);
        let place = place.map_or_else(|| "A step".to_owned(), |(at, of)| format!("Step {at} of {of}"));
        return by_author(format!("{place} failed: “{}” exited with {code}.", quote(instruction)), SEE_OUTPUT);
    }
    if is_about_space(message.as_bytes()) {
        return about_engine("The engine's disk is full.", DISK_FULL);
    }
    if message.contains("docker/dockerfile") {
        let sentence = "The engine could not fetch the frontend that the Dockerfile's “# syntax=” line asks for.".to_owned();
        return by_author(sentence, "Remove that line, or let the engine reach the registry it names.");
    }
    if let Some(problem) = after(message, "dockerfile parse error") {
        return by_author(format!("The Dockerfile cannot be read: {}", quote(problem.trim_start_matches(':'))), "Mend that line and push.");
    }
    if let Some(stage) = missing_stage(message) {
        return by_author(format!("The Dockerfile has no stage “{stage}”."), "Correct the target stage in the app's build settings.");
    }
    if let Some(id) = missing_secret(message) {
        let sentence = format!("A step needs the build secret “{id}”, and the app has none of that name.");
        return by_author(sentence, "Add it to the app's build secrets.");
    }
    if let Some(explained) = pull::failure(message, step) {
        return explained;
    }
    if message.contains("not found") && step.is_some_and(|step| step.contains("COPY") || step.contains("ADD")) {
        let (_, instruction) = step.map_or((None, ""), split_step);
        let sentence = format!("A file that the Dockerfile copies is not in the build context: {}", quote(instruction));
        return by_author(sentence, "Is it committed, below the context path, and not excluded by .dockerignore?");
    }
    by_author(format!("The build failed: {}", quote(message)), SEE_OUTPUT)
}

/// Whether something says that it has no space left.
pub fn is_about_space(said: &[u8]) -> bool {
    said.windows(NO_SPACE.len()).any(|words| words == NO_SPACE.as_bytes())
}

/// Whether a container could not be started because something else holds one of its ports.
pub fn is_about_a_taken_port(message: &str) -> bool {
    message.contains("port is already allocated") || message.contains("address already in use")
}

/// The address that a container could not have because the engine itself counts it as given away: `127.0.0.1:8081`.
pub fn given_away(message: &str) -> Option<&str> {
    let (before, _) = message.split_once(" failed: port is already allocated")?;
    Some(before.rsplit_once("Bind for ")?.1)
}

/// Why a container could not be created or started.
pub fn start(message: &str, address: &str) -> Explained {
    if is_about_a_taken_port(message) {
        return by_author(
            format!("Something else on this machine already uses {address}."),
            "Stop what uses that port (“docker ps” and “ss -ltnp” show it), or give the app another host port.",
        );
    }
    if message.contains("Range of CPUs is from") {
        return by_author(
            format!("The engine refused the number of CPUs: {}", innermost(message)),
            "Set fewer under Resources in the app's settings.",
        );
    }
    if message.contains("No such image") {
        return by_author(
            "The image is gone from the engine.".to_owned(),
            "Somebody has removed it, or pruned images. “Deploy now” builds it anew.",
        );
    }
    if let Some(path) = after(message, "bind source path does not exist: ") {
        return by_author(format!("There is no {} on the engine's host.", quote(path)), "Create it, or choose another path.");
    }
    if let Some(network) = missing_network(message) {
        return by_author(
            format!("There is no network {network} at the engine."),
            "Create it, or choose another one in the app's settings.",
        );
    }
    if message.contains("Are you trying to mount a directory onto a file") || message.contains("not a directory: unknown") {
        return by_author(
            unmountable(message),
            "A folder cannot be mounted where the image has a file, nor a file where it has a folder. Choose another path in the container.",
        );
    }
    if message.contains("read-only file system") {
        return by_author(
            unmountable(message),
            "Within a read-only volume nothing can be mounted where nothing lies yet. Choose another path, or let the volume be written to.",
        );
    }
    if message.contains("unable to find group") || message.contains("no matching entries in group file") {
        return by_author(
            format!("The image has no such group: {}", quote(innermost(message))),
            "Choose a group that is in the image, or a number, in the app's settings.",
        );
    }
    if message.contains("unable to find user") || message.contains("no matching entries in passwd file") {
        return by_author(
            format!("The image has no such user: {}", quote(innermost(message))),
            "Choose a user that is in the image, or a number, in the app's settings.",
        );
    }
    if message.contains("cannot assign requested address") {
        return by_author(
            format!("This machine has no address for {address}."),
            "Give the app a host address that this machine has, such as 127.0.0.1 or 0.0.0.0.",
        );
    }
    if is_about_space(message.as_bytes()) {
        return about_engine("The engine's disk is full.", DISK_FULL);
    }
    if message.contains("executable file not found") || message.contains("no such file or directory") {
        return by_author(
            format!("The container's command could not be started: {}", quote(innermost(message))),
            "Is the program that CMD or ENTRYPOINT names in the image, with this spelling and executable?",
        );
    }
    if message.contains("permission denied") {
        return by_author(
            format!("The container's command could not be started: {}", quote(message)),
            "Is the program that CMD or ENTRYPOINT names executable?",
        );
    }
    if message.contains("No command specified") || message.contains("no command specified") {
        return by_author("The image says no command to run.".to_owned(), "Add a CMD or ENTRYPOINT to the Dockerfile.");
    }
    about_engine(&format!("The engine could not start the container: {}", quote(message)), "The engine's log has the details.")
}

fn by_author(sentence: String, hint: &'static str) -> Explained {
    Explained { by_author: true, sentence, hint }
}

fn about_engine(sentence: &str, hint: &'static str) -> Explained {
    Explained { by_author: false, sentence: sentence.to_owned(), hint }
}

/// The part of a message that says it, without the engine's parts that pass it on.
fn innermost(message: &str) -> &str {
    message.rsplit("starting container process caused:").next().unwrap_or(message)
}

/// What could not be mounted where: `mounting "/a" to rootfs at "/etc"`, with the root's path in between in older versions.
fn unmountable(message: &str) -> String {
    let place = after(message, "to rootfs").and_then(|rest| after(rest, "at \"")).and_then(|rest| rest.split('"').next());
    match place {
        Some(place) => format!("Nothing can be mounted at {} in the container.", quote(place)),
        None => format!("Something cannot be mounted where it should be: {}", quote(innermost(message))),
    }
}

/// The network in `network front not found`.
fn missing_network(message: &str) -> Option<&str> {
    let (name, rest) = after(message, "network ")?.split_once(' ')?;
    rest.starts_with("not found").then_some(name)
}

fn after<'a>(message: &'a str, pattern: &str) -> Option<&'a str> {
    message.split_once(pattern).map(|(_, rest)| rest)
}

/// The code in `exit code: 3` (BuildKit) or `returned a non-zero code: 3` (classic), with which such a message ends but for what else the
/// end of the build has brought about.
fn exit_code(message: &str) -> Option<i64> {
    let message = message.trim_end();
    let (said, code) = message.strip_suffix(": context canceled").unwrap_or(message).rsplit_once(' ')?;
    let code = code.parse().ok()?;
    (said.ends_with("exit code:") || said.ends_with("non-zero code:")).then_some(code)
}

/// `[2/3] RUN npm ci` as its place and its instruction; `[build 2/3]` names a stage too.
fn split_step(step: &str) -> (Option<(&str, &str)>, &str) {
    let inside = step.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let Some((place, instruction)) = inside else { return (None, step) };
    (place.rsplit(' ').next().and_then(|place| place.split_once('/')), instruction)
}

/// The stage that was asked for, when there is none of that name.
fn missing_stage(message: &str) -> Option<&str> {
    let buildkit = after(message, "target stage ").filter(|rest| rest.contains("could not be found"));
    let named = buildkit.or_else(|| after(message, "failed to reach build target "))?;
    Some(named.split_whitespace().next()?.trim_matches('"'))
}

/// The build secret that a step asked for, when there is none of that name.
fn missing_secret(message: &str) -> Option<&str> {
    let (id, rest) = message.strip_prefix("secret ").or_else(|| after(message, ": secret "))?.split_once([' ', ':'])?;
    rest.trim_start().starts_with("not found").then_some(id)
}

/// The engine's words on one line, not too many of them.
fn quote(text: &str) -> String {
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTE_MAX_CHARS).collect();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_failures_in_plain_words() {
        let said: Vec<String> = [
            (Some("[2/3] RUN npm ci"), "executor failed running [/bin/sh -c npm ci]: exit code: 1"),
            (Some("[build 4/9] RUN cargo build"), "process \"/bin/sh -c cargo build\" did not complete successfully: exit code: 101"),
            (Some("[2/4] RUN eat"), "process \"/bin/sh -c eat\" did not complete successfully: exit code: 137: context canceled"),
            (Some("[3/4] RUN make"), "The command '/bin/sh -c make' returned a non-zero code: 2"),
            (Some("[2/2] RUN x"), "process \"/bin/sh -c echo exit code: 7 no space left on device docker/dockerfile\" did not complete successfully: exit code: 2"),
            (None, "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2: unknown instruction: FRM"),
            (Some("[1/2] FROM docker.io/library/nope:1"), "pull access denied, repository does not exist or may require authorization"),
            (None, "pull access denied for nope, repository does not exist or may require 'docker login'"),
            (Some("[internal] load metadata for docker.io/library/debian:12"), "failed to do request: Head \"https://r/v2/\": dial tcp: lookup r: no such host"),
            (Some("[2/2] COPY missing /"), "failed to compute cache key: \"/missing\" not found: not found"),
            (None, "failed to solve: docker/dockerfile:1: failed to do request"),
            (None, "write /blob: no space left on device"),
            (None, "failed to solve: target stage \"web\" could not be found"),
            (None, "failed to reach build target web in Dockerfile"),
            (Some("[2/2] RUN make"), "secret npm: not found"),
            (None, "something new"),
        ]
        .iter()
        .map(|(step, message)| build(*step, message).sentence)
        .collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        Step 2 of 3 failed: “RUN npm ci” exited with 1.
        Step 4 of 9 failed: “RUN cargo build” exited with 101.
        Step 2 of 4 failed: “RUN eat” exited with 137.
        Step 3 of 4 failed: “RUN make” exited with 2.
        Step 2 of 2 failed: “RUN x” exited with 2.
        The Dockerfile cannot be read: line 2: unknown instruction: FRM
        The base image “docker.io/library/nope:1” could not be pulled.
        The base image “nope” could not be pulled.
        The base image “docker.io/library/debian:12” could not be pulled.
        A file that the Dockerfile copies is not in the build context: COPY missing /
        The engine could not fetch the frontend that the Dockerfile's “# syntax=” line asks for.
        The engine's disk is full.
        The Dockerfile has no stage “web”.
        The Dockerfile has no stage “web”.
        A step needs the build secret “npm”, and the app has none of that name.
        The build failed: something new
        ");
    }

    #[test]
    fn a_taken_port_is_named() {
        let taken =
            "driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:8081 failed: port is already allocated";
        assert_eq!(start(taken, "127.0.0.1:8081").sentence, "Something else on this machine already uses 127.0.0.1:8081.");
        let by_a_process = "Error starting userland proxy: listen tcp4 127.0.0.1:8081: bind: address already in use";
        assert!(start(by_a_process, "127.0.0.1:8081").by_author);
        assert_eq!((given_away(taken), given_away(by_a_process)), (Some("127.0.0.1:8081"), None));
        assert!(!start("no space left on device", "").by_author);
    }

    #[test]
    fn what_cannot_be_mounted_or_joined_is_named() {
        let said = |message: &str| start(message, "").sentence;
        let no_path = r#"invalid mount config for type "bind": bind source path does not exist: /srv/files"#;
        assert_eq!(said(no_path), "There is no /srv/files on the engine's host.");
        assert_eq!(said("network front not found"), "There is no network front at the engine.");
        let on_a_folder = "OCI runtime create failed: container_linux.go:380: starting container process caused: process_linux.go:545: container init caused: rootfs_linux.go:76: mounting \"/a\" to rootfs at \"/etc\" caused: mount through procfd: not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";
        assert_eq!(said(on_a_folder), "Nothing can be mounted at /etc in the container.");
        assert!(said("unable to find group staff2: no matching entries in group file").starts_with("The image has no such group"));
        assert!(said("unable to find user nobody2: no matching entries in passwd file").starts_with("The image has no such user"));
    }
}
