//! VLANs on a network's switch, which not every kernel tells apart.

use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, SendFlags};
use serde_json::{Value, json};

use crate::cni::call::{call, changed, containers};
use crate::cni::nothing_left;
use crate::frames::{OTHER, PC, ethernet, ipv4, udp};
use crate::join::{said, up_and_well};
use crate::oracle::agrees;
use crate::sandbox::{file, ok, outcome, pings, sh, until};
use crate::spoof::{on_one_processor, packet};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("vlans::packets stay in their VLAN", flows),
        test("vlans::the script makes the same", || agrees(&floor())),
        test("vlans::what others change is told and repaired", repaired),
        test(
            "vlans::a file that gets them, changes them, loses them",
            changes,
        ),
        test("vlans::on another lab's network", external),
        test(
            "vlans::a trunk speaks for itself, but in its own VLANs",
            trunk,
        ),
        test("vlans::containers in a VLAN", cni),
        test("vlans::containers with a trunk", cni_trunk),
    ]
}

const FLOOR: &str = r#"
lab: floor
networks: { lan: { bridge: br7, subnets: 10.9.0.0/24, vlan: 100 } }
namespaces:
  desk: { interfaces: { eth0: { network: lan, addresses: 10.9.0.2/24 } } }
  next: { interfaces: { eth0: { network: lan, addresses: 10.9.0.3/24 } } }
  printer: { interfaces: { eth0: { network: lan, access: 200, addresses: 10.9.0.4/24 } } }
  scanner: { interfaces: { eth0: { network: lan, access: 200, addresses: 10.9.0.5/24 } } }
  router: { interfaces: { eth0: { network: lan, trunk: [100, "200-210"] } } }
expect:
  - { from: desk, to: next }
  - { from: desk, to: host }
  - { from: printer, to: scanner }
  - { from: desk, to: printer, reach: false }
  - { from: host, to: printer, reach: false }
"#;

fn floor() -> String {
    file("floor.yaml", FLOOR)
}

/// The VLANs of a device of the host as bridge(8) tells them, but those side by side as one.
fn vlans(dev: &str) -> Vec<String> {
    let told: Value = serde_json::from_str(&sh("bridge -j vlan")).expect("JSON");
    let all = told.as_array().expect("a list").iter();
    let own = all.filter(|port| port["ifname"] == dev);
    let entries = own.flat_map(|port| port["vlans"].as_array().expect("a list").clone());
    let mut runs: Vec<(u64, u64, String)> = Vec::new();
    for entry in entries {
        let id = entry["vlan"].as_u64().expect("a number");
        let flags = entry["flags"].as_array().cloned().unwrap_or_default();
        let words = flags.iter().filter_map(Value::as_str);
        let words: String = words.map(|flag| format!(" {flag}")).collect();
        match runs.last_mut() {
            Some((_, last, same)) if *last + 1 == id && *same == words => *last = id,
            _ => runs.push((id, id, words)),
        }
    }
    let line = |(first, last, words): (u64, u64, String)| match first == last {
        true => format!("{first}{words}"),
        false => format!("{first}-{last}{words}"),
    };
    runs.into_iter().map(line).collect()
}

/// A device in a namespace for what has this tag.
fn tagged(netns: &str, id: u16, address: &str) {
    sh(&format!(
        "ip netns exec {netns} ip link add link eth0 name v{id} type vlan id {id}; \
        ip -n {netns} address add {address} dev v{id}; ip -n {netns} link set v{id} up"
    ));
}

