//! What is answered: the shapes of every version, and that it is what `ip` shows.

use serde_json::{Value, json};

use super::call::{addresses, call, changed, containers, ip, network, of_network};
use crate::sandbox::{pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::VERSION, with input and without", version),
        test("cni::each verb in each version", each_version),
        test("cni::an ADD's result is what is there", truth),
        test("cni::dual stack", dual_stack),
        test("cni::dns is handed on", dns),
        test("cni::what came before is handed on and amended", chained),
    ]
}

const ALL: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

fn version() {
    let conf = network("lan", json!({}));
    for asked in ALL {
        let conf = changed(&conf, json!({"cniVersion": asked}));
        let said = of_network("VERSION", &conf).ok();
        assert_eq!(keys(&said), ["cniVersion", "supportedVersions"]);
        assert_eq!(said["cniVersion"], asked);
        assert_eq!(said["supportedVersions"], json!(ALL));
    }
    for input in ["", "{", "{}", r#"{"cniVersion":"1.0.0"}"#] {
        let said = of_network("VERSION", &conf).input(input).ok();
        assert_eq!(said["supportedVersions"], json!(ALL), "{input}");
    }
    let nothing = of_network("VERSION", &conf).command();
    let mut nothing = nothing;
    let output = nothing.output().expect("netyard");
    assert!(output.status.success());
}

fn each_version() {
    containers(&["c1"]);
    let before = snapshot::host();
    for version in ALL {
        let conf = network("lan", json!({"cniVersion": version}));
        let said = call("ADD", &conf, "c1").ok();
        assert_eq!(
            keys(&said),
            ["cniVersion", "dns", "interfaces", "ips", "routes"]
        );
        assert_eq!(said["cniVersion"], version);
        let newest = version == "1.1.0";
        for (n, interface) in said["interfaces"]
            .as_array()
            .expect("a list")
            .iter()
            .enumerate()
        {
            let mut wanted = vec!["mac", "name"];
            if newest {
                wanted.insert(1, "mtu");
            }
            if n == 2 {
                wanted.push("sandbox");
            }
            assert_eq!(keys(interface), wanted, "{said}");
        }
        assert_eq!(
            said["interfaces"].as_array().map(Vec::len),
            Some(3),
            "{said}"
        );
        let mut of_ip = vec!["address", "gateway", "interface"];
        if version < "1.0.0" {
            of_ip.push("version");
            assert_eq!(said["ips"][0]["version"], "4");
        }
        assert_eq!(keys(&said["ips"][0]), of_ip, "{said}");
        assert_eq!(keys(&said["routes"][0]), ["dst", "gw"], "{said}");
        assert_eq!(said["dns"], json!({}));
        let checked = changed(&conf, json!({"prevResult": said}));
        match version < "0.4.0" {
            true => call("CHECK", &checked, "c1").says(1, &[version, "CHECK", "0.4.0"]),
            false => call("CHECK", &checked, "c1").done(),
        }
        call("DEL", &checked, "c1").done();
        let all = changed(&conf, json!({"cni.dev/valid-attachments": []}));
        for verb in ["STATUS", "GC"] {
            match version < "1.1.0" {
                true => of_network(verb, &all).says(1, &[version, verb, "1.1.0"]),
                false => of_network(verb, &all).done(),
            }
        }
    }
    let conf = network("lan", json!({}));
    super::nothing_left(&before, &[&conf]);
}

fn truth() {
    containers(&["c1"]);
    let conf = network(
        "lan",
        json!({"mtu": 1400, "ipam": {
            "type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}]],
            "routes": [{"dst": "192.0.2.0/24"}, {"dst": "198.51.100.0/24", "gw": "10.5.0.7"}],
        }}),
    );
    let said = call("ADD", &conf, "c1").ok();
    let inside = ip("-n c1 -d link show dev eth0")[0].clone();
    let told = &said["interfaces"];
    assert_eq!(told[0]["name"], "br-lan");
    assert_eq!(told[2]["name"], "eth0");
    assert_eq!(told[2]["sandbox"], "/run/netns/c1");
    for (n, shown) in [
        (0, ip("link show dev br-lan")[0].clone()),
        (
            1,
            ip(&format!(
                "link show dev {}",
                told[1]["name"].as_str().expect("a name")
            ))[0]
                .clone(),
        ),
        (2, inside.clone()),
    ] {
        assert_eq!(told[n]["mac"], shown["address"], "{said}");
        assert_eq!(told[n]["mtu"], shown["mtu"], "{said}");
        assert_eq!(shown["mtu"], 1400);
        assert_eq!(shown["operstate"], "UP");
    }
    assert_eq!(inside["linkinfo"]["info_kind"], "veth");
    let port = ip("link show master br-lan")[0].clone();
    assert_eq!(port["ifname"], told[1]["name"]);
    assert_eq!(port["ifindex"], inside["link_index"]);
    assert_eq!(
        addresses("c1", "eth0"),
        [said["ips"][0]["address"].as_str().expect("one")]
    );
    assert_eq!(
        said["ips"],
        json!([{"address": "10.5.0.2/24", "gateway": "10.5.0.1", "interface": 2}])
    );
    assert_eq!(addresses("host", "br-lan"), ["10.5.0.1/24"]);
    assert_eq!(
        said["routes"],
        json!([{"dst": "192.0.2.0/24"}, {"dst": "198.51.100.0/24", "gw": "10.5.0.7"},
            {"dst": "0.0.0.0/0", "gw": "10.5.0.1"}])
    );
    let to = |to: &str| ip(&format!("-n c1 route get {to}"))[0]["gateway"].clone();
    assert_eq!(
        [to("192.0.2.9"), to("198.51.100.9")],
        ["10.5.0.1", "10.5.0.7"]
    );
    assert_eq!(to("203.0.113.9"), "10.5.0.1");
    assert!(pings("c1", "10.5.0.1") && pings("host", "10.5.0.2"));
    assert_eq!(sh("cat /proc/sys/net/ipv4/ip_forward"), "1\n");
}

