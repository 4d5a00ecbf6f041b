//! Labs beside each other and beside what others made; changes; undoing.

use crate::sandbox::{all_examples, example, file, ok, outcome, pings, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "labs::what another holds is an error that names the holder",
            conflicts,
        ),
        test(
            "labs::a mark without a record protects nothing and is nothing",
            forged_mark,
        ),
        test(
            "labs::a namespace that took the place of ours is foreign",
            replaced,
        ),
        test("labs::an MTU too small for IPv6 is an MTU", small_mtu),
        test(
            "labs::a failed change leaves file and leases as they were",
            old_file,
        ),
        test(
            "labs::a device that lost its mark is left, and told",
            lost_mark,
        ),
        test("labs::two labs do not touch each other", side_by_side),
        test("labs::every two examples side by side", pairs),
        test(
            "labs::a changed file changes only the difference",
            difference,
        ),
        test("labs::an error in the middle undoes everything", undone),
        test(
            "labs::an error in a change undoes the change",
            change_undone,
        ),
        test("labs::leases stay when others come and go", leases),
        test(
            "labs::a link-local address that a killed run left goes",
            left_link_local,
        ),
        test(
            "labs::a namespace that someone deleted is made again",
            repaired,
        ),
    ]
}

const LAB: &str = "
lab: mine
networks:
  lan: { bridge: br-mine, subnets: [10.5.0.0/24] }
namespaces:
  pc: { interfaces: { eth0: { network: lan, addresses: 10.5.0.10/24 } } }
";

fn conflicts() {
    let mine = file("mine.yaml", LAB);
    let cases = [
        (
            "ip netns add pc",
            "ip netns del pc",
            "namespace pc exists already",
        ),
        (
            "ip link add br-mine type bridge",
            "ip link del br-mine",
            "device br-mine exists already",
        ),
        (
            "ip link add foreign type bridge; ip address add 10.5.0.77/16 dev foreign",
            "ip link del foreign",
            "10.5.0.77/16 of the host's device foreign: netyard did not make it",
        ),
    ];
    for (make, remove, said) in cases {
        sh(make);
        let before = snapshot::host();
        let outcome = outcome(&["up", &mine]);
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.err.contains(said), "{}", outcome.err);
        assert!(
            outcome.err.contains("nothing was changed"),
            "{}",
            outcome.err
        );
        snapshot::assert_same(&before, &snapshot::host(), make);
        sh(remove);
    }
    let other = LAB.replace("lab: mine", "lab: other");
    ok(&["up", &file("other.yaml", &other)]);
    let said = outcome(&["up", &mine]).err;
    for held in ["namespace pc", "device br-mine", "10.5.0.1/24"] {
        assert!(said.contains(held) && said.contains("lab other"), "{said}");
    }
}

fn forged_mark() {
    sh("ip link add br-mine type bridge; ip link set br-mine alias netyard:mine");
    let mine = file("mine.yaml", LAB);
    assert!(
        outcome(&["up", &mine])
            .err
            .contains("device br-mine exists already")
    );
    assert!(outcome(&["down", "mine"]).err.contains("no lab `mine`"));
    sh("ip link show br-mine");
}

