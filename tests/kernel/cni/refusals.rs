//! Calls and configurations that cannot be: each is told by its code, names what is wrong, and
//! changes nothing.

use std::os::unix::process::CommandExt;

use serde_json::{Value, json};

use super::call::{call, changed, containers, network, of_network};
use crate::sandbox::{Outcome, netyard, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::missing variables are named", missing),
        test("cni::bad variables are named", bad_variables),
        test("cni::an unknown command", unknown_command),
        test("cni::no command is the program itself", no_command),
        test("cni::input that is no JSON", no_json),
        test("cni::a version that is not spoken", versions),
        test("cni::a name that is none", names),
        test("cni::a key that is not known is named with its value", keys),
        test(
            "cni::a value that cannot be is named with its place",
            values,
        ),
        test("cni::a mapping that cannot be", ports),
        test("cni::a namespace that is none", no_namespace),
        test("cni::the host's own namespace", own_namespace),
    ]
}

const ALL: [&str; 4] = ["0.3.0", "0.3.1", "1.0.0", "1.1.0"];

fn missing() {
    let conf = network("lan", json!({}));
    let three = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"];
    for (verb, needed) in [
        ("ADD", &three[..]),
        ("CHECK", &three[..]),
        ("DEL", &["CNI_CONTAINERID", "CNI_IFNAME"]),
    ] {
        for version in ALL {
            let conf = changed(&conf, json!({"cniVersion": version}));
            for key in needed {
                call(verb, &conf, "c1").without(key).says(4, &[key]);
                call(verb, &conf, "c1").with(key, "").says(4, &[key]);
            }
            of_network(verb, &conf).says(4, needed);
        }
    }
}

fn bad_variables() {
    let conf = network("lan", json!({}));
    containers(&["c1"]);
    let before = snapshot::host();
    for verb in ["ADD", "DEL", "CHECK"] {
        for (key, value) in [
            ("CNI_CONTAINERID", "a b"),
            ("CNI_CONTAINERID", "-a"),
            ("CNI_CONTAINERID", "_a"),
            ("CNI_CONTAINERID", "a/b"),
            ("CNI_CONTAINERID", "../a"),
            ("CNI_CONTAINERID", "ä"),
            ("CNI_IFNAME", "0123456789abcdef"),
            ("CNI_IFNAME", "."),
            ("CNI_IFNAME", ".."),
            ("CNI_IFNAME", "a/b"),
            ("CNI_IFNAME", "a:b"),
            ("CNI_IFNAME", "a b"),
            ("CNI_ARGS", "no-pair"),
            ("CNI_ARGS", "=value"),
        ] {
            let call = call(verb, &conf, "c1").with(key, value);
            call.says(4, &[key, value]);
        }
    }
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
}

fn unknown_command() {
    let conf = network("lan", json!({}));
    for word in ["add", "MAKE", "ADD "] {
        let call = call("ADD", &conf, "c1").with("CNI_COMMAND", word);
        call.says(4, &[&format!("unknown CNI_COMMAND: {word}")]);
    }
    let call = call("ADD", &conf, "c1").with("CNI_COMMAND", "");
    call.says(4, &["missing: CNI_COMMAND"]);
}

/// The reference plugins print what they are, and so does netyard by their names; by its own it
/// has a command line.
fn no_command() {
    let alone = Outcome::of(netyard(&[]).output().expect("netyard"));
    assert_eq!(alone.code, Some(2), "{alone:?}");
    assert!(alone.err.contains("Usage: netyard"), "{alone:?}");
    let call = call("ADD", &network("lan", json!({})), "c1").without("CNI_COMMAND");
    let answer = call.run();
    assert_eq!((answer.code, answer.err), (Some(2), alone.err));
    for unset in [true, false] {
        let mut ptp = netyard(&[]);
        ptp.arg0("/opt/cni/bin/ptp");
        match unset {
            true => ptp.env_remove("CNI_COMMAND"),
            false => ptp.env("CNI_COMMAND", ""),
        };
        let said = Outcome::of(ptp.output().expect("netyard"));
        assert_eq!((said.code, &*said.out), (Some(0), ""), "{said:?}");
        assert!(said.err.starts_with("CNI plugin ptp: netyard "), "{said:?}");
        assert!(
            said.err.contains("0.3.0") && said.err.contains("1.1.0"),
            "{said:?}"
        );
    }
}

