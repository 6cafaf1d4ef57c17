//! What differs between two configurations of an app, in words for people. Sealed values are never among them.

use super::{AppConfig, RunConfig, health_check::Probe, resources::Resources};
use crate::domain::port::{HostPort, Port};

/// What has to happen before a change is found in the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Another container of the same image.
    Container,
    /// Another image.
    Build,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which setting: `Memory`, `Port 80/tcp`, `Variable DATABASE_URL`.
    pub what: String,
    /// As it was; none: it was not there.
    pub old: Option<String>,
    /// As it is; none: it is not there any more.
    pub new: Option<String>,
    /// What it needs.
    pub needs: Needs,
}

/// What stands for a value that is not shown.
const SEALED: &str = "set";
const SEALED_ANEW: &str = "another value";

/// A setting as it is shown, with a key by which it is found in the other configuration.
struct Setting {
    what: String,
    /// What is compared.
    value: String,
    /// Whether the value is for no eyes.
    sealed: bool,
    needs: Needs,
}

/// What `new` has otherwise than `old`, in the order of the settings.
pub fn differences(old: &AppConfig, new: &AppConfig) -> Vec<Difference> {
    let (old, new) = (settings(old), settings(new));
    let find = |among: &[Setting], what: &str| among.iter().position(|it| it.what == what);
    let mut differences = Vec::new();
    for was in &old {
        let is = find(&new, &was.what).map(|index| &new[index]);
        if is.is_none_or(|is| is.value != was.value) {
            differences.push(difference(Some(was), is));
        }
    }
    differences.extend(new.iter().filter(|is| find(&old, &is.what).is_none()).map(|is| difference(None, Some(is))));
    differences
}

/// Whether a container made with the one is not as one made with the other.
pub fn needs_another_container(old: &AppConfig, new: &AppConfig) -> bool {
    differences(old, new).iter().any(|it| it.needs == Needs::Container)
}

fn difference(was: Option<&Setting>, is: Option<&Setting>) -> Difference {
    let about = is.or(was).expect("one of both is there");
    let shown = |setting: &Setting, sealed: &str| if setting.sealed { sealed.to_owned() } else { setting.value.clone() };
    Difference {
        what: about.what.clone(),
        old: was.map(|was| shown(was, SEALED)),
        new: is.map(|is| shown(is, if was.is_some() { SEALED_ANEW } else { SEALED })),
        needs: about.needs,
    }
}

/// Every setting that has another value than the default, which is not there.
fn settings(config: &AppConfig) -> Vec<Setting> {
    let mut list = List { settings: Vec::new(), needs: Needs::Build };
    list.add("Repository", config.source.repo_url.as_str());
    list.add("Branch", config.source.branch.as_str());
    list.add_if("Submodules", config.source.submodules);
    let build = &config.build;
    list.add("Dockerfile", build.dockerfile_path.as_str());
    list.add("Context folder", build.context_path.as_str());
    list.add_some("Target stage", build.target.as_ref());
    for arg in &build.args {
        list.add(format!("Build argument {}", arg.name), arg.value.clone());
    }
    for secret in &build.secrets {
        list.seal(format!("Build secret {}", secret.id), secret.value.to_string());
    }
    list.needs = Needs::Container;
    run_settings(&config.run, &mut list);
    list.settings
}

