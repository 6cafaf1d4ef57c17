//! One run of a program: its own environment, no terminal, bounded output, and nothing left running when the caller goes away.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{ChildStdout, Command},
};

use super::{
    Error,
    faces::{GIT_FACE, STARTED_BY},
};

/// So much of what a program prints is kept, from its end: that is where it says what went wrong.
const OUTPUT_MAX_BYTES: usize = 1024 * 1024;
/// So much of one line is told.
const LINE_MAX_BYTES: usize = 64 * 1024;
/// So long one record of a list may be: a path longer than this no system can have. Of a text that people wrote so much is read.
const RECORD_MAX_BYTES: usize = 64 * 1024;
/// What git may learn of our own environment when it goes through the web: proxies and certificates.
const WEB_VARIABLES: &[&str] =
    &["http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

/// A program's run that is about to happen.
pub(super) struct Call {
    command: Command,
}

/// What a program printed.
pub(super) struct Output {
    status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Call {
    /// git, through this binary's face, with an environment that holds nothing of ours.
    pub(super) fn git(binary: &Path, arguments: Vec<String>) -> Self {
        let mut call = Self::program(binary, arguments);
        call.command.arg0(GIT_FACE);
        call.env(STARTED_BY, std::process::id().to_string())
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
    }

    /// Any program.
    pub(super) fn program(name: impl AsRef<OsStr>, arguments: Vec<String>) -> Self {
        let mut command = Command::new(name);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin")))
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that ssh goes when git goes.
            .process_group(0)
            .kill_on_drop(true);
        Self { command }
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(super) fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(super) fn pass_proxy_settings(mut self) -> Self {
        for name in WEB_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                self.command.env(name, value);
            }
        }
        self
    }

    /// Runs it; an exit code other than 0 is an error, understood from what it printed.
    pub(super) async fn run(self) -> Result<Output, Error> {
        self.run_and_tell(&mut |_| {}).await
    }

    /// As [`Call::run`], and passes each line of its error stream on as it comes.
    pub(super) async fn run_and_tell(self, say: &mut (dyn FnMut(&str) + Send)) -> Result<Output, Error> {
        let output = self.execute_and_keep(say).await?;
        if output.status.success() { Ok(output) } else { Err(Error::from_stderr(&output.stderr)) }
    }

    /// Runs it and leaves the judgement to the caller.
    pub(super) async fn run_whatever_it_exits_with(self) -> Result<Output, Error> {
        self.execute_and_keep(&mut |_| {}).await
    }

    /// As [`Call::run`], for a list whose records end in NUL: each is passed on as it comes, and nothing is kept.
    pub(super) async fn run_and_list(self, each: &mut (dyn FnMut(&[u8]) + Send)) -> Result<(), Error> {
        self.list(TooLong::Refused, each).await
    }

    /// As [`Call::run_and_list`], for texts that people wrote: one that is too long is cut.
    pub(super) async fn run_and_list_texts(self, each: &mut (dyn FnMut(&[u8]) + Send)) -> Result<(), Error> {
        self.list(TooLong::Cut, each).await
    }

    async fn list(self, too_long: TooLong, each: &mut (dyn FnMut(&[u8]) + Send)) -> Result<(), Error> {
        let (status, (), stderr) = self.execute(|stdout| split(stdout, too_long, each), &mut |_| {}).await?;
        if status.success() { Ok(()) } else { Err(Error::from_stderr(&stderr)) }
    }

    async fn execute_and_keep(self, say: &mut (dyn FnMut(&str) + Send)) -> Result<Output, Error> {
        let mut unheard = |_: &str| {};
        let (status, stdout, stderr) = self.execute(|stdout| collect(stdout, &mut unheard), say).await?;
        Ok(Output { status, stdout, stderr })
    }

    /// Runs it, with `read` at its output, and says how it exited, what was read, and what it printed to its error stream.
    async fn execute<T, Reading: Future<Output = Result<T, Error>>>(
        mut self,
        read: impl FnOnce(ChildStdout) -> Reading,
        say: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(ExitStatus, T, String), Error> {
        let name = self.command.as_std().get_program().to_string_lossy().into_owned();
        let mut child = self.command.spawn().map_err(|source| Error::NotInstalled { program: name, source })?;
        let group = Group::of(child.id());
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (read, stderr) = tokio::try_join!(read(stdout), collect(stderr, say))?;
        let status = child.wait().await?;
        group.ended_by_itself();
        Ok((status, read, stderr))
    }
}

/// Ends a whole process group unless it ended by itself: what a dropped (cancelled, timed out) call leaves.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: Option<u32>) -> Self {
        Self(leader.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw))
    }

    fn ended_by_itself(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// Reads to the end, passes on every line (of a progress line only its last state), and keeps the last [`OUTPUT_MAX_BYTES`].
async fn collect(mut from: impl AsyncRead + Unpin, say: &mut (dyn FnMut(&str) + Send)) -> Result<String, Error> {
    let mut kept = Vec::new();
    let mut line = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            break;
        }
        for part in piece[..read].split_inclusive(|byte| *byte == b'\n') {
            extend(&mut line, part);
            if part.ends_with(b"\n") {
                tell(&line, say);
                line.clear();
            }
        }
        kept.extend_from_slice(&piece[..read]);
        if kept.len() > 2 * OUTPUT_MAX_BYTES {
            kept.drain(..kept.len() - OUTPUT_MAX_BYTES);
        }
    }
    tell(&line, say);
    let surplus = kept.len().saturating_sub(OUTPUT_MAX_BYTES);
    Ok(String::from_utf8_lossy(&kept[surplus..]).into_owned())
}

