//! What the verbs of the command line say and do of containers.

use serde_json::json;

use super::call::{call, containers, network};
use crate::sandbox::{ok, outcome, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::verbs know a container by its names", by_names),
        test(
            "cni::explain the way to oneself by a published port",
            to_itself,
        ),
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
