//! Who on the engine holds ports of its host.

use std::net::{IpAddr, Ipv4Addr};

use bollard::{
    models::{ContainerSummary, PortSummary, PortSummaryTypeEnum},
    query_parameters::ListContainersOptions,
};

use super::{
    Engine, Error,
    containers::within,
    spec::{LABEL_APP, LABEL_CONTAINER, LABEL_INSTANCE, LABEL_SLUG, MADE_HERE},
};
use crate::domain::port::{Held, Holder, Protocol, Taken};

/// How long the engine may take to list what runs: a form waits for it.
const LIST_DEADLINE: std::time::Duration = std::time::Duration::from_secs(5);

impl Engine {
    /// The ports of the host that containers hold now, whoever made them. `own` is the container that µPaaS itself runs in, by id.
    pub async fn published(&self, own: Option<&str>) -> Result<Vec<Taken>, Error> {
        let running = within(LIST_DEADLINE, "list", self.client()?.list_containers(None::<ListContainersOptions>)).await?;
        let instance = self.instance.to_string();
        Ok(running.into_iter().flat_map(|container| of(container, &instance, own)).collect())
    }
}

fn of(container: ContainerSummary, instance: &str, own: Option<&str>) -> Vec<Taken> {
    let by = holder(&container, instance, own);
    let held: Vec<Held> = container.ports.unwrap_or_default().iter().filter_map(held).collect();
    held.into_iter().map(|held| Taken { held, by: by.clone() }).collect()
}

fn holder(container: &ContainerSummary, instance: &str, own: Option<&str>) -> Holder {
    if own.is_some() && container.id.as_deref() == own {
        return Holder::Upaas;
    }
    let label = |name: &str| container.labels.as_ref()?.get(name).cloned();
    let is = |name: &str, value: &str| label(name).as_deref() == Some(value);
    if is(LABEL_INSTANCE, instance)
        && is(LABEL_CONTAINER, MADE_HERE)
        && let (Some(id), Some(name)) = (label(LABEL_APP).and_then(|id| id.parse().ok()), label(LABEL_SLUG))
    {
        return Holder::App { id, name };
    }
    let id = container.id.clone().unwrap_or_default();
    let name = container.names.as_ref().and_then(|names| names.first()).unwrap_or(&id);
    Holder::Container { name: name.trim_start_matches('/').to_owned(), id }
}

fn held(port: &PortSummary) -> Option<Held> {
    let protocol = match port.typ? {
        PortSummaryTypeEnum::TCP => Protocol::Tcp,
        PortSummaryTypeEnum::UDP => Protocol::Udp,
        _ => return None,
    };
    let everywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let address = port.ip.as_deref().map_or(Some(everywhere), |ip| if ip.is_empty() { Some(everywhere) } else { ip.parse().ok() })?;
    Some(Held { address, port: port.public_port?, protocol })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_an_app_s_only_with_this_installation_s_labels() {
        let container = |instance: &str, made_here: &str| {
            serde_json::from_value::<ContainerSummary>(serde_json::json!({
                "Id": "0c79", "Names": ["/upaas-blog-3"],
                "Labels": { LABEL_INSTANCE: instance, LABEL_APP: "0192c0de-0000-7000-8000-000000000001", LABEL_SLUG: "blog", LABEL_CONTAINER: made_here },
                "Ports": [
                    { "IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8081, "Type": "tcp" },
                    { "IP": "::", "PrivatePort": 53, "PublicPort": 53, "Type": "udp" },
                    { "PrivatePort": 443, "Type": "tcp" },
                ],
            }))
            .expect("as the engine sends it")
        };
        let taken = of(container("ours", "true"), "ours", Some("1d2a"));
        assert_eq!(taken.iter().map(|it| it.held.to_string()).collect::<Vec<_>>(), ["port 8081 on 127.0.0.1", "UDP port 53 on ::"]);
        assert!(matches!(&taken[0].by, Holder::App { name, .. } if name == "blog"));
        let somebody_s = Holder::Container { id: "0c79".to_owned(), name: "upaas-blog-3".to_owned() };
        assert_eq!(of(container("theirs", "true"), "ours", None)[0].by, somebody_s);
        assert_eq!(of(container("ours", ""), "ours", None)[0].by, somebody_s, "made by hand from our image, or by an older version");
        assert_eq!(of(container("theirs", "true"), "ours", Some("0c79"))[0].by, Holder::Upaas, "µPaaS's own container");
    }
}