/// What becomes of a record that is longer than [`RECORD_MAX_BYTES`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum TooLong {
    /// Half a path would be another one.
    Refused,
    Cut,
}

/// Reads to the end and passes on every record, without the NUL that ends it.
async fn split(mut from: impl AsyncRead + Unpin, too_long: TooLong, each: &mut (dyn FnMut(&[u8]) + Send)) -> Result<(), Error> {
    let mut record = Vec::new();
    let mut piece = [0; 8192];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        for part in piece[..read].split_inclusive(|byte| *byte == 0) {
            record.extend_from_slice(part.strip_suffix(b"\0").unwrap_or(part));
            if record.len() > RECORD_MAX_BYTES && too_long == TooLong::Refused {
                return Err(Error::Unexpected("a record without end".to_owned()));
            }
            record.truncate(RECORD_MAX_BYTES);
            if part.ends_with(b"\0") {
                each(&record);
                record.clear();
            }
        }
    }
}

/// Makes an unfinished line longer, within bounds: of a progress line the states before the last one go.
fn extend(line: &mut Vec<u8>, part: &[u8]) {
    line.extend_from_slice(part);
    if line.len() > LINE_MAX_BYTES {
        let state = line.iter().rposition(|byte| *byte == b'\r').map_or(0, |at| at + 1);
        line.drain(..state);
        line.truncate(LINE_MAX_BYTES);
    }
}

fn tell(line: &[u8], say: &mut (dyn FnMut(&str) + Send)) {
    let line = String::from_utf8_lossy(line);
    let last_state = line.trim_end().rsplit('\r').next().unwrap_or_default();
    if !last_state.is_empty() {
        say(last_state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_progress_line_is_told_in_its_last_state() {
        let mut told = Vec::new();
        let printed: &[u8] = b"Counting: 10%\rCounting: 100%, done.\nend";
        collect(printed, &mut |line| told.push(line.to_owned())).await.expect("read");
        assert_eq!(told, ["Counting: 100%, done.", "end"]);
    }

    #[tokio::test]
    async fn of_output_without_end_every_line_is_told_and_the_end_is_kept() {
        let mut printed = b"a line\n".repeat(OUTPUT_MAX_BYTES);
        printed.extend_from_slice(b"fatal: no\n");
        let mut told = 0;
        let kept = collect(printed.as_slice(), &mut |_| told += 1).await.expect("read");
        assert_eq!((kept.len(), told), (OUTPUT_MAX_BYTES, OUTPUT_MAX_BYTES + 1));
        assert!(kept.ends_with("a line\nfatal: no\n"));
    }

    #[tokio::test]
    async fn records_are_whole_wherever_they_are_torn_and_one_without_end_is_an_error_or_cut() {
        let mut printed = b"a\nb\0\0".to_vec();
        printed.extend(vec![b'x'; 20_000]);
        printed.push(0);
        let mut lengths = Vec::new();
        split(printed.as_slice(), TooLong::Refused, &mut |record| lengths.push(record.len())).await.expect("read");
        assert_eq!(lengths, [3, 0, 20_000]);
        let endless = [&vec![b'x'; 2 * RECORD_MAX_BYTES][..], b"\0next\0"].concat();
        assert!(split(endless.as_slice(), TooLong::Refused, &mut |_| {}).await.is_err());
        lengths.clear();
        split(endless.as_slice(), TooLong::Cut, &mut |record| lengths.push(record.len())).await.expect("read");
        assert_eq!(lengths, [RECORD_MAX_BYTES, 4]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_told_up_to_its_limit_and_a_progress_line_in_its_last_state() {
        let mut printed = vec![b'x'; 4 * LINE_MAX_BYTES];
        printed.push(b'\n');
        for percent in 0..100_000 {
            printed.extend_from_slice(format!("{percent} %\r").as_bytes());
        }
        printed.extend_from_slice(b"done\n");
        let mut told = Vec::new();
        collect(printed.as_slice(), &mut |line| told.push(line.to_owned())).await.expect("read");
        assert_eq!((told.len(), told[0].len(), &*told[1]), (2, LINE_MAX_BYTES, "done"));
    }
}
