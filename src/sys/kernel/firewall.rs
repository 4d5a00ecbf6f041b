//! Our firewall tables: looked at and changed.

use std::io;

use super::{Kernel, observe::Claims};
use crate::plan::{Claim, Op};
use crate::reconcile::Applied;
use crate::state::{Namespace, Netns, TableName};
use crate::sys::netlink::nft::{self, Change};
use crate::sys::netlink::socket::Socket;
use crate::sys::netns;

impl Kernel {
    /// A table of ours is one that carries our mark, and of which the journal knows.
    pub(super) fn look_at_tables(
        &mut self,
        host: &mut Namespace,
        claims: &Claims,
    ) -> io::Result<()> {
        let recorded = claims.iter().flat_map(|(lab, all)| {
            let elements = all.iter().filter_map(|claim| match claim {
                Claim::Element(set, element) => Some((*set, element.clone())),
                _ => None,
            });
            elements.map(move |(set, element)| (set, element, lab.clone()))
        });
        let mut known = false;
        for (set, element, lab) in recorded {
            known = true;
            if lab != self.lab.name {
                host.due.entry(set).or_default().insert(element, lab);
            }
        }
        if !self.networks && !known {
            return Ok(());
        }
        for name in TableName::HOST {
            if let Some(mut table) = nft::read(self.netfilter(&Netns::Host)?, name)? {
                table.ours &= known || table.is_left_to_user();
                host.tables.insert(name, table);
            }
        }
        Ok(())
    }

    /// In a namespace of ours the table is ours too, if it carries our mark.
    pub(super) fn look_at_walls(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
        claims: &Claims,
    ) -> io::Result<()> {
        let table = Claim::Table(netns.clone());
        if self.walled.contains(netns) || claims.values().any(|all| all.contains(&table)) {
            let table = nft::read(self.netfilter(netns)?, TableName::Inside)?;
            namespace
                .tables
                .extend(table.map(|table| (table.name, table)));
        }
        Ok(())
    }

    pub(super) fn netfilter(&mut self, netns: &Netns) -> io::Result<&mut Socket> {
        if !self.netfilter.contains_key(netns) {
            let socket = netns::enter(self.entry(netns)?, Socket::netfilter)?;
            self.netfilter.insert(netns.clone(), socket);
        }
        let none = || io::Error::other("no netfilter socket");
        self.netfilter.get_mut(netns).ok_or_else(none)
    }

    /// All in one transaction.
    pub(super) fn firewall(&mut self, netns: &Netns, ops: &[&Op]) -> Applied {
        let changes: Vec<Change> = ops.iter().filter_map(|op| change(op)).collect();
        let answer = self
            .netfilter(netns)
            .and_then(|socket| nft::apply(socket, &changes));
        match answer {
            Ok(Ok(())) => Applied {
                done: (0..ops.len()).collect(),
                ..Applied::default()
            },
            Ok(Err(refused)) => Applied {
                failed: Some(refused),
                ..Applied::default()
            },
            Err(e) => Applied {
                failed: Some((0, e.into())),
                ..Applied::default()
            },
        }
    }
}

fn change(op: &Op) -> Option<Change> {
    Some(match (*op).clone() {
        Op::AddTable { table, .. } => Change::AddTable(table),
        Op::DelTable { table, .. } => Change::DelTable(table),
        Op::AddElement {
            set,
            element,
            owner,
            ..
        } => Change::AddElement {
            set,
            element,
            owner,
        },
        Op::DelElement { set, element, .. } => Change::DelElement { set, element },
        _ => return None,
    })
}
