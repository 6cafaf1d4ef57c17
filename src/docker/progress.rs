//! The builder's messages as lines, in the manner of `docker build --progress=plain`: `#3 [2/3] RUN …`, `#3 0.4 output`, `#3 DONE 0.5s`.

mod partial;

use std::collections::HashMap;

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};

use partial::Partial;

/// Turns messages into lines, each with how long it is, whatever is kept of it; and remembers the step that failed.
#[derive(Default)]
pub(super) struct Progress {
    steps: HashMap<String, Step>,
    /// The classic builder's unfinished line.
    partial: Partial,
    failed: Option<String>,
    last_classic_step: Option<String>,
}

#[derive(Default)]
struct Step {
    number: usize,
    announced: bool,
    done: bool,
    partial: Partial,
}

impl Progress {
    /// A message of BuildKit: steps that began or ended, and their output.
    pub(super) fn buildkit(&mut self, status: &StatusResponse, line: &mut impl FnMut(&[u8], usize)) {
        for vertex in &status.vertexes {
            self.vertex(vertex, line);
        }
        for log in &status.logs {
            let step = self.steps.entry(log.vertex.clone()).or_default();
            let number = step.number;
            step.partial.take(&log.msg, &mut |text, bytes| line_of(number, text, bytes, line));
        }
    }

    /// A piece of the classic builder's output: not always a whole line.
    pub(super) fn classic(&mut self, text: &str, line: &mut impl FnMut(&[u8], usize)) {
        if let Some(step) = text.strip_prefix("Step ") {
            self.last_classic_step = classic_step(step.trim_end());
        }
        self.partial.take(text.as_bytes(), &mut |text, bytes| {
            if bytes > 0 {
                line(text, bytes);
            }
        });
    }

    /// Passes on what was left without a line feed.
    pub(super) fn finish(&mut self, line: &mut impl FnMut(&[u8], usize)) {
        let mut open: Vec<&mut Step> = self.steps.values_mut().filter(|step| !step.partial.is_empty()).collect();
        open.sort_by_key(|step| step.number);
        for step in open {
            let (text, bytes) = step.partial.end();
            line_of(step.number, &text, bytes, line);
        }
        if !self.partial.is_empty() {
            let (text, bytes) = self.partial.end();
            line(&text, bytes);
        }
    }

    /// The step that failed, as `[2/3] RUN npm ci`.
    pub(super) fn failed_step(&self) -> Option<String> {
        self.failed.clone().or_else(|| self.last_classic_step.clone())
    }

    fn vertex(&mut self, vertex: &Vertex, line: &mut impl FnMut(&[u8], usize)) {
        let next = self.steps.values().filter(|step| step.number > 0).count() + 1;
        let step = self.steps.entry(vertex.digest.clone()).or_default();
        if vertex.started.is_none() && !vertex.cached {
            return;
        }
        if !step.announced {
            step.announced = true;
            step.number = next;
            line_of(step.number, vertex.name.as_bytes(), vertex.name.len(), line);
        }
        if vertex.completed.is_none() || step.done {
            return;
        }
        step.done = true;
        let number = step.number;
        if !step.partial.is_empty() {
            let (text, bytes) = step.partial.end();
            line_of(number, &text, bytes, line);
        }
        let end = if vertex.error.is_empty() {
            if vertex.cached { "CACHED".to_owned() } else { format!("DONE {:.1}s", seconds(vertex)) }
        } else {
            self.failed = Some(vertex.name.clone());
            format!("ERROR: {}", vertex.error)
        };
        line_of(number, end.as_bytes(), end.len(), line);
    }
}

/// Passes on a line of a step, of which this is kept, with the step's number before it.
fn line_of(number: usize, text: &[u8], bytes: usize, line: &mut impl FnMut(&[u8], usize)) {
    let number = format!("#{number} ");
    line(&[number.as_bytes(), text].concat(), number.len() + bytes);
}

/// `3/9 : RUN npm ci` as `[3/9] RUN npm ci`.
fn classic_step(text: &str) -> Option<String> {
    let (place, instruction) = text.split_once(" : ")?;
    Some(format!("[{place}] {instruction}"))
}

fn seconds(vertex: &Vertex) -> f64 {
    let (Some(start), Some(end)) = (&vertex.started, &vertex.completed) else { return 0.0 };
    let whole = (end.seconds - start.seconds) as f64;
    whole + f64::from(end.nanos - start.nanos) / 1e9
}

#[cfg(test)]
mod tests {
    use bollard::moby::buildkit::v1::VertexLog;

    use super::*;

    fn vertex(name: &str, completed: bool, error: &str) -> Vertex {
        let mut vertex = Vertex { digest: name.to_owned(), name: name.to_owned(), error: error.to_owned(), ..Vertex::default() };
        let mut at = vertex.started.unwrap_or_default();
        at.seconds = 10;
        vertex.started = Some(at);
        at.seconds = 12;
        vertex.completed = completed.then_some(at);
        vertex
    }

    fn log(vertex: &str, text: &str) -> VertexLog {
        VertexLog { vertex: vertex.to_owned(), msg: text.as_bytes().to_vec(), ..VertexLog::default() }
    }

    #[test]
    fn buildkit_reads_like_plain_progress() {
        let mut progress = Progress::default();
        let mut said = Vec::new();
        let mut line = |text: &[u8], _: usize| said.push(String::from_utf8_lossy(text).into_owned());
        let step = "[2/3] RUN npm ci";
        progress.buildkit(
            &StatusResponse { vertexes: vec![vertex(step, false, "")], logs: vec![log(step, "half ")], ..Default::default() },
            &mut line,
        );
        progress.buildkit(&StatusResponse { logs: vec![log(step, "a line\nopen end")], ..Default::default() }, &mut line);
        progress.buildkit(&StatusResponse { vertexes: vec![vertex(step, true, "exit code: 1")], ..Default::default() }, &mut line);
        progress.finish(&mut line);
        assert_eq!(said, ["#1 [2/3] RUN npm ci", "#1 half a line", "#1 open end", "#1 ERROR: exit code: 1"]);
        assert_eq!(progress.failed_step().as_deref(), Some(step));
    }

    #[test]
    fn the_classic_builder_s_pieces_become_lines() {
        let mut progress = Progress::default();
        let mut said = Vec::new();
        for piece in ["Step 2/3 : RUN npm ci", "\n", " ---> Running in abc\n", "out", "put\n"] {
            progress.classic(piece, &mut |text, _| said.push(String::from_utf8_lossy(text).into_owned()));
        }
        assert_eq!(said, ["Step 2/3 : RUN npm ci", " ---> Running in abc", "output"]);
        assert_eq!(progress.failed_step().as_deref(), Some("[2/3] RUN npm ci"));
    }
}
