//! Labels, volumes, ports and networks.

use super::table::{Bad, expect_all_refused, server};
use crate::support::fake::Fake;

const PORT: &[(&str, &str)] =
    &[("port_0_container", "80"), ("port_0_protocol", "tcp"), ("port_0_address", "127.0.0.1"), ("port_0_host", "8082")];
const TWO_PORTS: &[(&str, &str)] = &[
    ("port_0_container", "80"),
    ("port_0_protocol", "tcp"),
    ("port_0_address", "127.0.0.1"),
    ("port_0_host", "8082"),
    ("port_1_container", "81"),
    ("port_1_protocol", "tcp"),
    ("port_1_address", "127.0.0.1"),
    ("port_1_host", "8083"),
];
const VOLUME: &[(&str, &str)] = &[("volume_0_source", "/srv/files"), ("volume_0_path", "/data"), ("volume_0_readonly", "yes")];
const TWO_VOLUMES: &[(&str, &str)] =
    &[("volume_0_source", "./uploads"), ("volume_0_path", "/data"), ("volume_1_source", "./other"), ("volume_1_path", "/other")];
const NETWORK: &[(&str, &str)] = &[("network_0_name", "web"), ("network_0_alias", "shop")];
const TWO_NETWORKS: &[(&str, &str)] = &[("network_0_name", "web"), ("network_0_alias", "shop"), ("network_1_name", "backend")];

fn bad(section: &'static str, good: &'static [(&'static str, &'static str)], field: &'static str, says: &'static str, typed: &str) -> Bad {
    Bad { section, good, field, typed: typed.to_owned(), told_at: None, says }
}

fn labels(table: &mut Vec<Bad>) {
    let long_name = format!("{}=1", "n".repeat(256));
    let long_value = format!("a={}", "v".repeat(4097));
    let many: String = (0..201).map(|number| format!("l{number}=\n")).collect();
    let cases: &[(&str, &str)] = &[
        ("Line 1: write name=value.", "traefik.enable"),
        ("Line 3: write name=value.", "a=1\n\nb"),
        ("Line 1: the label has no name.", "=value"),
        ("Line 2: a is there twice.", "a=1\na=2"),
        ("are µPaaS's own", "upaas.app=mine"),
        ("are µPaaS's own", "UPAAS.Instance=mine"),
        ("are µPaaS's own", "upaas=mine"),
        ("has no spaces", "two words=1"),
        ("has no spaces", "a\u{a0}b=1"),
        ("has no spaces", "a\u{202e}b=1"),
        ("has no spaces", "a\u{200b}b=1"),
        ("has no spaces", "a\0b=1"),
        ("at most 255 characters", &long_name),
        ("at most 4096 characters", &long_value),
        ("can be seen", "a=\u{1b}[31mred"),
        ("can be seen", "a=\u{2066}b"),
        ("can be seen", "a=1\0"),
        ("There are more than 200 labels.", &many),
    ];
    table.extend(cases.iter().map(|(says, typed)| bad("labels", &[], "labels_text", says, typed)));
}

fn ports(table: &mut Vec<Bad>) {
    let number = "A port is a number from 1 to 65535.";
    for typed in
        ["0", "65536", "-1", "+80", "8o", "80.0", "0x50", "٨٠", "８０", "80 81", "80\u{202e}", "1e3", "99999999999999999999", "auto"]
    {
        table.push(bad("ports", PORT, "port_0_container", number, typed));
    }
    let host = "Write a number from 1 to 65535, or auto";
    for typed in
        ["0", "70000", "-8082", "Auto", "any", "8082-8090", "127.0.0.1:8082", "80\u{200b}", "'; DROP TABLE apps; --", &"9".repeat(5000)]
    {
        table.push(bad("ports", PORT, "port_0_host", host, typed));
    }
    let address = "Write an IP address of this machine";
    for typed in
        ["localhost", "256.0.0.1", "127.0.0", "127.0.0.1:80", "[::1]", "::1%eth0", "010.0.0.1", "-127.0.0.1", "<script>", "1２7.0.0.1"]
    {
        table.push(bad("ports", PORT, "port_0_address", address, typed));
    }
    for typed in ["sctp", "TCP", "tcp,udp"] {
        table.push(bad("ports", PORT, "port_0_protocol", "Choose tcp or udp.", typed));
    }
    table.push(bad("ports", PORT, "port_0_container", "Which port of the container", ""));
    table.push(bad("ports", TWO_PORTS, "port_1_host", "Row 1 has port 8082 on 127.0.0.1 already.", "8082"));
    table.push(bad("ports", TWO_PORTS, "port_1_container", "A port is a number", "x"));
}

