//! A panic is one line like any other, instead of the several that Rust writes by itself. Inside a request it carries the request's id.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    thread,
};

use super::scrub;

/// The target of these lines.
pub(super) const TARGET: &str = "upaas::panic";
/// How much of a panic's text is written.
const SAID_MAX_CHARS: usize = 1000;

/// From now on panics are logged. With `RUST_BACKTRACE=1` the line has the way there, too.
pub(super) fn log() {
    std::panic::set_hook(Box::new(|info| {
        let said: String = scrub::text(said(info.payload())).chars().take(SAID_MAX_CHARS).collect();
        let location = info.location().map(|it| format!("{}:{}", it.file(), it.line()));
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        tracing::error!(target: TARGET, said, location, thread = thread::current().name(), backtrace, "panic");
    }));
}

fn said(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("no text")
}
