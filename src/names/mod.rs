//! Namespaces known by name: lines of a hosts file (hosts(5)), as one of the
//! namespaces should call the others.

mod answer;

use std::net::{IpAddr, Ipv4Addr};

use crate::state::{NetState, Netns};
pub(crate) use answer::answer;

/// A namespace and one of its addresses, nearest first.
pub(crate) type Name = (IpAddr, Netns);

/// What programs in a namespace know of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// What they are called.
    pub(crate) all: Vec<Name>,
    /// Whether a resolver at [`RESOLVER`] tells that, too.
    pub(crate) resolver: bool,
}

impl Names {
    /// What those in `from` know, in a lab that has a resolver in its namespaces, or none.
    pub(crate) fn of(state: &NetState, from: &Netns, resolver: bool) -> Self {
        Names {
            all: names(state, from),
            resolver: resolver && from.made().is_some(),
        }
    }
}

/// Where a lab's resolver listens in each of its namespaces: where that of systemd is looked for
/// (systemd-resolved.service(8)), so that nothing else is expected to be there.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);

/// The file of resolvers (resolv.conf(5)) of a namespace that has one of its own: it comes first,
/// and refuses what it does not know, so that the next of them is asked. Those of loopback are
/// another namespace's. With `ndots:0` a name is looked up as it is before a domain is put behind.
pub(crate) fn resolv_conf(base: &str) -> String {
    let is_near = |line: &&str| {
        let server = line
            .split_whitespace()
            .nth(1)
            .and_then(|word| word.parse::<IpAddr>().ok());
        line.trim_start().starts_with("nameserver") && server.is_some_and(|to| to.is_loopback())
    };
    let mut text = format!("nameserver {RESOLVER}\n");
    for line in base.lines().filter(|line| !is_near(line)) {
        text += line;
        text.push('\n');
    }
    // Of two the last one counts.
    text + "options ndots:0\n"
}

/// How `from` calls every namespace of the lab, itself and the host among them.
pub(crate) fn names(state: &NetState, from: &Netns) -> Vec<Name> {
    let calls = state.calls_from(from);
    // A path is no name of a host.
    let all = state
        .namespaces
        .keys()
        .filter(|netns| netns.joined().is_none());
    all.flat_map(|netns| calls(netns).into_iter().map(move |to| (to, netns.clone())))
        .collect()
}

/// A hosts file with these names before what `base` says. There they are left out:
/// glibc would mix the addresses of all lines that have a name.
pub(crate) fn hosts(base: &str, names: &[Name]) -> String {
    let mut text = String::new();
    for (address, netns) in names {
        text += &format!("{address}\t{netns}\n");
    }
    let mut taken: Vec<String> = names.iter().map(|(_, netns)| lower(netns)).collect();
    taken.sort_unstable();
    for line in base.lines() {
        text += &without(line, &taken);
    }
    text
}

fn without(line: &str, taken: &[String]) -> String {
    let is_free = |name: &&str| taken.binary_search(&lower(name)).is_err();
    let mut words = line
        .split('#')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let Some(address) = words.next() else {
        return format!("{line}\n");
    };
    let (all, free) = (words.clone(), words.filter(is_free));
    let free: Vec<&str> = free.collect();
    match free.len() {
        n if n == all.count() => format!("{line}\n"),
        0 => String::new(),
        _ => format!("{address}\t{}\n", free.join(" ")),
    }
}

/// Names of hosts know no case (RFC 4343).
fn lower(name: impl ToString) -> String {
    name.to_string().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipam::Leases;
    use crate::topology::{parse, resolve};

    /// As `one` calls them.
    fn seen(text: &str) -> Vec<String> {
        let topology = parse(text).expect("a topology");
        let (state, _) = resolve(&topology, &Leases::default()).expect("a state");
        let from = "one".parse().expect("a namespace");
        let names = names(&state, &from).into_iter();
        names.map(|(to, netns)| format!("{netns} {to}")).collect()
    }

    #[test]
    fn the_address_of_a_shared_subnet_comes_first_and_that_of_lo_last() {
        let text = "
lab: l
networks:
  a: { subnets: [10.0.1.0/24] }
  b: { subnets: [10.0.2.0/24, \"fd00:2::/64\"] }
namespaces:
  one: { interfaces: { eth0: { network: b } } }
  two:
    interfaces:
      eth0: { network: a }
      eth1: { network: b }
      lo: { addresses: [192.0.2.2/32] }
";
        let expected = [
            "host 10.0.2.1",
            "host fd00:2::1",
            "host 10.0.1.1",
            "one 10.0.2.2",
            "one fd00:2::2",
            "two 10.0.2.3",
            "two fd00:2::3",
            "two 10.0.1.2",
            "two 192.0.2.2",
        ];
        assert_eq!(seen(text), expected);
    }

    #[test]
    fn a_name_of_the_lab_means_nothing_else() {
        let name = |text: &str| text.parse().expect("a name");
        let names = [
            (name_of("10.0.0.2"), name("three")),
            (name_of("10.0.0.1"), name("host")),
        ];
        let base = "127.0.0.1 localhost # Three\n\n# three\n10.9.9.9 THREE\n127.0.1.1 pc host pc.lan\n::1\n";
        let text = "10.0.0.2\tthree\n10.0.0.1\thost\n127.0.0.1 localhost # Three\n\n# three\n127.0.1.1\tpc pc.lan\n::1\n";
        assert_eq!(hosts(base, &names), text);
        assert_eq!(hosts("1.2.3.4 x", &[]), "1.2.3.4 x\n");
    }

    #[test]
    fn the_own_resolver_is_asked_first() {
        let base = "# by hand\nnameserver 127.0.0.53\nnameserver 192.0.2.1\noptions ndots:5\nnameserver ::1\n";
        let text = "nameserver 127.0.0.53\n# by hand\nnameserver 192.0.2.1\noptions ndots:5\noptions ndots:0\n";
        assert_eq!(resolv_conf(base), text);
    }

    fn name_of(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }
}
