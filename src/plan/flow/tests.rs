//! Which flows end with which changes.

use super::*;
use crate::plan::undo;
use crate::state::{LabName, Link, LinkKind, TableName};

fn lab() -> LabName {
    "lab".parse().expect("a lab name")
}

fn element(text: &str) -> Element {
    Element::try_from(text.to_owned()).expect("an element")
}

fn add(set: SetName, text: &str) -> Op {
    Op::AddElement {
        netns: Netns::Host,
        set,
        element: element(text),
        owner: Some(lab()),
    }
}

fn del(set: SetName, text: &str) -> Op {
    Op::DelElement {
        netns: Netns::Host,
        set,
        element: element(text),
        owner: Some(lab()),
    }
}

/// A host whose table has these.
fn host(elements: &[(SetName, &str)]) -> NetState {
    let mut table = Table::skeleton(TableName::Inet);
    for (set, text) in elements {
        table.add(*set, element(text), &lab());
    }
    let mut state = NetState::empty(lab());
    let host = state.namespaces.entry(Netns::Host).or_default();
    host.tables.insert(TableName::Inet, table);
    let mut up = Link::new(LinkKind::Bridge);
    let addresses = ["192.0.2.1/24", "2001:db8::1/64"];
    up.addresses = addresses.map(|a| a.parse().expect("an address")).to_vec();
    host.links.insert("up".parse().expect("a name"), up);
    state
}

/// What is printed for them.
#[track_caller]
fn assert_ended(ops: &[Op], observed: &NetState, lines: &[&str]) {
    let ops: Vec<&Op> = ops.iter().collect();
    let found: Vec<String> = ended(&ops, observed)
        .iter()
        .flat_map(Op::commands)
        .collect();
    let found: Vec<&str> = found
        .iter()
        .map(|line| line.trim_end_matches(" || [ $? = 1 ]"))
        .collect();
    assert_eq!(found, lines);
}

use SetName::{
    Allow4, Bound4, Egress4, Ingress4, Lan, Masquerade4, Ports4, Ports6, Public, Ranges4, Seen4,
};

#[test]
fn what_stays_or_comes_keeps_its_flows() {
    let observed = host(&[(Masquerade4, "10.0.0.0/24"), (Masquerade4, "10.0.1.0/24")]);
    let whole = del(Masquerade4, "10.0.0.0/24");
    let all = ["conntrack -D -s 10.0.0.0/24 --src-nat"];
    assert_ended(std::slice::from_ref(&whole), &observed, &all);
    let wider = [whole.clone(), add(Masquerade4, "10.0.0.0/23")];
    assert_ended(&wider, &observed, &[]);
    let half = ["conntrack -D -s 10.0.0.128/25 --src-nat"];
    assert_ended(&[whole, add(Masquerade4, "10.0.0.0/25")], &observed, &half);
    assert_ended(&[add(Masquerade4, "10.0.2.0/24")], &observed, &[]);
}

#[test]
fn a_permission_ends_with_its_flows() {
    let old = "10.0.0.0/24 . 10.1.0.2 . tcp . 80-89";
    let observed = host(&[(Allow4, old)]);
    let lines = [
        "for port in $(seq 80 89); do conntrack -D -p tcp -s 10.0.0.0/24 -d 10.1.0.2 --dport $port || [ $? = 1 ]; done",
    ];
    assert_ended(&[del(Allow4, old)], &observed, &lines);
    let new = add(Allow4, "10.0.0.0/24 . 10.1.0.2 . tcp . 80-88");
    let lines = ["conntrack -D -p tcp -s 10.0.0.0/24 -d 10.1.0.2 --dport 89"];
    assert_ended(&[del(Allow4, old), new], &observed, &lines);
    let ping = "10.0.0.0/24 . 10.1.0.2 . icmp . 0-65535";
    let lines = ["conntrack -D -p icmp -s 10.0.0.0/24 -d 10.1.0.2"];
    assert_ended(&[del(Allow4, ping)], &host(&[(Allow4, ping)]), &lines);
}

#[test]
fn what_is_taken_permits_nothing_that_is_sent() {
    let (all, old) = ("0.0.0.0/0 . 0-255 . 0-65535", "10.1.0.0/24 . tcp . 80");
    let observed = host(&[(Ingress4, all), (Egress4, old)]);
    let lines = ["conntrack -D -p tcp -d 10.1.0.0/24 --dport 80"];
    assert_ended(&[del(Egress4, old)], &observed, &lines);
    assert_ended(&[del(Egress4, old), add(Egress4, all)], &observed, &[]);
}

