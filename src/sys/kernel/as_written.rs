//! What is known of the host's firewall tables without reading them: that the rule set is of
//! the version at which they were last seen to be as netyard writes them. The kernel counts
//! a version for each transaction of a network namespace (`nft_base_seq`,
//! net/netfilter/nf_tables_api.c), whoever sends it.

use std::collections::BTreeSet;

use super::Kernel;
use crate::state::TableName;
use crate::sys::netlink::nft::DIGEST;
use crate::sys::netns::Identity;

/// What the journal calls it.
pub(super) const FACT: &str = "firewall";

/// The tables, and the version of the rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AsWritten {
    pub(super) version: u32,
    pub(super) tables: BTreeSet<TableName>,
}

impl AsWritten {
    /// The version after one transaction more; none has the number 0.
    pub(super) fn next(&mut self) {
        self.version = self.version.checked_add(1).unwrap_or(1);
    }

    /// As the journal has it, of this host, by a netyard that writes the same tables.
    fn text(&self, host: Identity) -> String {
        let names = self
            .tables
            .iter()
            .map(|table| format!(" {}", table.family()));
        let names: String = names.collect();
        let Identity { inode, cookie } = host;
        format!("{DIGEST:x} {inode} {cookie} {}{names}", self.version)
    }

    /// What was recorded, if it is of this host and of such a netyard.
    fn read(text: &str, host: Identity) -> Option<Self> {
        let mut words = text.split(' ').skip(3);
        let version = words.next()?.parse().ok()?;
        let words: BTreeSet<&str> = words.collect();
        let of = |table: &TableName| words.contains(table.family());
        let read = AsWritten {
            version,
            tables: TableName::HOST.into_iter().filter(of).collect(),
        };
        (read.text(host) == text).then_some(read)
    }
}

impl Kernel {
    /// What was known at the end of the last change of a lab.
    pub(super) fn recall(&mut self) -> Result<(), crate::sys::Failure> {
        if self.recorded.is_none() {
            let recorded = self.store.fact(FACT)?.unwrap_or_default();
            self.as_written = AsWritten::read(&recorded, self.lab.host);
            self.recorded = Some(recorded);
        }
        Ok(())
    }

    /// What is to be recorded at the end of a change, if it is not.
    pub(super) fn to_record(&self) -> Option<String> {
        let text = self.as_written.as_ref()?.text(self.lab.host);
        (self.recorded.as_ref() != Some(&text)).then_some(text)
    }
}
