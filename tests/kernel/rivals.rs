//! Published ports beside those of other labs, and on networks of theirs.

use serde_json::Value;

use crate::ports::lab;
use crate::sandbox::{file, ok, outcome, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("rivals::another lab's port is its own", of_a_lab),
        test(
            "rivals::who is attached is known while a port is for them",
            attached,
        ),
        test("rivals::from another lab's network", external),
        test(
            "rivals::from another lab's network without a way back",
            no_way_back,
        ),
        test(
            "rivals::a lab that needs no table leaves those of others",
            needs_none,
        ),
    ]
}

/// Labs that publish in each other's way: by the same element, by others that meet.
fn of_a_lab() {
    let other = |number: u8, publish: &str| {
        let text = format!(
            "lab: shop{number}\nnetworks: {{ lan: {{ subnets: [10.{number}.0.0/24] }} }}\nnamespaces:\n  \
             s{number}: {{ interfaces: {{ eth0: {{ network: lan }} }}, publish: [{publish}] }}\n"
        );
        file(&format!("shop{number}.yaml"), &text)
    };
    sh("ip address add 192.0.2.1/32 dev lo; ip address add 192.0.2.2/32 dev lo");
    ok(&[
        "up",
        &lab("8080:80, \"192.0.2.1:53:53/udp\", 9000-9009, \"[::]:7000:7\""),
    ]);
    let before = snapshot::host();
    for (publish, taken) in [
        ("{ host: 8080, port: 81, visible: public }", "tcp 8080"),
        ("\"192.0.2.1:8080:80\"", "tcp 192.0.2.1:8080"),
        ("8079-8081:1-3", "tcp 8079-8081"),
        ("8079-8081", "tcp 8079-8081"),
        ("53:53/udp", "udp 53"),
        ("\"192.0.2.1:53:54/udp\"", "udp 192.0.2.1:53"),
        ("50-59/udp", "udp 50-59"),
        ("9009:1", "tcp 9009"),
        ("\"192.0.2.2:9000:1\"", "tcp 192.0.2.2:9000"),
        ("9009-9010", "tcp 9009-9010"),
    ] {
        let said = outcome(&["up", &other(8, publish)]);
        let err = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = format!("{taken} of the host is taken: lab web publishes it");
        assert!(err.contains(&line), "{publish}\n{err}");
        assert_eq!(err.matches("error[").count(), 1, "{err}");
    }
    assert_eq!(snapshot::host(), before);
    let free = [
        "8080:80/udp",
        "\"192.0.2.2:53:53/udp\"",
        "9010-9011",
        "7000:7",
    ];
    ok(&["up", &other(8, &free.join(", "))]);
    assert_eq!(outcome(&["up", &other(9, "9011:1")]).code, Some(1));
    ok(&["down", "web"]);
    ok(&["up", &other(9, "8080:80, 9000-9009")]);
    for number in [8, 9] {
        ok(&["status", &format!("shop{number}")]);
        ok(&["down", &format!("shop{number}")]);
    }
}

/// The subnets directly attached, as the rules know them.
pub(crate) fn near() -> Vec<String> {
    let list = sh("nft -j list set inet netyard near4");
    let json: Value = serde_json::from_str(&list).expect("JSON");
    let elements = json["nftables"][1]["set"]["elem"].as_array().cloned();
    let text = |element: &Value| {
        let net = &element["elem"]["val"]["prefix"];
        format!(
            "{}/{}",
            net["addr"].as_str().expect("an address"),
            net["len"]
        )
    };
    let mut all: Vec<String> = elements.iter().flatten().map(text).collect();
    all.sort();
    all
}

/// Also by a lab that publishes nothing, and does not look at the ports of others.
fn attached() {
    let plain = |number: u8| {
        let text = format!(
            "lab: plain{number}\nnetworks: {{ lan: {{ subnets: [10.{number}.0.0/24] }} }}\n\
             namespaces: {{ p{number}: {{ interfaces: {{ eth0: {{ network: lan }} }} }} }}\n"
        );
        file(&format!("plain{number}.yaml"), &text)
    };
    ok(&["up", &plain(1)]);
    assert_eq!(near(), [""; 0]);
    ok(&["up", &lab("{ host: 8080, visible: lan }")]);
    assert_eq!(near(), ["10.1.0.0/24", "10.7.0.0/24"]);
    ok(&["up", &plain(2)]);
    assert_eq!(near(), ["10.1.0.0/24", "10.2.0.0/24", "10.7.0.0/24"]);
    ok(&["down", "plain1"]);
    assert_eq!(near(), ["10.2.0.0/24", "10.7.0.0/24"]);
    ok(&["down", "web"]);
    assert_eq!(near(), [""; 0]);
}

fn external() {
    let app = "lab: app\nnetworks: { lan: { external: web } }\nnamespaces:\n  \
        app: { interfaces: { eth0: { network: lan } }, publish: [8081:81] }\n\
        expect: [{ from: host, to: 10.7.0.1, tcp: 8081 }, { from: host, to: 127.0.0.1, tcp: 8081";
    let app = |reach: bool| file("app.yaml", &format!("{app}, reach: {reach} }}]\n"));
    ok(&["up", &lab("")]);
    let closed = app(false);
    let plan = ok(&["plan", &closed]);
    let warning = "warning: 127.0.0.1 does not lead to tcp 8081: bridge web-lan is another lab's";
    assert!(plan.contains(warning), "{plan}");
    ok(&["up", &closed]);
    ok(&["test", &closed]);
    ok(&["up", &lab("8080:80")]);
    let open = app(true);
    assert!(!ok(&["plan", &open]).contains("warning"));
    ok(&["test", &open]);
    assert_eq!(outcome(&["up", &lab("8081:80")]).code, Some(1));
    ok(&["down", "app"]);
    ok(&["up", "--yes", &lab("8081:80")]);
    ok(&["down", "web"]);
}

/// That lab's file says it, and the one that publishes does not.
fn no_way_back() {
    let shop = |how: &str| {
        let text = format!("lab: shop\nnetworks: {{ lan: {{ subnets: [10.9.0.0/24], {how} }} }}\n");
        file("shop.yaml", &text)
    };
    let app = "lab: app\nnetworks: { lan: { external: shop } }\nnamespaces:\n  \
        app: { interfaces: { eth0: { network: lan } }, publish: [{ host: 80, visible: public }] }\n";
    let app = file("app.yaml", app);
    for how in ["gateway: none", "internal: true"] {
        ok(&["up", &shop(how)]);
        let before = snapshot::host();
        for command in ["plan", "up"] {
            let said = outcome(&[command, &app]);
            assert_eq!(said.code, Some(2), "{}{}", said.out, said.err);
            assert!(said.err.contains("not-publishable"), "{}", said.err);
        }
        assert_eq!(snapshot::host(), before);
        ok(&["down", "shop"]);
    }
}

/// A network without anybody on it: what the others have in the tables is theirs.
fn needs_none() {
    ok(&["up", &lab("8080:80")]);
    let checked = || sh("nft list set bridge netyard checked").contains("one-eth0");
    let bare = file(
        "bare.yaml",
        "lab: bare\nnetworks: { lan: { subnets: [10.9.0.0/24] } }\n",
    );
    for _ in 0..2 {
        ok(&["up", &bare]);
        assert!(checked());
    }
    ok(&["status", "web"]);
    ok(&["down", "bare"]);
    assert!(checked());
    ok(&["status", "web"]);
    ok(&["down", "web"]);
    assert_eq!(sh("nft list ruleset"), "");
}