fn flows() {
    let before = snapshot::host();
    let yaml = floor();
    up_and_well(&yaml);
    assert_eq!(vlans("br7"), ["100 PVID Egress Untagged"]);
    assert_eq!(vlans("desk-eth0"), ["100 PVID Egress Untagged"]);
    assert_eq!(vlans("printer-eth0"), ["200 PVID Egress Untagged"]);
    assert_eq!(vlans("router-eth0"), ["100", "200-210"]);
    let bridge = sh("ip -d link show dev br7");
    assert!(bridge.contains("vlan_filtering 1 ") && bridge.contains("vlan_default_pvid 0 "));
    ok(&["test", "floor"]);
    assert!(pings("desk", "10.9.0.3") && pings("desk", "10.9.0.1"));
    assert!(pings("printer", "10.9.0.5"));
    assert!(!pings("desk", "10.9.0.4") && !pings("printer", "10.9.0.1"));
    // With tags one hears all, and each its own.
    tagged("router", 100, "10.9.0.77/24");
    assert!(pings("router", "10.9.0.2") && pings("router", "10.9.0.1"));
    tagged("router", 200, "10.9.0.78/32");
    sh(
        "ip -n router route add 10.9.0.4 dev v200; ip -n printer neigh replace 10.9.0.78 lladdr $(ip -n router -j link show dev eth0 | grep -o '\\(..:\\)\\{5\\}..' | head -1) dev eth0",
    );
    assert!(pings("router", "10.9.0.4"));
    // What is the matter between two is told with both VLANs.
    let why = said(&["explain", "desk", "printer"]);
    assert!(
        why.contains("VLAN 100") && why.contains("VLAN 200"),
        "{why}"
    );
    let shown = ok(&["show", "host"]);
    assert!(shown.contains("vlan 100 200-210"), "{shown}");
    assert!(ok(&["graph"]).contains("port printer-eth0, vlan 200 untagged"));
    ok(&["down", "--wait", "floor"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

fn repaired() {
    let yaml = floor();
    ok(&["up", &yaml]);
    for (broken, told) in [
        ("bridge vlan del dev desk-eth0 vid 100", "(now none)"),
        (
            "bridge vlan add dev printer-eth0 vid 100",
            "(now 100, 200 pvid untagged)",
        ),
        ("bridge vlan add dev printer-eth0 vid 200", "(now 200)"),
        (
            "bridge vlan del dev router-eth0 vid 203-205",
            "(now 100, 200-202, 206-210)",
        ),
        ("bridge vlan del dev br7 vid 100 self", "(now none)"),
        (
            "ip link set br7 type bridge vlan_default_pvid 7",
            "ports in 7",
        ),
        (
            "ip link set br7 type bridge vlan_filtering 0",
            "tells no VLANs apart",
        ),
        (
            "ip link set br7 type bridge vlan_filtering 0 vlan_default_pvid 1",
            "(now 100 untagged)",
        ),
        ("ip link set desk-eth0 nomaster", "no bridge"),
        ("ip link del br7", "bridge br7"),
    ] {
        let before = sh("bridge -j vlan");
        sh(broken);
        let told_of = said(&["status", "floor"]);
        assert!(told_of.contains(told), "{broken}\n{told_of}");
        ok(&["repair", "--yes", "floor"]);
        ok(&["status", "floor"]);
        if !broken.contains("br7") && !broken.contains("nomaster") {
            assert_eq!(sh("bridge -j vlan"), before, "{broken}");
        }
    }
    until("it is as before", || pings("desk", "10.9.0.3"));
    ok(&["test", "floor"]);
}

fn changes() {
    let yaml = |vlan: &str, printer: &str| {
        let text = FLOOR.replace(", vlan: 100", vlan);
        let text = text.replace(", access: 200", printer);
        let text = text.replace(", trunk: [100, \"200-210\"]", "");
        let (text, _) = text.split_once("expect").expect("a part");
        file("floor.yaml", text)
    };
    let reach = |from: &str, to: &[&str], not: &[&str]| {
        until(from, || to.iter().all(|to| pings(from, to)));
        assert!(!not.iter().any(|to| pings(from, to)), "{from} {not:?}");
    };
    let well = |yaml: &str| {
        ok(&["up", "--yes", yaml]);
        assert!(ok(&["plan", yaml]).contains("nothing to do"));
    };
    well(&yaml("", ""));
    reach("desk", &["10.9.0.1", "10.9.0.3", "10.9.0.4"], &[]);
    assert_eq!(vlans("br7"), ["1 PVID Egress Untagged"]);
    well(&yaml("", ", access: 200"));
    reach("desk", &["10.9.0.1", "10.9.0.3"], &["10.9.0.4"]);
    assert_eq!(vlans("br7"), ["1 PVID Egress Untagged"]);
    well(&yaml(", vlan: 200", ", access: 200"));
    reach("desk", &["10.9.0.1", "10.9.0.3", "10.9.0.4"], &[]);
    well(&yaml(", vlan: 300", ", access: 200"));
    reach("desk", &["10.9.0.1", "10.9.0.3"], &["10.9.0.4"]);
    assert_eq!(vlans("desk-eth0"), ["300 PVID Egress Untagged"]);
    well(&yaml("", ""));
    reach("desk", &["10.9.0.1", "10.9.0.3", "10.9.0.4"], &[]);
    assert_eq!(vlans("printer-eth0"), ["1 PVID Egress Untagged"]);
}

fn external() {
    let guest = |keys: &str| {
        let text = format!(
            "lab: guest\nnetworks: {{ lan: {{ external: floor }} }}\n\
             namespaces: {{ guest: {{ interfaces: {{ eth0: {{ network: lan{keys} }} }} }} }}\n"
        );
        file("guest.yaml", &text)
    };
    ok(&["up", &floor()]);
    up_and_well(&guest(""));
    assert!(pings("guest", "10.9.0.1") && pings("guest", "10.9.0.2"));
    let other = file("other.yaml", &FLOOR.replace("vlan: 100", "vlan: 101"));
    let asked = outcome(&["up", &other]);
    let said = asked.out + &asked.err;
    assert_ne!(asked.code, Some(0), "{said}");
    assert!(said.contains("what lab guest has on it"), "{said}");
    let yaml = guest(", access: 200");
    ok(&["up", "--yes", &yaml]);
    assert!(ok(&["plan", &yaml]).contains("nothing to do"));
    assert!(pings("guest", "10.9.0.4") && !pings("guest", "10.9.0.2"));
    ok(&["down", "--wait", "guest"]);
    ok(&["down", "--wait", "floor"]);
    // What that bridge does is its own lab's affair.
    let (networks, _) = FLOOR.split_once("namespaces").expect("a part");
    ok(&[
        "up",
        &file("floor.yaml", &networks.replace(", vlan: 100", "")),
    ]);
    let before = snapshot::host();
    let refused = outcome(&["up", &guest(", access: 200")]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("external-vlans"), "{refused:?}");
    snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
}

/// A frame with the tag of this VLAN; 0 means none.
fn with_tag(frame: &[u8], id: u16) -> Vec<u8> {
    [&frame[..12], &[0x81, 0], &id.to_be_bytes(), &frame[12..]].concat()
}

/// A datagram between these ports, with this source.
fn datagram(mac: [u8; 6], source: &str, port: u16) -> Vec<u8> {
    let body = ipv4(source, "10.9.0.99", 17, &udp(port, port));
    ethernet([0xff; 6], mac, 0x800, &body)
}

/// Whether it gets there: another that surely does follows it.
fn arrives(from: &OwnedFd, to: &OwnedFd, frame: &[u8], last: &[u8]) -> bool {
    for frame in [frame, last] {
        rustix::net::send(from, frame, SendFlags::empty()).expect("sent");
    }
    let ports = |frame: &[u8]| frame.get(34..38).map(<[u8]>::to_vec);
    let bare = |frame: &[u8]| match frame[12..14] {
        [0x81, 0] => [&frame[..12], &frame[16..]].concat(),
        _ => frame.to_vec(),
    };
    let (wanted, end) = (ports(&bare(frame)), ports(&bare(last)));
    let (began, mut bytes, mut heard) = (Instant::now(), [0; 2048], false);
    while began.elapsed() < Duration::from_secs(10) {
        match rustix::net::recv(to, &mut bytes[..], RecvFlags::empty()) {
            Ok((_, length)) if ports(&bytes[..length]) == end => return heard,
            Ok((_, length)) => heard |= ports(&bytes[..length]) == wanted,
            Err(_) => thread::yield_now(),
        }
    }
    panic!("an honest frame did not come through");
}

fn trunk() {
    let mac = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
    let yaml = format!(
        r#"
lab: tags
networks: {{ lan: {{ subnets: 10.9.0.0/24, vlan: 100 }} }}
namespaces:
  trunk: {{ interfaces: {{ eth0: {{ network: lan, access: 100, trunk: [7, "20-30"], mac: "{}", addresses: 10.9.0.10/24 }} }} }}
  own: {{ interfaces: {{ eth0: {{ network: lan, addresses: 10.9.0.11/24 }} }} }}
  seven: {{ interfaces: {{ eth0: {{ network: lan, access: 7, addresses: 10.9.0.12/24 }} }} }}
"#,
        mac(PC)
    );
    ok(&["up", &file("tags.yaml", &yaml)]);
    until("the ports forward", || pings("trunk", "10.9.0.11"));
    on_one_processor();
    let [from, own, seven] = ["trunk", "own", "seven"].map(packet);
    let honest = |port| datagram(PC, "10.9.0.10", port);
    let forged = |port| datagram(PC, "10.9.0.11", port);
    let in_own = |frame: &[u8]| arrives(&from, &own, frame, &honest(9));
    let in_seven = |frame: &[u8]| arrives(&from, &seven, frame, &with_tag(&honest(9), 7));
    assert!(in_own(&honest(1)) && !in_own(&forged(1)));
    // With a tag of its own it may say what it likes, by its own hardware address.
    assert!(in_seven(&with_tag(&honest(1), 7)) && in_seven(&with_tag(&forged(1), 7)));
    let elses = datagram(OTHER, "10.9.0.10", 1);
    assert!(!in_seven(&with_tag(&elses, 7)) && !in_own(&elses));
    // A tag of the VLAN that it is in without one, or that means none, opens nothing.
    for id in [100, 0] {
        assert!(!in_own(&with_tag(&forged(1), id)), "with tag {id}");
    }
    for id in [8, 19, 31, 200] {
        let frame = with_tag(&forged(1), id);
        assert!(!in_own(&frame) && !in_seven(&frame), "with tag {id}");
    }
    assert!(!in_seven(&honest(1)), "across");
    // Nor does an access port hear or say anything by tags.
    let marker = datagram_of("own", 9);
    let frame = with_tag(&datagram_of("own", 1), 7);
    assert!(!arrives(&own, &from, &frame, &marker));
}

/// An honest datagram of a namespace.
fn datagram_of(netns: &str, port: u16) -> Vec<u8> {
    let told: Value = serde_json::from_str(&sh(&format!("ip -n {netns} -j address show dev eth0")))
        .expect("JSON");
    let text = told[0]["address"].as_str().expect("an address");
    let bytes = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).expect("a byte"));
    let mac: Vec<u8> = bytes.collect();
    let source = told[0]["addr_info"].as_array().expect("addresses").iter();
    let mut source = source.filter(|address| address["family"] == "inet");
    let source = source.next().expect("an address")["local"].clone();
    let mac = mac.try_into().expect("six bytes");
    datagram(mac, source.as_str().expect("a text"), port)
}

fn network(keys: Value) -> Value {
    let conf = json!({"cniVersion": "1.1.0", "name": "lan", "type": "bridge", "bridge": "br7",
        "isDefaultGateway": true, "ipam": {"type": "host-local", "subnet": "10.20.0.0/24"}});
    changed(&conf, keys)
}

fn cni() {
    containers(&["c1", "c2", "c3"]);
    let before = snapshot::host();
    let conf = network(json!({ "vlan": 100 }));
    let said = call("ADD", &conf, "c1").ok();
    call("ADD", &conf, "c2").ok();
    assert_eq!(vlans("br7"), ["100 PVID Egress Untagged"]);
    let port = said["interfaces"][1]["name"]
        .as_str()
        .expect("a port")
        .to_owned();
    assert_eq!(vlans(&port), ["100 PVID Egress Untagged"]);
    assert!(pings("c1", "10.20.0.1") && pings("c1", "10.20.0.3"));
    call("CHECK", &conf, "c1").done();
    sh(&format!("bridge vlan del dev {port} vid 100"));
    call("CHECK", &conf, "c1").says(101, &["VLANs"]);
    assert!(!pings("c1", "10.20.0.1"));
    // Whoever is attached keeps the host.
    let other = network(json!({ "vlan": 200 }));
    call("ADD", &other, "c3").says(100, &["is 100", "not yet 200"]);
    for name in ["c1", "c2"] {
        call("DEL", &conf, name).done();
        call("DEL", &conf, name).done();
    }
    call("ADD", &other, "c3").ok();
    assert_eq!(vlans("br7"), ["200 PVID Egress Untagged"]);
    assert!(pings("c3", "10.20.0.1"));
    call("DEL", &other, "c3").done();
    nothing_left(&before, &[&other]);
}

fn cni_trunk() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = network(json!({ "vlanTrunk": [{ "id": 7 }, { "minID": 100, "maxID": 103 }] }));
    let ports = ["c1", "c2"].map(|name| {
        let said = call("ADD", &conf, name).ok();
        said["interfaces"][1]["name"]
            .as_str()
            .expect("a port")
            .to_owned()
    });
    assert_eq!(vlans("br7"), ["1 PVID Egress Untagged"]);
    for port in &ports {
        assert_eq!(vlans(port), ["1 PVID Egress Untagged", "7", "100-103"]);
    }
    assert!(pings("c1", "10.20.0.1") && pings("c1", "10.20.0.3"));
    for (name, address) in [("c1", "10.30.0.1/24"), ("c2", "10.30.0.2/24")] {
        tagged(name, 102, address);
    }
    assert!(pings("c1", "10.30.0.2"));
    for name in ["c1", "c2"] {
        call("CHECK", &conf, name).done();
        call("DEL", &conf, name).done();
    }
    let bare = changed(&conf, json!({ "preserveDefaultVlan": false }));
    let said = call("ADD", &bare, "c1").ok();
    let port = said["interfaces"][1]["name"]
        .as_str()
        .expect("a port")
        .to_owned();
    assert_eq!(vlans(&port), ["7", "100-103"]);
    assert!(!pings("c1", "10.20.0.1"));
    call("CHECK", &bare, "c1").done();
    call("DEL", &bare, "c1").done();
    nothing_left(&before, &[&conf]);
}
