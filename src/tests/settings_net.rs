//! The sections of an app's settings about what it shares with the host and with other containers: labels, volumes, ports, networks.

use upaas::{
    deploy::platform::FailureKind,
    domain::port::{Held, Holder, Protocol, Taken},
};

use super::support::{
    browser::Reply,
    fake::{Fake, Step},
    server::{REPOSITORY, Server},
    shop::{FIXED_PORT, with_shop},
};

const SETTINGS: &str = "/apps/shop/settings";

async fn server(fake: &Fake) -> Server {
    let mut server = with_shop(fake, FIXED_PORT).await;
    server.wait_for_the_engine().await;
    server
}

async fn save(server: &mut Server, section: &str, fields: &[(&str, &str)]) -> Reply {
    server.browser.post(&format!("{SETTINGS}/{section}"), fields).await
}

fn value(page: &Reply, field: &str) -> String {
    page.attribute(&format!("#{field}"), "value").unwrap_or_else(|| panic!("no #{field}"))
}

fn holds(address: &str, port: u16, by: Holder) -> Taken {
    Taken { held: Held { address: address.parse().unwrap(), port, protocol: Protocol::Tcp }, by }
}

fn port<'a>(host: &'a str, address: &'a str) -> [(&'a str, &'a str); 3] {
    [("port_0_container", "80"), ("port_0_address", address), ("port_0_host", host)]
}

#[tokio::test]
async fn ports_are_rows_with_room_for_one_more_and_an_empty_row_goes() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let page = server.browser.get(SETTINGS).await.expect(200);
    assert_eq!((value(&page, "port_0_host"), value(&page, "port_1_container")), ("8081".to_owned(), String::new()));
    assert!(page.attribute("#port_2_container", "value").is_none());

    let rows = [
        ("port_0_container", "80"),
        ("port_0_address", "127.0.0.1"),
        ("port_0_host", "8081"),
        ("port_1_container", "53"),
        ("port_1_protocol", "udp"),
        ("port_1_address", "::1"),
        ("port_1_host", "5353"),
        ("port_7_container", "80"),
        ("port_7_address", "0.0.0.0"),
        ("port_7_host", "auto"),
    ];
    save(&mut server, "ports", &rows).await.expect(303);
    let page = server.browser.get(SETTINGS).await;
    assert_eq!((value(&page, "port_1_address"), value(&page, "port_2_host")), ("::1".to_owned(), "auto".to_owned()));
    assert_eq!(page.attribute("#port_1_protocol option[selected]", "value").as_deref(), Some("udp"));

    let emptied = [("port_0_container", ""), ("port_0_address", "127.0.0.1"), ("port_0_host", ""), ("port_1_container", "90")];
    save(&mut server, "ports", &emptied).await.expect(303);
    let ports = server.config_of_shop().await.run.ports;
    assert_eq!(ports.iter().map(|it| it.container_port).collect::<Vec<_>>(), [90]);
    save(&mut server, "ports", &[("port_0_container", "")]).await.expect(303);
    let page = server.browser.get(SETTINGS).await;
    assert_eq!((value(&page, "port_0_container"), value(&page, "port_1_address")), (String::new(), "127.0.0.1".to_owned()));
}

#[tokio::test]
async fn a_form_that_comes_back_has_every_row_as_it_was_typed() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let rows = [
        ("port_0_container", "80"),
        ("port_0_address", "nowhere"),
        ("port_0_host", "8081"),
        ("port_3_container", "x"),
        ("port_3_protocol", "udp"),
        ("port_3_address", "127.0.0.1"),
        ("port_3_host", "auto"),
    ];
    for fragment in [false, true] {
        if fragment {
            server.browser.headers = vec![("hx-request", "true".to_owned())];
        }
        let page = save(&mut server, "ports", &rows).await.expect(422);
        assert_eq!((value(&page, "port_0_address"), value(&page, "port_1_container")), ("nowhere".to_owned(), "x".to_owned()));
        assert_eq!(page.attribute("#port_1_protocol option[selected]", "value").as_deref(), Some("udp"));
        assert!(page.text("#port_0_address-error").contains("IP address") && page.text("#port_1_container-error").contains("1 to 65535"));
        assert_eq!(page.body.trim_start().starts_with("<section id=\"ports\""), fragment);
    }
}

