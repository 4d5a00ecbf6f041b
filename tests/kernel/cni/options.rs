//! What keys of a network do to packets.

use serde_json::{Value, json};

use super::call::{addresses, call, changed, containers, ip, network};
use super::ports::{neighbour, serve};
use crate::sandbox::{pings, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::ipMasq hides containers behind the host", masquerade),
        test("cni::isGateway, isDefaultGateway and neither", gateways),
        test("cni::routes as they are asked for", routes),
        test("cni::mtu of all ends", mtu),
        test("cni::hairpinMode", hairpin),
        test("cni::portIsolation", isolation),
        test("cni::macspoofchk", spoofing),
        test("cni::a default bridge and an empty network", defaults),
    ]
}

fn masquerade() {
    containers(&["c1"]);
    neighbour();
    let conf = network("lan", json!({}));
    let server = serve("outside", "tcp", 7);
    call("ADD", &conf, "c1").ok();
    assert_eq!(
        server.seen("c1", "192.0.2.2", 7).as_deref(),
        Some("192.0.2.1")
    );
    // Within the network nobody is hidden.
    let host = serve("host", "tcp", 8);
    assert_eq!(host.seen("c1", "10.5.0.1", 8).as_deref(), Some("10.5.0.2"));
    call("DEL", &conf, "c1").done();
    // Without it, whoever knows the way sees the container.
    let plain = network("plain", json!({"ipMasq": false}));
    super::collect(&conf);
    call("ADD", &plain, "c1").ok();
    assert_eq!(server.seen("c1", "192.0.2.2", 7), None);
    sh("ip -n outside route add 10.5.0.0/24 via 192.0.2.1");
    assert_eq!(
        server.seen("c1", "192.0.2.2", 7).as_deref(),
        Some("10.5.0.2")
    );
    let inside = serve("c1", "tcp", 9);
    assert_eq!(
        inside.seen("outside", "10.5.0.2", 9).as_deref(),
        Some("192.0.2.2")
    );
}

fn gateways() {
    containers(&["c1", "c2", "c3"]);
    let with = |name: &str, third: u8, keys: Value| {
        let range = json!({"type": "host-local", "subnet": format!("10.{third}.0.0/24")});
        changed(
            &network(
                name,
                json!({"ipam": range, "isDefaultGateway": null, "ipMasq": null}),
            ),
            keys,
        )
    };
    let default = with("default", 5, json!({"isDefaultGateway": true}));
    let gateway = with("gateway", 6, json!({"isGateway": true}));
    let none = with("none", 7, json!({}));
    let routes = |conf: &Value, name: &str| {
        let said = call("ADD", conf, name).ok();
        (
            said["routes"].clone(),
            ip(&format!("-n {name} route show default")),
        )
    };
    let (said, shown) = routes(&default, "c1");
    assert_eq!(said, json!([{"dst": "0.0.0.0/0", "gw": "10.5.0.1"}]));
    assert_eq!(shown[0]["gateway"], "10.5.0.1");
    let (said, shown) = routes(&gateway, "c2");
    assert_eq!((said, shown), (json!([]), json!([])));
    assert_eq!(addresses("host", "br-gateway"), ["10.6.0.1/24"]);
    assert!(pings("c2", "10.6.0.1"));
    let (said, shown) = routes(&none, "c3");
    assert_eq!((said, shown), (json!([]), json!([])));
    assert_eq!(addresses("host", "br-none"), [] as [&str; 0]);
    assert_eq!(addresses("c3", "eth0"), ["10.7.0.2/24"]);
    for (conf, name) in [(&default, "c1"), (&gateway, "c2"), (&none, "c3")] {
        call("CHECK", conf, name).done();
    }
    // The same with the default route asked for as a route.
    containers(&["c4"]);
    let range =
        json!({"type": "host-local", "subnet": "10.8.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]});
    let (said, shown) = routes(
        &with("routed", 8, json!({"isGateway": true, "ipam": range})),
        "c4",
    );
    assert_eq!(said, json!([{"dst": "0.0.0.0/0"}]));
    assert_eq!(shown[0]["gateway"], "10.8.0.1");
}

fn routes() {
    containers(&["c1"]);
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]],
        "routes": [{"dst": "192.0.2.0/24", "gw": "10.5.0.9"}, {"dst": "198.51.100.0/24", "priority": 77},
            {"dst": "2001:db8::/32"},
            {"dst": "203.0.113.0/24", "mtu": 1400, "advmss": 1360}, {"dst": "::/0", "gw": "fd05::9"}]});
    let conf = network("lan", json!({"ipam": ipam}));
    let said = call("ADD", &conf, "c1").ok();
    let shown = |to: &str| {
        ip(&format!(
            "-n c1 {} route show {to}",
            if to.contains(':') { "-6" } else { "-4" }
        ))[0]
            .clone()
    };
    assert_eq!(shown("192.0.2.0/24")["gateway"], "10.5.0.9");
    assert_eq!(shown("198.51.100.0/24")["metric"], 77);
    assert_eq!(shown("198.51.100.0/24")["gateway"], "10.5.0.1");
    let metrics = sh("ip -n c1 route show 203.0.113.0/24");
    assert!(metrics.contains("mtu 1400 advmss 1360"), "{metrics}");
    assert_eq!(shown("2001:db8::/32")["gateway"], "fd05::1");
    assert_eq!(shown("::/0")["gateway"], "fd05::9");
    assert_eq!(shown("0.0.0.0/0")["gateway"], "10.5.0.1");
    assert_eq!(said["routes"][1]["priority"], 77);
    call("CHECK", &conf, "c1").done();
    let old = changed(&conf, json!({"cniVersion": "1.0.0"}));
    call("DEL", &conf, "c1").done();
    assert_eq!(
        call("ADD", &old, "c1").ok()["routes"][1],
        json!({"dst": "198.51.100.0/24"})
    );
}