fn volumes(table: &mut Vec<Bad>) {
    let long = format!("/{}", "a".repeat(1024));
    let sources: &[(&str, &str)] = &[
        ("What is to be mounted?", ""),
        ("without “..”", ".."),
        ("without “..”", "/srv/../etc"),
        ("without “..”", "./../other-app"),
        ("without “..”", "a/../../b"),
        ("Name a folder", "./"),
        ("A volume's name has", "a"),
        ("A volume's name has", "-v"),
        ("A volume's name has", "--privileged"),
        ("A volume's name has", "größe"),
        ("A volume's name has", "two words"),
        ("without a colon", "/srv/a:/data"),
        ("without a colon", "pgdata:ro"),
        ("neither a path", "\\\\server\\share"),
        ("neither a path", "/srv/\u{202e}a"),
        ("neither a path", "/srv/a\0b"),
        ("neither a path", "/srv/a\nb"),
        ("neither a path", &long),
        ("Write the path out", "~/files"),
        ("Write the path out", "$HOME/files"),
    ];
    table.extend(sources.iter().map(|(says, typed)| bad("volumes", VOLUME, "volume_0_source", says, typed)));
    let long = format!("/{}", "a".repeat(1024));
    let paths: &[(&str, &str)] = &[
        ("begins with a slash", ""),
        ("begins with a slash", "data"),
        ("begins with a slash", "./data"),
        ("begins with a slash", "-/data"),
        ("name a path in it", "/"),
        ("name a path in it", "//./"),
        ("without “..”", "/data/.."),
        ("without “..”", "/../etc"),
        ("/proc is the container's own", "/proc/sys"),
        ("The path has a colon", "/data:ro"),
        ("cannot be seen", "/da\u{200b}ta"),
        ("cannot be seen", "/data\0"),
        ("at most 1024 characters", &long),
    ];
    table.extend(paths.iter().map(|(says, typed)| bad("volumes", VOLUME, "volume_0_path", says, typed)));
    table.push(bad("volumes", TWO_VOLUMES, "volume_1_path", "Row 1 is mounted at /data already.", "//data/./"));
    let twin = Bad { told_at: Some("volume_1_path"), ..bad("volumes", NESTED, "volume_1_source", "inside of itself", "./uploads/") };
    table.push(twin);
    let within = "./uploads/a lies within ./uploads. Mount the outer one only";
    table.push(Bad { told_at: Some("volume_1_path"), ..bad("volumes", TWO_VOLUMES, "volume_1_source", within, "./uploads/a/") });
    for typed in ["/", "//", "/var/run/docker.sock", "/run", "/etc/", "/root/.ssh", "/proc/1/root", "/dev", "/var/lib/docker", "/usr/bin"] {
        let says = "This gives the app power over the whole machine:";
        table.push(Bad { told_at: Some("volume_0_confirmed"), ..bad("volumes", VOLUME, "volume_0_source", says, typed) });
    }
}

const NESTED: &[(&str, &str)] =
    &[("volume_0_source", "./uploads"), ("volume_0_path", "/data"), ("volume_1_source", "./other"), ("volume_1_path", "/data/inner")];

fn networks(table: &mut Vec<Bad>) {
    let long = "n".repeat(65);
    let names: &[(&str, &str)] = &[
        ("Name the network.", ""),
        ("publish the ports", "host"),
        ("the engine's own", "none"),
        ("the engine's own", "bridge"),
        ("begins with a letter or digit", "-web"),
        ("begins with a letter or digit", "container:gitea"),
        ("begins with a letter or digit", "two words"),
        ("begins with a letter or digit", "netz\u{202e}"),
        ("begins with a letter or digit", "größe"),
        ("begins with a letter or digit", "web\0"),
        ("begins with a letter or digit", "../web"),
        ("A network's name has at most 64 characters.", &long),
        ("There is no network “elsewhere” on the engine. Create it below first.", "elsewhere"),
    ];
    table.extend(names.iter().map(|(says, typed)| bad("networks", NETWORK, "network_0_name", says, typed)));
    let label = "a".repeat(64);
    for typed in
        ["-shop", "shop-", "a b", "a..b", ".a", "größe", "shop\u{200b}", "a/b", "http://shop", "shop:80", &label, &"a.".repeat(200)]
    {
        table.push(bad("networks", NETWORK, "network_0_alias", "An alias is a host name", typed));
    }
    table.push(bad("networks", TWO_NETWORKS, "network_1_name", "Row 1 joins this network already.", "web"));
}

#[tokio::test]
async fn bad_labels_volumes_ports_and_networks_get_their_sentences() {
    let fake = Fake::default();
    fake.add_network("web");
    fake.add_network("backend");
    let mut server = server(&fake).await;
    let mut table = Vec::new();
    labels(&mut table);
    ports(&mut table);
    volumes(&mut table);
    networks(&mut table);
    assert!(table.len() >= 60, "{}", table.len());
    expect_all_refused(&mut server, table).await;
}

#[tokio::test]
async fn more_rows_than_there_can_be_and_forms_that_are_too_large_are_refused() {
    let fake = Fake::default();
    let mut server = server(&fake).await;
    let before = server.config_of_shop().await;
    let rows = |count: usize| -> Vec<(String, String)> {
        (0..count)
            .flat_map(|n| [(format!("port_{n}_container"), "80".to_owned()), (format!("port_{n}_host"), format!("{}", 9000 + n))])
            .collect()
    };
    let many = rows(51);
    let fields: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, &**value)).collect();
    let page = server.browser.post("/apps/shop/settings/ports", &fields).await.expect(422);
    assert!(page.text("#ports [role=alert]").contains("There are more than 50 rows."), "{}", page.text("#ports"));
    assert_eq!(page.attribute("#port_50_host", "value").as_deref(), Some("9050"), "all that was typed is there");
    let far = [("port_99999999999999999999999_container", "80"), ("port_-1_container", "81"), ("port_x_container", "82")];
    server.browser.post("/apps/shop/settings/ports", &[far.as_slice(), &[("port_0_container", "x")]].concat()).await.expect(422);
    let large = "a=b\n".repeat(10 * 1024 * 1024 / 4);
    let reply = server.browser.post("/apps/shop/settings/labels", &[("labels_text", &large)]).await;
    assert!(reply.status.is_client_error(), "{}", reply.status);
    assert_eq!(server.config_of_shop().await, before);
}
