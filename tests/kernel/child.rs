//! Interfaces on devices of the host: a cable's end of the test's own is the parent. Kinds that
//! not every kernel has are made in `tests/vm`, on one that has them.

use crate::join::{Guest, inside, said, up_and_well};
use crate::kill::{End, sweep_by};
use crate::sandbox::{file, netyard, ok, outcome, pings, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("child::macvlans reach each other and who is outside", reach),
        test("child::changed, moved, removed", changes),
        test("child::a parent that goes", parent_goes),
        test("child::what is in the way is told", in_the_way),
        test("child::in a namespace that others made", joined),
        test("child::killed at every call, then down", killed_then_down),
        test("child::killed at every call, then up", killed_then_up),
        test("child::a kernel without is told before", lacks),
        test("child::a kernel without WireGuard, too", lacks_wireguard),
        test("child::what `show`, `graph` and `explain` tell", told),
    ]
}

/// A device `eth1` with somebody at its other end, who has 192.0.2.1; and an `eth0`.
fn parent() {
    sh(
        "ip netns add outside; ip link add eth1 type veth peer name up0 netns outside; \
        ip link set eth1 addrgenmode none; ip link set eth1 up; ip -n outside link set up0 up; ip -n outside address add 192.0.2.1/24 dev up0; \
        ip link add eth0 type bridge",
    );
}

