//! Against the running kernel, and against nft as oracle.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use super::*;
use crate::state::ChainName;
use crate::sys::netns::{self, Place};

struct Yard {
    place: Place,
    socket: Socket,
}

fn yard() -> Yard {
    let place = netns::create(1).unwrap().remove(0);
    let socket = netns::enter(Some(place.fd.as_fd()), Socket::netfilter).unwrap();
    Yard { place, socket }
}

impl Yard {
    fn apply(&mut self, changes: &[Change]) -> Result<(), (usize, KernelError)> {
        apply(&mut self.socket, changes).unwrap()
    }

    fn read(&mut self) -> Option<Table> {
        read(&mut self.socket).unwrap()
    }

    /// What nft prints, given these arguments and this input.
    fn nft(&self, arguments: &[&str], input: &str) -> String {
        let run = || {
            let mut child = Command::new("nft")
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            child.stdin.take().unwrap().write_all(input.as_bytes())?;
            child.wait_with_output()
        };
        let output = netns::enter(Some(self.place.fd.as_fd()), run).unwrap();
        assert!(output.status.success(), "nft {arguments:?}\n{input}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn put(table: &mut Table, set: SetName, element: &str, owner: Option<&str>) {
    let element = Element::try_from(element.to_owned()).unwrap();
    let owner = owner.map(|lab| lab.parse().unwrap());
    table.sets.get_mut(&set).unwrap().insert(element, owner);
}

/// Every kind of element; subnets that touch, that are all, that end the range.
fn full() -> Table {
    let mut table = Table::skeleton();
    put(&mut table, SetName::Guard, "ipv4", None);
    put(&mut table, SetName::Guard, "ipv6", None);
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
    for net in ["fd00::/64", "fd00:0:0:1::/64", "ffff::/16"] {
        put(&mut table, SetName::Masquerade6, net, Some("a"));
    }
    table
}

fn everything() -> Table {
    let mut table = Table::skeleton();
    put(&mut table, SetName::Masquerade4, "0.0.0.0/0", Some("a"));
    put(&mut table, SetName::Masquerade6, "::/0", Some("a"));
    table
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn what_is_written_is_read() {
    for table in [full(), everything(), Table::skeleton()] {
        let mut yard = yard();
        assert_eq!(yard.read(), None);
        assert_eq!(yard.apply(&[Change::AddTable(table.clone())]), Ok(()));
        assert_eq!(yard.read(), Some(table));
        assert_eq!(yard.apply(&[Change::DelTable]), Ok(()));
        assert_eq!(yard.read(), None);
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn nft_lists_it_as_if_it_had_made_it() {
    for table in [full(), everything(), Table::skeleton()] {
        let (mut ours, mut theirs) = (yard(), yard());
        assert_eq!(ours.apply(&[Change::AddTable(table.clone())]), Ok(()));
        theirs.nft(&["-f", "-"], &crate::state::nft_script(&table));
        let list = ["list", "ruleset"];
        assert_eq!(ours.nft(&list, ""), theirs.nft(&list, ""));
        assert_eq!(theirs.read(), Some(table));
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn elements_come_and_go() {
    let mut yard = yard();
    let mut table = Table::skeleton();
    assert_eq!(yard.apply(&[Change::AddTable(table.clone())]), Ok(()));
    let full = full();
    let changes = full
        .elements()
        .map(|(set, element, owner)| Change::AddElement {
            set,
            element: element.clone(),
            owner: owner.cloned(),
        });
    assert_eq!(yard.apply(&changes.collect::<Vec<_>>()), Ok(()));
    assert_eq!(yard.read(), Some(full.clone()));
    let changes = full.elements().map(|(set, element, _)| Change::DelElement {
        set,
        element: element.clone(),
    });
    assert_eq!(yard.apply(&changes.collect::<Vec<_>>()), Ok(()));
    assert_eq!(yard.read(), Some(table.clone()));
    // What nft added is read alike, and goes alike; a range becomes subnets.
    let add = "add element inet netyard masquerade4 { 10.0.0.0/24 comment \"a\" }\n\
               add element inet netyard masquerade4 { 10.1.0.1-10.1.0.4 comment \"a\" }";
    yard.nft(&["-f", "-"], add);
    for net in ["10.0.0.0/24", "10.1.0.1/32", "10.1.0.2/31", "10.1.0.4/32"] {
        put(&mut table, SetName::Masquerade4, net, Some("a"));
    }
    assert_eq!(yard.read(), Some(table));
}

fn device(name: &str) -> Change {
    Change::AddElement {
        set: SetName::Inside,
        element: Element::Device(name.parse().unwrap()),
        owner: None,
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn a_refusal_names_its_change_and_undoes_all() {
    let mut yard = yard();
    let refused = yard.apply(&[device("a")]).unwrap_err();
    assert_eq!((refused.0, refused.1.errno), (0, libc::ENOENT));
    let with_a = [Change::AddTable(Table::skeleton()), device("a")];
    assert_eq!(yard.apply(&with_a), Ok(()));
    let before = yard.read();
    let refused = yard.apply(&[device("b"), device("a"), device("c")]);
    let (at, error) = refused.unwrap_err();
    assert_eq!((at, error.errno), (1, libc::EEXIST));
    assert_eq!(yard.read(), before);
    let again = yard.apply(&[device("b"), Change::AddTable(Table::skeleton())]);
    let (at, error) = again.unwrap_err();
    assert_eq!((at, error.errno), (1, libc::EEXIST));
    assert_eq!(yard.read(), before);
    let mut unknown = Table::skeleton();
    let rules = unknown.chains.get_mut(&ChainName::Forward).unwrap();
    rules[0]
        .0
        .push(crate::state::Term::Unknown("counter".into()));
    let refused = yard.apply(&[Change::DelTable, Change::AddTable(unknown)]);
    assert_eq!(refused.unwrap_err().0, 1);
    assert_eq!(yard.read(), before);
}

fn many() -> Table {
    let mut table = Table::skeleton();
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

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn thousands_of_elements_in_one_batch() {
    let table = many();
    let mut whole = yard();
    assert_eq!(whole.apply(&[Change::AddTable(table.clone())]), Ok(()));
    assert_eq!(whole.read().as_ref(), Some(&table));
    let mut single = yard();
    let mut changes = vec![Change::AddTable(Table::skeleton())];
    let elements = table.elements();
    changes.extend(elements.map(|(set, element, owner)| Change::AddElement {
        set,
        element: element.clone(),
        owner: owner.cloned(),
    }));
    assert_eq!(single.apply(&changes), Ok(()));
    assert_eq!(single.read().as_ref(), Some(&table));
    // More refusals than the receive buffer holds: the first one counts.
    changes[0] = device("a");
    for _ in 0..2 {
        let (at, error) = single.apply(&changes).unwrap_err();
        assert_eq!((at, error.errno), (1, libc::EEXIST));
    }
    assert_eq!(single.read().as_ref(), Some(&table));
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn what_others_did_shows() {
    let mut yard = yard();
    let table = full();
    assert_eq!(yard.apply(&[Change::AddTable(table.clone())]), Ok(()));
    let listed = yard.nft(&["-a", "list", "chain", "inet", "netyard", "forward"], "");
    let drop = listed.lines().find(|line| line.contains("drop")).unwrap();
    let handle = drop.rsplit(' ').next().unwrap();
    let delete = [
        "delete", "rule", "inet", "netyard", "forward", "handle", handle,
    ];
    yard.nft(&delete, "");
    let seen = yard.read().unwrap();
    assert_eq!(seen.chains[&ChainName::Forward].len(), 3);
    assert_eq!(seen.sets, table.sets);
    yard.nft(
        &[
            "add", "rule", "inet", "netyard", "forward", "counter", "accept",
        ],
        "",
    );
    yard.nft(
        &[
            "add",
            "rule",
            "inet",
            "netyard",
            "postrouting",
            "masquerade",
            "random",
        ],
        "",
    );
    yard.nft(
        &[
            "add", "rule", "inet", "netyard", "forward", "meta", "nfproto", "!=", "@guard",
        ],
        "",
    );
    let seen = yard.read().unwrap();
    let text = |chain, at: usize| seen.chains[&chain][at].to_string();
    assert_eq!(text(ChainName::Forward, 3), "<counter> accept");
    assert_eq!(text(ChainName::Postrouting, 3), "<masq>");
    assert_eq!(text(ChainName::Forward, 4), "meta nfproto != @guard");
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn a_foreign_table_is_seen_as_such() {
    let mut yard = yard();
    let foreign = "table inet netyard {\n set guard { type ipv4_addr; }\n set inside { type ifname; }\n\
                   chain forward { type filter hook input priority 0; }\n}\n";
    yard.nft(&["-f", "-"], foreign);
    let seen = yard.read().unwrap();
    assert!(!seen.ours && seen.chains.is_empty());
    assert_eq!(seen.sets.keys().collect::<Vec<_>>(), [&SetName::Inside]);
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn without_the_right_the_answer_is_a_refusal() {
    let mut yard = yard();
    let none = rustix::thread::CapabilitySet::empty();
    let refused = netns::enter(None, || {
        let sets = rustix::thread::CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        };
        rustix::thread::set_capabilities(None, sets)?;
        apply(&mut yard.socket, &[Change::AddTable(Table::skeleton())])
    });
    let (at, error) = refused.unwrap().unwrap_err();
    assert_eq!((at, error.errno), (0, libc::EPERM));
}

/// Needs no kernel without nf_tables: the refusal's number is all that it says.
#[test]
fn a_kernel_without_nf_tables_is_told_as_such() {
    let refusal = |errno| KernelError { errno, text: None };
    let told = explained(refusal(libc::EOPNOTSUPP)).to_string();
    assert!(told.contains("no nf_tables"), "{told}");
    assert_eq!(explained(refusal(libc::EPERM)), refusal(libc::EPERM));
}
