//! Tables for tests.

use crate::state::{Element, SetName, Table, TableName};

pub(super) fn put(table: &mut Table, set: SetName, element: &str, owner: Option<&str>) {
    let element = Element::try_from(element.to_owned()).expect("an element");
    let owner = owner.map(|lab| lab.parse().expect("a name"));
    table
        .sets
        .get_mut(&set)
        .expect("a set of this table")
        .insert(element, owner);
}

/// Every kind of element; subnets that touch, that are all, that end the range.
pub(super) fn full() -> Table {
    let mut table = Table::skeleton(TableName::Inet);
    put(&mut table, SetName::Guard, "ipv4", None);
    put(&mut table, SetName::Guard, "ipv6", None);
    put(&mut table, SetName::Direct, "ipv6", None);
    put(
        &mut table,
        SetName::Bridged,
        "\"br-a\" . \"br-a\"",
        Some("a"),
    );
    put(
        &mut table,
        SetName::Bridged,
        "\"docker0\" . \"docker0\"",
        None,
    );
    put(&mut table, SetName::Inside, "\"br-a\"", Some("a"));
    // What nft would take for a wildcard, and the shell for a quote.
    put(&mut table, SetName::Inside, "\"br*\"", Some("a"));
    put(&mut table, SetName::Bridged, "\"a'b\" . \"a'b\"", None);
    put(
        &mut table,
        SetName::Inside,
        "\"fifteen-letters\"",
        Some("lab-2"),
    );
    for (i, net) in [
        "0.0.0.0/8",
        "10.0.0.0/24",
        "10.0.1.0/24",
        "10.0.2.1/32",
        "255.255.255.0/24",
    ]
    .iter()
    .enumerate()
    {
        put(
            &mut table,
            SetName::Masquerade4,
            net,
            Some(["a", "lab-2"][i % 2]),
        );
    }
    for allowed in [
        "10.0.0.0/24 . 10.0.1.0/24 . 0-255 . 0-65535",
        "10.0.2.1 . 10.0.1.0/24 . tcp . 8000-8010",
        "0.0.0.0/0 . 10.0.3.7 . sctp . 80",
    ] {
        put(&mut table, SetName::Allow4, allowed, Some("a"));
    }
    publish(&mut table);
    let echo = "fd00::/64 . fd01::1 . ipv6-icmp . 0-65535";
    put(&mut table, SetName::Allow6, echo, Some("lab-2"));
    for net in ["fd00::/64", "fd00:0:0:1::/64", "ffff::/16"] {
        put(&mut table, SetName::Masquerade6, net, Some("a"));
    }
    table
}

pub(super) fn bridge() -> Table {
    let mut table = Table::skeleton(TableName::Bridge);
    let mut put = |set, element| put(&mut table, set, element, Some("a"));
    put(SetName::Checked, "\"a-eth0\"");
    put(SetName::Macs, "\"a-eth0\" . 02:00:00:00:00:01");
    put(SetName::Sources4, "\"a-eth0\" . 10.0.0.1");
    put(SetName::Sources6, "\"a-eth0\" . fd00::1");
    let target = "\"a-eth0\" . 0xfd000000000000000000000000000001";
    put(SetName::Targets6, target);
    put(SetName::Trunks, "\"a-eth0\" . 7");
    put(SetName::Trunks, "\"a-eth0\" . 100-110");
    table
}

pub(super) fn inside() -> Table {
    let mut table = Table::skeleton(TableName::Inside);
    put(
        &mut table,
        SetName::Egress4,
        "0.0.0.0/0 . 0-255 . 0-65535",
        None,
    );
    put(&mut table, SetName::Egress6, "fd00::/64 . udp . 53", None);
    put(
        &mut table,
        SetName::Ingress4,
        "10.0.0.7 . icmp . 0-65535",
        None,
    );
    table
}

pub(super) fn router() -> Table {
    let mut table = Table::skeleton(TableName::Router);
    table.lifetime = 120;
    for (set, element) in [
        (SetName::Outside, "\"wan0\""),
        (SetName::Stable, "\"wan0\""),
        (SetName::External4, "192.0.2.1"),
        (SetName::Closed, "ipv6 . \"wan0\""),
        (SetName::Stopped, "\"wan0\" . udp"),
        (SetName::Passes, "\"wan0\" . tcp . 443"),
        (SetName::Prefixes6, "fd00:1::/48 : 2001:db8:1::/48"),
        (SetName::Inwards6, "2001:db8:1::/48 : fd00:1::/48"),
    ] {
        put(&mut table, set, element, Some("a"));
    }
    table
}

pub(super) fn partition() -> Table {
    let mut table = Table::skeleton(TableName::Partition);
    for (set, element) in [
        (SetName::Parted4, "10.0.0.7"),
        (SetName::Parted6, "fd00::7"),
        (SetName::PartedNear, "\"eth0\" . fe80::7"),
        (SetName::PartedNear, "\"x0\" . fe80::/10"),
        (SetName::Beyond4, "10.0.0.7"),
        (SetName::Beyond6, "fd00::7"),
    ] {
        put(&mut table, set, element, Some("a"));
    }
    table
}

pub(super) fn every() -> Vec<Table> {
    let skeleton = Table::skeleton(TableName::Inet);
    vec![
        full(),
        everything(),
        skeleton,
        bridge(),
        inside(),
        router(),
        partition(),
    ]
}

pub(super) fn everything() -> Table {
    let mut table = Table::skeleton(TableName::Inet);
    put(&mut table, SetName::Masquerade4, "0.0.0.0/0", Some("a"));
    put(&mut table, SetName::Masquerade6, "::/0", Some("a"));
    table
}

pub(super) fn many() -> Table {
    let mut table = Table::skeleton(TableName::Inet);
    for i in 0..3000u32 {
        let net = format!("fd00:{i:x}::/64");
        put(
            &mut table,
            SetName::Masquerade6,
            &net,
            Some("a-lab-with-a-long-name"),
        );
    }
    table
}

/// Ports of every kind.
fn publish(table: &mut Table) {
    for (set, element) in [
        (SetName::Ports4, "tcp . 8080 : 10.0.0.10 . 80"),
        (SetName::Ports6, "udp . 53 : fd00::10 . 53"),
        (SetName::Bound4, "192.0.2.1 . tcp . 8080 : 10.0.0.20 . 80"),
        (SetName::Bound6, "2001:db8::1 . sctp . 8080 : fd00::20 . 80"),
        (SetName::Ranges4, "0.0.0.0/0 . tcp . 9000-9010 : 10.0.0.10"),
        (SetName::Ranges6, "2001:db8::1 . udp . 9000-9010 : fd00::10"),
        (SetName::Public, "ipv4 . tcp . 8080"),
        (SetName::Lan4, "192.0.2.1 . tcp . 8080"),
        (SetName::Near4, "192.0.2.0/24"),
        (
            SetName::Seen4,
            "198.51.100.0/24 . 0.0.0.0/0 . tcp . 9000-9010",
        ),
        (SetName::Hairpin4, "10.0.0.10 . 10.0.0.10"),
        (SetName::Hairpin6, "fd00::10 . fd00::10"),
    ] {
        put(table, set, element, Some("a"));
    }
}