#[tokio::test]
async fn a_clash_with_another_app_names_it_for_what_is_saved_and_for_what_runs() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    server.deploy_to_the_end("shop").await;
    let blog = [("slug", "blog"), ("repo_url", REPOSITORY), ("branch", "main"), ("container_port", "80"), ("host_port", "8081")];
    let page = server.browser.post("/apps", &blog).await.expect(422);
    let said = "Port 8081 on 127.0.0.1 is used by the app “shop”. Choose another one.";
    assert_eq!(page.text("#host_port-error"), said);
    assert_eq!(value(&page, "host_port"), "8081");

    save(&mut server, "ports", &port("8082", "127.0.0.1")).await.expect(303);
    let page = server.browser.post("/apps", &blog).await.expect(422);
    assert_eq!(page.text("#host_port-error"), said, "what runs still holds it");
    server.deploy_to_the_end("shop").await;
    server.browser.post("/apps", &blog).await.expect(303);

    let page = save(&mut server, "ports", &port("8081", "0.0.0.0")).await.expect(422);
    assert_eq!(page.text("#port_0_host-error"), "Port 8081 on 0.0.0.0 is used by the app “blog”. Choose another one.");
    save(&mut server, "ports", &port("8082", "127.0.0.1")).await.expect(303);
}

#[tokio::test]
async fn a_port_that_something_else_holds_is_refused_and_says_who_does() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    server.deploy_to_the_end("shop").await;
    let shop = server.browser.get(SETTINGS).await.text("#labels-locked div:nth-child(2) dd code").parse().unwrap();
    fake.take_port(holds("127.0.0.1", 8081, Holder::App { id: shop, name: "shop".to_owned() }));
    fake.take_port(holds("0.0.0.0", 3000, Holder::Container { id: "0c79".to_owned(), name: "gitea".to_owned() }));
    fake.take_port(holds("127.0.0.1", 5432, Holder::Program));
    save(&mut server, "ports", &port("8081", "127.0.0.1")).await.expect(303);
    let page = save(&mut server, "ports", &port("3000", "127.0.0.1")).await.expect(422);
    assert!(
        page.text("#port_0_host-error").contains("is taken by the container “gitea”, which µPaaS did not make."),
        "{}",
        page.text("#ports")
    );
    let page = save(&mut server, "ports", &port("5432", "0.0.0.0")).await.expect(422);
    assert!(page.text("#port_0_host-error").contains("by another program on this machine. Stop it, or choose another port."));
    save(&mut server, "ports", &port("3000", "::1")).await.expect(303);
}

#[tokio::test]
async fn the_port_of_the_pages_themselves_is_not_given_away() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let own = server.address().port().to_string();
    let page = save(&mut server, "ports", &port(&own, "0.0.0.0")).await.expect(422);
    assert!(page.text("#port_0_host-error").contains("is µPaaS's own"), "{}", page.text("#ports"));
    fake.move_elsewhere();
    save(&mut server, "ports", &port(&own, "0.0.0.0")).await.expect(303);
}

