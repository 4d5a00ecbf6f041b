//! What of nftables netyard's tables are made of, each as a table that is made and taken
//! away in one transaction.

use std::collections::BTreeMap;
use std::io;

use super::told;
use crate::state::machine::{Tried, Tries};
use crate::state::{ChainName, Family, Field, Rule, SetName, Table, TableName, Term, Test};
use crate::sys::netlink::conntrack;
use crate::sys::netlink::nft::{self, Change};
use crate::sys::netlink::socket::Socket;

pub(super) fn attempt(tries: &mut Tries) -> io::Result<()> {
    let mut socket = Socket::netfilter()?;
    for (id, tables) in attempts() {
        let changes: Vec<Change> = tables
            .into_iter()
            .flat_map(|table| [Change::AddTable(table.clone()), Change::DelTable(table)])
            .collect();
        let answer = nft::apply(&mut socket, &changes)?;
        let refused = answer.err().map(|(_, refused)| refused);
        let unknown = [libc::ENOENT, libc::EOPNOTSUPP, libc::EAFNOSUPPORT];
        tries.insert(id.to_owned(), told(refused, &unknown));
    }
    let list = match conntrack::list(&mut socket)? {
        Ok(()) => Tried::Works,
        // Without a receiver (nfnetlink_rcv_msg, net/netfilter/nfnetlink.c).
        Err(refused) => told(Some(refused), &[libc::EINVAL]),
    };
    tries.insert("ctnetlink".to_owned(), list);
    Ok(())
}

fn attempts() -> Vec<(&'static str, Vec<Table>)> {
    use ChainName::{Forward, Postrouting, Prerouting, Publish};
    let dnat = Term::Dnat(
        Family::Ipv4,
        vec![Field::L4Proto, Field::Dport],
        SetName::Ports4,
    );
    let whole = [TableName::Inet, TableName::Bridge].map(Table::skeleton);
    vec![
        ("nft-inet", vec![table(TableName::Inet, &[], &[])]),
        (
            "nft-filter",
            vec![table(TableName::Inet, &[], &[(Forward, vec![])])],
        ),
        (
            "nft-nat",
            vec![table(TableName::Inet, &[], &[(Postrouting, vec![])])],
        ),
        (
            "nft-ct",
            vec![inet(
                Forward,
                vec![Term::Is(Test::Established), Term::Accept],
            )],
        ),
        (
            "nft-fib",
            vec![inet(Publish, vec![Term::Is(Test::Local), Term::Accept])],
        ),
        (
            "nft-maps",
            vec![table(
                TableName::Inet,
                &[SetName::Masquerade4, SetName::Allow4, SetName::Ranges4],
                &[],
            )],
        ),
        (
            "nft-masquerade",
            vec![inet(Postrouting, vec![Term::Masquerade])],
        ),
        (
            "nft-dnat",
            vec![table(
                TableName::Inet,
                &[SetName::Ports4],
                &[(Prerouting, vec![Term::Is(Test::HasPort), dnat])],
            )],
        ),
        (
            "nft-bridge",
            vec![table(TableName::Bridge, &[], &[(ChainName::Port, vec![])])],
        ),
        ("nft-netyard", whole.to_vec()),
    ]
}

fn inet(chain: ChainName, rule: Vec<Term>) -> Table {
    table(TableName::Inet, &[], &[(chain, rule)])
}

/// A chain without a term has no rule.
fn table(name: TableName, sets: &[SetName], chains: &[(ChainName, Vec<Term>)]) -> Table {
    let rules = |terms: &[Term]| match terms {
        [] => Vec::new(),
        terms => vec![Rule(terms.to_vec())],
    };
    Table {
        name,
        ours: true,
        chains: chains.iter().map(|(c, terms)| (*c, rules(terms))).collect(),
        sets: sets.iter().map(|set| (*set, BTreeMap::new())).collect(),
        user_rules: 0,
        lifetime: 0,
    }
}
