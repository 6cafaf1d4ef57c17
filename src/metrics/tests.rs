use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::{
    deployment::Times,
    disk::{Part, Space},
    moment::Moment,
};

fn slug() -> Slug {
    "shop".parse().expect("valid")
}

fn with(apps: &[AppId]) -> Snapshot {
    let now = |id: &AppId| AppNow {
        id: *id,
        slug: slug(),
        in_flight: 1,
        running: Duration::from_millis(1500),
        healthy: Some(true),
        cpu: Some(Duration::from_millis(2250)),
        memory_bytes: Some(4096),
    };
    Snapshot { stored: Some(Stored { apps: apps.iter().map(now).collect(), ..Stored::default() }), ..Snapshot::default() }
}

/// The seconds are those of the row: asked for, fetch, build, container, end.
fn ended(app: AppId, status: Status, seconds: [Option<i64>; 5]) -> Deployment {
    let [queued, cloning, building, deploying, finished] = seconds.map(|it| it.map(|it| Moment::from_unix_ms(it * 1000)));
    Deployment::bare(app, status, Times { queued: queued.expect("always"), cloning, building, deploying, finished })
}

/// Every sample of a text.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a series and a value");
        (series.to_owned(), value.parse().expect("a number"))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

#[track_caller]
fn assert_value(text: &str, series: &str, value: f64) {
    assert_eq!(samples(text).get(series), Some(&value), "{series} in\n{text}");
}

#[test]
fn a_deployment_is_counted_with_its_phases() {
    let (metrics, app) = (Metrics::new(), AppId::new());
    metrics.deployment_ended(&slug(), &ended(app, Status::Success, [Some(0), Some(7), Some(10), Some(70), Some(80)]));
    metrics.deployment_ended(&slug(), &ended(app, Status::Cancelled, [Some(0), None, None, None, Some(5)]));
    metrics.deployment_ended(&slug(), &ended(app, Status::Superseded, [Some(0), Some(1), None, None, Some(5)]));
    let text = metrics.render(&with(&[app]));
    assert_value(&text, "upaas_deployments_total{app=\"shop\",status=\"success\"}", 1.0);
    assert_value(&text, "upaas_deployments_total{app=\"shop\",status=\"cancelled\"}", 1.0);
    assert_value(&text, "upaas_deployments_total{app=\"shop\",status=\"failed\"}", 0.0);
    assert_value(&text, "upaas_deployments_not_run_total{app=\"shop\",reason=\"superseded\"}", 1.0);
    assert_value(&text, "upaas_deployments_duration_seconds_sum{app=\"shop\",status=\"success\"}", 73.0);
    assert_value(&text, "upaas_deployments_duration_seconds_bucket{app=\"shop\",status=\"success\",le=\"60\"}", 0.0);
    assert_value(&text, "upaas_deployments_duration_seconds_bucket{app=\"shop\",status=\"success\",le=\"90\"}", 1.0);
    assert_value(&text, "upaas_deployments_duration_seconds_bucket{app=\"shop\",status=\"success\",le=\"3600\"}", 1.0);
    assert_value(&text, "upaas_deployments_duration_seconds_count{app=\"shop\",status=\"cancelled\"}", 0.0);
    assert_value(&text, "upaas_deployments_queue_duration_seconds_sum{app=\"shop\"}", 7.0);
    assert_value(&text, "upaas_deployments_queue_duration_seconds_count{app=\"shop\"}", 1.0);
    for (phase, took) in [("cloning", 3.0), ("building", 60.0), ("deploying", 10.0)] {
        assert_value(&text, &format!("upaas_deployments_phase_duration_seconds_sum{{app=\"shop\",phase=\"{phase}\"}}"), took);
    }
}

#[test]
fn a_deleted_app_is_left_out_and_one_of_the_same_name_begins_at_zero() {
    let (metrics, first, second) = (Metrics::new(), AppId::new(), AppId::new());
    metrics.deployment_ended(&slug(), &ended(first, Status::Failed, [Some(0), Some(0), None, None, Some(9)]));
    metrics.delivery(first, &slug(), "push", Verdict::Rejected);
    assert_value(&metrics.render(&with(&[first])), "upaas_deployments_total{app=\"shop\",status=\"failed\"}", 1.0);
    let without = metrics.render(&with(&[]));
    assert!(!without.contains("shop"), "{without}");
    assert!(!without.contains("upaas_deployments_total"), "a family without a series is not mentioned");
    let anew = metrics.render(&with(&[second]));
    assert_value(&anew, "upaas_deployments_total{app=\"shop\",status=\"failed\"}", 0.0);
    assert_value(&anew, "upaas_deployments_duration_seconds_count{app=\"shop\",status=\"failed\"}", 0.0);
    assert_value(&anew, "upaas_deliveries_total{app=\"shop\",verdict=\"rejected\"}", 0.0);
    assert!(!anew.contains("app_id") && !anew.contains(&second.to_string()), "an app's id is not shown");
}

