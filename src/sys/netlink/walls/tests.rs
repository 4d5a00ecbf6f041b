//! Against the running kernel, with rules that nft made.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use super::*;
use crate::sys::netns;

/// What is read of these rules.
fn seen(ruleset: &str) -> Vec<Wall> {
    let place = netns::create(1).unwrap().remove(0);
    let run = || {
        let mut child = Command::new("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()?;
        child.stdin.take().unwrap().write_all(ruleset.as_bytes())?;
        assert!(child.wait()?.success(), "{ruleset}");
        read(&mut Socket::netfilter()?)
    };
    netns::enter(Some(place.fd.as_fd()), run).unwrap()
}

/// One rule of a chain `input`, in a table that drops the rest.
fn rule(text: &str) -> String {
    let walls = seen(&format!(
        "table inet filter {{
            set some {{ type inet_service; flags interval; elements = {{ 22, 8000-8010 }}; }}
            chain more {{ }}
            chain input {{ type filter hook input priority 0; policy drop; {text}; }}
        }}"
    ));
    let [wall] = &walls[..] else {
        panic!("{walls:?}")
    };
    let chain = &wall.chains["input"];
    assert!(chain.drops && chain.hook == Some(WallHook::Input));
    let rules = chain
        .rules
        .iter()
        .map(|rule| serde_json::to_string(rule).unwrap());
    rules.collect::<Vec<_>>().join("\n")
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn rules_are_followed() {
    let only = |what: &str, not: bool| match not {
        false => format!(r#"{{"when":[{{"is":{what}}}],"then":"accept"}}"#),
        true => format!(r#"{{"when":[{{"is":{what},"not":true}}],"then":"accept"}}"#),
    };
    for (text, what, not) in [
        (
            "ct state established,related accept",
            r#"{"new":false}"#,
            false,
        ),
        ("ct state new accept", r#"{"new":true}"#, false),
        ("ct state { new, related } accept", r#"{"new":true}"#, false),
        (
            "ct state != { established, related } accept",
            r#"{"new":false}"#,
            true,
        ),
        ("ct status dnat accept", r#""published""#, false),
        ("iif lo accept", r#"{"from":["lo"]}"#, false),
        ("iifname != \"lo\" accept", r#"{"from":["lo"]}"#, true),
        ("oifname \"br*\" accept", r#"{"out":["br*"]}"#, false),
        (
            "oifname { br0, br1 } accept",
            r#"{"out":["br0","br1"]}"#,
            false,
        ),
        ("meta nfproto ipv6 accept", r#"{"family":"ipv6"}"#, false),
        (
            "meta l4proto { tcp, udp } accept",
            r#"{"protocol":[[6,6],[17,17]]}"#,
            false,
        ),
        ("th dport 53 accept", r#"{"port":[[53,53]]}"#, false),
        (
            "th dport 22-23 accept",
            r#"{"port":[[22,65535]]}},{"is":{"port":[[0,23]]}"#,
            false,
        ),
        (
            "th dport != @some accept",
            r#"{"port":[[22,22],[8000,8010]]}"#,
            true,
        ),
        (
            "th dport > 1023 accept",
            r#"{"port":[[1024,65535]]}"#,
            false,
        ),
        (
            "ip saddr 10.0.0.1 accept",
            r#"{"family":"ipv4"}},{"is":"other""#,
            false,
        ),
        ("limit rate 5/second accept", r#""other""#, false),
    ] {
        assert_eq!(rule(text), only(what, not), "{text}");
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn several_things_and_verdicts() {
    let tcp = r#"{"is":{"protocol":[[6,6]]}}"#;
    for (text, expected) in [
        (
            "counter log prefix \"x\" reject",
            r#"{"then":"drop"}"#.to_owned(),
        ),
        ("jump more", r#"{"then":{"jump":"more"}}"#.to_owned()),
        ("counter", "{}".to_owned()),
        (
            "tcp dport vmap { 25 : drop, 26-28 : goto more }",
            format!(
                "{{\"when\":[{tcp},{{\"is\":{{\"port\":[[25,25]]}}}}],\"then\":\"drop\"}}\n\
                 {{\"when\":[{tcp},{{\"is\":{{\"port\":[[26,28]]}}}}],\"then\":{{\"goto\":\"more\"}}}}"
            ),
        ),
        (
            "ct state vmap { established : accept, invalid : drop }",
            "{\"when\":[{\"is\":{\"new\":false}}],\"then\":\"drop\"}\n\
             {\"when\":[{\"is\":{\"new\":false}}],\"then\":\"accept\"}"
                .to_owned(),
        ),
        (
            "ip saddr . tcp dport { 10.0.0.1 . 80 } accept",
            format!(
                r#"{{"when":[{{"is":{{"family":"ipv4"}}}},{tcp},{{"is":"other"}}],"then":"accept"}}"#
            ),
        ),
    ] {
        assert_eq!(rule(text), expected, "{text}");
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn only_what_decides_on_packets_to_ports() {
    let nothing: [Wall; 0] = [];
    assert_eq!(seen(""), nothing);
    let chain =
        |hook: &str| format!("chain c {{ type filter hook {hook} priority 0; policy drop;\n }}\n");
    let (forward, output) = (chain("forward"), chain("output"));
    assert_eq!(seen(&format!("table inet other {{ {output} }}\n")), nothing);
    assert_eq!(
        seen(&format!("table inet netyard {{ {forward} }}\n")),
        nothing
    );
    assert_eq!(seen(&format!("table bridge b {{ {forward} }}\n")), nothing);
    let dormant = format!("table ip d {{ flags dormant; {forward} }}");
    assert_eq!(seen(&dormant), nothing);
    let two = seen(&format!(
        "table ip netyard {{ {forward} }}\ntable ip6 a {{ {forward} }}"
    ));
    let names: Vec<_> = two
        .iter()
        .map(|wall| (wall.name.as_str(), wall.family))
        .collect();
    let families = (Some(Family::Ipv4), Some(Family::Ipv6));
    assert_eq!(names, [("ip netyard", families.0), ("ip6 a", families.1)]);
}