fn lost_mark() {
    let mine = file("mine.yaml", LAB);
    ok(&["up", &mine]);
    sh("ip link set br-mine alias ''");
    let outcome = outcome(&["down", "mine"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(
        outcome.err.contains("device br-mine was left alone"),
        "{}",
        outcome.err
    );
    sh("ip link del br-mine");
    assert_eq!(sh("ip -o link").lines().count(), 1, "only lo is left");
}

/// The kernel gives the inode of a namespace that is gone to the next one.
fn replaced() {
    let two = example("two-pcs.yaml");
    ok(&["up", &two]);
    sh("ip netns del pc-one; ip netns del pc-two; ip netns add pc-one; ip netns add pc-two");
    let said = outcome(&["up", &two]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(
        said.err.contains("namespace pc-one exists already"),
        "{}",
        said.err
    );
    ok(&["down", "two-pcs"]);
    let names = sh("ip netns list");
    assert!(
        names.contains("pc-one") && names.contains("pc-two"),
        "{names}"
    );
}

fn small_mtu() {
    let small = LAB.replace("subnets:", "mtu: 1000, subnets:");
    ok(&["up", &file("mine.yaml", &small)]);
    assert!(
        sh("ip link show br-mine; ip -n pc link show eth0")
            .matches("mtu 1000")
            .count()
            == 2
    );
    assert!(pings("host", "10.5.0.10"));
    assert!(ok(&["up", &file("mine.yaml", LAB)]).contains("is up:"));
    assert!(ok(&["up", &file("mine.yaml", LAB)]).contains("nothing to change"));
}

fn old_file() {
    let open = LAB.replace(", addresses: 10.5.0.10/24", "");
    ok(&["up", &file("mine.yaml", &open)]);
    sh("echo 1 > /proc/sys/net/ipv6/conf/br-mine/disable_ipv6");
    let bad = LAB
        .replace("10.5.0.0/24", "10.5.0.0/24, 'fd00:5::/64'")
        .replace("  pc:", "  other:");
    assert_eq!(outcome(&["up", &file("bad.yaml", &bad)]).code, Some(1));
    sh("echo 0 > /proc/sys/net/ipv6/conf/br-mine/disable_ipv6");
    assert!(ok(&["up", &file("mine.yaml", &open)]).contains("nothing to change"));
    assert!(ok(&["test", "mine"]).contains("expects nothing"));
    let first = "  a-first: { interfaces: { eth0: { network: lan } } }\n";
    ok(&["up", &file("mine.yaml", &(open + first))]);
    assert!(
        sh("ip -n pc address").contains("10.5.0.2/24"),
        "the lease is held"
    );
}

fn side_by_side() {
    ok(&["up", &file("mine.yaml", LAB)]);
    let before = snapshot::host();
    let inside = sh("ip -n pc -br address; ip -n pc route");
    let other = LAB
        .replace("lab: mine", "lab: other")
        .replace("10.5.", "10.6.");
    let other = other.replace("pc:", "pc2:").replace("br-mine", "br-other");
    let other = file("other.yaml", &other);
    ok(&["up", &other]);
    assert!(pings("host", "10.5.0.10") && pings("host", "10.6.0.10"));
    assert!(!pings("pc", "10.6.0.10"), "nobody forwards between them");
    ok(&["down", &other]);
    snapshot::assert_same(
        &before,
        &snapshot::host(),
        "after the other lab came and went",
    );
    assert_eq!(inside, sh("ip -n pc -br address; ip -n pc route"));
}

/// All pairs of examples that do not claim the same objects, in both orders.
fn pairs() {
    let examples = all_examples();
    let mut both = 0;
    for (one, two) in examples
        .iter()
        .flat_map(|a| examples.iter().map(move |b| (a, b)))
    {
        let (one, two) = (example(one), example(two));
        let start = snapshot::host();
        ok(&["up", &one]);
        let alone = snapshot::host();
        if one != two && outcome(&["up", &two]).code == Some(0) {
            both += 1;
            for file in [&one, &two] {
                // It expects that the host cannot reach 10.0.0.1: with a lab whose
                // gateway that is, the host does, and reaches itself.
                if !file.ends_with("two-pcs.yaml") {
                    ok(&["test", file]);
                }
            }
            ok(&["down", &two]);
        }
        snapshot::assert_same(&alone, &snapshot::host(), &format!("{two} beside {one}"));
        ok(&["down", &one]);
        snapshot::assert_same(&start, &snapshot::host(), &format!("after {one}"));
    }
    assert!(both > 0, "no two examples can stand side by side");
}

fn steps(said: &str) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_str(said).expect("JSON");
    let steps = value["steps"].as_array().expect("steps");
    steps
        .iter()
        .map(|step| step["op"].as_str().expect("an op").to_owned())
        .collect()
}

fn difference() {
    ok(&["up", &file("mine.yaml", LAB)]);
    let more = LAB.to_owned()
        + "  pc2: { interfaces: { eth0: { network: lan, addresses: 10.5.0.20/24 } } }\n";
    let said = ok(&["up", "--json", &file("mine.yaml", &more)]);
    let expected = [
        "add-netns",
        "add-veth",
        "set-link",
        "set-link",
        "add-address",
        "add-route",
        // Its port is checked; may use its hardware address, its address, and for IPv6 the
        // link-local one, of which it may tell its neighbours.
        "add-element",
        "add-element",
        "add-element",
        "add-element",
        "add-element",
    ];
    assert_eq!(steps(&said), expected);
    assert!(pings("pc", "10.5.0.20"));
    let address = more.replace(
        "addresses: 10.5.0.20/24",
        "addresses: [10.5.0.20/24, 10.5.0.21/24]",
    );
    assert_eq!(
        steps(&ok(&["up", "--json", &file("mine.yaml", &address)])),
        ["add-address", "add-element"]
    );
    let route = address.replace(
        "lan, addresses: 10.5.0.10/24 } }",
        "lan, addresses: 10.5.0.10/24 } }, routes: [{ to: 192.0.2.0/24, via: 10.5.0.20 }]",
    );
    assert_eq!(
        steps(&ok(&["up", "--json", &file("mine.yaml", &route)])),
        ["add-route"]
    );
    assert_eq!(
        steps(&ok(&[
            "up",
            "--yes",
            "--json",
            &file("mine.yaml", &address)
        ])),
        ["del-route"]
    );
    // A changed address: the kernel would remove a second one with the first.
    let changed = LAB.replace("addresses: 10.5.0.10/24", "addresses: 10.5.0.11/24");
    ok(&["up", "--yes", &file("mine.yaml", &changed)]);
    assert!(pings("host", "10.5.0.11") && !pings("host", "10.5.0.10"));
    assert!(
        sh("ip -n pc route").contains("default via 10.5.0.1"),
        "the route survived"
    );
    assert!(!sh("ip netns list").contains("pc2"));
    assert!(ok(&["up", &file("mine.yaml", &changed)]).contains("nothing to change"));
}

fn undone() {
    // The bridge then refuses its IPv6 address, when all else has been made.
    sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    let both = LAB.replace(
        "subnets: [10.5.0.0/24]",
        "subnets: [10.5.0.0/24, 'fd00:5::/64'], masquerade: true",
    );
    let before = snapshot::host();
    let outcome = outcome(&["up", &file("mine.yaml", &both)]);
    assert_eq!(outcome.code, Some(1));
    for said in [
        "fd00:5::1/64",
        "br-mine",
        "on the host",
        "error[ipv6-off]",
        "was undone",
    ] {
        assert!(outcome.err.contains(said), "`{said}` in\n{}", outcome.err);
    }
    snapshot::assert_same(&before, &snapshot::host(), "after the failed up");
    assert!(ok(&["list"]).contains("no lab is up"));
}

fn change_undone() {
    ok(&["up", &file("mine.yaml", LAB)]);
    let before = snapshot::host();
    let inside = sh("ip -n pc address; ip -n pc route");
    sh("echo 1 > /proc/sys/net/ipv6/conf/br-mine/disable_ipv6");
    let both = LAB.replace(
        "subnets: [10.5.0.0/24]",
        "subnets: ['fd00:5::/64', 10.5.1.0/24]",
    );
    let both = both.replace("10.5.0.10/24", "10.5.1.10/24");
    assert_eq!(outcome(&["up", &file("mine.yaml", &both)]).code, Some(1));
    sh("echo 0 > /proc/sys/net/ipv6/conf/br-mine/disable_ipv6");
    snapshot::assert_same(&before, &snapshot::host(), "after the failed change");
    assert_eq!(inside, sh("ip -n pc address; ip -n pc route"));
    assert!(ok(&["up", &file("mine.yaml", LAB)]).contains("nothing to change"));
}

fn leases() {
    let open = LAB.replace(", addresses: 10.5.0.10/24", "");
    ok(&["up", &file("mine.yaml", &open)]);
    let first = "  a-first: { interfaces: { eth0: { network: lan } } }\n";
    ok(&["up", &file("mine.yaml", &(open.clone() + first))]);
    assert!(
        sh("ip -n pc address").contains("10.5.0.2/24"),
        "the old one keeps its address"
    );
    assert!(sh("ip -n a-first address").contains("10.5.0.3/24"));
}

fn repaired() {
    let mine = file("mine.yaml", LAB);
    ok(&["up", &mine]);
    sh("ip netns del pc");
    // The kernel takes the host's end of its cable away a little later.
    until("the cable goes", || !sh("ip -br link").contains("pc-eth0"));
    ok(&["up", "--yes", &mine]);
    assert!(pings("host", "10.5.0.10"));
    sh("ip link del br-mine");
    ok(&["up", "--yes", &mine]);
    assert!(pings("host", "10.5.0.10"));
    ok(&["down", "mine"]);
    assert_eq!(sh("ip -o link").lines().count(), 1, "only lo is left");
}

/// A router is told to be none, and netyard is killed after the kernel was told to make
/// link-local addresses again and before the one that was given is removed.
fn left_link_local() {
    let text = |forward: bool| {
        format!(
            "lab: mine
namespaces: {{ pc: {{ forward: {forward}, interfaces: {{ eth0: {{ addresses: 'fd00:5::1/64' }} }} }}, peer: {{}} }}
links: [{{ endpoints: ['pc:eth0', 'peer:eth0'] }}]
"
        )
    };
    ok(&["up", &file("mine.yaml", &text(true))]);
    let given = "ip -n pc -6 -o address show dev eth0 nodad scope link";
    let before = sh(given);
    assert!(before.contains("fe80::"), "a router has one");
    sh("ip -n pc link set dev eth0 addrgenmode eui64");
    ok(&["up", "--yes", &file("mine.yaml", &text(false))]);
    // The one of the hardware address takes its place.
    let now = sh(given);
    assert!(now.contains("fe80::") && now.contains("ff:fe"), "{now}");
    assert_ne!(now, before);
}
