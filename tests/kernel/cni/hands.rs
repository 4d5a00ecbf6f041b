//! What the verbs of the command line say and do of containers.

use serde_json::json;

use super::call::{call, changed, containers, network};
use crate::sandbox::{ok, outcome, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::verbs know a container by its names", by_names),
        test(
            "cni::explain the way to oneself by a published port",
            to_itself,
        ),
        test(
            "cni::what one network does not change of another",
            others_networks,
        ),
        test(
            "cni::status and list of what differs, and of what has no device",
            drift_and_bare,
        ),
        test("cni::install and uninstall", install),
    ]
}

fn to_itself() {
    containers(&["c1"]);
    let mapped = json!({"portMappings": [{"hostPort": 8080, "containerPort": 80}]});
    let conf = network("lan", json!({"hairpinMode": true, "runtimeConfig": mapped}));
    call("ADD", &conf, "c1").ok();
    let server = super::ports::serve("c1", "tcp", 80);
    let seen = server.seen("c1", "10.5.0.1", 8080);
    assert_eq!(seen.as_deref(), Some("10.5.0.1"));
    let said = ok(&["explain", "c1", "10.5.0.1:8080", "--send"]);
    assert!(said.contains("from 10.5.0.1 again"), "{said}");
    assert!(!said.contains("not as explained"), "{said}");
}

fn by_names() {
    containers(&["c1", "c2"]);
    let conf = network("lan", json!({}));
    let number = "4b5d1c9f".repeat(8);
    let web = |verb| call(verb, &conf, "c1").with("CNI_CONTAINERID", &number);
    let pod = "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1";
    web("ADD").with("CNI_ARGS", pod).ok();
    call("ADD", &conf, "c2").ok();
    let lab = "4b5d1c9f4b5d-eth0-";
    for name in ["shop/web-1", &number, "4b5d1c9f4b5d"] {
        for verb in ["status", "list", "repair", "up"] {
            let said = ok(&[verb, name]);
            assert!(said.contains(lab) && !said.contains("c2-eth0"), "{said}");
        }
        let said = ok(&[
            "exec", name, "--", "ip", "-br", "address", "show", "dev", "eth0",
        ]);
        assert!(said.contains("10.5.0.2/24"), "{said}");
        let place = format!("{name}:eth0");
        for place in [name, &place] {
            let said = outcome(&["capture", place, "--for", "0.05"]);
            assert_eq!(said.code, Some(0), "{said:?}");
        }
    }
    assert!(ok(&["status", "c2"]).contains("c2-eth0-"));
    assert!(ok(&["down", "shop/web-1"]).contains(lab));
    for verb in ["status", "repair", "down", "list", "exec"] {
        for name in ["shop/web-1", "nobody"] {
            let said = outcome(&[verb, name]);
            assert_ne!(said.code, Some(0), "{said:?}");
            assert!(said.err.contains(name), "{said:?}");
        }
    }
    sh("ip -n c2 link set eth0 down");
    ok(&["repair", "c2"]);
}

/// A second network's default route is left out, and an MTU of a network that changed is that
/// of new containers alone.
fn others_networks() {
    containers(&["c1", "c2"]);
    let lan = network("lan", json!({}));
    call("ADD", &lan, "c1").ok();
    let wan = json!({"ipam": {"type": "host-local", "subnet": "10.6.0.0/24"}});
    let wan = network("wan", wan);
    let said = call("ADD", &wan, "c1").with("CNI_IFNAME", "eth1").ok();
    assert_eq!(said["routes"], json!([]), "{said}");
    let said = call("ADD", &changed(&lan, json!({"mtu": 1400})), "c2").ok();
    let gateway = json!([{"dst": "0.0.0.0/0", "gw": "10.5.0.1"}]);
    assert_eq!(said["routes"], gateway, "{said}");
    assert!(ok(&["status"]).lines().all(|line| !line.contains("not as")));
}

fn drift_and_bare() {
    containers(&["c1"]);
    let mapped = json!({"portMappings": [{"hostPort": 8080, "containerPort": 80}]});
    let conf = network(
        "lan",
        json!({"kind": "ptp", "bridge": null, "isDefaultGateway": null,
        "runtimeConfig": mapped}),
    );
    let conf = changed(
        &conf,
        json!({"ipam": {"type": "host-local", "subnet": "10.5.0.0/24",
        "routes": [{"dst": "0.0.0.0/0"}]}}),
    );
    call("ADD", &conf, "c1").ok();
    let listed = ok(&["list"]);
    assert!(listed.contains("(no device of its own)"), "{listed}");
    assert!(!listed.contains("nothing of it"), "{listed}");
    sh("ip -n c1 link set eth0 mtu 1300");
    let said = outcome(&["status", "c1"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let port = "tcp 8080 -> /run/netns/c1:80, when all is as described";
    assert!(said.out.contains(port), "{said:?}");
}

/// Nobody's work is lost: neither what was changed by hand, nor who is attached.
fn install() {
    containers(&["c1"]);
    let cni = |words: &[&str]| {
        let places = ["--plugins", "/run/bin", "--networks", "/run/net.d"];
        outcome(&[&["cni"], words, &places].concat())
    };
    let file = || sh("cat /run/net.d/10-netyard.conflist");
    let done = |words: &[&str]| assert_eq!(cni(words).code, Some(0), "{words:?}");
    done(&["install", "--subnet", "10.5.0.1/24"]);
    assert!(file().contains("\"10.5.0.0/24\""));
    done(&["install"]);
    assert!(file().contains("\"10.5.0.0/24\""));
    done(&["install", "--subnet", "10.6.0.0/24"]);
    assert!(file().contains("\"10.6.0.0/24\""));
    sh("sed -i s/netyard0/mine0/ /run/net.d/10-netyard.conflist");
    let said = cni(&["install", "--subnet", "10.7.0.0/24"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("was changed since"), "{said:?}");
    sh("rm /run/net.d/10-netyard.conflist");
    done(&["install"]);
    call("ADD", &network("lan", json!({})), "c1").ok();
    let said = cni(&["uninstall"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.contains("a container is attached (c1)"),
        "{said:?}"
    );
    assert!(file().contains("netyard0"));
    done(&["uninstall", "--yes"]);
    assert_eq!(
        sh("ls /run/bin /run/net.d | grep netyard | wc -l").trim(),
        "0"
    );
}
