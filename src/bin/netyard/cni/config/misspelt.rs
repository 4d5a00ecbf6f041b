//! Keys that look like known ones.

use serde_json::json;

use super::tests::with;
use super::*;

/// That a key in the value of another is refused, and what is said of it.
#[track_caller]
fn refuses(key: &str, value: Value, at: &str, hint: &str) {
    let failure = with(key, value).expect_err("refused");
    assert_eq!(failure.code, Code::UnsupportedField, "{failure:?}");
    let start = format!("unsupported field: {at} = ");
    assert!(failure.msg.starts_with(&start), "{failure:?}");
    assert_eq!(failure.details, hint, "{failure:?}");
}

#[test]
fn a_key_that_looks_like_one_is_told_so_wherever_it_stands() {
    let range = json!({ "subnet": "10.0.0.0/24", "rangeStat": "10.0.0.9" });
    let ranges = json!({ "type": "host-local", "ranges": [[range]] });
    let at = "ipam.ranges[0][0].rangeStat";
    refuses("ipam", ranges, at, "did you mean `rangeStart`?");
    let route = json!({ "dst": "0.0.0.0/0", "via": "10.0.0.1" });
    let routes = json!({ "type": "host-local", "subnet": "10.0.0.0/24", "routes": [route] });
    refuses("ipam", routes, "ipam.routes[0].via", "");
    let dns = json!({ "nameserver": ["10.0.0.1"] });
    refuses("dns", dns, "dns.nameserver", "did you mean `nameservers`?");
    let trunk = json!([{ "minId_": 7 }]);
    refuses(
        "vlanTrunk",
        trunk,
        "vlanTrunk[0].minId_",
        "did you mean `minID`?",
    );
    refuses("ipMask", json!(true), "ipMask", "did you mean `ipMasq`?");
    let other = "it is a key of the plugin `portmap`, which may stand after netyard in the list";
    refuses("snat", json!(true), "snat", other);
}

#[test]
fn a_key_of_the_runtime_that_looks_like_one_is_told_so() {
    let known = json!({ "portMapings": true, "foo": true });
    let hint = "did you mean `portMappings`?";
    refuses("capabilities", known, "capabilities.portMapings", hint);
    let port = json!({ "hostPort": 1, "containerPort": 1, "hostIPs": 0 });
    for (value, at, hint) in [
        (json!({ "bandwith": {} }), "bandwith", "bandwidth"),
        (
            json!({ "portMappings": [port] }),
            "portMappings[0].hostIPs",
            "hostIP",
        ),
        (
            json!({ "bandwidth": { "ingresRate": 1 } }),
            "bandwidth.ingresRate",
            "ingressRate",
        ),
    ] {
        let (at, hint) = (
            format!("runtimeConfig.{at}"),
            format!("did you mean `{hint}`?"),
        );
        refuses("runtimeConfig", value, &at, &hint);
    }
}
