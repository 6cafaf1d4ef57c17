//! How it is known that the app works. Of the fields only those of the chosen kind of check are read and stored.

use async_trait::async_trait;

use super::{Draft, Error, FormView, SavedAsOne, Section, Typed, Ui};
use crate::domain::{
    Invalid,
    app::App,
    app_config::health_check::{
        HealthCheck, HttpProbe, Probe, RETRIES, SECONDS, START_PERIOD, Timing, parse_command, parse_count, parse_path, parse_status,
    },
    port::{self, Protocol},
};

pub(super) struct Health;

/// The status code that most checks expect.
const USUAL_STATUS: &str = "200";

#[async_trait]
impl Section for Health {
    fn id(&self) -> &'static str {
        "health"
    }

    fn title(&self) -> &'static str {
        "Health check"
    }

    fn template(&self) -> &'static str {
        "apps/settings/_health.html"
    }

    fn form(&self, draft: &Draft) -> FormView {
        let HealthCheck { probe, timing } = &draft.config.run.health;
        let http = if let Probe::Http(http) = probe { Some(http) } else { None };
        FormView::new(&[
            ("health_probe", word(probe)),
            ("health_path", http.map_or("", |it| it.path.as_str())),
            ("health_port", &http.map(|it| it.port).or_else(|| first_port(draft)).map(|port| port.to_string()).unwrap_or_default()),
            ("health_status", &http.map_or(USUAL_STATUS.to_owned(), |it| it.status.to_string())),
            ("health_command", if let Probe::Command(command) = probe { command } else { "" }),
            ("health_interval", &timing.interval.to_string()),
            ("health_timeout", &timing.timeout.to_string()),
            ("health_retries", &timing.retries.to_string()),
            ("health_start_period", &timing.start_period.to_string()),
        ])
    }
}

#[async_trait]
impl SavedAsOne for Health {
    fn read(&self, typed: &Typed, form: &mut FormView, draft: &mut Draft) {
        let health = match typed.text("health_probe") {
            "image" => Some(HealthCheck::default()),
            "off" => Some(HealthCheck { probe: Probe::Off, ..HealthCheck::default() }),
            "http" => with_timing(http(typed, form, first_port(draft)).map(Probe::Http), typed, form),
            "command" => {
                let command = form.check("health_command", parse_command(typed.text("health_command")));
                with_timing(command.map(Probe::Command), typed, form)
            }
            _ => form.check("health_probe", Err(Invalid::because("Choose how it is known that the app works."))),
        };
        if let Some(health) = health {
            draft.config.run.health = health;
        }
    }

    async fn check(&self, ui: &Ui, _app: &App, draft: &Draft, form: &mut FormView) -> Result<(), Error> {
        if matches!(draft.config.run.health.probe, Probe::Http(_))
            && let Err(failure) = ui.state.deployer.can_ask()
        {
            let why = [Some(failure.sentence), failure.hint].into_iter().flatten().collect::<Vec<_>>().join(" ");
            form.check::<()>("health_probe", Err(Invalid::because(why)));
        }
        Ok(())
    }
}

fn word(probe: &Probe) -> &'static str {
    match probe {
        Probe::Image => "image",
        Probe::Off => "off",
        Probe::Http(_) => "http",
        Probe::Command(_) => "command",
    }
}

/// The first port on which the app may speak HTTP.
fn first_port(draft: &Draft) -> Option<u16> {
    draft.config.run.ports.iter().find(|port| port.protocol == Protocol::Tcp).map(|port| port.container_port)
}

fn http(typed: &Typed, form: &mut FormView, first_port: Option<u16>) -> Option<HttpProbe> {
    let path = form.check("health_path", parse_path(typed.text("health_path")));
    let port = port::parse_optional_port(typed.text("health_port"));
    let port = port.and_then(|port| port.or(first_port).ok_or_else(|| Invalid::because("On which port does the app answer?")));
    let port = form.check("health_port", port);
    let status = form.check("health_status", parse_status(typed.text_or("health_status", USUAL_STATUS)));
    Some(HttpProbe { path: path?, port: port?, status: status? })
}

fn with_timing(probe: Option<Probe>, typed: &Typed, form: &mut FormView) -> Option<HealthCheck> {
    let mut count = |field, range| form.check(field, parse_count(typed.text(field), range));
    let (interval, timeout) = (count("health_interval", SECONDS), count("health_timeout", SECONDS));
    let (retries, start_period) = (count("health_retries", RETRIES), count("health_start_period", START_PERIOD));
    let timing = Timing { interval: interval?, timeout: timeout?, retries: retries?, start_period: start_period? };
    let timing = form.check("health_start_period", timing.check())?;
    Some(HealthCheck { probe: probe?, timing })
}