#[test]
fn a_port_that_goes_or_leads_elsewhere_takes_its_flows() {
    let (old, new) = ("udp . 53 : 10.0.0.2 . 5353", "udp . 53 : 10.0.0.3 . 5353");
    let observed = host(&[(Ports4, old), (Public, "udp . 53")]);
    let gone = "conntrack -D -p udp --dst-nat 10.0.0.2 --reply-port-src 5353 --dport 53";
    assert_ended(
        &[del(Ports4, old), del(Public, "udp . 53")],
        &observed,
        &[gone],
    );
    let never = "conntrack -D -p udp -d 192.0.2.1 --reply-src 192.0.2.1 --dport 53";
    let itself = "conntrack -D -p udp -d 127.0.0.1 --reply-src 127.0.0.1 --dport 53";
    // In the order of their values: what is sent to an address comes after what is not.
    assert_ended(
        &[del(Ports4, old), add(Ports4, new)],
        &observed,
        &[gone, itself, never],
    );
    let bound = "192.0.2.1 . tcp . 53 : 10.0.0.2 . 53";
    let lines =
        ["conntrack -D -p tcp -d 192.0.2.1 --dst-nat 10.0.0.2 --reply-port-src 53 --dport 53"];
    assert_ended(&[del(Bound4, bound)], &host(&[(Bound4, bound)]), &lines);
}

#[test]
fn a_range_that_grows_keeps_its_flows() {
    let old = "0.0.0.0/0 . tcp . 8000-8010 : 10.0.0.2";
    let observed = host(&[(Ranges4, old)]);
    let new = add(Ranges4, "0.0.0.0/0 . tcp . 8000-8020 : 10.0.0.2");
    assert_ended(&[del(Ranges4, old), new], &observed, &[]);
    let new = add(Ranges4, "0.0.0.0/0 . tcp . 8000-8009 : 10.0.0.2");
    let lines = ["conntrack -D -p tcp -d 0.0.0.0/0 --dst-nat 10.0.0.2 --dport 8010"];
    assert_ended(&[del(Ranges4, old), new], &observed, &lines);
}

#[test]
fn a_new_port_is_met_by_what_was_sent_to_the_host_before_but_tcp() {
    let lines = ["conntrack -D -f ipv6 -p udp -d 2001:db8::1 --reply-src 2001:db8::1 --dport 53"];
    let ops = [
        add(Ports4, "tcp . 80 : 10.0.0.2 . 80"),
        add(Ports6, "udp . 53 : fd00::2 . 53"),
    ];
    assert_ended(&ops, &host(&[]), &lines);
    let elsewhere = "198.51.100.1 . udp . 53 : 10.0.0.2 . 53";
    assert_ended(&[add(Bound4, elsewhere)], &host(&[]), &[]);
}

#[test]
fn a_port_that_fewer_see_is_asked_anew() {
    let leads = (Ports4, "tcp . 80 : 10.0.0.2 . 8080");
    let other = (Ports4, "tcp . 81 : 10.0.0.2 . 8081");
    let observed = host(&[
        leads,
        other,
        (Public, "tcp . 80"),
        (Seen4, "198.51.100.0/24 . 0.0.0.0/0 . tcp . 81"),
    ]);
    let lines = ["conntrack -D -p tcp --dst-nat 10.0.0.2 --reply-port-src 8080 --dport 80"];
    let ops = [del(Public, "tcp . 80"), add(Lan, "tcp . 80")];
    assert_ended(&ops, &observed, &lines);
    assert_ended(&ops[..1], &observed, &lines);
    let observed_lan = host(&[leads, (Lan, "tcp . 80")]);
    let ops = [del(Lan, "tcp . 80"), add(Public, "tcp . 80")];
    assert_ended(&ops, &observed_lan, &[]);
    let ops = [del(Seen4, "198.51.100.0/24 . 0.0.0.0/0 . tcp . 81")];
    let lines = [
        "conntrack -D -p tcp -s 198.51.100.0/24 -d 0.0.0.0/0 --dst-nat 10.0.0.2 --reply-port-src 8081 --dport 81",
    ];
    assert_ended(&ops, &observed, &lines);
}

#[test]
fn a_table_that_is_made_anew_keeps_all_flows() {
    let observed = host(&[
        (Masquerade4, "10.0.0.0/24"),
        (Ports4, "tcp . 80 : 10.0.0.2 . 8080"),
    ]);
    let netns = Netns::Host;
    let table = observed.namespaces[&netns].tables[&TableName::Inet].clone();
    let ops = [
        Op::DelTable {
            netns: netns.clone(),
            table: table.clone(),
        },
        Op::AddTable { netns, table },
    ];
    assert_ended(&ops, &observed, &[]);
    let all = [
        "conntrack -D -s 10.0.0.0/24 --src-nat",
        "conntrack -D -p tcp --dst-nat 10.0.0.2 --reply-port-src 8080 --dport 80",
    ];
    assert_ended(&ops[..1], &observed, &all);
}

#[test]
fn flows_that_began_meanwhile_end_last_when_all_is_undone() {
    let (old, new) = ("udp . 53 : 10.0.0.2 . 5353", "udp . 53 : 10.0.0.3 . 5353");
    let observed = host(&[(Ports4, old)]);
    let done = [del(Ports4, old), add(Ports4, new)];
    let back = undo(done.iter(), &observed);
    let titles: Vec<String> = back.iter().map(Op::title).collect();
    assert_eq!(
        titles.last().map(String::as_str),
        Some("remove flows udp 53 to 10.0.0.3:5353, udp 53 to 127.0.0.1, udp 53 to 192.0.2.1")
    );
}
