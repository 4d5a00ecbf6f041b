//! Labs on networks of other labs.

use crate::sandbox::{example, file, ok, outcome, pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("external::reached, and gone before its lab", reached),
        test("external::nobody gets what another has", addresses),
        test("external::a network that is used stays", stays),
        test("external::what is not there", missing),
        test("external::all down", all_down),
    ]
}

fn shop() -> String {
    example("external/shop.yaml")
}

fn app() -> String {
    example("external/app.yaml")
}

/// Another lab on the same network, of one namespace.
fn guest(name: &str) -> String {
    let text = "lab: NAME
networks: { lan: { external: shop } }
namespaces: { NAME: { interfaces: { eth0: { network: lan } } } }";
    file(&format!("{name}.yaml"), &text.replace("NAME", name))
}

fn address(netns: &str) -> String {
    let shown = sh(&format!("ip -n {netns} -4 -o address show dev eth0"));
    let address = shown.split_whitespace().nth(3).expect("an address");
    address.trim_end_matches("/24").to_owned()
}

fn reached() {
    let before = snapshot::host();
    ok(&["up", &shop()]);
    let alone = snapshot::host();
    ok(&["up", &app()]);
    let table = ok(&["test", &app()]);
    assert!(table.contains("all 3 probes as expected"), "{table}");
    assert!(pings("till", &address("app")));
    assert!(sh("ip -n app route").contains("default via 10.7.0.1"));
    for same in [shop(), app()] {
        let again = ok(&["up", &same]);
        assert!(again.contains("nothing to change"), "{again}");
    }
    let status = ok(&["status"]);
    assert!(status.contains("on network lan of lab shop"), "{status}");
    assert!(!status.contains("not made by netyard"), "{status}");
    assert!(ok(&["list"]).contains("(network of lab shop)"));

    let with = snapshot::host();
    let refused = outcome(&["down", "shop"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("error[lab-in-use]"), "{refused:?}");
    assert!(refused.err.contains("others are on: app"), "{refused:?}");
    snapshot::assert_same(&with, &snapshot::host(), "a refused down");

    ok(&["down", "app"]);
    snapshot::assert_same(&alone, &snapshot::host(), "down app");
    ok(&["down", "shop"]);
    snapshot::assert_same(&before, &snapshot::host(), "down shop");
}

fn addresses() {
    ok(&["up", &shop()]);
    let guests = ["a", "b", "c"];
    for name in guests {
        ok(&["up", &guest(name)]);
    }
    let mut all: Vec<String> = guests.map(address).to_vec();
    let more = "
  desk: { interfaces: { eth0: { network: lan } } }
";
    let text = std::fs::read_to_string(shop()).expect("the example") + more;
    ok(&["up", &file("more.yaml", &text)]);
    all.extend([
        address("desk"),
        "10.7.0.10".to_owned(),
        "10.7.0.1".to_owned(),
    ]);
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "{all:?}");

    // The file cannot name what another lab was given.
    let held = address("b");
    let named = text.replace("10.7.0.10/24", &format!("{held}/24"));
    let refused = outcome(&["up", &file("named.yaml", &named)]);
    assert!(refused.err.contains("error[address-held]"), "{refused:?}");
    assert!(refused.err.contains(&held), "{refused:?}");
    // It is free again when that lab is down.
    ok(&["down", "b"]);
    ok(&["up", "--yes", &file("named.yaml", &named)]);
    assert_eq!(address("till"), held);
    for name in ["a", "c", "shop"] {
        ok(&["down", name]);
    }
}

fn stays() {
    ok(&["up", &shop()]);
    ok(&["up", &app()]);
    let (with, text) = (snapshot::host(), std::fs::read_to_string(shop()));
    let text = text.expect("the example");
    let moved = text.replace("10.7.0.", "10.8.0.");
    let renamed = text.replace("lan: { sub", "lan: { bridge: br-shop, sub");
    let gone = text
        .replace("  lan: {", "  wan: {")
        .replace(": lan", ": wan");
    for (i, changed) in [moved, renamed, gone].iter().enumerate() {
        assert_ne!(*changed, text);
        let changed = file(&format!("{i}.yaml"), changed);
        for verb in [&["up", "--yes"][..], &["plan"][..]] {
            let refused = outcome(&[verb, &[&changed]].concat());
            assert!(refused.err.contains("error[lab-in-use]"), "{refused:?}");
        }
        snapshot::assert_same(&with, &snapshot::host(), "a refused up");
    }
    assert!(ok(&["test", &app()]).contains("all 3 probes as expected"));
}

fn missing() {
    let before = snapshot::host();
    let refused = outcome(&["up", &app()]);
    assert!(refused.err.contains("error[external-lab]"), "{refused:?}");
    snapshot::assert_same(&before, &snapshot::host(), "no such lab");
    ok(&["up", &shop()]);
    ok(&["up", &guest("a")]);
    let text = "lab: b
networks: { NET: { external: LAB } }
namespaces: { b: { interfaces: { eth0: { network: NET } } } }";
    for (network, lab) in [("wan", "shop"), ("lan", "a")] {
        let text = text.replace("NET", network).replace("LAB", lab);
        let refused = outcome(&["up", &file("b.yaml", &text)]);
        assert!(
            refused.err.contains("error[external-network]"),
            "{refused:?}"
        );
    }
}

fn all_down() {
    let before = snapshot::host();
    ok(&["up", &shop()]);
    // By name one is before the lab whose network it is on, and one behind.
    ok(&["up", &guest("a")]);
    ok(&["up", &guest("z")]);
    ok(&["down", "--all"]);
    snapshot::assert_same(&before, &snapshot::host(), "down --all");
}
