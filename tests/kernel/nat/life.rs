//! A router's file changes, somebody changes the router, and it is asked about.

use serde_json::Value;

use crate::sandbox::{file, ok, outcome, sh, until};
use crate::{Test, snapshot, test};

use super::classify::{self, Client, Depends, Server};
use super::{ONE, found, lab, up};

pub(super) fn tests() -> Vec<Test> {
    vec![
        test("nat::another kind is other elements", changed),
        test("nat::another time, and no NAT any more", timed),
        test("nat::what somebody changes is told and comes back", drifted),
        test("nat::a home behind a carrier", layers),
        test("nat::explain knows who gets in", explained),
        test("nat::out by another lab's network", external),
    ]
}

fn router(command: &str) -> String {
    sh(&format!("ip netns exec router {command}"))
}

/// While an endpoint keeps its port.
fn changed() {
    let server = up("home");
    let client = Client::at("one", ONE, 4005);
    let mapped = server.sees(&client, 0, 0);
    let path = lab("full-cone");
    let plan = ok(&["plan", "--as", "sh", &path]);
    assert!(
        plan.contains("anybody") && !plan.contains("nft -f"),
        "{plan}"
    );
    ok(&["up", &path]);
    let came = server.get_through(&client, mapped, &[(1, 1)]);
    assert_eq!(came.len(), 1, "who was not spoken with");
    ok(&["up", &lab("symmetric")]);
    drop(server);
    let now = found();
    assert_eq!(
        (now.mapping, now.filtering),
        (Depends::OnBoth, Depends::OnBoth)
    );
    assert!(ok(&["up", &lab("symmetric")]).contains("nothing to change"));
}

/// The settings are put back as they were.
fn timed() {
    let settings = "sysctl -n net.netfilter.nf_conntrack_udp_timeout \
                    net.netfilter.nf_conntrack_udp_timeout_stream";
    let lifetime = || router("nft list set inet netyard-router taken");
    up("home");
    assert_eq!(router(settings), "120\n120\n");
    assert!(lifetime().contains("timeout 2m"));
    let longer = "{ kind: home, udp_timeout: 300, udp_stream_timeout: 600 }";
    ok(&["up", &lab(longer)]);
    assert_eq!(router(settings), "300\n600\n");
    assert!(lifetime().contains("timeout 5m"));
    let filtering = found().filtering;
    assert_eq!(filtering, Depends::OnBoth);
    let without = std::fs::read_to_string(lab("home")).expect("the file");
    ok(&[
        "up",
        &file("nat.yaml", &without.replace("    nat: home\n", "")),
    ]);
    assert_eq!(router(settings), "30\n120\n");
    assert_eq!(router("nft list ruleset"), "");
    assert_eq!(found().mapping, Depends::NotThere);
}

fn drifted() {
    up("home");
    let deeds = [
        "nft flush ruleset",
        "nft delete element inet netyard-router stable '{ \"wan0\" }'",
        "nft flush chain inet netyard-router bindings",
        "nft add rule inet netyard-router forward accept",
        "sysctl -qw net.netfilter.nf_conntrack_udp_timeout=7",
    ];
    for deed in deeds {
        let before = snapshot::host();
        router(deed);
        let told = outcome(&["status", "nat"]);
        assert_eq!(told.code, Some(1), "{deed}: {}", told.out);
        ok(&["repair"]);
        assert_eq!(outcome(&["status", "nat"]).code, Some(0), "{deed}");
        assert!(
            ok(&["up", "/run/nat.yaml"]).contains("nothing to change"),
            "{deed}"
        );
        snapshot::assert_same(&before, &snapshot::host(), deed);
    }
    let now = found();
    assert_eq!(
        (now.mapping, now.filtering),
        (Depends::OnNothing, Depends::OnBoth)
    );
}

