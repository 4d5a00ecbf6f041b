//! What is taken, and what is refused.

use std::collections::BTreeMap;

use netyard::state::{VlanId, VlanRange};
use serde_json::json;

use super::super::call::Verb;
use super::*;

pub(super) fn call() -> Call {
    Call {
        verb: Verb::Add,
        container: "c".to_owned(),
        dev: None,
        netns: None,
        args: BTreeMap::new(),
        path: Vec::new(),
    }
}

pub(super) fn read(value: Value) -> Result<Config, Failure> {
    Config::read(value.to_string().as_bytes(), &call(), "netyard")
}

/// The example of the reference bridge plugin.
pub(super) fn reference() -> Value {
    json!({
        "cniVersion": "0.3.1", "name": "mynet", "type": "bridge", "bridge": "mynet0",
        "isDefaultGateway": true, "forceAddress": false, "ipMasq": true, "hairpinMode": true,
        "ipam": { "type": "host-local", "subnet": "10.10.0.0/16" }
    })
}

#[test]
fn the_reference_example_is_taken() {
    let config = read(reference()).expect("a network");
    assert_eq!(config.gateway, Role::DefaultGateway);
    let Ipam::Own { sets, .. } = &config.ipam else {
        panic!("{config:?}");
    };
    assert_eq!(sets[0][0].subnet.to_string(), "10.10.0.0/16");
}

#[test]
fn an_unknown_key_is_named_with_its_value() {
    for (path, at) in [("/hairpin", "hairpin"), ("/ipam/range", "ipam.range")] {
        let mut value = reference();
        let (parent, key) = path.rsplit_once('/').expect("a path");
        let parent = value.pointer_mut(parent).and_then(Value::as_object_mut);
        parent.expect("an object").insert(key.to_owned(), json!(7));
        let failure = read(value).expect_err("refused");
        assert_eq!(failure.code, Code::UnsupportedField);
        assert_eq!(failure.msg, format!("unsupported field: {at} = 7"));
    }
}

/// The example with another value of a key.
pub(super) fn with(key: &str, value: Value) -> Result<Config, Failure> {
    let mut all = reference();
    all[key] = value;
    read(all)
}

#[test]
fn what_is_for_other_plugins_is_left_to_them() {
    let others = json!({ "cgroupPath": "/x", "deviceID": "0", "infinibandGUID": "c2" });
    with("runtimeConfig", others).expect("a network");
    let others = json!({ "cgroupPath": true, "io.kubernetes.cri.pod-annotations": true });
    with("capabilities", others).expect("a network");
}

