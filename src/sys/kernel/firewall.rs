//! Our firewall tables: looked at and changed.

use std::collections::BTreeMap;
use std::io;

use super::as_written::AsWritten;
use super::{Kernel, observe::Claims, scope::Scope};
use crate::plan::{Claim, Op};
use crate::reconcile::Applied;
use crate::state::{Element, LabName, Namespace, Netns, SetName, Table, TableName};
use crate::sys::Failure;
use crate::sys::netlink::nft::{self, Change};
use crate::sys::netlink::socket::Socket;
use crate::sys::netns;

/// How claims begin of ports for those directly attached.
const LAN: &str = "lan ";
/// How one begins that every lab has with elements in a table of the host: in the one its
/// networks, in the other the ports that are checked.
const EACH: [&str; 2] = ["networks ", "checked "];

/// What was read of the host's tables.
#[derive(Debug)]
pub(super) struct Read {
    version: u32,
    keys: Option<nft::Keys>,
    tables: BTreeMap<TableName, Table>,
}

impl Read {
    /// That they are as netyard writes them, if so.
    fn as_written(&self) -> Option<AsWritten> {
        let tables = self.tables.values();
        let bare = |table: &Table| table.ours && table.user_rules == 0 && table.is_as_written();
        tables.clone().all(bare).then(|| AsWritten {
            version: self.version,
            tables: tables.map(|table| table.name).collect(),
        })
    }
}

impl Kernel {
    /// A table of ours is one that carries our mark, and of which the journal knows. Of a
    /// lab that finds both tables whole, what others have in them is left out, but for what
    /// tells that they need them; and, where somebody else has changed the rule set, what the
    /// networks need that it is on.
    pub(super) fn look_at_tables(
        &mut self,
        host: &mut Namespace,
        claims: &Claims,
        scope: Option<&Scope>,
    ) -> Result<(), Failure> {
        let read = claims.values().flatten().any(is_element);
        let known = read || self.store.has_elements(self.lab.host)?;
        if !self.networks && !known {
            return Ok(());
        }
        self.recall()?;
        let version = nft::generation(self.netfilter(&Netns::Host)?)?;
        let mut keys = scope.map(|scope| self.keys(scope)).transpose()?;
        if let Some(keys) = keys.as_mut().filter(|_| !self.is_as_written(version)) {
            host.due = self.due_beside()?;
            for (set, elements) in &host.due {
                let all = keys.entry(*set).or_default();
                all.extend(elements.keys().cloned());
            }
        }
        let keys = keys.as_ref();
        host.tables = self.tables(keys, version, known)?;
        let needed = |table: &Table| {
            let mut owners = table.elements().filter_map(|(_, _, owner)| owner);
            self.networks || owners.any(|owner| *owner != self.lab.name)
        };
        let is_whole = |table: &Table| table.is_as_written() && needed(table);
        // A table of which nobody needs anything is not there.
        let wanted =
            |name: &TableName| keys.is_none_or(|keys| keys.keys().any(|set| set.table() == *name));
        let whole = (TableName::HOST.iter()).all(|name| match host.tables.get(name) {
            Some(table) => is_whole(table),
            None => *name == TableName::Bridge && !wanted(name),
        });
        if keys.is_some() && !whole {
            host.tables = self.tables(None, version, known)?;
        }
        self.as_written = self.read.as_ref().and_then(Read::as_written);
        let own = claims.get(&self.lab.name).filter(|_| !self.ended);
        let own = own.into_iter().flatten();
        let missing = own.filter_map(|claim| match claim {
            Claim::Element(set, element) => {
                let table = host.tables.get(&set.table());
                let there = table.is_some_and(|table| table.has(*set, element));
                (!there).then(|| (*set, element.clone()))
            }
            _ => None,
        });
        host.missing = missing.collect();
        if keys.is_some() && whole {
            self.look_at_rivals(host)?;
        } else {
            let all = self.store.claims(self.lab.host)?;
            let others = all.iter().chain(&self.assumed.claims);
            for (lab, claim) in others.flat_map(|(lab, all)| all.iter().map(move |c| (lab, c))) {
                if let (Claim::Element(set, element), true) = (claim, *lab != self.lab.name) {
                    let due = host.due.entry(*set).or_default();
                    due.insert(element.clone(), lab.clone());
                }
            }
        }
        Ok(())
    }

    /// Whether ports are for those directly attached, of the lab or of others: then it is to be
    /// known who is.
    pub(super) fn has_neighbours(&self, scope: &Scope) -> Result<bool, Failure> {
        let sets = [SetName::Lan, SetName::Lan4, SetName::Lan6];
        let own = sets.iter().any(|set| scope.elements.contains_key(set));
        let ours = (self.lab.host, &self.lab.name);
        // So begin the names of all three.
        let others = || {
            self.store
                .elements_of_others(ours, SetName::Lan.as_str(), 1)
        };
        Ok(own || !others()?.is_empty())
    }

