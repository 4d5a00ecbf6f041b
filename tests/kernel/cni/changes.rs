//! Networks that change while containers are attached, by their file or by somebody's hand.

use serde_json::{Value, json};

use super::call::{addresses, call, changed, containers, ip, network};
use crate::sandbox::{ok, outcome, pings, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::another mtu of a network", mtu),
        test("cni::more ranges of a network", ranges),
        test("cni::another subnet of a network", subnet),
        test("cni::a subnet around another waits", overlapping),
        test("cni::masquerading that comes and goes", masquerade),
        test("cni::a bridge that was deleted by hand", bridge),
        test("cni::devices with other names", renamed),
        test("cni::a foreign device with its mark", marked),
        test("cni::a journal that was lost", lost),
        test(
            "cni::a foreign bridge in the place of its own",
            foreign_bridge,
        ),
        test("cni::rules that were flushed by hand", rules),
        test("cni::list, show and status know containers", told),
        test("cni::repair of an attachment", repair),
        test("cni::gc of the host takes what is gone", gc),
    ]
}

fn of_ipam(ranges: Value) -> Value {
    json!({"ipam": {"type": "host-local", "ranges": ranges}})
}

fn mtu() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let small = changed(&conf, json!({"mtu": 1400}));
    call("ADD", &small, "c2").ok();
    assert_eq!(ip("-n c2 link show dev eth0")[0]["mtu"], 1400);
    assert_eq!(ip("link show dev br-lan")[0]["mtu"], 1400);
    println!(
        "mtu of the first container: {}",
        ip("-n c1 link show dev eth0")[0]["mtu"]
    );
    assert!(pings("c1", "10.5.0.3") && pings("c2", "10.5.0.2") && pings("c1", "10.5.0.1"));
    for name in ["c1", "c2"] {
        call("CHECK", &small, name).done();
        call("DEL", &small, name).done();
    }
    super::nothing_left(&before, &[&conf]);
}

fn ranges() {
    containers(&["c1", "c2", "c3"]);
    let before = snapshot::host();
    let one = json!({"subnet": "10.5.0.0/24", "rangeStart": "10.5.0.50", "rangeEnd": "10.5.0.50"});
    let conf = network("lan", of_ipam(json!([[one]])));
    call("ADD", &conf, "c1").ok();
    call("ADD", &conf, "c2").fails(100);
    let wider = changed(
        &conf,
        of_ipam(json!([[one, {"subnet": "10.6.0.0/24"}], [{"subnet": "fd05::/64"}]])),
    );
    call("ADD", &wider, "c2").ok();
    assert_eq!(addresses("c1", "eth0"), ["10.5.0.50/24"]);
    assert_eq!(addresses("c2", "eth0"), ["10.6.0.2/24", "fd05::2/64"]);
    assert!(pings("c1", "10.5.0.1") && pings("c2", "10.5.0.50") && pings("c2", "fd05::1"));
    for name in ["c1", "c2"] {
        call("CHECK", &wider, name).done();
        call("DEL", &wider, name).done();
    }
    super::nothing_left(&before, &[&conf]);
}

fn subnet() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let other = changed(&conf, of_ipam(json!([[{"subnet": "10.77.0.0/24"}]])));
    let said = call("ADD", &other, "c2").ok();
    assert_eq!(said["ips"][0]["address"], "10.77.0.2/24");
    assert_eq!(said["ips"][0]["gateway"], "10.77.0.1");
    assert!(pings("c2", "10.77.0.1"));
    // Who is there stays where it is, with its way out.
    assert!(pings("c1", "10.5.0.1") && pings("c1", "10.77.0.2"));
    call("CHECK", &other, "c1").done();
    call("DEL", &other, "c1").done();
    call("CHECK", &other, "c2").done();
    call("DEL", &other, "c2").done();
    super::nothing_left(&before, &[&other]);
}

/// Who is attached has an address of the old one.
fn overlapping() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let all = snapshot::host();
    for other in ["10.5.0.0/16", "10.5.0.128/25"] {
        let other = changed(&conf, of_ipam(json!([[{"subnet": other}]])));
        let words = ["10.5.0.0/24", "not yet 10.5.0.", "no container is attached"];
        call("ADD", &other, "c2").says(100, &words);
        call("STATUS", &other, "c2").says(50, &words);
    }
    snapshot::assert_same(&all, &snapshot::host(), "after refusals");
    call("DEL", &conf, "c1").done();
    let wider = changed(&conf, of_ipam(json!([[{"subnet": "10.5.0.0/16"}]])));
    let said = call("ADD", &wider, "c2").ok();
    assert_eq!(
        said["ips"][0]["address"]
            .as_str()
            .map(|ip| ip.ends_with("/16")),
        Some(true)
    );
    call("DEL", &wider, "c2").done();
    super::nothing_left(&before, &[&conf]);
}