#[tokio::test]
async fn the_section_says_which_switch_its_ports_lead_to() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let note = async |server: &mut Server| server.browser.get(SETTINGS).await.text("#switch-note");
    assert!(
        note(&mut server).await.starts_with("Replace: host port 8081") && note(&mut server).await.ends_with("The first start needs none.")
    );
    server.deploy_to_the_end("shop").await;
    assert!(note(&mut server).await.ends_with("The gap is measured and shown."));
    save(&mut server, "ports", &port("8082", "127.0.0.1")).await.expect(303);
    let said = note(&mut server).await;
    assert!(said.starts_with("Overlap") && said.contains("does not hold host port 8082. After it: replace"), "{said}");
    save(&mut server, "ports", &port("auto", "127.0.0.1")).await.expect(303);
    let said = note(&mut server).await;
    assert!(said.contains("so there is no gap.") && said.ends_with("what leads to it has to follow."), "{said}");
    save(&mut server, "ports", &port("", "127.0.0.1")).await.expect(303);
    assert!(note(&mut server).await.ends_with("so there is no gap."));
}

#[tokio::test]
async fn networks_are_chosen_and_created_and_one_that_is_not_there_is_named() {
    let fake = Fake::default();
    fake.add_network("backend");
    let mut server = server(&fake).await;
    let page = server.browser.get(SETTINGS).await;
    assert_eq!(page.attribute("#networks-known option", "value").as_deref(), Some("backend"));
    assert_eq!(page.attribute("#networks-alias option", "value").as_deref(), Some("shop"));

    let rows = [("network_0_name", "backend"), ("network_0_alias", "shop"), ("network_1_name", "edge")];
    let page = save(&mut server, "networks", &rows).await.expect(422);
    assert_eq!(page.text("#network_1_name-error"), "There is no network “edge” on the engine. Create it below first.");
    assert_eq!(value(&page, "network_0_name"), "backend");

    let location = server.browser.post("/apps/shop/networks", &[("new_network", "edge")]).await.expect(303).location().to_owned();
    assert!(location.ends_with("#networks") && fake.networks() == ["backend", "edge"]);
    let page = server.browser.post("/apps/shop/networks", &[("new_network", "edge")]).await.expect(422);
    assert!(page.text("#new_network-error").contains("There is a network “edge” already"), "{}", page.text("#networks"));
    assert_eq!(value(&page, "new_network"), "edge");
    let name = "n".repeat(65);
    let too_long = [rows.as_slice(), &[("new_network", &*name)]].concat();
    let page = server.browser.post("/apps/shop/networks", &too_long).await.expect(422);
    assert_eq!(page.text("#new_network-error"), "A network's name has at most 64 characters.");
    assert_eq!(value(&page, "network_1_name"), "edge", "what was typed into the rows comes back");
    server.browser.post("/apps/shop/networks", &[("new_network", "host")]).await.expect(422);
    save(&mut server, "networks", &rows).await.expect(303);
    let networks = server.config_of_shop().await.run.networks;
    assert_eq!(networks.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["backend", "edge"]);
}

#[tokio::test]
async fn rows_that_were_typed_outlive_the_network_that_is_made_for_them() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let rows = [("network_0_name", "edge"), ("network_0_alias", "front"), ("network_1_name", ""), ("network_1_alias", "")];
    let page = save(&mut server, "networks", &rows).await.expect(422);
    let carried = |field: &str| page.attribute(&format!("#networks .beside-form [type=hidden][name='{field}']"), "value");
    assert_eq!((carried("network_0_name").as_deref(), carried("network_0_alias").as_deref()), (Some("edge"), Some("front")));
    let page = server.browser.post("/apps/shop/networks", &[rows.as_slice(), &[("new_network", "edge")]].concat()).await.expect(200);
    assert_eq!((value(&page, "network_0_name"), value(&page, "network_0_alias")), ("edge".to_owned(), "front".to_owned()));
    assert_eq!((value(&page, "new_network"), page.text("#networks .field-error")), (String::new(), String::new()));
    assert!(server.config_of_shop().await.run.networks.is_empty() && fake.networks() == ["edge"], "made, and not joined yet");
    save(&mut server, "networks", &rows).await.expect(303);
    let stored = [rows.as_slice(), &[("new_network", "other")]].concat();
    server.browser.post("/apps/shop/networks", &stored).await.expect(303);
}

