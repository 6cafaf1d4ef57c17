//! What runs in the container, as whom, with what power, and how it is stopped.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    Draft, Error, FormView, SavedAsOne, Section, Typed, Ui,
    fields::{lines, optional, shown_or_empty, yes},
};
use crate::domain::{
    app::App,
    app_config::process::{self, Signal, parse_capabilities, parse_extra_hosts},
};

pub(super) struct Process;

#[async_trait]
impl Section for Process {
    fn id(&self) -> &'static str {
        "process"
    }

    fn title(&self) -> &'static str {
        "Process"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_process.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let process = &draft.config.run.process;
        FormView::new(&[
            ("process_entrypoint", &shown_or_empty(process.entrypoint.as_ref())),
            ("process_command", &shown_or_empty(process.command.as_ref())),
            ("process_user", &shown_or_empty(process.user.as_ref())),
            ("process_init", yes(process.init)),
            ("process_extra_hosts", &lines(&process.extra_hosts)),
            ("process_read_only_root", yes(process.read_only_root)),
            ("process_dropped", &lines(&process.dropped)),
            ("process_stop_signal", &shown_or_empty(process.stop_signal)),
            ("process_stop_grace", &process.stop_grace.seconds().to_string()),
        ])
    }

    /// The signals to choose from.
    async fn extra(&self, _ui: &Ui, _app: &App, _form: &FormView) -> Result<Value, Error> {
        let signals = Signal::ALL.iter().map(|signal| json!([signal.as_str(), signal.as_str()]));
        let signals: Vec<Value> = std::iter::once(json!(["", "as the image says"])).chain(signals).collect();
        Ok(json!({ "signals": signals }))
    }
}

impl SavedAsOne for Process {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let entrypoint = optional(typed, form, "process_entrypoint", str::parse);
        let command = optional(typed, form, "process_command", str::parse);
        let user = optional(typed, form, "process_user", str::parse);
        let extra_hosts = form.check("process_extra_hosts", parse_extra_hosts(typed.text("process_extra_hosts")));
        let dropped = form.check("process_dropped", parse_capabilities(typed.text("process_dropped")));
        let stop_signal = optional(typed, form, "process_stop_signal", str::parse);
        let stop_grace = form.check("process_stop_grace", typed.text("process_stop_grace").parse());
        let (init, read_only_root) = (typed.text("process_init") == "yes", typed.text("process_read_only_root") == "yes");
        if let (Some(entrypoint), Some(command), Some(user), Some(extra_hosts), Some(dropped), Some(stop_signal), Some(stop_grace)) =
            (entrypoint, command, user, extra_hosts, dropped, stop_signal, stop_grace)
        {
            draft.config.run.process =
                process::Process { entrypoint, command, user, init, extra_hosts, read_only_root, dropped, stop_signal, stop_grace };
        }
    }
}