fn mtu() {
    containers(&["c1"]);
    let conf = network("lan", json!({"mtu": 1380}));
    let said = call("ADD", &conf, "c1").ok();
    let port = said["interfaces"][1]["name"].as_str().expect("a name");
    for shown in [
        ip("link show dev br-lan"),
        ip(&format!("link show dev {port}")),
        ip("-n c1 link show dev eth0"),
    ] {
        assert_eq!(shown[0]["mtu"], 1380);
    }
    let ping = |size: u16| {
        try_sh(&format!(
            "ip netns exec c1 ping -c1 -W1 -M do -s {size} 10.5.0.1"
        ))
        .code
    };
    assert_eq!(ping(1352), Some(0));
    assert_ne!(ping(1353), Some(0));
}

/// A container reaches itself by its own published port in any case; on the bridge only so.
fn hairpin() {
    containers(&["c1", "c2"]);
    let conf = network("lan", json!({"hairpinMode": true}));
    let said = call("ADD", &conf, "c1").ok();
    let port = |said: &Value| {
        said["interfaces"][1]["name"]
            .as_str()
            .expect("a name")
            .to_owned()
    };
    let mode = |port: &str| {
        let shown = ip(&format!("-d link show dev {port}"));
        shown[0]["linkinfo"]["info_slave_data"]["hairpin"].clone()
    };
    assert_eq!(mode(&port(&said)), true);
    call("CHECK", &conf, "c1").done();
    let other = call("ADD", &changed(&conf, json!({"hairpinMode": false})), "c2").ok();
    assert_eq!(mode(&port(&other)), false);
}

fn isolation() {
    containers(&["c1", "c2", "c3"]);
    let conf = network("lan", json!({"portIsolation": true}));
    call("ADD", &conf, "c1").ok();
    call("ADD", &conf, "c2").ok();
    call(
        "ADD",
        &changed(&conf, json!({"portIsolation": false})),
        "c3",
    )
    .ok();
    assert!(!pings("c1", "10.5.0.3") && !pings("c2", "10.5.0.2"));
    assert!(pings("c1", "10.5.0.1") && pings("c1", "10.5.0.4") && pings("c3", "10.5.0.2"));
    call("CHECK", &conf, "c1").done();
}

/// A sender of another MAC is heard by nobody, where that is asked for.
fn spoofing() {
    containers(&["c1", "c2", "c3"]);
    let before = snapshot::host();
    let conf = network("lan", json!({"macspoofchk": true}));
    call("ADD", &conf, "c1").ok();
    call("ADD", &changed(&conf, json!({"macspoofchk": false})), "c2").ok();
    assert!(pings("c1", "10.5.0.1") && pings("c2", "10.5.0.1"));
    for name in ["c1", "c2"] {
        sh(&format!(
            "ip -n {name} link set eth0 address 02:00:00:00:00:66"
        ));
        sh(&format!(
            "ip -n {name} neigh flush dev eth0; ip neigh flush dev br-lan"
        ));
        assert_eq!(pings(name, "10.5.0.1"), name == "c2", "{name}");
        call("DEL", &conf, name).done();
    }
    super::nothing_left(&before, &[&conf]);
}

fn defaults() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = json!({"cniVersion": "1.0.0", "name": "plain", "type": "bridge",
        "ipam": {"type": "host-local", "subnet": "10.5.0.0/24"}});
    let said = call("ADD", &conf, "c1").ok();
    assert_eq!(said["interfaces"][0]["name"], "cni0");
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
    // Without addresses it is a cable.
    for ipam in [Value::Null, json!({})] {
        let layer2 = changed(&conf, json!({"ipam": ipam, "name": "layer2"}));
        let said = call("ADD", &layer2, "c2").ok();
        assert_eq!((&said["ips"], &said["routes"]), (&json!([]), &json!([])));
        assert_eq!(ip("-n c2 link show dev eth0")[0]["operstate"], "UP");
        assert_eq!(addresses("c2", "eth0"), [] as [&str; 0]);
        call("CHECK", &layer2, "c2").done();
        call("DEL", &layer2, "c2").done();
        super::nothing_left(&before, &[&layer2]);
    }
}
