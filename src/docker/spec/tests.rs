use super::*;
use crate::domain::{
    app_config::{
        health_check::{HealthCheck, HttpProbe, Probe, Timing},
        label::parse_labels,
        network::NetworkUse,
        process::{Process, parse_capabilities, parse_extra_hosts},
        resources::Resources,
    },
    port::{HostPort, Port, Protocol},
};

fn spec(ports: &[(u16, HostPort)]) -> ContainerSpec {
    let port = |(container_port, host_port): &(u16, HostPort)| Port {
        container_port: *container_port,
        protocol: Protocol::Tcp,
        host_address: [127, 0, 0, 1].into(),
        host_port: *host_port,
    };
    ContainerSpec {
        owner: Owner {
            instance: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff".parse().expect("valid"),
            app: "0192c0de-0000-7000-8000-000000000001".parse().expect("valid"),
            slug: "shop-api".parse().expect("valid"),
            deployment: 12,
        },
        image: "sha256:abc".to_owned(),
        env: vec![("UPAAS_COMMIT".to_owned(), Secret::new("0c79164d"))],
        mounts: Vec::new(),
        files: None,
        run: RunConfig { ports: ports.iter().map(port).collect(), ..RunConfig::default() },
    }
}

fn sent(spec: &ContainerSpec) -> String {
    let body = serde_json::to_value(container(spec)).expect("serialisable");
    serde_json::to_string_pretty(&body).expect("serialisable")
}

