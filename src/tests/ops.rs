//! What operators copy from `ops/` and read in the README: it says what µPaaS says, in the same words.

use std::{collections::BTreeSet, fs, process::Command};

use regex::Regex;
use serde_json::Value;
use upaas::{
    deploy::platform::FailureKind,
    domain::audit::{Action, Outcome, Resource},
    metrics::NAMES,
};

use super::support::{
    eventually,
    fake::{Fake, Step},
    gitea::with_hook,
    prometheus::{Prometheus, project_file},
};

fn read(path: &str) -> String {
    fs::read_to_string(project_file(path)).unwrap()
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

#[track_caller]
fn promtool(arguments: &[&str], file: &std::path::Path) {
    let ended = Command::new("promtool").args(arguments).arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(ended.status.success(), "{arguments:?}: {said}");
}

#[test]
fn every_alert_speaks_when_it_should_and_is_silent_otherwise() {
    promtool(&["check", "rules"], &project_file("ops/prometheus/alerts.yml"));
    promtool(&["test", "rules"], &project_file("ops/prometheus/alerts.test.yml"));
    let (rules, tests) = (read("ops/prometheus/alerts.yml"), read("ops/prometheus/alerts.test.yml"));
    for alert in Regex::new(r"- alert: (\w+)").unwrap().captures_iter(&rules).map(|found| found[1].to_owned()) {
        let fires = Regex::new(&format!(r"alertname: {alert}\n\s+exp_alerts:\n")).unwrap();
        assert!(fires.is_match(&tests), "no test sees {alert} fire");
        assert!(tests.contains(&format!("alertname: {alert}, exp_alerts: []")), "no test sees {alert} silent");
    }
}

#[test]
fn prometheus_accepts_the_example_with_and_without_a_password() {
    promtool(&["check", "config"], &project_file("ops/prometheus/prometheus.yml"));
    let folder = tempfile::tempdir().unwrap();
    let example = read("ops/prometheus/prometheus.yml");
    let (before, commented) = example.split_once("    # basic_auth:").unwrap();
    let (commented, after) = commented.split_once("\n\n").unwrap();
    let with_password = format!("{before}    basic_auth:{}\n\n{after}", commented.replace("\n    # ", "\n    "));
    fs::write(folder.path().join("prometheus.yml"), with_password).unwrap();
    fs::write(folder.path().join("upaas-password"), "password").unwrap();
    fs::write(folder.path().join("alerts.yml"), read("ops/prometheus/alerts.yml")).unwrap();
    promtool(&["check", "config"], &folder.path().join("prometheus.yml"));
}

#[test]
fn the_schema_has_the_words_of_the_audit_log() {
    let schema = json("ops/audit/audit.schema.json");
    let words = |field: &str| -> Vec<String> { serde_json::from_value(schema["properties"][field]["enum"].clone()).unwrap() };
    assert_eq!(words("action"), Action::ALL.iter().map(|action| action.as_str()).collect::<Vec<_>>());
    assert_eq!(words("resource_type"), Resource::ALL.iter().map(|resource| resource.as_str()).collect::<Vec<_>>());
    assert_eq!(words("result"), Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect::<Vec<_>>());
}

#[test]
fn the_readme_shows_an_entry_that_the_schema_describes() {
    let schema = json("ops/audit/audit.schema.json");
    let fields: BTreeSet<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let required: BTreeSet<&str> = schema["required"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
    assert_eq!(required, fields);
    let example = &schema["examples"][0];
    assert_eq!(example.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(), fields);
    let shown = read("README.md").lines().find(|line| line.starts_with(r#"{"id":"#)).map(str::to_owned).unwrap();
    assert_eq!(&serde_json::from_str::<Value>(&shown).unwrap(), example);
}

#[test]
fn the_readme_names_every_action() {
    let readme = read("README.md");
    let unnamed: Vec<_> = Action::ALL.iter().filter(|action| !readme.contains(&format!("`{action}`"))).collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

/// The metrics that a file names; the series of a histogram are its own.
fn metrics_in(path: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:upaas|process)_[a-z0-9_]+\b").unwrap();
    let series = Regex::new("_(bucket|sum|count)$").unwrap();
    name.find_iter(&read(path)).map(|found| series.replace(found.as_str(), "").into_owned()).collect()
}

#[test]
fn alerts_dashboard_and_readme_name_metrics_that_exist_and_the_readme_names_all() {
    let exist: BTreeSet<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    for path in ["ops/prometheus/alerts.yml", "ops/prometheus/alerts.test.yml", "ops/grafana/upaas.json", "README.md", "ops/README.md"] {
        let unknown: Vec<_> = metrics_in(path).difference(&exist).cloned().collect();
        assert!(unknown.is_empty(), "{path} names {unknown:?}");
    }
    let unnamed: Vec<_> = exist.difference(&metrics_in("README.md")).cloned().collect();
    assert!(unnamed.is_empty(), "the README does not name {unnamed:?}");
}

/// What stands for “nothing yet” at the end of a query.
const NOTHING_YET: [&str; 2] = [" or on() vector(0)", " or on() vector(NaN)"];
/// Parts of queries about what does not happen in the test below.
const DOES_NOT_HAPPEN: &[&str] = &["upaas_container_healthy{app=~\".*\"} == 0", "status_code=~\"5..\""];

/// Each query of the dashboard with the title of its panel, for all apps, as Grafana asks it.
fn dashboard() -> Vec<(String, String)> {
    let asked = |query: &str| query.replace("$app", ".*").replace("$__rate_interval", "5m").replace("$__range", "1h");
    let dashboard = json("ops/grafana/upaas.json");
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push((panel["title"].as_str().unwrap().to_owned(), asked(target["expr"].as_str().unwrap())));
        }
    }
    let apps = dashboard["templating"]["list"][1]["query"]["query"].as_str().unwrap();
    let (metric, label) = apps.strip_prefix("label_values(").unwrap().trim_end_matches(')').split_once(", ").unwrap();
    queries.push(("the choice of the app".to_owned(), format!("count by ({label}) ({metric}{{{label}=\"shop\"}})")));
    queries
}

/// Waits until a query gives a number.
async fn has_an_answer(prometheus: &mut Prometheus, panel: &str, query: &str) {
    eventually(&format!("data for {panel}: {query}"), async || {
        let samples = prometheus.query(query).await?;
        if samples.iter().any(|sample| sample["value"][1] != "NaN") { Ok(()) } else { Err(format!("{samples:?}")) }
    })
    .await;
}

#[tokio::test]
async fn prometheus_answers_every_query_of_the_dashboard_and_evaluates_every_alert() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    let mut prometheus = Prometheus::scraping(server.address()).await;

    server.deploy_to_the_end("shop").await;
    fake.fail(Step::Build, FailureKind::Final);
    server.deploy_to_the_end("shop").await;
    fake.mend(Step::Build);
    assert_eq!(hook.push("main", &"1".repeat(40), &"2".repeat(40)).await.status, 202);
    server.new_browser().post("/login", &[("username", "ada"), ("password", "wrong")]).await.expect(422);

    for (panel, query) in dashboard() {
        if NOTHING_YET.iter().any(|nothing| query.ends_with(nothing)) {
            assert!(!prometheus.query(&query).await.unwrap().is_empty(), "{panel}: {query}");
        }
        if !DOES_NOT_HAPPEN.iter().any(|part| query.contains(part)) {
            let about_something = NOTHING_YET.iter().fold(query, |query, nothing| query.replace(nothing, ""));
            has_an_answer(&mut prometheus, &panel, &about_something).await;
        }
    }

    let alerts = read("ops/prometheus/alerts.yml").matches("- alert: ").count();
    eventually("every alert to be evaluated", async || {
        let rules = prometheus.rules().await?;
        let healthy = rules.iter().filter(|rule| rule["type"] == "alerting" && rule["health"] == "ok").count();
        if healthy == alerts { Ok(()) } else { Err(format!("{rules:#?}")) }
    })
    .await;
}