fn run_settings(run: &RunConfig, list: &mut List) {
    for var in &run.env {
        list.seal(format!("Variable {}", var.name), var.value.to_string());
    }
    for file in &run.files {
        list.seal(format!("File {}", file.path), file.content.to_string());
    }
    for label in &run.labels {
        list.add(format!("Label {}", label.name), label.value.clone());
    }
    for volume in &run.volumes {
        let read_only = if volume.read_only { ", read-only" } else { "" };
        list.add(format!("Volume at {}", volume.path), format!("{}{read_only}", volume.source));
    }
    port_settings(&run.ports, list);
    for (place, network) in run.networks.iter().enumerate() {
        let joined = if place == 0 { "joined" } else { "joined after the first" };
        let alias = network.alias.as_ref().map(|alias| format!(", as {alias}")).unwrap_or_default();
        list.add(format!("Network {}", network.name), format!("{joined}{alias}"));
    }
    let Resources { cpus, memory, pids, shm } = &run.resources;
    list.add_some("CPUs", cpus.as_ref());
    list.add_some("Memory", memory.as_ref());
    list.add_some("Processes", pids.map(|pids| pids.get()).as_ref());
    list.add_some("Shared memory", shm.as_ref());
    process_settings(run, list);
    list.add("Restart", run.restart.policy.as_str());
    list.add("Restarts at most", run.restart.cap.get().to_string());
    health_settings(run, list);
}

/// In which order a port of the container is published at several ports of the host means nothing.
fn port_settings(ports: &[Port], list: &mut List) {
    let mut ports: Vec<(String, String)> =
        ports.iter().map(|port| (format!("Port {}/{}", port.container_port, port.protocol), published(port))).collect();
    ports.sort();
    for (port, published) in ports {
        list.add_to(port, &published);
    }
}

fn published(port: &Port) -> String {
    match port.host_port {
        HostPort::None => "not published".to_owned(),
        HostPort::Auto => format!("chosen by the engine, on {}", port.host_address),
        HostPort::Fixed(fixed) => std::net::SocketAddr::new(port.host_address, fixed).to_string(),
    }
}

fn process_settings(run: &RunConfig, list: &mut List) {
    let process = &run.process;
    list.add_some("Entrypoint", process.entrypoint.as_ref());
    list.add_some("Command", process.command.as_ref());
    list.add_some("User", process.user.as_ref());
    list.add_if("Init process", process.init);
    for host in &process.extra_hosts {
        list.add_to(format!("Host {}", host.name), &host.to_string());
    }
    list.add_if("Read-only root", process.read_only_root);
    for capability in &process.dropped {
        list.add(format!("Capability {}", capability.as_str()), "dropped");
    }
    list.add_some("Stop signal", process.stop_signal.as_ref());
    list.add("Stop grace period", format!("{} s", process.stop_grace.seconds()));
}

fn health_settings(run: &RunConfig, list: &mut List) {
    let asked = match &run.health.probe {
        Probe::Image => "as the image says".to_owned(),
        Probe::Off => "off".to_owned(),
        Probe::Http(http) => format!("GET {} on port {}, expecting {}", http.path, http.port, http.status),
        Probe::Command(command) => command.clone(),
    };
    list.add("Health check", asked);
    if matches!(run.health.probe, Probe::Http(_) | Probe::Command(_)) {
        let timing = run.health.timing;
        let text = format!(
            "every {} s, {} s each, {} failures, {} s to start",
            timing.interval, timing.timeout, timing.retries, timing.start_period
        );
        list.add("Health check timing", text);
    }
}

struct List {
    settings: Vec<Setting>,
    needs: Needs,
}

impl List {
    fn push(&mut self, what: impl Into<String>, value: impl Into<String>, sealed: bool) {
        self.settings.push(Setting { what: what.into(), value: value.into(), sealed, needs: self.needs });
    }

    fn add(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.push(what, value, false);
    }

    fn seal(&mut self, what: impl Into<String>, version: String) {
        self.push(what, version, true);
    }

    fn add_some(&mut self, what: &str, value: Option<&impl ToString>) {
        if let Some(value) = value {
            self.add(what, value.to_string());
        }
    }

    fn add_if(&mut self, what: &str, on: bool) {
        if on {
            self.add(what, "on");
        }
    }