const TWO: &str = "\
lab: street
namespaces:
  one: { interfaces: { eth0: { macvlan: { parent: eth1 }, addresses: [192.0.2.9/24] } } }
  two: { interfaces: { eth0: { macvlan: { parent: eth1 }, addresses: [192.0.2.10/24, \"2001:db8::10/64\"] } } }
expect:
  - { from: one, to: two }
  - { from: two, to: 192.0.2.1 }
";

fn two() -> String {
    file("street.yaml", TWO)
}

fn reach() {
    parent();
    sh("ip link add index 100000000 name taken type bridge");
    let before = snapshot::host();
    up_and_well(&two());
    assert!(pings("one", "192.0.2.10") && pings("two", "192.0.2.9"));
    assert!(pings("one", "192.0.2.1") && pings("outside", "192.0.2.10"));
    ok(&["test", "street"]);
    let link = sh("ip -n one -d link show dev eth0");
    for part in [
        "macvlan mode bridge",
        "alias netyard:street",
        "group default",
        "mtu 1500",
    ] {
        assert!(link.contains(part), "{link}");
    }
    ok(&["down", "--wait", "street"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

fn changes() {
    parent();
    sh("ip link add eth2 mtu 9000 type veth peer name far2 mtu 9000; ip link set eth2 up");
    let before = snapshot::host();
    up_and_well(&two());
    let one = "macvlan: { parent: eth1 }, addresses: [192.0.2.9/24]";
    for (what, shows) in [
        (
            "macvlan: { parent: eth1, mode: private }, addresses: [192.0.2.9/24]",
            "macvlan mode private",
        ),
        (
            "macvlan: { parent: eth1, mode: vepa }, mtu: 1400, mac: \"02:00:00:00:00:07\"",
            "mtu 1400",
        ),
        (
            "macvlan: { parent: eth2, mode: passthru }",
            "macvlan mode passthru",
        ),
        ("macvlan: { parent: eth2 }, mtu: 8000", "mtu 8000"),
        ("macvlan: { parent: eth2 }", "mtu 9000"),
        (one, "macvlan mode bridge"),
    ] {
        let changed = file("street.yaml", &TWO.replace(one, what));
        ok(&["up", "--yes", &changed]);
        assert!(ok(&["plan", &changed]).contains("nothing to do"), "{what}");
        let link = sh("ip -n one -d link show dev eth0");
        assert!(link.contains(shows), "{what}\n{link}");
    }
    assert!(pings("one", "192.0.2.10"));
    let only_two = TWO
        .lines()
        .filter(|line| !line.contains("one:") && !line.contains("from: one"));
    let only_two: Vec<&str> = only_two.collect();
    up_yes(&only_two.join("\n"));
    assert!(!sh("ip netns list").contains("one"));
    ok(&["down", "--wait", "street"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

#[track_caller]
fn up_yes(text: &str) {
    ok(&["up", "--yes", &file("street.yaml", text)]);
}

fn parent_goes() {
    parent();
    let yaml = two();
    up_and_well(&yaml);
    sh("ip link del eth1");
    for words in [
        &["status", "street"][..],
        &["repair", "street"],
        &["up", &yaml],
    ] {
        let said = said(words);
        let why = "one:eth0 (macvlan mode bridge) is to be on eth1 of the host: it is not there";
        assert!(said.contains(why), "{said}");
    }
    sh(
        "ip link add eth1 type veth peer name up0 netns outside; ip link set eth1 up; \
        ip -n outside link set up0 up; ip -n outside address add 192.0.2.1/24 dev up0",
    );
    assert!(said(&["status", "street"]).contains("eth0, macvlan mode bridge, on host:eth1"));
    ok(&["repair", "street"]);
    ok(&["status", "street"]);
    ok(&["test", "street"]);
    sh("ip link del eth1");
    ok(&["down", "--wait", "street"]);
    assert_eq!(sh("ip netns list | sed 's/ .*//'"), "outside\n");
}

fn in_the_way() {
    parent();
    let yaml = two();
    let on_eth1 = |why: &str| {
        let before = snapshot::host();
        let said = said(&["up", &yaml]);
        assert!(said.contains(why), "{said}");
        snapshot::assert_same(&before, &snapshot::host(), why);
    };
    sh("ip link add link eth1 name theirs type macvlan mode passthru");
    on_eth1("it carries host:theirs (macvlan mode passthru)");
    sh("ip link del theirs; ip link set eth1 master eth0");
    on_eth1("it is a port of eth0");
    // Before Linux 6.2 one that is up keeps its name.
    sh("ip link set eth1 nomaster down; ip link set eth1 name eth9");
    on_eth1("it is not there");
    sh("ip link set eth9 name eth1; ip link set eth1 up mtu 1300");
    let large = file(
        "large.yaml",
        &TWO.replace("eth1 }, addresses", "eth1 }, mtu: 1400, addresses"),
    );
    assert!(said(&["up", &large]).contains("its MTU is 1300"));
    // In a namespace that nobody looks into it shows only then; all is taken back.
    sh("ip link add link eth1 name theirs netns outside type macvlan mode passthru");
    let before = snapshot::host();
    let refused = said(&["up", &yaml]);
    assert!(
        refused.contains("error[parent-device]: cannot make macvlan eth0"),
        "{refused}"
    );
    snapshot::assert_same(&before, &snapshot::host(), "refused");
    // Others may be on the parent, and stay.
    sh("ip -n outside link del theirs; ip link add link eth1 name theirs type macvlan mode bridge");
    let before = snapshot::host();
    up_and_well(&yaml);
    assert!(pings("one", "192.0.2.10"));
    ok(&["down", "--wait", "street"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
    // Somebody has made a device in a namespace of the lab.
    up_and_well(&yaml);
    sh("ip -n one link del eth0; ip -n one link add eth0 type bridge");
    assert!(said(&["repair", "street"]).contains("device eth0 exists already in namespace one"));
    ok(&["down", "--wait", "street"]);
    snapshot::assert_same(&before, &snapshot::host(), "after the last down");
}

fn guest_lab(path: &str) -> String {
    let text = format!(
        "lab: guest\nnamespaces:\n  {path}:\n    interfaces: {{ eth0: {{ macvlan: {{ parent: eth1 }}, addresses: [192.0.2.7/24, \"2001:db8::7/64\"] }} }}\n\
         \x20   routes: [{{ to: 198.51.100.0/24, via: 192.0.2.1 }}]\n"
    );
    file("guest.yaml", &text)
}

fn joined() {
    parent();
    let guest = Guest::new();
    let path = guest.path();
    sh(&format!("nsenter --net={path} ip link set lo up"));
    let (before, within) = (snapshot::host(), inside(&path));
    let yaml = guest_lab(&path);
    up_and_well(&yaml);
    assert!(pings("outside", "192.0.2.7"));
    let route = sh(&format!(
        "nsenter --net={path} ip route show 198.51.100.0/24"
    ));
    assert!(route.contains("via 192.0.2.1 dev eth0"), "{route}");
    ok(&["down", "--wait", "guest"]);
    assert_eq!(within, inside(&path));
    snapshot::assert_same(&before, &snapshot::host(), "after down");
    sh(&format!(
        "nsenter --net={path} ip link add eth0 type bridge"
    ));
    let within = inside(&path);
    assert!(said(&["up", &yaml]).contains("device eth0 exists already"));
    assert_eq!(within, inside(&path));
}

/// Where others are, too, nothing is left that was not marked yet.
fn killed_then_down() {
    parent();
    let guest = Guest::new();
    let (yaml, path) = (guest_lab(&guest.path()), guest.path());
    sh(&format!("nsenter --net={path} ip link set lo up"));
    let (before, within) = (snapshot::host(), inside(&path));
    let kills = sweep_by(1, &["up", &yaml], libc::SIGKILL, |n, end| {
        let down = outcome(&["down", "--wait", "guest"]);
        assert!(
            down.code == Some(0) || down.err.contains("no lab `guest` is up"),
            "{}",
            down.err
        );
        assert_eq!(within, inside(&path), "killed after call {n}");
        snapshot::assert_same(
            &before,
            &snapshot::host(),
            &format!("killed after call {n}"),
        );
        end == End::Killed
    });
    assert!(kills > 10, "{kills}");
}

fn killed_then_up() {
    parent();
    let (yaml, before) = (two(), snapshot::host());
    sweep_by(2, &["up", &yaml], libc::SIGKILL, |n, end| {
        ok(&["up", "--yes", &yaml]);
        assert!(
            ok(&["plan", &yaml]).contains("nothing to do"),
            "killed after call {n}"
        );
        assert!(pings("one", "192.0.2.10"), "killed after call {n}");
        ok(&["down", "--wait", "street"]);
        snapshot::assert_same(
            &before,
            &snapshot::host(),
            &format!("killed after call {n}"),
        );
        end == End::Killed
    });
}

fn kernel_has(kind: &str) -> bool {
    let made = try_sh(&format!("ip link add link eth1 name try0 type {kind}"));
    match made.code {
        Some(0) => drop(sh("ip link del try0")),
        _ => assert!(made.err.contains("Unknown device type"), "{}", made.err),
    }
    made.code == Some(0)
}

const KINDS: [(&str, &str, &str); 5] = [
    ("ipvlan", "ipvlan", "{ parent: eth1 }"),
    ("ipvlan", "ipvlan mode l3", "{ parent: eth1, mode: l3 }"),
    ("ipvlan", "ipvlan mode l3s", "{ parent: eth1, mode: l3s }"),
    ("vlan", "vlan id 7", "{ parent: eth1, id: 7 }"),
    ("macvlan", "macvlan", "{ parent: eth1 }"),
];

fn only(word: &str, keys: &str) -> String {
    let text = format!(
        "lab: street\nnamespaces: {{ one: {{ interfaces: {{ eth0: {{ {word}: {keys}, addresses: [192.0.2.9/24] }} }} }} }}\n"
    );
    file("street.yaml", &text)
}

fn lacks() {
    parent();
    for (word, kind, keys) in KINDS {
        if kernel_has(kind) {
            continue;
        }
        let (yaml, before) = (only(word, keys), snapshot::host());
        for verb in ["plan", "up"] {
            let said = said(&[verb, &yaml]);
            let why = format!("error[kernel-lacks]: this kernel cannot make {word} devices");
            assert!(said.contains(&why) && said.contains("modprobe"), "{said}");
        }
        snapshot::assert_same(&before, &snapshot::host(), kind);
        assert!(!std::path::Path::new("/run/netns/one").exists());
    }
}

/// Asked without a device of the kind: nothing is made, whether the kernel has it or not.
fn lacks_wireguard() {
    parent();
    let key = "yIFxnqrY3OJV1VOlO+9WSPebswuqJskSpksaCpPUKlI=";
    let text = format!(
        "lab: tunnel\nnamespaces: {{ one: {{ interfaces: {{ wg0: {{ wireguard: {{ private-key: {key} }} }} }} }} }}\n"
    );
    let (yaml, before) = (file("tunnel.yaml", &text), snapshot::host());
    if kernel_has("wireguard") {
        up_and_well(&yaml);
        ok(&["down", "--wait", "tunnel"]);
    } else {
        for verb in ["plan", "up"] {
            let said = said(&[verb, &yaml]);
            let why = "error[kernel-lacks]: this kernel cannot make wireguard devices, as one:wg0 is to be";
            assert!(said.contains(why), "{said}");
            assert!(said.contains("modprobe wireguard"), "{said}");
            assert!(!said.contains(key), "{said}");
        }
    }
    snapshot::assert_same(&before, &snapshot::host(), "wireguard");
    assert!(!std::path::Path::new("/run/netns/one").exists());
}

fn told() {
    parent();
    ok(&["up", &two()]);
    let show = ok(&["show"]);
    assert!(show.contains("on eth1 in host, mode bridge"), "{show}");
    let graph = ok(&["graph"]);
    let line = graph.lines().find(|line| line.contains("├─ one"));
    assert!(
        line.is_some_and(|line| line.ends_with("192.0.2.9/24  macvlan bridge")),
        "{graph}"
    );
    for graph in [ok(&["graph", &two()]), ok(&["graph", "street"])] {
        let mut lines = graph.lines().skip_while(|line| !line.contains("eth1"));
        assert!(
            lines.any(|line| line.contains("─ one ") && line.ends_with("macvlan bridge")),
            "{graph}"
        );
    }
    let explain = ok(&["explain", "one", "two"]);
    assert!(
        explain.contains("192.0.2.10 is eth0 in two, from eth0"),
        "{explain}"
    );
    let list = ok(&["list", "street"]);
    assert!(list.contains("192.0.2.9"), "{list}");
    let json = netyard(&["up", "--json", &two()])
        .output()
        .expect("it runs");
    assert_eq!(json.status.code(), Some(0));
}