#[tokio::test]
async fn a_row_in_which_only_an_extra_was_typed_comes_back_with_what_is_wrong_elsewhere() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let rows = [
        ("port_0_container", ""),
        ("port_0_protocol", "udp"),
        ("port_0_address", "0.0.0.0"),
        ("port_0_host", ""),
        ("port_1_container", "none"),
        ("port_1_protocol", "tcp"),
        ("port_1_address", "127.0.0.1"),
        ("port_1_host", "8081"),
    ];
    let page = save(&mut server, "ports", &rows).await.expect(422);
    assert!(!page.text("#port_0_container-error").is_empty(), "the row that is read comes first: {}", page.text("#ports"));
    assert_eq!((value(&page, "port_0_container"), value(&page, "port_1_address")), ("none".to_owned(), "0.0.0.0".to_owned()));
    assert_eq!(page.value("port_1_protocol").as_deref(), Some("udp"));
    let good = rows.map(|(name, value)| if name == "port_1_container" { (name, "80") } else { (name, value) });
    save(&mut server, "ports", &good).await.expect(303);
    assert_eq!(server.config_of_shop().await.run.ports.len(), 1, "such a row is none");
}

#[tokio::test]
async fn networks_can_be_typed_while_the_engine_does_not_show_them() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    fake.fail(Step::Networks, FailureKind::Final);
    let page = server.browser.get(SETTINGS).await.expect(200);
    assert!(page.text("#networks").contains("a name can be typed"), "{}", page.text("#networks"));
    save(&mut server, "networks", &[("network_0_name", "later"), ("network_0_alias", "")]).await.expect(303);
    assert_eq!(server.config_of_shop().await.run.networks.len(), 1);
    let page = server.browser.post("/apps/shop/networks", &[("new_network", "edge")]).await.expect(422);
    assert!(!page.text("#new_network-error").is_empty());
}

#[tokio::test]
async fn a_dangerous_mount_is_stored_after_its_own_confirmation_only() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let page = server.browser.get(SETTINGS).await;
    assert!(page.attribute("#volume_0_confirmed", "value").is_none(), "nothing is dangerous yet");
    let mount = [("volume_0_source", "/etc/"), ("volume_0_path", "/host"), ("volume_0_readonly", "yes")];
    let page = save(&mut server, "volumes", &mount).await.expect(422);
    let error = page.text("#volume_0_confirmed-error");
    assert!(
        error.starts_with("This gives the app power over the whole machine:") && error.ends_with("Tick the box to confirm."),
        "{error}"
    );
    assert_eq!(value(&page, "volume_0_confirmed"), "/etc");
    assert!(page.attribute("#volume_0_confirmed[checked]", "value").is_none());
    assert!(page.attribute("#volume_0_readonly[checked]", "value").is_some());

    // A tick for one folder is none for another.
    let other = [("volume_0_source", "/root"), ("volume_0_path", "/host"), ("volume_0_confirmed", "/etc")];
    save(&mut server, "volumes", &other).await.expect(422);
    save(&mut server, "volumes", &[mount.as_slice(), &[("volume_0_confirmed", "/etc")]].concat()).await.expect(303);
    let page = server.browser.get(SETTINGS).await;
    assert!(page.attribute("#volume_0_confirmed[checked]", "value").is_some(), "it stands there, ticked");
    assert!(page.text("#volumes .row-danger").contains("decides who may log in"), "and says why");
    let volume = server.config_of_shop().await.run.volumes.remove(0);
    assert!(volume.confirmed && volume.read_only);
    let entry = server.browser.get("/api/audit?limit=1").await.expect(200).json()["entries"][0]["detail"].as_str().unwrap().to_owned();
    assert!(entry.contains("/etc at /host, read-only, confirmed"), "{entry}");
}

