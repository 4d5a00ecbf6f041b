//! Keys as Go's encoding/json takes them.

use serde_json::json;

use super::tests::{call, read, reference};
use super::*;

/// The structures of go-cni, which containerd and Nomad call plugins by, name no keys.
#[test]
fn what_go_cni_sends_is_taken() {
    let mut all = reference();
    all["runtimeConfig"] = json!({
        "portMappings": [
            {"HostPort": 8080, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""},
            {"HostPort": 53, "ContainerPort": 53, "Protocol": "udp", "HostIP": "192.0.2.1"},
        ],
        "ipRanges": [[
            {"Subnet": "10.11.0.0/16", "RangeStart": "", "RangeEnd": "10.11.0.9", "Gateway": ""},
        ]],
        "bandwidth": {"IngressRate": 8000, "IngressBurst": 0, "EgressRate": 0, "EgressBurst": 0},
        "dns": {"Servers": ["10.10.0.53"], "Searches": null, "Options": null},
        "ips": null,
    });
    let config = read(all.clone()).expect("a network");
    let ports = config.ports.iter();
    let ports = ports.map(|port| (port.host_port, port.host_ip.as_deref()));
    assert_eq!(
        ports.collect::<Vec<_>>(),
        [(8080, None), (53, Some("192.0.2.1"))]
    );
    assert_eq!(config.bandwidth.ingress_rate, 8000);
    assert_eq!(config.dns.nameservers, ["10.10.0.53"]);
    let ranges: Vec<_> = config.ranges().collect();
    assert_eq!((ranges[0].start, ranges[0].gateway), (None, None));
    assert_eq!(ranges[0].end, "10.11.0.9".parse().ok());
    all["runtimeConfig"]["portMappings"][1]["Hostport6"] = json!(1);
    let failure = read(all).expect_err("refused");
    assert!(
        failure.msg.contains("portMappings[1].Hostport6"),
        "{failure:?}"
    );
}

#[test]
fn keys_are_taken_without_regard_to_case() {
    let text = reference().to_string();
    for (key, other) in [
        ("cniVersion", "CNIVersion"),
        ("isDefaultGateway", "IsDefaultGateway"),
        ("ipam", "IPAM"),
        ("subnet", "Subnet"),
        ("type", "Type"),
    ] {
        let text = text.replace(&format!("\"{key}\""), &format!("\"{other}\""));
        let config = Config::read(text.as_bytes(), &call(), "netyard").expect("a network");
        assert_eq!(config, read(reference()).expect("a network"));
        let basics = Basics::read(text.as_bytes()).expect("a network");
        assert_eq!((&*basics.name, basics.delegate()), ("mynet", None));
    }
    let mut all = reference();
    all["Bridge"] = json!("other0");
    assert_eq!(
        read(all).expect_err("refused").msg,
        "unsupported field: Bridge = \"other0\""
    );
}
