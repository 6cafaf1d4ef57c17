//! Drift: what was changed of a container behind µPaaS's back.

use super::{
    app_config::{
        RunConfig,
        resources::{Bytes, Cpus},
        restart::RestartPolicy,
    },
    container::{self, Observed},
    slug::Slug,
};

/// What can be changed of a container while it is there and is compared, as the engine shows it; nothing else of a container is. Zero is no
/// limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// Its share of the processors, in billionths of one.
    pub nano_cpus: i64,
    /// Its memory, in bytes. Docker takes no such limit away again: zero where one was asked for says that it was dropped.
    pub memory: i64,
    /// Its processes and threads; none where the engine was given no limit, or has dropped it.
    pub pids: Option<i64>,
    /// When the engine restarts it; none: in a way that µPaaS does not ask for.
    pub restart: Option<RestartPolicy>,
    /// The networks that it is in or will be in, by name.
    pub networks: Vec<String>,
}

/// One thing that is otherwise than it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Its name on pages.
    pub what: &'static str,
    /// How it was made.
    pub made: String,
    /// How it is now.
    pub now: String,
}

/// The networks of the engine's own in which a container is that was made with none.
const DEFAULT_NETWORKS: [&str; 2] = ["bridge", "podman"];

impl Shape {
    /// As a container of an app is made.
    pub fn of(slug: &Slug, number: i64, run: &RunConfig) -> Self {
        let bytes = |amount: Bytes| i64::try_from(amount.get()).unwrap_or(i64::MAX);
        Self {
            name: container::name(slug, number),
            nano_cpus: run.resources.cpus.map_or(0, Cpus::nano),
            memory: run.resources.memory.map_or(0, bytes),
            pids: run.resources.pids.map(|pids| pids.get().into()),
            restart: Some(run.restart.policy),
            networks: run.networks.iter().map(|network| network.name.to_string()).collect(),
        }
    }
}

/// What of a container is not as it was made, with these settings for an app of this name. One that was adopted was made elsewhere: there a
/// limit that it does not have is none that the engine has dropped.
pub fn drift(seen: &Observed, slug: &Slug, made_with: &RunConfig, adopted: bool) -> Vec<Drift> {
    let (made, now) = (Shape::of(slug, seen.deployment, made_with), &seen.shape);
    let mut drift = Vec::new();
    let mut tell = |what, made: String, now: String| drift.push(Drift { what, made, now });
    if !is_named(&now.name, &made.name) {
        tell("Name", made.name.clone(), now.name.clone());
    }
    if now.nano_cpus != made.nano_cpus {
        tell("CPUs", cpus(made.nano_cpus), cpus(now.nano_cpus));
    }
    // What the engine cannot limit it drops at the creation, with a warning: nobody has changed that.
    if now.memory != made.memory && (adopted || now.memory != 0) {
        tell("Memory", memory(made.memory), memory(now.memory));
    }
    let asked = made.pids.unwrap_or(0);
    if let Some(now) = now.pids.or(adopted.then_some(0)).filter(|now| *now != asked) {
        tell("Processes", pids(asked), pids(now));
    }
    if now.restart != made.restart {
        tell("Restart", restart(made.restart), restart(now.restart));
    }
    let (made, now) = (networks(&made.networks), networks(&now.networks));
    if now != made {
        tell("Networks", names(&made), names(&now));
    }
    drift
}