/// The stricter of the two decides on each.
fn layers() {
    let two = |home: &str, carrier: &str| {
        format!(
            r#"
lab: layers
namespaces:
  one:
    interfaces: {{ eth0: {{ addresses: [10.0.1.2/24] }} }}
    routes: [{{ to: default, via: 10.0.1.1 }}]
  home:
    forward: true
    nat: {home}
    interfaces: {{ lan: {{ addresses: [10.0.1.1/24] }}, wan: {{ addresses: [100.64.0.2/30] }} }}
    routes: [{{ to: default, via: 100.64.0.1 }}]
  carrier:
    forward: true
    nat: {carrier}
    interfaces: {{ down: {{ addresses: [100.64.0.1/30] }}, up: {{ addresses: [203.0.113.9/24] }} }}
    routes: [{{ to: default, via: 203.0.113.1 }}]
  net: {{ interfaces: {{ eth0: {{ addresses: [203.0.113.1/24, 203.0.113.2/24] }} }} }}
links:
  - endpoints: ["one:eth0", "home:lan"]
  - endpoints: ["home:wan", "carrier:down"]
  - endpoints: ["net:eth0", "carrier:up"]
"#
        )
    };
    use Depends::{OnBoth, OnNothing};
    for (home, carrier, mapping, filtering) in [
        ("home", "cgnat", OnNothing, OnBoth),
        ("full-cone", "cgnat", OnNothing, OnNothing),
        ("symmetric", "cgnat", OnBoth, OnBoth),
        ("full-cone", "symmetric", OnBoth, OnBoth),
    ] {
        ok(&["up", &file("layers.yaml", &two(home, carrier))]);
        let server = Server::start();
        let client = |port| Client::at("one", ONE, port);
        let both = (
            classify::mapping(&server, &client(4001)),
            classify::filtering(&server, &client(4002)),
        );
        assert_eq!(both, (mapping, filtering), "{home} behind {carrier}");
        ok(&["down", "layers"]);
    }
}

fn told(words: &str) -> Value {
    let mut arguments = vec!["explain"];
    arguments.extend(words.split(' '));
    arguments.push("--json");
    serde_json::from_str(&outcome(&arguments).out).expect("JSON")
}

/// By what packets have put into the router's sets.
fn explained() {
    for (nat, before, after) in [
        ("home", "filtered", "filtered"),
        ("address-restricted", "filtered", "arrives"),
        ("full-cone", "filtered", "arrives"),
    ] {
        let server = up(nat);
        let client = Client::at("one", ONE, 4005);
        let verdict = |told: &Value| match told["verdict"].as_str() {
            Some("stops") => told["cause"].as_str().unwrap_or_default().to_owned(),
            verdict => verdict.unwrap_or_default().to_owned(),
        };
        let ask = || told("net 203.0.113.9:4005/udp");
        assert_eq!(verdict(&ask()), before, "{nat}: {:#}", ask());
        server.sees(&client, 0, 0);
        // A sixth endpoint is not listed any more, but asked for.
        for port in 5000..5008 {
            server.sees(&Client::at("one", ONE, port), 0, 0);
        }
        assert_eq!(verdict(&ask()), after, "{nat}: {:#}", ask());
        let shown = ok(&["show", "router"]);
        let kind = nat.replace("full-cone", "full cone");
        assert!(shown.contains(&format!("{kind} NAT by wan0")), "{shown}");
        let out = told("one 203.0.113.1:3478/udp");
        assert_eq!(verdict(&out), "arrives", "{nat}: {out:#}");
        assert!(out.to_string().contains("203.0.113.9"), "{out:#}");
        ok(&["down", "nat"]);
    }
    until("nothing is left", || sh("ip netns list").is_empty());
}

/// What is not known before that lab is up is looked at then.
fn external() {
    let web = |gateway: &str| {
        let lan = format!("{{ subnets: [10.7.0.0/24]{gateway} }}");
        file(
            "web.yaml",
            &format!("lab: web\nnetworks: {{ lan: {lan} }}\n"),
        )
    };
    let router = "lab: home
networks: { lan: { external: web } }
namespaces:
  router: { forward: true, nat: home, interfaces: { eth0: { network: lan }, lan0: { addresses: [10.0.0.1/24] } } }
  one:
    interfaces: { eth0: { addresses: [10.0.0.2/24] } }
    routes: [{ to: default, via: 10.0.0.1 }]
links: [{ endpoints: [\"one:eth0\", \"router:lan0\"] }]
";
    let path = file("home.yaml", router);
    ok(&["up", &web(", gateway: none")]);
    let said = outcome(&["up", &path]);
    assert_eq!(said.code, Some(2), "{}", said.out);
    assert!(said.err.contains("[bad-nat]"), "{}", said.err);
    ok(&["down", "web"]);
    ok(&["up", &web("")]);
    ok(&["up", &path]);
    assert!(crate::sandbox::pings("one", "10.7.0.1"));
    assert!(ok(&["show", "router"]).contains("home NAT by eth0"));
    ok(&["down", "home"]);
    ok(&["down", "web"]);
}