#[test]
fn the_values_of_labels_are_closed_sets() {
    let (metrics, app) = (Metrics::new(), AppId::new());
    for number in 0..100 {
        metrics.delivery(app, &slug(), &format!("event-{number}\"}} 1\n"), Verdict::Ignored);
        let method = http::Method::from_bytes(format!("METHOD{number}").as_bytes()).expect("a token");
        metrics.http(&method, 405, Duration::from_millis(3), 300);
    }
    metrics.delivery(app, &slug(), "push", Verdict::Deploy);
    metrics.http(&http::Method::GET, 200, Duration::from_millis(3), 300);
    let text = metrics.render(&with(&[app]));
    let values = |name: &str, label: &str| -> BTreeSet<String> {
        let opening = format!("{label}=\"");
        let of_family = text.lines().filter(|line| line.starts_with(name));
        of_family.filter_map(|line| Some(line.split_once(&opening)?.1.split_once('"')?.0.to_owned())).collect()
    };
    assert_eq!(values("upaas_webhook_events_total", "event_type"), BTreeSet::from(["other".to_owned(), "push".to_owned()]));
    assert_eq!(values("upaas_http_requests_total", "method"), BTreeSet::from(["GET".to_owned(), "other".to_owned()]));
    assert_value(&text, "upaas_webhook_events_total{app=\"shop\",event_type=\"other\",matched=\"false\"}", 100.0);
    assert_value(&text, "upaas_webhook_events_total{app=\"shop\",event_type=\"push\",matched=\"true\"}", 1.0);
    assert_value(&text, "upaas_http_requests_total{method=\"other\",status_code=\"405\"}", 100.0);
    assert_value(&text, "upaas_http_request_duration_seconds_bucket{method=\"GET\",le=\"0.0025\"}", 0.0);
    assert_value(&text, "upaas_http_request_duration_seconds_bucket{method=\"GET\",le=\"0.005\"}", 1.0);
    assert_value(&text, "upaas_http_response_size_bytes_bucket{method=\"GET\",le=\"256\"}", 0.0);
    assert_value(&text, "upaas_http_response_size_bytes_bucket{method=\"GET\",le=\"67108864\"}", 1.0);
}

#[test]
fn what_has_not_happened_yet_is_there_at_zero() {
    let text = Metrics::new().render(&with(&[]));
    for action in Action::ALL {
        assert_value(&text, &format!("upaas_audit_events_total{{action=\"{action}\"}}"), 0.0);
        assert_value(&text, &format!("upaas_audit_failures_total{{action=\"{action}\"}}"), 0.0);
    }
    for name in ["upaas_deliveries_unknown_total", "upaas_outbox_failures_total", "upaas_outbox_backlog", "upaas_queue_length"] {
        assert_value(&text, name, 0.0);
    }
}

#[test]
fn what_is_counted_goes_where_it_belongs() {
    let metrics = Metrics::new();
    metrics.unknown_delivery();
    metrics.audit_entry(Action::Login, Outcome::Failure);
    metrics.clone().audit_entry(Action::Login, Outcome::Success);
    metrics.upkeep();
    let text = metrics.render(&Snapshot::default());
    assert_value(&text, "upaas_deliveries_unknown_total", 1.0);
    assert_value(&text, "upaas_audit_events_total{action=\"LOGIN\"}", 2.0);
    assert_value(&text, "upaas_audit_failures_total{action=\"LOGIN\"}", 1.0);
}

#[test]
fn a_state_is_the_one_of_the_snapshot_and_nothing_of_before_stays() {
    let (metrics, app) = (Metrics::new(), AppId::new());
    let mut now = with(&[app]);
    now.space = Some(Space { free: 1, total: 2 });
    now.used = BTreeMap::from([(Part::Database, 7)]);
    let text = metrics.render(&now);
    assert_value(&text, "upaas_container_healthy{app=\"shop\"}", 1.0);
    assert_value(&text, "upaas_container_cpu_seconds_total{app=\"shop\"}", 2.25);
    assert!(text.contains("# TYPE upaas_container_cpu_seconds_total counter\n"), "{text}");
    assert_value(&text, "upaas_deployments_running_seconds{app=\"shop\"}", 1.5);
    assert_value(&text, "upaas_disk_used_bytes{part=\"database\"}", 7.0);
    let text = metrics.render(&Snapshot { engine_up: true, ..Snapshot::default() });
    for gone in ["upaas_container", "upaas_disk", "upaas_queue", "shop"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert_value(&text, "upaas_engine_up", 1.0);
    assert_value(&text, "upaas_ready", 0.0);
}

#[test]
fn every_metric_of_the_table_is_in_the_text_of_a_full_life() {
    let (metrics, app) = (Metrics::new(), AppId::new());
    metrics.http(&http::Method::GET, 200, Duration::ZERO, 0);
    let mut now = with(&[app]);
    now.space = Some(Space { free: 1, total: 2 });
    now.used = BTreeMap::from([(Part::Database, 7)]);
    let text = metrics.render(&now);
    for name in NAMES {
        assert_eq!(text.matches(&format!("# TYPE {name} ")).count(), 1, "{name} in\n{text}");
        assert_eq!(text.matches(&format!("# HELP {name} ")).count(), 1, "{name} in\n{text}");
    }
    assert_eq!(samples(&text).len(), text.lines().filter(|line| !line.starts_with('#')).count(), "no series comes twice");
}
