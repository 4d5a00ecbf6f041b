//! Against the running kernel, and against nft as oracle.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use super::samples::{every, full, many, put};
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
        self.read_one(TableName::Inet)
    }

    fn read_one(&mut self, name: TableName) -> Option<Table> {
        read(&mut self.socket, name, None).unwrap()
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

/// Which table is whole is remembered by this number: a change of the tables changes it.
#[test]
fn the_digest_is_that_of_the_tables() {
    let tables = TableName::HOST.map(|name| table::requests(&Table::skeleton(name)).unwrap());
    let bytes = tables.iter().flatten().flat_map(|request| &request.body);
    // FNV-1a (RFC 9923).
    let digest = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!(digest, DIGEST, "write {digest:#x} to `DIGEST`");
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn what_is_written_is_read() {
    for table in every() {
        let (mut yard, name) = (yard(), table.name);
        assert_eq!(yard.read_one(name), None);
        assert_eq!(yard.apply(&[Change::AddTable(table.clone())]), Ok(()));
        assert_eq!(yard.read_one(name).as_ref(), Some(&table));
        assert_eq!(yard.apply(&[Change::DelTable(table)]), Ok(()));
        assert_eq!(yard.read_one(name), None);
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn nft_lists_it_as_if_it_had_made_it() {
    for table in every() {
        let (mut ours, mut theirs) = (yard(), yard());
        assert_eq!(ours.apply(&[Change::AddTable(table.clone())]), Ok(()));
        theirs.nft(&["-f", "-"], &crate::state::nft_script(&table));
        let list = ["list", "ruleset"];
        assert_eq!(ours.nft(&list, ""), theirs.nft(&list, ""));
        assert_eq!(theirs.read_one(table.name), Some(table));
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn rules_of_the_user_stay() {
    let mut yard = yard();
    assert_eq!(yard.apply(&[Change::AddTable(full())]), Ok(()));
    let rule = [
        "add", "rule", "inet", "netyard", "user", "tcp", "dport", "25", "drop",
    ];
    yard.nft(&rule, "");
    let seen = yard.read().unwrap();
    assert_eq!((seen.user_rules, seen.is_as_written()), (1, true));
    assert_eq!(yard.apply(&[Change::DelTable(seen.clone())]), Ok(()));
    let left = yard.read().unwrap();
    assert!(left.is_left_to_user() && left.user_rules == 1, "{left:?}");
    assert!(
        yard.nft(&["list", "ruleset"], "")
            .contains("tcp dport 25 drop")
    );
    assert_eq!(yard.apply(&[Change::AddTable(seen.clone())]), Ok(()));
    assert_eq!(yard.read().as_ref(), Some(&seen));
    // Away and there again in one transaction, as where its rules were changed.
    let again = [
        Change::DelTable(seen.clone()),
        Change::AddTable(seen.clone()),
    ];
    assert_eq!(yard.apply(&again), Ok(()));
    assert_eq!(yard.read(), Some(seen));
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn elements_come_and_go() {
    let mut yard = yard();
    let mut table = Table::skeleton(TableName::Inet);
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
        element: Element::device(name.parse().unwrap()),
        owner: None,
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn a_refusal_names_its_change_and_undoes_all() {
    let mut yard = yard();
    let refused = yard.apply(&[device("a")]).unwrap_err();
    assert_eq!((refused.0, refused.1.errno), (0, libc::ENOENT));
    let with_a = [
        Change::AddTable(Table::skeleton(TableName::Inet)),
        device("a"),
    ];
    assert_eq!(yard.apply(&with_a), Ok(()));
    let before = yard.read();
    let refused = yard.apply(&[device("b"), device("a"), device("c")]);
    let (at, error) = refused.unwrap_err();
    assert_eq!((at, error.errno), (1, libc::EEXIST));
    assert_eq!(yard.read(), before);
    let again = yard.apply(&[
        device("b"),
        Change::AddTable(Table::skeleton(TableName::Inet)),
    ]);
    let (at, error) = again.unwrap_err();
    assert_eq!((at, error.errno), (1, libc::EEXIST));
    assert_eq!(yard.read(), before);
    let mut unknown = Table::skeleton(TableName::Inet);
    let rules = unknown.chains.get_mut(&ChainName::Forward).unwrap();
    rules[0]
        .0
        .push(crate::state::Term::Unknown("counter".into()));
    let refused = yard.apply(&[
        Change::DelTable(Table::skeleton(TableName::Inet)),
        Change::AddTable(unknown),
    ]);
    assert_eq!(refused.unwrap_err().0, 1);
    assert_eq!(yard.read(), before);
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn thousands_of_elements_in_one_batch() {
    let table = many();
    let mut whole = yard();
    assert_eq!(whole.apply(&[Change::AddTable(table.clone())]), Ok(()));
    assert_eq!(whole.read().as_ref(), Some(&table));
    let mut single = yard();
    let mut changes = vec![Change::AddTable(Table::skeleton(TableName::Inet))];
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
    let drop = listed.lines().find(|line| line.contains("@guard")).unwrap();
    let handle = drop.rsplit(' ').next().unwrap();
    let delete = [
        "delete", "rule", "inet", "netyard", "forward", "handle", handle,
    ];
    yard.nft(&delete, "");
    let seen = yard.read().unwrap();
    let rest = table.chains[&ChainName::Forward].len() - 1;
    assert_eq!(seen.chains[&ChainName::Forward].len(), rest);
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
    assert_eq!(text(ChainName::Forward, rest), "<counter> accept");
    assert_eq!(text(ChainName::Postrouting, 7), "<masq>");
    assert_eq!(text(ChainName::Forward, rest + 1), "meta nfproto != @guard");
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
        apply(
            &mut yard.socket,
            &[Change::AddTable(Table::skeleton(TableName::Inet))],
        )
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
