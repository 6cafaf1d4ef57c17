//! What is sent to the engine, as pure functions: names, labels and the whole body of a container.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, HostConfig, HostConfigLogConfig, PortBinding, RestartPolicy as EnginePolicy,
    RestartPolicyNameEnum,
};

use crate::domain::{
    app_config::{RunConfig, restart::RestartPolicy},
    ids::{AppId, InstanceId},
    port::{HostPort, Port},
    secret::Secret,
    slug::Slug,
};

pub use crate::domain::app_config::label::{
    APP as LABEL_APP, DEPLOYMENT as LABEL_DEPLOYMENT, INSTANCE as LABEL_INSTANCE, SLUG as LABEL_SLUG,
};

/// The engine's own rotation loses lines under a fast writer, so it gets room.
const LOG_MAX_SIZE: &str = "50m";
const LOG_MAX_FILES: &str = "3";

/// What a thing made by us is labelled with. Things are found by these, never by name.
#[derive(Debug, Clone)]
pub struct Owner {
    /// This installation.
    pub instance: InstanceId,
    /// The app.
    pub app: AppId,
    /// The app's name, for people.
    pub slug: Slug,
    /// The deployment's number.
    pub deployment: i64,
}

impl Owner {
    /// The labels.
    pub fn labels(&self) -> HashMap<String, String> {
        HashMap::from([
            (LABEL_INSTANCE.to_owned(), self.instance.to_string()),
            (LABEL_APP.to_owned(), self.app.to_string()),
            (LABEL_SLUG.to_owned(), self.slug.to_string()),
            (LABEL_DEPLOYMENT.to_owned(), self.deployment.to_string()),
        ])
    }

    /// `upaas-shop-api-12`.
    pub fn container_name(&self) -> String {
        format!("upaas-{}-{}", self.slug, self.deployment)
    }

    /// `upaas/shop-api:12`. A part of an image's name must not end with a hyphen; a slug may.
    pub fn image_name(&self) -> String {
        let end = if self.slug.as_str().ends_with('-') { "x" } else { "" };
        format!("upaas/{}{end}:{}", self.slug, self.deployment)
    }
}

/// What runs in a container.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// Whose it is.
    pub owner: Owner,
    /// The image, by id.
    pub image: String,
    /// Environment variables, in order, opened.
    pub env: Vec<(String, Secret)>,
    /// Everything else.
    pub run: RunConfig,
}

/// The whole body of a create request. Nothing restarts it until it has proved itself ([`kept_running`]): a container that dies at
/// once has to be found dead, with its exit code.
pub fn container(spec: &ContainerSpec) -> ContainerCreateBody {
    let run = &spec.run;
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect()),
        labels: Some(spec.owner.labels()),
        exposed_ports: Some(run.ports.iter().map(inside).collect()),
        host_config: Some(HostConfig {
            port_bindings: Some(bindings(&run.ports)),
            restart_policy: Some(EnginePolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([
                    ("max-size".to_owned(), LOG_MAX_SIZE.to_owned()),
                    ("max-file".to_owned(), LOG_MAX_FILES.to_owned()),
                ])),
            }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// The body of the update that makes a container one that the engine restarts.
pub fn kept_running(policy: RestartPolicy) -> ContainerUpdateBody {
    let name = match policy {
        RestartPolicy::Always => RestartPolicyNameEnum::UNLESS_STOPPED,
        RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        RestartPolicy::Never => RestartPolicyNameEnum::NO,
    };
    ContainerUpdateBody {
        restart_policy: Some(EnginePolicy { name: Some(name), maximum_retry_count: None }),
        ..ContainerUpdateBody::default()
    }
}

/// `80/tcp`.
fn inside(port: &Port) -> String {
    format!("{}/{}", port.container_port, port.protocol)
}

fn bindings(ports: &[Port]) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in ports {
        let host_port = match port.host_port {
            HostPort::None => continue,
            HostPort::Auto => 0,
            HostPort::Fixed(port) => port,
        };
        let binding = PortBinding { host_ip: Some(port.host_address.to_string()), host_port: Some(host_port.to_string()) };
        bindings.entry(inside(port)).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::port::Protocol;

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
            "upaas.deployment": "12",
            "upaas.instance": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "upaas.slug": "shop-api"
          }
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
}