/// What one of the two could not read would stay for good.
#[test]
fn what_add_takes_del_takes() {
    let text = |more: &str| {
        reference()
            .to_string()
            .replacen('{', &format!("{{{more},"), 1)
    };
    for twice in [r#""Name":"other""#, r#""NAME":"other","nAme":"third""#] {
        // Refused now, it may have been attached by another configuration.
        let text = text(twice);
        let add = Config::read(text.as_bytes(), &call(), "netyard").expect_err("refused");
        assert_eq!(add.code, Code::UnsupportedField, "{text}");
        let del = Basics::read(text.as_bytes()).expect("enough");
        assert_eq!(del.name, "mynet", "{text}");
    }
    // It is for GC alone.
    let text = text(r#""cni.dev/valid-attachments":[7]"#);
    Config::read(text.as_bytes(), &call(), "netyard").expect("a network");
    let basics = Basics::read(text.as_bytes()).expect("enough");
    assert_eq!(basics.valid().expect_err("no list").code, Code::Decode);
}

#[test]
fn an_empty_argument_counts_as_missing() {
    let args = ["IP", "MAC"].map(|key| (key.to_owned(), String::new()));
    let call = Call {
        args: args.into(),
        ..call()
    };
    let text = reference().to_string();
    let config = Config::read(text.as_bytes(), &call, "netyard").expect("a network");
    assert_eq!((config.ips.len(), config.mac), (0, None));
}

#[test]
fn a_bad_value_is_named_with_its_place() {
    for (key, value, place) in [
        ("name", json!("a b"), "name"),
        ("bridge", json!("a/b"), "bridge"),
        ("mtu", json!("large"), "mtu"),
        ("ipam", json!({"type": "host-local"}), "ipam"),
        (
            "ipam",
            json!({"type": "host-local", "ranges": [[{}]]}),
            "ipam.ranges[0][0]",
        ),
        ("runtimeConfig", json!({"mac": "zz"}), "mac"),
        (
            "runtimeConfig",
            json!({"bandwidth": {"ingressBurst": 800_000}}),
            "runtimeConfig.bandwidth: `ingressBurst` needs `ingressRate`",
        ),
        (
            "dns",
            json!({"nameservers": ["10.0.0.1", "nope"]}),
            "dns: nameserver `nope` is no IP address",
        ),
        (
            "ipam",
            json!({"type": "host-local", "subnet": "10.0.0.5/24"}),
            "ipam: 10.0.0.5/24 is an address of the network 10.0.0.0/24",
        ),
    ] {
        let mut all = reference();
        all[key] = value;
        let failure = read(all).expect_err("refused");
        assert_eq!(failure.code, Code::InvalidConfig, "{failure:?}");
        let start = format!("invalid configuration: {place}");
        assert!(failure.msg.starts_with(&start), "{failure:?}");
    }
}

#[test]
fn a_version_that_is_not_spoken_is_refused() {
    for version in [json!("0.2.0"), json!("2.0.0"), Value::Null] {
        let mut all = reference();
        all["cniVersion"] = version;
        let failure = read(all).expect_err("refused");
        assert_eq!(failure.code, Code::IncompatibleVersion);
    }
    let failure = Config::read(b"{", &call(), "netyard").expect_err("refused");
    assert_eq!(failure.code, Code::Decode);
}

#[test]
fn what_the_runtime_asks_comes_first() {
    let mut all = reference();
    all["runtimeConfig"] = json!({
        "mac": "02:00:00:00:00:07", "ips": ["10.10.0.9/16"],
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": ""}],
        "cgroupPath": "/x",
    });
    all["args"] = json!({"cni": {"mac": "02:00:00:00:00:08"}, "labels": []});
    let config = read(all).expect("a network");
    assert_eq!(
        config.mac.map(|mac| mac.to_string()).as_deref(),
        Some("02:00:00:00:00:07")
    );
    assert_eq!(
        config.ips,
        ["10.10.0.9".parse::<IpAddr>().expect("an address")]
    );
    assert_eq!(config.ports[0].container_port, 80);
}

#[test]
fn a_kind_is_named_or_the_program_is_called_by_it() {
    let mut all = reference();
    let keys = all.as_object_mut().expect("an object");
    for key in ["bridge", "isDefaultGateway", "forceAddress", "hairpinMode"] {
        keys.remove(key);
    }
    let read = |value: &Value, program: &str| {
        Config::read(value.to_string().as_bytes(), &call(), program).map(|config| config.kind)
    };
    assert_eq!(read(&all, "ptp"), Ok(Kind::Ptp));
    assert_eq!(read(&all, "loopback"), Ok(Kind::Loopback));
    assert!(read(&all, "netyard").expect("a bridge").is_bridge());
    all["kind"] = json!("macvlan");
    all["master"] = json!("eth1");
    all["mode"] = json!("private");
    let Ok(Kind::Carried(carried)) = read(&all, "netyard") else {
        panic!("{all}");
    };
    assert_eq!(carried.word, "macvlan");
    assert_eq!(
        carried.settings,
        json!({ "parent": "eth1", "mode": "private" })
    );
    all["kind"] = json!("wire");
    let failure = read(&all, "netyard").expect_err("refused");
    assert_eq!(failure.code, Code::InvalidConfig);
}

#[test]
fn what_cannot_be_held_is_refused() {
    for (key, value, said) in [
        (
            "disableContainerInterface",
            json!(true),
            "disableContainerInterface = true",
        ),
        (
            "ipam",
            json!({"type": "host-local", "subnet": "10.0.0.0/24", "routes": [{"dst": "0.0.0.0/0", "table": 7}]}),
            "ipam.routes.table = 7",
        ),
    ] {
        let mut all = reference();
        all[key] = value;
        let failure = read(all).expect_err("refused");
        assert_eq!(failure.code, Code::UnsupportedField, "{failure:?}");
        assert_eq!(failure.msg, format!("unsupported field: {said}"));
    }
}

/// The example's VLANs with these keys.
fn vlans(keys: &Value) -> Result<Vlans, Failure> {
    let mut all = reference();
    let keys = keys.as_object().expect("keys").clone();
    all.as_object_mut().expect("an object").extend(keys);
    read(all).map(|config| config.vlans)
}

#[test]
fn vlans_are_those_of_the_reference() {
    let text = |ranges: &[VlanRange]| {
        let all: Vec<String> = ranges.iter().map(VlanRange::to_string).collect();
        all.join(" ")
    };
    for (keys, network, trunk, tagged) in [
        (json!({}), None, "", false),
        (
            json!({ "vlan": 0, "preserveDefaultVlan": false }),
            None,
            "",
            false,
        ),
        (json!({ "vlan": 100 }), Some(100), "", false),
        (
            json!({ "vlan": 4094, "preserveDefaultVlan": false }),
            Some(4094),
            "",
            false,
        ),
        (json!({ "vlanTrunk": [] }), None, "", false),
        (
            json!({ "vlanTrunk": [{ "id": 7 }, { "minID": 100, "maxID": 110 }] }),
            Some(1),
            "7 100-110",
            false,
        ),
        (
            json!({ "vlanTrunk": [{ "id": 7 }], "preserveDefaultVlan": false }),
            Some(1),
            "7",
            true,
        ),
        (
            json!({ "vlanTrunk": [{ "minID": 1, "maxID": 4094 }] }),
            Some(1),
            "1-4094",
            true,
        ),
    ] {
        let vlans = vlans(&keys).expect("VLANs");
        let seen = (
            vlans.network.map(VlanId::number),
            text(&vlans.trunk),
            vlans.tagged,
        );
        assert_eq!(seen, (network, trunk.to_owned(), tagged), "{keys}");
    }
}

#[test]
fn vlans_that_cannot_be_are_named() {
    for (keys, place) in [
        (json!({ "vlan": 4095 }), "vlan"),
        (json!({ "vlan": -1 }), "vlan"),
        (
            json!({ "vlan": 5, "vlanTrunk": [{ "id": 7 }] }),
            "vlanTrunk",
        ),
        (json!({ "vlanTrunk": [{ "id": 0 }] }), "vlanTrunk"),
        (json!({ "vlanTrunk": [{ "minID": 7 }] }), "vlanTrunk"),
        (
            json!({ "vlanTrunk": [{ "minID": 8, "maxID": 7 }] }),
            "vlanTrunk",
        ),
        (json!({ "vlanTrunk": [{}] }), "vlanTrunk"),
    ] {
        let failure = vlans(&keys).expect_err("refused");
        assert_eq!(failure.code, Code::InvalidConfig, "{failure:?}");
        let start = format!("invalid configuration: {place}");
        assert!(failure.msg.starts_with(&start), "{failure:?}");
    }
}

#[test]
fn limits_are_in_bits() {
    let mut all = reference();
    all["runtimeConfig"] = json!({
        "bandwidth": { "ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 1_000_000 },
    });
    let limits = read(all).expect("a network").bandwidth;
    assert_eq!(limits.ingress_rate, 8_000_000);
    assert_eq!((limits.egress_rate, limits.egress_burst), (1_000_000, 0));
}
