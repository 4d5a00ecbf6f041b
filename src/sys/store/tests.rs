//! What is written is read; and runs in the journal are those in memory.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use proptest::prelude::*;
use rusqlite::Connection;

use super::pool::Pool;
use super::{given, tables};
use crate::ipam::{Leases, Runs};

fn journal() -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    tables::prepare(&mut db).unwrap();
    db
}

fn numbers(db: &Connection, sql: &str) -> Vec<(u128, u128)> {
    let mut query = db.prepare(sql).unwrap();
    let ends = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let rows = query.query_map([], ends).unwrap();
    let number = |bytes: [u8; 16]| u128::from_be_bytes(bytes);
    rows.map(|row| row.map(|(a, b)| (number(a), number(b))).unwrap())
        .collect()
}

/// For each interface the last byte of its address in each of two subnets.
type Given = BTreeMap<u8, (u8, u8)>;

fn given() -> impl Strategy<Value = Given> {
    let hosts = (1u8..24, 1u8..24);
    prop::collection::btree_map(0u8..12, hosts, 0..12).prop_map(|mut given| {
        // No address twice.
        let (mut seen, mut other) = (BTreeSet::new(), BTreeSet::new());
        given.retain(|_, (a, b)| seen.insert(*a) && other.insert(*b));
        given
    })
}

fn leases(given: &Given) -> Leases {
    let mut leases = Leases::default();
    for third in [1, 2] {
        let net = IpNet::new(IpAddr::from([10, 0, third, 0]), 24).unwrap();
        leases.add_subnet(format!("n{third}").parse().unwrap(), net);
        for (dev, hosts) in given {
            let host = if third == 1 { hosts.0 } else { hosts.1 };
            let address = IpAddr::from(Ipv4Addr::new(10, 0, third, host));
            leases.insert(format!("ns{dev}:eth0").parse().unwrap(), net, address);
            leases.set_last(net, address);
        }
    }
    leases
}

proptest! {
    #[test]
    fn runs_in_the_journal_are_those_in_memory(
        steps in prop::collection::vec((any::<bool>(), 0..60u128), 0..80), high in any::<bool>()
    ) {
        let db = journal();
        let mut pool = Pool::open(&db, "lab x", "fd00::/64".parse().unwrap()).unwrap();
        // Beside another pool, and with numbers beyond what SQLite counts with.
        let mut other = Pool::open(&db, "lab y", "fd00::/64".parse().unwrap()).unwrap();
        prop_assert!(other.take(30).unwrap());
        let base = if high { 0xfd << 120 } else { u128::from(u64::MAX) - 30 };
        let mut runs = BTreeMap::new();
        for (take, number) in steps {
            let number = base + number;
            let Ok(expected) = if take { runs.take(number) } else { runs.give_back(number) };
            let done = if take { pool.take(number) } else { pool.give_back(number) };
            prop_assert_eq!(done, Ok(expected));
            prop_assert_eq!(pool.free_from(base), runs.free_from(base).map_err(|e| match e {}));
        }
        let sql = "SELECT first, last FROM run WHERE pool = 1 ORDER BY first";
        prop_assert_eq!(numbers(&db, sql), runs.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn what_a_lab_was_given_is_what_is_read(all in prop::collection::vec(given(), 1..6)) {
        let (db, lab) = (journal(), "x".parse().unwrap());
        for one in &all {
            let leases = leases(one);
            given::write(&db, &lab, &leases).unwrap();
            let read = given::read(&db, &lab).unwrap();
            if one.is_empty() {
                // Where to go on is kept while the subnet is.
                prop_assert!(read.is_empty());
                continue;
            }
            prop_assert_eq!(&read, &leases);
            let held = numbers(&db, "SELECT number, number FROM lease ORDER BY number");
            let runs = numbers(&db, "SELECT first, last FROM run ORDER BY first");
            let in_runs: Vec<u128> = runs.into_iter().flat_map(|(a, b)| a..=b).collect();
            prop_assert_eq!(held.into_iter().map(|(n, _)| n).collect::<Vec<_>>(), in_runs);
            prop_assert!(given::beside(&db, &lab).unwrap().is_empty());
            let beside = given::beside(&db, &"y".parse().unwrap()).unwrap();
            prop_assert_eq!(beside.len(), 2);
        }
        given::write(&db, &lab, &Leases::default()).unwrap();
        let left = "SELECT (SELECT count(*) FROM lease) + (SELECT count(*) FROM run)
                    + (SELECT count(*) FROM pool) + (SELECT count(*) FROM subnet)";
        prop_assert_eq!(db.query_row(left, [], |row| row.get::<_, i64>(0)), Ok(0));
    }
}