/// A name that was taken has got an end: eight digits.
fn is_named(name: &str, made: &str) -> bool {
    let end = name.strip_prefix(made);
    let is_end = |end: &str| end.strip_prefix('-').is_some_and(|id| id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    end.is_some_and(|end| end.is_empty() || is_end(end))
}

/// In order. No network stands for the engine's default one.
fn networks(joined: &[String]) -> Vec<&str> {
    let mut networks: Vec<&str> = joined.iter().map(String::as_str).collect();
    if networks.is_empty() {
        networks.push(DEFAULT_NETWORKS[0]);
    }
    if let [only] = &mut networks[..]
        && DEFAULT_NETWORKS.contains(only)
    {
        *only = DEFAULT_NETWORKS[0];
    }
    networks.sort_unstable();
    networks
}

fn names(networks: &[&str]) -> String {
    networks.join(", ")
}

const NO_LIMIT: &str = "no limit";

fn cpus(nano: i64) -> String {
    if nano == 0 { NO_LIMIT.to_owned() } else { format!("{}", nano as f64 / 1e9) }
}

fn memory(bytes: i64) -> String {
    match u64::try_from(bytes) {
        Ok(bytes @ 1..) => Bytes::of(bytes).to_string(),
        _ => NO_LIMIT.to_owned(),
    }
}

fn pids(count: i64) -> String {
    if count == 0 { NO_LIMIT.to_owned() } else { count.to_string() }
}

fn restart(policy: Option<RestartPolicy>) -> String {
    policy.map_or("another policy", RestartPolicy::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        app_config::{RunConfig, network::NetworkUse},
        container::Observed,
    };

    fn slug() -> Slug {
        "shop".parse().expect("valid")
    }

    fn told(run: &RunConfig, change: impl FnOnce(&mut Shape)) -> Vec<String> {
        told_of(run, change, false)
    }

    fn told_of(run: &RunConfig, change: impl FnOnce(&mut Shape), adopted: bool) -> Vec<String> {
        let mut seen = Observed { shape: Shape::of(&slug(), 1, run), ..Observed::bare("c1") };
        change(&mut seen.shape);
        drift(&seen, &slug(), run, adopted).into_iter().map(|it| format!("{}: {} → {}", it.what, it.made, it.now)).collect()
    }

    #[test]
    fn a_container_as_it_was_made_has_no_drift() {
        let run = RunConfig::default();
        assert!(told(&run, |_| {}).is_empty());
        assert!(told(&run, |it| it.networks = vec!["bridge".to_owned()]).is_empty(), "the engine's own network is what was asked for");
        assert!(told(&run, |it| it.name = "upaas-shop-1-0c79164d".to_owned()).is_empty(), "its name was taken");
    }

    #[test]
    fn a_limit_that_the_engine_has_dropped_is_nobody_s_change() {
        let mut run = RunConfig::default();
        run.resources.memory = Some("512m".parse().expect("valid"));
        run.resources.pids = Some("100".parse().expect("valid"));
        let dropped = told(&run, |it| (it.memory, it.pids) = (0, None));
        assert!(dropped.is_empty(), "{dropped:?}");
        let never_had = told_of(&run, |it| (it.memory, it.pids) = (0, None), true);
        assert_eq!(never_had.len(), 2, "one that was adopted: {never_had:?}");
    }

    #[test]
    fn whatever_was_changed_is_told_as_it_was_and_as_it_is() {
        let mut run = RunConfig::default();
        run.resources.memory = Some("512m".parse().expect("valid"));
        run.networks = vec![NetworkUse { name: "web".parse().expect("valid"), alias: None }];
        assert_eq!(told(&run, |it| it.name = "mine".to_owned()), ["Name: upaas-shop-1 → mine"]);
        assert_eq!(told(&run, |it| it.name = "upaas-shop-12".to_owned()), ["Name: upaas-shop-1 → upaas-shop-12"]);
        assert_eq!(told(&run, |it| it.memory = 1 << 30), ["Memory: 512m → 1g"]);
        assert_eq!(told(&run, |it| it.nano_cpus = 1_500_000_000), ["CPUs: no limit → 1.5"]);
        assert_eq!(told(&run, |it| it.pids = Some(50)), ["Processes: no limit → 50"]);
        run.resources.pids = Some("100".parse().expect("valid"));
        assert_eq!(told(&run, |it| it.pids = Some(0)), ["Processes: 100 → no limit"]);
        assert_eq!(told(&run, |it| it.restart = Some(RestartPolicy::Never)), ["Restart: always → never"]);
        assert_eq!(told(&run, |it| it.restart = None), ["Restart: always → another policy"]);
        assert_eq!(told(&run, |it| it.networks.push("db".to_owned())), ["Networks: web → db, web"]);
        assert_eq!(told(&run, |it| it.networks.clear()), ["Networks: web → bridge"]);
    }
}