fn dual_stack() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]]});
    let conf = network("lan", json!({"ipam": ipam}));
    let old = changed(&conf, json!({"cniVersion": "0.4.0"}));
    let said = call("ADD", &old, "c1").ok();
    let families: Vec<&Value> = said["ips"]
        .as_array()
        .expect("ips")
        .iter()
        .map(|ip| &ip["version"])
        .collect();
    assert_eq!(families, ["4", "6"]);
    let said = call("ADD", &conf, "c2").ok();
    assert_eq!(
        said["ips"],
        json!([{"address": "10.5.0.3/24", "gateway": "10.5.0.1", "interface": 2},
            {"address": "fd05::3/64", "gateway": "fd05::1", "interface": 2}])
    );
    assert_eq!(
        said["routes"],
        json!([{"dst": "0.0.0.0/0", "gw": "10.5.0.1"}, {"dst": "::/0", "gw": "fd05::1"}])
    );
    assert_eq!(addresses("c2", "eth0"), ["10.5.0.3/24", "fd05::3/64"]);
    for to in ["10.5.0.2", "fd05::2", "fd05::1"] {
        assert!(pings("c2", to), "{to}");
    }
    assert_eq!(ip("-n c2 -6 route show default")[0]["gateway"], "fd05::1");
    assert_eq!(sh("cat /proc/sys/net/ipv6/conf/all/forwarding"), "1\n");
    for name in ["c1", "c2"] {
        call("CHECK", &conf, name).done();
        call("DEL", &conf, name).done();
    }
    super::nothing_left(&before, &[&conf]);
}

fn dns() {
    containers(&["c1", "c2", "c3"]);
    let own = json!({"nameservers": ["10.5.0.1"], "domain": "lan", "search": ["lan", "example.org"],
        "options": ["ndots:2"]});
    let conf = network("lan", json!({"dns": own}));
    assert_eq!(call("ADD", &conf, "c1").ok()["dns"], own);
    // That of the runtime is another, and has words of its own.
    let said = json!({"servers": ["192.0.2.53"], "searches": ["a.b"], "options": ["rotate"]});
    let asked = changed(&conf, json!({"runtimeConfig": {"dns": said}}));
    let theirs = json!({"nameservers": ["192.0.2.53"], "search": ["a.b"], "options": ["rotate"]});
    assert_eq!(call("ADD", &asked, "c2").ok()["dns"], theirs);
    std::fs::write(
        "/run/resolv.conf",
        "# a comment\nnameserver 192.0.2.54\nsearch a b\noptions rotate\n",
    )
    .expect("a file");
    let file = changed(
        &network("lan", json!({})),
        json!({"ipam": {"type": "host-local",
        "subnet": "10.5.0.0/24", "resolvConf": "/run/resolv.conf"}}),
    );
    assert_eq!(
        call("ADD", &file, "c3").ok()["dns"],
        json!({"nameservers": ["192.0.2.54"], "search": ["a", "b"], "options": ["rotate"]})
    );
}

fn chained() {
    containers(&["c1"]);
    let before = json!({
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "vlan7", "mac": "02:00:00:00:00:01", "mtu": 9000, "sandbox": "/run/netns/c1",
            "socketPath": "/run/sock", "pciID": "0000:00:01.0"}],
        "ips": [{"address": "192.0.2.9/24", "gateway": "192.0.2.1", "interface": 0}],
        "routes": [{"dst": "198.51.100.0/24", "gw": "192.0.2.1", "mtu": 1400, "advmss": 1360, "priority": 7,
            "table": 100, "scope": 0, "example": true}],
        "dns": {"nameservers": ["192.0.2.53"]},
        "example.org/said": {"more": [1]},
    });
    let conf = network("lan", json!({"prevResult": before}));
    let said = call("ADD", &conf, "c1").ok();
    for key in ["interfaces", "ips", "routes"] {
        assert_eq!(said[key][0], before[key][0]);
    }
    for key in ["dns", "example.org/said"] {
        assert_eq!(said[key], before[key]);
    }
    assert_eq!(said["interfaces"].as_array().map(Vec::len), Some(4));
    assert_eq!(
        said["ips"][1],
        json!({"address": "10.5.0.2/24", "gateway": "10.5.0.1", "interface": 3})
    );
    assert_eq!(
        said["routes"][1],
        json!({"dst": "0.0.0.0/0", "gw": "10.5.0.1"})
    );
    call("CHECK", &changed(&conf, json!({"prevResult": said})), "c1").done();
    let bad = changed(&conf, json!({"prevResult": {"ips": "none"}}));
    call("CHECK", &bad, "c1").says(6, &["prevResult"]);
}