    /// The lab's own, and of others what tells that they need the tables: of each lab one
    /// element would do, so it is one of each table; and one port for those directly attached, if
    /// there is any: as long as there is, it is known who is attached.
    fn keys(&self, scope: &Scope) -> Result<nft::Keys, Failure> {
        let mut keys = scope.elements.clone();
        let ours = (self.lab.host, &self.lab.name);
        for begins in EACH.into_iter().chain([LAN]) {
            for (_, set, element) in self.store.elements_of_others(ours, begins, 1)? {
                keys.entry(set).or_default().insert(element);
            }
        }
        Ok(keys)
    }

    /// Whether nobody else has changed the rule set since it was last seen to be as it shall.
    fn is_as_written(&self, version: Option<u32>) -> bool {
        let known = self.as_written.as_ref();
        known.is_some_and(|known| version == Some(known.version))
    }

    /// What the labs have recorded on whose networks this one is to be: it may not be there
    /// any more.
    fn due_beside(&self) -> Result<BTreeMap<SetName, BTreeMap<Element, LabName>>, Failure> {
        let mut due: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for lab in &self.above {
            for claim in self.store.claims_of(self.lab.host, lab)? {
                if let Claim::Element(set, element) = claim {
                    due.entry(set).or_default().insert(element, lab.clone());
                }
            }
        }
        Ok(due)
    }

    fn tables(
        &mut self,
        keys: Option<&nft::Keys>,
        version: Option<u32>,
        known: bool,
    ) -> io::Result<BTreeMap<TableName, Table>> {
        let mut tables = self.read_tables(keys, version)?;
        for table in tables.values_mut() {
            table.ours &= known || table.is_left_to_user();
        }
        Ok(tables)
    }

    /// As long as the rule set is of the same version, they are what was read before.
    fn read_tables(
        &mut self,
        keys: Option<&nft::Keys>,
        version: Option<u32>,
    ) -> io::Result<BTreeMap<TableName, Table>> {
        if let Some(read) = &self.read
            && (version, keys) == (Some(read.version), read.keys.as_ref())
        {
            return Ok(read.tables.clone());
        }
        let known = self.as_written.clone();
        let known = known
            .filter(|known| version == Some(known.version))
            .zip(keys);
        let mut tables = BTreeMap::new();
        for name in TableName::HOST {
            let socket = self.netfilter(&Netns::Host)?;
            let table = match &known {
                Some((known, _)) if !known.tables.contains(&name) => None,
                Some((_, keys)) => Some(nft::read_elements(socket, name, keys)?),
                None => nft::read(socket, name, keys)?,
            };
            tables.extend(table.map(|table| (name, table)));
        }
        let after = nft::generation(self.netfilter(&Netns::Host)?)?;
        self.read = version.filter(|_| version == after).map(|version| Read {
            version,
            keys: keys.cloned(),
            tables: tables.clone(),
        });
        Ok(tables)
    }

    /// Where only some is looked at, of which namespaces this is.
    pub(super) fn look_at_asked(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
        claims: &Claims,
    ) -> io::Result<()> {
        match self.walled.contains(netns) {
            true => self.look_at_walls(netns, namespace, claims),
            false => Ok(()),
        }
    }

    /// In a namespace of ours the table is ours too, if it carries our mark; in one that is
    /// joined, if the lab has recorded it: it may be that of another lab there.
    pub(super) fn look_at_walls(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
        claims: &Claims,
    ) -> io::Result<()> {
        let table = Claim::Table(netns.clone());
        if self.walled.contains(netns) || claims.values().any(|all| all.contains(&table)) {
            let own = claims.get(&self.lab.name);
            let recorded = own.is_some_and(|all| all.contains(&table));
            let joined = recorded && namespace.owner.is_some();
            for name in TableName::NAMESPACE {
                let mut read = nft::read(self.netfilter(netns)?, name, None)?;
                if let Some(read) = read.as_mut().filter(|_| netns.joined().is_some()) {
                    read.ours &= joined;
                }
                namespace.tables.extend(read.map(|table| (name, table)));
            }
        }
        Ok(())
    }

    pub(super) fn netfilter(&mut self, netns: &Netns) -> io::Result<&mut Socket> {
        if !self.netfilter.contains_key(netns) {
            let socket = match self.entry(netns)? {
                None => Socket::netfilter(),
                entry => netns::enter(entry, Socket::netfilter),
            }?;
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
            Ok(Ok(())) => {
                self.changed(netns, &changes);
                Applied {
                    done: (0..ops.len()).collect(),
                    ..Applied::default()
                }
            }
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

impl Kernel {
    /// That one transaction was done. It leaves the tables as they are but for elements, or
    /// they have to be read.
    fn changed(&mut self, netns: &Netns, changes: &[Change]) {
        if *netns != Netns::Host {
            return;
        }
        let elements =
            |change: &Change| !matches!(change, Change::AddTable(_) | Change::DelTable(_));
        match &mut self.as_written {
            Some(known) if changes.iter().all(elements) => known.next(),
            known => *known = None,
        }
    }
}

fn is_element(claim: &Claim) -> bool {
    matches!(claim, Claim::Element(..))
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