#[tokio::test]
async fn a_volume_of_the_engine_s_is_dangerous_by_what_lies_behind_its_name() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    fake.add_volume("everything", "/");
    let mount = [("volume_0_source", "everything"), ("volume_0_path", "/data")];
    let page = save(&mut server, "volumes", &mount).await.expect(422);
    let error = page.text("#volume_0_confirmed-error");
    assert!(error.contains("everything on this machine is in /"), "{error}");
    save(&mut server, "volumes", &[("volume_0_source", "pgdata"), ("volume_0_path", "/data")]).await.expect(303);
    save(&mut server, "volumes", &[mount.as_slice(), &[("volume_0_confirmed", "everything")]].concat()).await.expect(303);

    // An engine that is silent draws no box: what was confirmed stays so, as long as it is the same.
    fake.fail(Step::Volumes, FailureKind::EngineLost);
    let page = server.browser.get(SETTINGS).await.expect(200);
    assert_eq!(page.attribute("[name=volume_0_confirmed]", "type").as_deref(), Some("hidden"));
    let carried = page.attribute("[name=volume_0_confirmed]", "value").unwrap();
    let shown = [mount[0], mount[1], ("volume_0_readonly", "yes"), ("volume_0_confirmed", &*carried)];
    save(&mut server, "volumes", &shown).await.expect(303);
    assert!(server.config_of_shop().await.run.volumes[0].confirmed);
    save(&mut server, "volumes", &[("volume_0_source", "all"), shown[1], shown[3]]).await.expect(303);
    assert!(!server.config_of_shop().await.run.volumes[0].confirmed);
}

#[tokio::test]
async fn a_folder_in_another_one_that_the_app_can_write_to_needs_a_confirmation() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let (outer, inner) = (folder.path().display().to_string(), folder.path().join("in").display().to_string());
    let mounts = [("volume_0_source", &*outer), ("volume_0_path", "/a"), ("volume_1_source", &*inner), ("volume_1_path", "/b")];
    let page = save(&mut server, "volumes", &mounts).await.expect(422);
    let sentence = format!(
        "This gives the app power over the whole machine: it lies in {outer}, where this app can put a link to anywhere in its place. \
         Tick the box to confirm."
    );
    assert_eq!(page.text("#volume_1_confirmed-error"), sentence);
    assert!(page.text("#volume_0_confirmed-error").is_empty());
    save(&mut server, "volumes", &[mounts.as_slice(), &[("volume_0_readonly", "yes")]].concat()).await.expect(303);
    save(&mut server, "volumes", &[mounts.as_slice(), &[("volume_1_confirmed", &*inner)]].concat()).await.expect(303);
    assert!(server.browser.get(SETTINGS).await.attribute("#volume_1_confirmed[checked]", "value").is_some(), "it stands there, ticked");
}

#[tokio::test]
async fn what_cannot_be_seen_needs_a_confirmation() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let link = folder.path().join("round");
    std::os::unix::fs::symlink("round", &link).unwrap();
    let source = link.to_str().unwrap();
    let mount = [("volume_0_source", source), ("volume_0_path", "/host")];
    let page = save(&mut server, "volumes", &mount).await.expect(422);
    let error = page.text("#volume_0_confirmed-error");
    assert!(error.contains("what lies there cannot be seen by µPaaS. Tick the box to confirm."), "{error}");
    save(&mut server, "volumes", &[mount.as_slice(), &[("volume_0_confirmed", source)]].concat()).await.expect(303);
    assert!(server.browser.get(SETTINGS).await.text("#volumes .row-danger").contains("cannot be seen by µPaaS"));
}