fn masquerade() {
    containers(&["c1", "c2", "c3"]);
    super::ports::neighbour();
    let server = super::ports::serve("outside", "tcp", 7);
    sh("ip -n outside route add 10.5.0.0/24 via 192.0.2.1");
    let conf = network("lan", json!({}));
    let plain = changed(&conf, json!({"ipMasq": false}));
    for (conf, name, seen) in [
        (&plain, "c1", None),
        (&conf, "c2", Some("192.0.2.1")),
        (&plain, "c3", None),
    ] {
        let said = call("ADD", conf, name).ok();
        let address = said["ips"][0]["address"]
            .as_str()
            .expect("one")
            .trim_end_matches("/24")
            .to_owned();
        let wanted = seen.map_or(address, str::to_owned);
        assert_eq!(server.seen(name, "192.0.2.2", 7), Some(wanted), "{name}");
    }
}

fn bridge() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    sh("ip link del br-lan");
    call("CHECK", &conf, "c1").fails(101);
    call("ADD", &conf, "c2").ok();
    assert!(pings("c2", "10.5.0.1"));
    println!(
        "the first container after that: {}",
        call("CHECK", &conf, "c1").run().out
    );
    ok(&["repair", "c1-eth0-9c060919540944ab"]);
    call("CHECK", &conf, "c1").done();
    assert!(pings("c1", "10.5.0.3"));
    for name in ["c1", "c2"] {
        call("DEL", &conf, name).done();
    }
    super::nothing_left(&before, &[&conf]);
}

/// By mark and record they are still netyard's.
fn renamed() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    sh("ip link set br-lan name br-other");
    call("CHECK", &conf, "c1").fails(101);
    // It has its name again, and who is on it.
    let said = call("ADD", &conf, "c2").ok();
    assert!(pings("c2", "10.5.0.1") && pings("c1", "10.5.0.3"));
    call("CHECK", &conf, "c1").done();
    let port = said["interfaces"][1]["name"].as_str().expect("a name");
    sh(&format!(
        "ip link set br-lan name br-other; ip link set {port} name other"
    ));
    for name in ["c1", "c2"] {
        call("DEL", &conf, name).done();
        assert_eq!(sh(&format!("ip -n {name} -br link | grep -c .")), "1\n");
    }
    super::nothing_left(&before, &[&conf]);
}

/// A mark that somebody wrote does not make a device netyard's.
fn marked() {
    containers(&["c1"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    sh("ip link del br-lan; ip link add mine type bridge; ip link set mine alias netyard:cni-lan");
    call("DEL", &conf, "c1").done();
    super::collect(&conf);
    sh("ip link del mine");
    super::nothing_left(&before, &[&conf]);
}

/// What it knew looks foreign.
fn lost() {
    containers(&["c1", "c2"]);
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    sh("rm -r /run/netyard");
    call("ADD", &conf, "c2").says(100, &["br-lan", "cni-lan", "netyard gc --yes"]);
    call("STATUS", &conf, "c2").says(50, &["netyard gc --yes"]);
    ok(&["gc", "--yes"]);
    call("ADD", &conf, "c2").ok();
}

/// It is not adopted, and stays.
fn foreign_bridge() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    sh("ip link del br-lan; ip link add br-lan type bridge");
    call("ADD", &conf, "c2").says(100, &["br-lan", "exists already"]);
    call("DEL", &conf, "c1").done();
    call("DEL", &conf, "c2").done();
    super::collect(&conf);
    assert_eq!(ip("link show dev br-lan")[0]["ifname"], "br-lan");
    sh("ip link del br-lan");
    super::nothing_left(&before, &[&conf]);
}

fn rules() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let ports =
        json!({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]});
    let conf = network("lan", json!({}));
    call(
        "ADD",
        &changed(&conf, json!({"runtimeConfig": ports})),
        "c1",
    )
    .ok();
    let whole = sh("nft list ruleset");
    sh("nft flush ruleset");
    call("ADD", &conf, "c2").ok();
    assert!(pings("c2", "10.5.0.1"));
    ok(&["repair", "cni-lan"]);
    ok(&["repair", "c1-eth0-9c060919540944ab"]);
    call("CHECK", &conf, "c1").done();
    call("CHECK", &conf, "c2").done();
    call("DEL", &conf, "c2").done();
    assert_eq!(whole, sh("nft list ruleset"));
    // What the network needs in tables that are there comes back with an attachment.
    for (how, part) in [
        (
            "flush set inet netyard networks",
            "set inet netyard networks",
        ),
        (
            "flush set inet netyard masquerade4",
            "set inet netyard masquerade4",
        ),
        (
            "flush chain inet netyard forward",
            "chain inet netyard forward",
        ),
    ] {
        let list = || sh(&format!("nft list {part}"));
        call("ADD", &conf, "c2").ok();
        let whole = list();
        call("DEL", &conf, "c2").done();
        sh(&format!("nft {how}"));
        call("ADD", &conf, "c2").ok();
        assert_eq!(whole, list(), "{how}");
        call("CHECK", &conf, "c2").done();
        call("DEL", &conf, "c2").done();
    }
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
}