    /// Adds a value to a setting that may have several.
    fn add_to(&mut self, what: String, value: &str) {
        match self.settings.iter_mut().find(|it| it.what == what) {
            Some(there) => there.value = format!("{}; {value}", there.value),
            None => self.add(what, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        app_config::{Source, build::BuildConfig, env::EnvVar, network::NetworkUse},
        ids::SecretId,
        port::Protocol,
    };

    fn config() -> AppConfig {
        let source = Source {
            repo_url: "https://git.example.org/dev/shop.git".parse().expect("valid"),
            branch: "main".parse().expect("valid"),
            submodules: false,
        };
        AppConfig::new(source, BuildConfig::new("Dockerfile".parse().expect("valid"), ".".parse().expect("valid")))
    }

    fn told(old: &AppConfig, new: &AppConfig) -> Vec<String> {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        let line = |it: Difference| format!("{}: {} → {} ({:?})", it.what, shown(it.old), shown(it.new), it.needs);
        differences(old, new).into_iter().map(line).collect()
    }

    #[test]
    fn what_differs_is_told_with_what_it_needs_and_without_secrets() {
        let old = config();
        let mut new = config();
        new.source.branch = "dev".parse().expect("valid");
        new.build.args = super::super::build::parse_args("A=1").expect("valid");
        new.run.env = vec![EnvVar { name: "TOKEN".parse().expect("valid"), value: SecretId::new() }];
        new.run.resources.memory = Some("512m".parse().expect("valid"));
        new.run.restart.policy = super::super::restart::RestartPolicy::Never;
        let port = |host_port| Port { container_port: 80, protocol: Protocol::Tcp, host_address: [127, 0, 0, 1].into(), host_port };
        new.run.ports = vec![port(HostPort::Fixed(8081)), port(HostPort::Auto)];
        assert_eq!(
            told(&old, &new),
            [
                "Branch: main → dev (Build)",
                "Restart: always → never (Container)",
                "Build argument A: – → 1 (Build)",
                "Variable TOKEN: – → set (Container)",
                "Port 80/tcp: – → 127.0.0.1:8081; chosen by the engine, on 127.0.0.1 (Container)",
                "Memory: – → 512m (Container)",
            ]
        );
        let mut turned = new.clone();
        turned.run.ports.reverse();
        assert_eq!(told(&new, &turned), Vec::<String>::new(), "a container has the same ports then");
        let network = |name: &str| NetworkUse { name: name.parse().expect("valid"), alias: None };
        new.run.networks = vec![network("web"), network("db")];
        turned.run.networks = vec![network("db"), network("web")];
        assert_eq!(
            told(&new, &turned),
            ["Network web: joined → joined after the first (Container)", "Network db: joined after the first → joined (Container)"]
        );
        let mut newer = new.clone();
        newer.run.env[0].value = SecretId::new();
        assert_eq!(told(&new, &newer), ["Variable TOKEN: set → another value (Container)"]);
        assert_eq!(told(&newer, &new).len(), 1);
        assert_eq!(told(&newer, &newer), Vec::<String>::new());
    }

    #[test]
    fn whatever_a_container_or_an_image_depends_on_is_told() {
        let old = config();
        let every = crate::domain::app_config::tests::everything_set();
        let differing = differences(&old, &every);
        for part in [
            "Repository",
            "Submodules",
            "Target stage",
            "Build secret npm",
            "File /etc/app.toml",
            "Label traefik.enable",
            "Volume at /data",
            "Network web",
            "CPUs",
            "Processes",
            "Shared memory",
            "Entrypoint",
            "Command",
            "User",
            "Init process",
            "Host db",
            "Read-only root",
            "Capability NET_RAW",
            "Stop signal",
            "Stop grace period",
            "Restarts at most",
            "Health check",
            "Health check timing",
        ] {
            assert!(differing.iter().any(|it| it.what == part), "{part}");
        }
        // What is valid at once, and what only says how much a build may take, is no difference.
        let mut policy = config();
        policy.policy.newer_push_cancels = true;
        policy.public_url = Some("https://shop.example.org".parse().expect("valid"));
        policy.build.pull = true;
        policy.build.time_limit = "5".parse().expect("valid");
        assert_eq!(differences(&old, &policy), []);
    }
}