#[tokio::test]
async fn what_a_link_leads_to_is_dangerous_by_its_own_place() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let link = folder.path().join("harmless");
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    let inside = link.join("not-there-yet");
    for source in [&link, &inside] {
        let mount = [("volume_0_source", source.to_str().unwrap()), ("volume_0_path", "/host")];
        let page = save(&mut server, "volumes", &mount).await.expect(422);
        assert!(page.text("#volume_0_confirmed-error").contains("it leads to /etc"), "{}", page.text("#volumes"));
    }
    let mount = [("volume_0_source", folder.path().to_str().unwrap()), ("volume_0_path", "/host")];
    save(&mut server, "volumes", &mount).await.expect(303);
    let data = server.data();
    for source in [data.clone(), data.join("upaas.db"), data.parent().unwrap().to_owned()] {
        let mount = [("volume_0_source", source.to_str().unwrap()), ("volume_0_path", "/host")];
        let page = save(&mut server, "volumes", &mount).await.expect(422);
        assert!(page.text("#volume_0_confirmed-error").contains("µPaaS keeps its keys"), "{}", source.display());
    }
}

#[tokio::test]
async fn a_relative_volume_shows_where_it_lies_and_needs_a_place_that_the_engine_knows() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let mount = [("volume_0_source", "./uploads"), ("volume_0_path", "/data")];
    save(&mut server, "volumes", &mount).await.expect(303);
    let page = server.browser.get(SETTINGS).await;
    let path = page.text("#volumes .row-note code");
    let volumes = server.data().join("volumes").display().to_string();
    assert!(path.starts_with(&volumes) && path.ends_with("/uploads"), "{path}");
    assert!(page.attribute("#volume_0_confirmed", "value").is_none(), "an app's own folder is its own");

    fake.move_elsewhere();
    let page = save(&mut server, "volumes", &mount).await.expect(422);
    assert!(page.text("#volume_0_source-error").contains("UPAAS_HOST_DATA_DIR"), "{}", page.text("#volumes"));
    save(&mut server, "volumes", &[("volume_0_source", "pgdata"), ("volume_0_path", "/data")]).await.expect(303);

    let mut server = Server::fake_in(&fake, &[("UPAAS_HOST_DATA_DIR", "/srv/upaas")]).await;
    server.set_up().await;
    server.create_shop(&[]).await.expect(303);
    save(&mut server, "volumes", &mount).await.expect(303);
    assert!(server.browser.get(SETTINGS).await.text("#volumes .row-note code").starts_with("/srv/upaas/volumes/"));
}

#[tokio::test]
async fn labels_are_lines_and_those_of_the_installation_are_shown_locked() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let text = "traefik.enable=true\r\ntraefik.http.routers.shop.rule=Host(`shop.example.org`)";
    save(&mut server, "labels", &[("labels_text", text)]).await.expect(303);
    let page = server.browser.get(SETTINGS).await;
    let locked = page.texts("#labels-locked dt");
    assert_eq!(locked, ["upaas.instance", "upaas.app", "upaas.slug", "upaas.container", "upaas.files", "upaas.deployment"]);
    assert!(page.text("#labels-locked").contains(&server.instance().await));
    let shown = page.raw_text("#labels_text");
    assert_eq!(shown.trim_start_matches('\n'), text.replace("\r\n", "\n"));
    assert_eq!(server.config_of_shop().await.run.labels.len(), 2);
    save(&mut server, "labels", &[("labels_text", "")]).await.expect(303);
    assert!(server.config_of_shop().await.run.labels.is_empty());
}

#[tokio::test]
async fn ids_are_unique_on_the_page_and_every_field_has_its_label() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let page = server.browser.get(SETTINGS).await.expect(200);
    let document = scraper::Html::parse_document(&page.body);
    let all = |selector: &str, attribute: &str| -> Vec<String> {
        let selector = scraper::Selector::parse(selector).unwrap();
        document.select(&selector).filter_map(|it| it.value().attr(attribute)).map(str::to_owned).collect()
    };
    let mut ids = all("[id]", "id");
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let labelled = all("label[for]", "for");
    let fields = all("main input:not([type=hidden]), main select, main textarea", "id");
    assert!(fields.len() > 10 && fields.iter().all(|field| labelled.contains(field)), "{fields:?} {labelled:?}");
}