#[test]
fn a_container_with_a_fixed_port() {
    insta::assert_snapshot!(sent(&spec(&[(80, HostPort::Fixed(8081))])), @r#"
    {
      "Env": [
        "UPAAS_COMMIT=0c79164d"
      ],
      "ExposedPorts": {
        "80/tcp": {}
      },
      "HostConfig": {
        "LogConfig": {
          "Config": {
            "max-file": "3",
            "max-size": "50m"
          },
          "Type": "json-file"
        },
        "PortBindings": {
          "80/tcp": [
            {
              "HostIp": "127.0.0.1",
              "HostPort": "8081"
            }
          ]
        },
        "RestartPolicy": {
          "Name": "no"
        }
      },
      "Image": "sha256:abc",
      "Labels": {
        "upaas.app": "0192c0de-0000-7000-8000-000000000001",
        "upaas.container": "true",
        "upaas.deployment": "12",
        "upaas.instance": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "upaas.slug": "shop-api"
      },
      "StopTimeout": 10
    }
    "#);
}

#[test]
fn a_settled_container_is_kept_running_and_nothing_else_changes() {
    let body = serde_json::to_string(&kept_running(RestartPolicy::Always)).expect("serialisable");
    assert_eq!(body, r#"{"RestartPolicy":{"Name":"unless-stopped"}}"#);
}

#[test]
fn every_slug_makes_a_valid_image_name() {
    let name = |slug: &str| Owner { slug: slug.parse().expect("valid"), ..spec(&[]).owner }.image_name();
    assert_eq!((name("shop"), name("shop-")), ("upaas/shop:12".to_owned(), "upaas/shop-x:12".to_owned()));
}

#[test]
fn an_automatic_port_is_left_to_the_engine() {
    assert!(sent(&spec(&[(80, HostPort::Auto)])).contains(r#""HostPort": "0""#));
}

#[test]
fn what_is_not_published_has_no_binding() {
    assert!(!sent(&spec(&[(80, HostPort::None)])).contains("HostPort"));
}

/// A valid value of a kind.
fn valid<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("valid")
}

#[test]
fn everything_that_can_be_asked_for_is_sent() {
    let network = |name: &str, alias: Option<&str>| NetworkUse { name: valid(name), alias: alias.map(valid) };
    let mount = |source, target: &str, read_only| MountSpec { source, target: valid(target), read_only };
    let run = RunConfig {
        labels: parse_labels("traefik.enable=true").expect("valid"),
        networks: vec![network("front", Some("shop")), network("back", None)],
        resources: Resources { cpus: Some(valid("1.5")), memory: Some(valid("512m")), pids: Some(valid("100")), shm: Some(valid("64m")) },
        process: Process {
            entrypoint: Some(valid("/bin/tini --")),
            command: Some(valid("node 'a b'")),
            user: Some(valid("1000:1000")),
            init: true,
            extra_hosts: parse_extra_hosts("db:192.0.2.4\nhost:host-gateway").expect("valid"),
            read_only_root: true,
            dropped: parse_capabilities("NET_RAW").expect("valid"),
            stop_signal: Some(valid("SIGINT")),
            stop_grace: valid("30"),
        },
        health: HealthCheck { probe: Probe::Command("test -e /ready".to_owned()), timing: Timing::default() },
        ..RunConfig::default()
    };
    let mounts = vec![
        mount(MountSource::Bind("/srv/files".into()), "/files", true),
        mount(MountSource::Volume("pgdata".to_owned()), "/data", false),
    ];
    let spec = ContainerSpec { run, mounts, files: Some("f1".to_owned()), ..spec(&[(80, HostPort::None)]) };
    insta::assert_snapshot!(sent(&spec), @r#"
    {
      "Cmd": [
        "node",
        "a b"
      ],
      "Entrypoint": [
        "/bin/tini",
        "--"
      ],
      "Env": [
        "UPAAS_COMMIT=0c79164d"
      ],
      "ExposedPorts": {},
      "Healthcheck": {
        "Interval": 10000000000,
        "Retries": 3,
        "StartPeriod": 30000000000,
        "Test": [
          "CMD-SHELL",
          "test -e /ready"
        ],
        "Timeout": 5000000000
      },
      "HostConfig": {
        "CapDrop": [
          "NET_RAW"
        ],
        "ExtraHosts": [
          "db:192.0.2.4",
          "host:host-gateway"
        ],
        "Init": true,
        "LogConfig": {
          "Config": {
            "max-file": "3",
            "max-size": "50m"
          },
          "Type": "json-file"
        },
        "Memory": 536870912,
        "MemorySwap": 536870912,
        "Mounts": [
          {
            "ReadOnly": true,
            "Source": "/srv/files",
            "Target": "/files",
            "Type": "bind"
          },
          {
            "ReadOnly": false,
            "Source": "pgdata",
            "Target": "/data",
            "Type": "volume",
            "VolumeOptions": {
              "Labels": {
                "upaas.app": "0192c0de-0000-7000-8000-000000000001",
                "upaas.instance": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
                "upaas.slug": "shop-api"
              }
            }
          }
        ],
        "NanoCpus": 1500000000,
        "NetworkMode": "front",
        "PidsLimit": 100,
        "PortBindings": {},
        "ReadonlyRootfs": true,
        "RestartPolicy": {
          "Name": "no"
        },
        "ShmSize": 67108864
      },
      "Image": "sha256:abc",
      "Labels": {
        "traefik.enable": "true",
        "upaas.app": "0192c0de-0000-7000-8000-000000000001",
        "upaas.container": "true",
        "upaas.deployment": "12",
        "upaas.files": "f1",
        "upaas.instance": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "upaas.slug": "shop-api"
      },
      "NetworkingConfig": {
        "EndpointsConfig": {
          "front": {
            "Aliases": [
              "shop"
            ]
          }
        }
      },
      "StopSignal": "SIGINT",
      "StopTimeout": 30,
      "User": "1000:1000"
    }
    "#);
}

#[test]
fn only_a_command_is_a_check_of_the_engines() {
    let sent = |probe: Probe| health::check(&HealthCheck { probe, timing: Timing::default() }).map(|check| check.test);
    let none = Some(Some(vec!["NONE".to_owned()]));
    let http = Probe::Http(HttpProbe { path: "/".to_owned(), port: 80, status: 200 });
    assert_eq!((sent(Probe::Image), sent(Probe::Off), sent(http)), (None, none.clone(), none));
}

#[test]
fn own_labels_win() {
    let label = |name: &str| crate::domain::app_config::label::Label { name: name.to_owned(), value: "mine".to_owned() };
    let run = RunConfig { labels: vec![label(LABEL_APP), label(LABEL_FILES), label("a")], ..RunConfig::default() };
    let sent = labels(&ContainerSpec { run, ..spec(&[]) });
    assert_eq!((&*sent[LABEL_APP], sent.get(LABEL_FILES), &*sent["a"]), ("0192c0de-0000-7000-8000-000000000001", None, "mine"));
}

#[test]
fn one_port_is_published_on_several_addresses_and_by_both_protocols() {
    let port = |address: &str, protocol, host_port| Port {
        container_port: 53,
        protocol,
        host_address: address.parse().expect("valid"),
        host_port: HostPort::Fixed(host_port),
    };
    let all = [port("127.0.0.1", Protocol::Tcp, 53), port("::1", Protocol::Tcp, 54), port("0.0.0.0", Protocol::Udp, 53)];
    let bindings = ports::bindings(&all);
    let of = |inside: &str| bindings[inside].iter().flatten().map(|it| (it.host_ip.clone(), it.host_port.clone())).collect::<Vec<_>>();
    let bound = |address: &str, port: &str| (Some(address.to_owned()), Some(port.to_owned()));
    assert_eq!(of("53/tcp"), [bound("127.0.0.1", "53"), bound("::1", "54")]);
    assert_eq!(of("53/udp"), [bound("0.0.0.0", "53")]);
}