fn no_json() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    for verb in ["ADD", "DEL", "CHECK", "GC", "STATUS"] {
        for text in ["", "{", "bridge", "{}}", "\u{0}"] {
            call(verb, &conf, "c1").input(text).fails(6);
        }
    }
    for text in ["[]", "7", "\"lan\""] {
        call("ADD", &conf, "c1").input(text).fails(7);
        call("DEL", &conf, "c1").input(text).fails(6);
    }
}

fn versions() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    for version in ["0.1.0", "0.2.0", "1.2.0", "2.0.0", "1.1", "newest"] {
        let conf = changed(&conf, json!({"cniVersion": version}));
        for verb in ["ADD", "CHECK", "STATUS"] {
            call(verb, &conf, "c1").says(1, &[version, "0.3.0", "0.4.0", "1.1.0"]);
        }
    }
    // The specification: without one it is 0.1.0.
    let none = changed(&conf, json!({"cniVersion": null}));
    call("ADD", &none, "c1").says(1, &["0.1.0"]);
    for bad in [json!(1.1), json!(["1.1.0"])] {
        let answer = call("ADD", &changed(&conf, json!({"cniVersion": bad})), "c1").run();
        assert_eq!(answer.code, Some(1));
        assert!(answer.out.contains("cniVersion"), "{answer:?}");
    }
}

fn names() {
    containers(&["c1"]);
    for name in [
        json!("a b"),
        json!(""),
        json!("-a"),
        json!("../a"),
        json!(7),
        Value::Null,
    ] {
        let conf = changed(&network("lan", json!({})), json!({"name": name}));
        call("ADD", &conf, "c1").says(7, &["name"]);
        call("STATUS", &conf, "c1").says(7, &["name"]);
        let gone = call("DEL", &conf, "c1").run();
        assert_ne!(gone.code, Some(0), "{gone:?}");
    }
}

fn keys() {
    containers(&["c1"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    let of_ipam = |keys: Value| json!({"ipam": keys});
    for (keys, said) in [
        (json!({"hairpin": true}), "hairpin = true"),
        (json!({"bridgeName": "br0"}), "bridgeName = \"br0\""),
        (
            json!({"dns": {"server": ["10.0.0.1"]}}),
            "did you mean `servers`?",
        ),
        (json!({"snat": true}), "`portmap`"),
        (
            json!({"disableContainerInterface": true}),
            "disableContainerInterface = true",
        ),
        (
            of_ipam(json!({"type": "host-local", "subnet": "10.5.0.0/24", "range": [1]})),
            "ipam.range = [1]",
        ),
        (
            of_ipam(
                json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"},
                {"subnet": "10.6.0.0/24", "start": "10.6.0.9"}]]}),
            ),
            "ipam.ranges[0][1].start = \"10.6.0.9\"",
        ),
        (
            json!({"runtimeConfig": {"ipRanges": [[{"subnet": "10.6.0.0/24", "gate": 1}]]}}),
            "runtimeConfig.ipRanges[0][0].gate = 1",
        ),
    ] {
        let conf = changed(&conf, keys);
        for verb in ["ADD", "CHECK", "STATUS"] {
            call(verb, &conf, "c1").says(2, &[said]);
        }
    }
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
    // These are of the specification, or of the runtime.
    let kept = json!({
        "capabilities": {"portMappings": true}, "args": {"labels": {"a": "b"}, "cni": {}},
        "cni.dev/anything": [1], "runtimeConfig": {"aliases": {"lan": ["web"]}, "cgroupPath": "/x",
            "deviceID": "0000:00:01.0"},
    });
    call("ADD", &changed(&conf, kept), "c1").ok();
}