fn told() {
    containers(&["c1"]);
    let conf = network(
        "lan",
        json!({"runtimeConfig": {
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}}),
    );
    let names = "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1;IgnoreUnknown=1";
    call("ADD", &conf, "c1").with("CNI_ARGS", names).ok();
    let listed = ok(&["list"]);
    for word in [
        "cni-lan",
        "br-lan",
        "10.5.0.1/24",
        "/run/netns/c1",
        "eth0",
        "10.5.0.2/24",
        "8080->80/tcp",
    ] {
        assert!(listed.contains(word), "no {word} in: {listed}");
    }
    let json: Vec<Value> = serde_json::from_str(&ok(&["list", "--json"])).expect("JSON");
    assert_eq!(json.len(), 2);
    let shown = ok(&["show"]);
    for word in ["br-lan", "shop/web-1", "10.5.0.2/24"] {
        assert!(shown.contains(word), "no {word} in: {shown}");
    }
    for lab in ["cni-lan", "c1-eth0-9c060919540944ab"] {
        assert!(ok(&["status", lab]).contains(lab));
    }
    call("DEL", &conf, "c1").done();
    assert!(!ok(&["list"]).contains("c1"));
}

fn repair() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let lab = "c1-eth0-9c060919540944ab";
    for damage in [
        "ip -n c1 route del default",
        "ip -n c1 address del 10.5.0.2/24 dev eth0",
        "ip -n c1 link set eth0 down",
        "ip -n c1 link del eth0",
    ] {
        sh(damage);
        assert_ne!(outcome(&["status", lab]).code, Some(0), "{damage}");
        ok(&["repair", lab]);
        ok(&["status", lab]);
        call("CHECK", &conf, "c1").done();
        assert!(pings("c1", "10.5.0.1"), "{damage}");
    }
}

/// Containers that went without a DEL, as `netyard gc` finds them.
fn gc() {
    containers(&["c1", "c2", "c3"]);
    let conf = network("lan", json!({}));
    for name in ["c1", "c2"] {
        call("ADD", &conf, name).ok();
    }
    let labs = || {
        let listed: Value = serde_json::from_str(&ok(&["list", "--json"])).expect("JSON");
        listed.as_array().expect("a list").len()
    };
    let looks = || outcome(&["gc", "--dry-run"]);
    // Without a name it lives as long as somebody has it open.
    let open = std::fs::File::open("/run/netns/c1").expect("a namespace");
    sh("ip netns del c1");
    assert_eq!(looks().code, Some(0), "{:?}", looks());
    drop(open);
    until("the container is gone", || looks().code == Some(1));
    let said = looks().out;
    assert!(said.contains("c1-eth0-"), "{said}");
    assert!(!said.contains("c2-eth0-"), "{said}");
    assert_eq!(labs(), 3);
    let said = ok(&["gc", "--yes"]);
    assert!(said.contains("c1-eth0-"), "{said}");
    assert_eq!((labs(), looks().code), (2, Some(0)));
    assert!(pings("c2", "10.5.0.1"));
    // Its address is free.
    let asked = json!({"runtimeConfig": {"ips": ["10.5.0.2"]}});
    call("ADD", &changed(&conf, asked), "c3").ok();
    call("DEL", &conf, "c1").done();
    for name in ["c2", "c3"] {
        call("DEL", &conf, name).done();
    }
    ok(&["down", "cni-lan"]);
}