fn values() {
    containers(&["c1"]);
    let before = snapshot::host();
    let of_ipam = |keys: Value| json!({"ipam": keys});
    let of_range = |range: Value| of_ipam(json!({"type": "host-local", "ranges": [[range]]}));
    for (keys, place) in [
        (json!({"bridge": "a/b"}), "bridge"),
        (json!({"bridge": "0123456789abcdef"}), "bridge"),
        (json!({"mtu": "large"}), "mtu"),
        (json!({"mtu": -1}), "mtu"),
        (json!({"ipMasq": "yes"}), "ipMasq"),
        (json!({"ipam": []}), "ipam"),
        (json!({"dns": {"nameservers": ["here"]}}), "here"),
        (
            json!({"hairpinMode": true, "promiscMode": true}),
            "hairpinMode",
        ),
        (json!({"runtimeConfig": {"mac": "zz"}}), "mac"),
        (json!({"runtimeConfig": {"ips": ["10.5.0.300"]}}), "ips"),
        (json!({"runtimeConfig": {"ips": ["10.6.0.3"]}}), "10.6.0.3"),
        (of_ipam(json!({"type": "host-local"})), "ipam"),
        (of_range(json!({})), "ipam.ranges[0][0]"),
        (
            of_range(json!({"subnet": "10.5.0.0/33"})),
            "ipam.ranges[0][0].subnet",
        ),
        (
            of_range(json!({"subnet": "10.5.0.0/24", "rangeStart": "10.6.0.1"})),
            "10.6.0.1",
        ),
        (
            of_range(
                json!({"subnet": "10.5.0.0/24", "rangeStart": "10.5.0.9", "rangeEnd": "10.5.0.3"}),
            ),
            "10.5.0.9",
        ),
        (
            of_range(json!({"subnet": "10.5.0.0/24", "gateway": "10.6.0.1"})),
            "10.6.0.1",
        ),
    ] {
        let conf = network("lan", keys);
        call("ADD", &conf, "c1").says(7, &[place]);
    }
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
}

fn ports() {
    containers(&["c1"]);
    let before = snapshot::host();
    for (port, place) in [
        (json!({"hostPort": 0, "containerPort": 80}), "portMappings"),
        (json!({"hostPort": 80, "containerPort": 0}), "portMappings"),
        (
            json!({"hostPort": 80, "containerPort": 70000}),
            "portMappings",
        ),
        (
            json!({"hostPort": 80, "containerPort": 80, "protocol": "icmp"}),
            "icmp",
        ),
        (
            json!({"hostPort": 80, "containerPort": 80, "hostIP": "there"}),
            "there",
        ),
        (json!({"hostPort": 80}), "portMappings"),
        (json!(80), "portMappings"),
    ] {
        let conf = network("lan", json!({"runtimeConfig": {"portMappings": [port]}}));
        call("ADD", &conf, "c1").says(7, &[place]);
    }
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
}

fn no_namespace() {
    sh("mkfifo /run/fifo; touch /run/file");
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    for path in [
        "/proc/1073741824/ns/net",
        "/run/nothing/at/all",
        "/run/fifo",
        "/run/file",
        "/proc/self/ns/mnt",
    ] {
        let said = call("ADD", &conf, "c1").with("CNI_NETNS", path).run();
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.contains(path), "{said:?}");
    }
    for path in ["relative", "/run/../x"] {
        call("ADD", &conf, "c1")
            .with("CNI_NETNS", path)
            .says(4, &["CNI_NETNS", path]);
    }
    super::nothing_left(&before, &[&conf]);
}

fn own_namespace() {
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    sh("touch /run/own; mount --bind /proc/self/ns/net /run/own");
    for path in ["/proc/self/ns/net", "/run/own"] {
        call("ADD", &conf, "c1")
            .with("CNI_NETNS", path)
            .says(8, &[path]);
        call("DEL", &conf, "c1").with("CNI_NETNS", path).done();
    }
    sh("umount /run/own; rm -r /run/own /run/mount");
    super::nothing_left(&before, &[&conf]);
}
